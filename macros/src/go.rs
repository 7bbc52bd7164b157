//! `go!`: tells its three forms apart.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Block, Error, Expr, ExprCall, ExprClosure, ExprMethodCall, Ident, Result, Stmt, Token};

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    syn::parse2::<Go>(input).map(|go| go.expand())
}

/// All of it, behind the `$crate` that the calling macro put in front.
struct Go {
    /// The path of the crate gocsp-runtime.
    krate: Ident,
    what: What,
}

enum What {
    /// `go!(move || work(x))`: the closure is the goroutine.
    Closure(ExprClosure),
    /// `go!(work(x))`: what is called, and the arguments, are evaluated now; the call is the goroutine.
    Call(ExprCall),
    /// `go!(thing.work(x))`: likewise, with the thing.
    MethodCall(ExprMethodCall),
    /// `go! { ... }`: all of it is the goroutine.
    Block(Vec<Stmt>),
}

impl Parse for Go {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = Ident::parse_any(input)?;
        if input.is_empty() {
            let message = "`go!` needs something to run: a closure `go!(move || ...)`, a call `go!(f(x))`, or a block `go! { ... }`";
            return Err(input.error(message));
        }
        Ok(Self { krate, what: parse_what(input)? })
    }
}

fn parse_what(input: ParseStream<'_>) -> Result<What> {
    let ahead = input.fork();
    // Statements that begin with an expression are told apart by what is left behind it.
    if ahead.parse::<Expr>().is_err() || !ahead.is_empty() {
        return Block::parse_within(input).map(What::Block);
    }
    match input.parse()? {
        Expr::Closure(closure) => match closure.inputs.first() {
            Some(argument) => Err(Error::new_spanned(argument, "the closure of a goroutine takes no arguments")),
            None => Ok(What::Closure(closure)),
        },
        Expr::Call(call) => Ok(What::Call(call)),
        Expr::MethodCall(call) => Ok(What::MethodCall(call)),
        other => Ok(What::Block(vec![Stmt::Expr(other, None)])),
    }
}

impl Go {
    fn expand(&self) -> TokenStream {
        let krate = &self.krate;
        match &self.what {
            What::Closure(closure) => quote!(#krate::spawn(#closure)),
            What::Block(statements) => quote!(#krate::spawn(move || { #(#statements)* })),
            What::Call(ExprCall { func, args, .. }) => {
                let (names, values) = arguments(args);
                let function = Ident::new("function", Span::mixed_site());
                quote!({
                    let #function = #func;
                    #(let #names = #values;)*
                    #krate::spawn(move || #function(#(#names),*))
                })
            }
            What::MethodCall(ExprMethodCall { receiver, method, turbofish, args, .. }) => {
                let (names, values) = arguments(args);
                let thing = Ident::new("thing", Span::mixed_site());
                quote!({
                    #[allow(unused_mut, reason = "only some methods take the receiver by `&mut self`")]
                    let mut #thing = #receiver;
                    #(let #names = #values;)*
                    #krate::spawn(move || #thing.#method #turbofish (#(#names),*))
                })
            }
        }
    }
}

/// The arguments of a call, and names for their values. The names are the macro's own, and cannot meet the user's.
fn arguments(args: &Punctuated<Expr, Token![,]>) -> (Vec<Ident>, Vec<&Expr>) {
    let name = |index| format_ident!("argument_{index}", span = Span::mixed_site());
    args.iter().enumerate().map(|(index, value)| (name(index), value)).unzip()
}
