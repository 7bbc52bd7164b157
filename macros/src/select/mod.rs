//! `select!`: reads the cases ([`parse`]) and writes the code that carries one of them out ([`mod@expand`]).

mod expand;
mod parse;

use proc_macro2::TokenStream;
use syn::Result;

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    syn::parse2::<parse::Select>(input).map(|select| expand::expand(&select))
}
