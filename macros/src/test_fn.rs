//! `#[test]`: runs the body of a test as a goroutine.
//!
//! The body becomes a function of its own inside the test, so that `return` and `?` mean what they say.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, Result, ReturnType};

use crate::function::Function;

/// The test, or what is wrong with `function`.
pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> TokenStream {
    wrap(arguments, function).unwrap_or_else(Error::into_compile_error)
}

fn wrap(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let runs = runner(arguments)?;
    let function = Function::of(function, "fn it_works()")?;
    function
        .check("a test", "a test is a goroutine, not `async`: it blocks where it waits, and others run meanwhile")?;
    let Function { attrs, vis, sig, block } = function;
    let name = &sig.ident;
    let (output, body) = match &sig.output {
        ReturnType::Default => (quote!(()), quote!(__gocsp_test)),
        ReturnType::Type(_, output) => {
            // Located at the type, so that one that cannot end a test is reported there.
            let here = Span::mixed_site().located_at(output.span());
            let code = quote_spanned!(here=> ::std::process::Termination::report(__gocsp_test()));
            let body = quote! {
                || ::std::assert!(#code == ::std::process::ExitCode::SUCCESS, "the test returned an error")
            };
            (quote!(#output), body)
        }
    };
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() {
            fn __gocsp_test() -> #output #block
            #runs(#body)
        }
    })
}

/// What runs the body.
fn runner(arguments: TokenStream) -> Result<TokenStream> {
    if arguments.is_empty() {
        return Ok(quote!(::gocsp::runtime::assert_no_leaks));
    }
    match syn::parse2::<Ident>(arguments.clone()) {
        Ok(word) if word == "check" => Ok(quote!(::gocsp::testing::check)),
        _ => Err(Error::new_spanned(arguments, "`test` takes no argument but `check`, for chosen schedules")),
    }
}
