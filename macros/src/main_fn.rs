//! `#[main]`: hands the body of `fn main` to the runtime.
//!
//! The body becomes a function of its own inside `main`, so that `return` and `?` mean what they say. What it returns
//! is turned into an exit code where it was made: `::gocsp::run` moves its result from one thread to another, and an
//! exit code may move where a `Box<dyn Error>` may not.

use proc_macro2::{Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Result, ReturnType, Signature, Visibility};

/// A function of which the body is taken as it is.
struct MainFn {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    block: Group,
}

impl Parse for MainFn {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            block: input.parse()?,
        })
    }
}

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
    let MainFn { attrs, vis, sig, block } = syn::parse2(function)
        .map_err(|error| Error::new(error.span(), "this attribute goes on a function: `fn main() { ... }`"))?;
    check(&sig)?;
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

/// Refuses what `fn main` may not be, in words of our own where the compiler's would speak of the expansion.
fn check(signature: &Signature) -> Result<()> {
    if signature.ident != "main" {
        return Err(Error::new(
            signature.ident.span(),
            "this attribute goes on `fn main`; elsewhere, call `gocsp::run(|| ...)`",
        ));
    }
    if let Some(keyword) = signature.asyncness {
        return Err(Error::new(
            keyword.span,
            "the main goroutine is not `async`: it blocks where it waits, and the scheduler runs others meanwhile",
        ));
    }
    if !signature.inputs.is_empty() || signature.variadic.is_some() {
        return Err(Error::new_spanned(&signature.inputs, "`fn main` takes no arguments"));
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return Err(Error::new_spanned(&signature.generics, "`fn main` cannot be generic"));
    }
    let qualifier = signature.constness.map(|it| it.span).or(signature.unsafety.map(|it| it.span));
    if let Some(span) = qualifier.or(signature.abi.as_ref().map(Spanned::span)) {
        return Err(Error::new(span, "`fn main` is a plain function"));
    }
    Ok(())
}
