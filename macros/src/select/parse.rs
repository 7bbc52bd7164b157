//! The syntax of `select!`, and what is said about text that has it wrong.
//!
//! ```text
//! select  := (arm ",")*              the comma may be left out after a block, as in a match
//! arm     := case ("->" pattern)? "=>" expression
//!          | "default" ("(" duration ")")? "=>" expression
//! case    := "recv" "(" channel ")" | "send" "(" channel "," value ")"
//! ```

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Pat, Result, Token, parenthesized, token};

/// All of it, behind the `$crate` that the calling macro put in front.
pub(crate) struct Select {
    /// The path of the crate gocsp-select.
    pub(crate) krate: Ident,
    /// In source order.
    pub(crate) cases: Vec<Case>,
    pub(crate) default: Option<Default>,
}

/// `recv(channel) -> binding => body` or `send(channel, value) -> binding => body`.
pub(crate) struct Case {
    pub(crate) channel: Expr,
    /// What is sent; `None` for a receive.
    pub(crate) value: Option<Expr>,
    /// Takes the result; without one the result is dropped.
    pub(crate) binding: Option<Pat>,
    pub(crate) body: Expr,
}

/// `default => body` or `default(limit) => body`.
pub(crate) struct Default {
    /// How many cases stand before it, which tells when `limit` is to be evaluated.
    pub(crate) position: usize,
    pub(crate) limit: Option<Expr>,
    pub(crate) body: Expr,
}

const CASES: &str = "expected `recv(channel)`, `send(channel, value)`, `default` or `default(duration)`";

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut select = Self { krate: input.call(Ident::parse_any)?, cases: Vec::new(), default: None };
        while !input.is_empty() {
            let name = input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), CASES))?;
            if name == "recv" {
                select.cases.push(recv(&name, input)?);
            } else if name == "send" {
                select.cases.push(send(&name, input)?);
            } else if name == "default" {
                let default = default(select.cases.len(), input)?;
                if select.default.replace(default).is_some() {
                    return Err(Error::new(name.span(), "a select has at most one `default`"));
                }
            } else {
                return Err(Error::new(name.span(), CASES));
            }
        }
        Ok(select)
    }
}

fn recv(name: &Ident, input: ParseStream<'_>) -> Result<Case> {
    const FORM: &str = "`recv` takes one argument, the channel: `recv(channel) -> message => ...`";
    let (arguments, span) = arguments(name, input, FORM)?;
    let [channel] = <[Expr; 1]>::try_from(arguments).map_err(|_| Error::new(span, FORM))?;
    Ok(Case { channel, value: None, binding: binding(input)?, body: body(input)? })
}

fn send(name: &Ident, input: ParseStream<'_>) -> Result<Case> {
    const FORM: &str = "`send` takes two arguments, the channel and the value: `send(channel, value) -> result => ...`";
    let (arguments, span) = arguments(name, input, FORM)?;
    let [channel, value] = <[Expr; 2]>::try_from(arguments).map_err(|_| Error::new(span, FORM))?;
    Ok(Case { channel, value: Some(value), binding: binding(input)?, body: body(input)? })
}

fn default(position: usize, input: ParseStream<'_>) -> Result<Default> {
    let mut limit = None;
    if input.peek(token::Paren) {
        let (arguments, span) = parenthesised(input)?;
        let message = "`default` takes one argument or none, the duration to wait: `default(duration) => ...`";
        let [only] = <[Expr; 1]>::try_from(arguments).map_err(|_| Error::new(span, message))?;
        limit = Some(only);
    }
    if input.peek(Token![->]) {
        return Err(input.error("`default` has no result to bind"));
    }
    Ok(Default { position, limit, body: body(input)? })
}

/// The arguments of the case `name`, and where they stand.
fn arguments(name: &Ident, input: ParseStream<'_>, form: &str) -> Result<(Vec<Expr>, Span)> {
    if !input.peek(token::Paren) {
        return Err(Error::new(name.span(), form));
    }
    parenthesised(input)
}

fn parenthesised(input: ParseStream<'_>) -> Result<(Vec<Expr>, Span)> {
    let content;
    let parentheses = parenthesized!(content in input);
    let arguments = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    Ok((arguments.into_iter().collect(), parentheses.span.join()))
}

fn binding(input: ParseStream<'_>) -> Result<Option<Pat>> {
    if input.parse::<Option<Token![->]>>()?.is_none() {
        return Ok(None);
    }
    Pat::parse_single(input).map(Some)
}

fn body(input: ParseStream<'_>) -> Result<Expr> {
    if !input.peek(Token![=>]) {
        return Err(input.error("expected `=>` and what to do when this case is chosen"));
    }
    input.parse::<Token![=>]>()?;
    let body = Expr::parse_with_earlier_boundary_rule(input)?;
    let comma = input.parse::<Option<Token![,]>>()?;
    if comma.is_none() && !input.is_empty() && !is_block(&body) {
        return Err(input.error("expected `,` between the cases of a select"));
    }
    Ok(body)
}

/// Whether `body` may be followed by another arm without a comma.
fn is_block(body: &Expr) -> bool {
    matches!(
        body,
        Expr::Block(_)
            | Expr::Const(_)
            | Expr::ForLoop(_)
            | Expr::If(_)
            | Expr::Loop(_)
            | Expr::Match(_)
            | Expr::TryBlock(_)
            | Expr::Unsafe(_)
            | Expr::While(_)
    )
}
