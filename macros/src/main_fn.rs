//! `#[main]`: hands the body of `fn main` to the runtime.
//!
//! The body becomes a function of its own inside `main`, so that `return` and `?` mean what they say. What it returns
//! is turned into an exit code where it was made: `::gocsp::run` moves its result from one thread to another, and an
//! exit code may move where a `Box<dyn Error>` may not.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Result, ReturnType};

use crate::function::Function;

/// The function that the program starts with, or what is wrong with `function` and a stand-in for it, lest the compiler
/// find fault with its absence too.
pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> TokenStream {
    wrap(arguments, function).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote! {
            #error
            fn main() {}
        }
    })
}

fn wrap(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "`main` takes no arguments; a runtime with settings of its own is made by `Runtime::builder()`",
        ));
    }
    let function = Function::of(function, "fn main()")?;
    if function.sig.ident != "main" {
        let message = "this attribute goes on `fn main`; elsewhere, call `gocsp::run(|| ...)`";
        return Err(Error::new(function.sig.ident.span(), message));
    }
    function.check(
        "`fn main`",
        "the main goroutine is not `async`: it blocks where it waits, and the scheduler runs others meanwhile",
    )?;
    let Function { attrs, vis, sig, block } = function;
    let name = &sig.ident;
    Ok(match &sig.output {
        ReturnType::Default => quote! {
            #(#attrs)*
            #vis fn #name() {
                fn __gocsp_main() #block
                ::gocsp::run(__gocsp_main)
            }
        },
        ReturnType::Type(_, output) => {
            // Located at the type, so that one that cannot end a program is reported there.
            let here = Span::mixed_site().located_at(output.span());
            let code = quote_spanned!(here=> ::std::process::Termination::report(__gocsp_main()));
            quote! {
                #(#attrs)*
                #vis fn #name() -> ::std::process::ExitCode {
                    fn __gocsp_main() -> #output #block
                    ::gocsp::run(|| #code)
                }
            }
        }
    })
}
