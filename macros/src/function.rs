//! Functions that stand under an attribute of ours.

use proc_macro2::{Group, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Result, Signature, Visibility};

/// A function of which the body is taken as it is.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) block: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            block: input.parse()?,
        })
    }
}

impl Function {
    /// The function that these tokens are, such as `example`.
    pub(crate) fn of(tokens: TokenStream, example: &str) -> Result<Self> {
        let explain = |error: Error| {
            Error::new(error.span(), format!("this attribute goes on a function: `{example} {{ ... }}`"))
        };
        syn::parse2(tokens).map_err(explain)
    }

    /// Refuses what a function cannot be that is called `what` and runs as a goroutine, in words of our own where the compiler's would
    /// speak of the expansion.
    pub(crate) fn check(&self, what: &str, why_not_async: &str) -> Result<()> {
        let Self { sig: signature, .. } = self;
        if let Some(keyword) = signature.asyncness {
            return Err(Error::new(keyword.span, why_not_async));
        }
        if !signature.inputs.is_empty() || signature.variadic.is_some() {
            return Err(Error::new_spanned(&signature.inputs, format!("{what} takes no arguments")));
        }
        if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
            return Err(Error::new_spanned(&signature.generics, format!("{what} cannot be generic")));
        }
        let qualifier = signature.constness.map(|it| it.span).or(signature.unsafety.map(|it| it.span));
        if let Some(span) = qualifier.or(signature.abi.as_ref().map(Spanned::span)) {
            return Err(Error::new(span, format!("{what} is a plain function")));
        }
        Ok(())
    }
}
