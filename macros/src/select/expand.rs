//! The code of one `select!`.
//!
//! ```text
//! {
//!     enum __Selected<R0> { Case0(R0), Case1(bool), Default }          what came of it
//!     let channel0 = receiver(&rx);                                     1. every operand, in source order
//!     let owner1 = make_sender(); let channel1 = sender(&owner1); let value1 = variable(&v);
//!     let limit: Duration = patience();
//!     if false { leaves(v, (channel0, channel1)) }                      for the borrow checker
//!     let selected = {                                                  2. no code of the caller runs in here
//!         let mut case0 = RecvCase::new(channel0);
//!         let mut case1 = unsafe { send_case(channel1, value1) };
//!         match run::<2>(Pair(&mut case0, Pair(&mut case1, End)), Wait::AtMost(limit)) {
//!             Some(0) => __Selected::Case0(case0.finish()),
//!             Some(_) => __Selected::Case1(case1.was_sent()),
//!             None => __Selected::Default,
//!         }
//!     };
//!     match selected {                                                  3. the arms, inline
//!         __Selected::Case0(result) => { discard(owner1); let msg = result; ... }
//!         __Selected::Case1(sent) => { let result = settle(sent, ManuallyDrop::new(v)); discard(owner1); ... }
//!         __Selected::Default => { discard(owner1); ... }
//!     }
//! }
//! ```
//! Local names are hygienic: an operand or an arm neither sees nor hides them.
//!
//! # Operands
//! A place (`rx`, `self.rx`, `list[i]`, `*shared`) is borrowed. Everything else is evaluated into a local of its own,
//! which is dropped before the arm runs; temporaries of that evaluation end with it, so that no guard in there is
//! held while the select blocks.
//!
//! # The value of a send
//! It stays where it is, the case borrows its address, and whoever completes the case reads it out bitwise. From that
//! moment to `settle` in the arm, nobody may drop the original: so step 2 holds nothing that could panic or be dropped
//! with an effect. `settle` then leaves the value alone, or returns it if the channel was closed.
//!
//! A *variable* is moved (into a `ManuallyDrop`) in the arm of its own case only. To the borrow checker it is borrowed
//! up to the end of step 2, moved in that arm, and untouched in all others. But the value leaves earlier: its receiver
//! may have dropped it while step 2 still works on the channels of the other cases, and what if it owned one of them,
//! or was the guard or the `&mut` through which one was reached? Hence the call of `leaves`, which is never executed,
//! for each such variable: it moves the variable while the operands are in use, and so operands that borrow from the
//! variable are an error. Only the `&v` of the cases themselves are not among them, so that one variable may be offered
//! to several channels: nobody looks at the variable of a case that does not complete.
//!
//! The type of the variable is that of the channel's values, bit for bit: `variable` infers it from `&v` alone, and
//! what it returns is not coerced, while a plain `&v` of a reference or a smart pointer would be, to what that points
//! to. The parameter of `ManuallyDrop::new` is inferred too, without which a `&mut` would be reborrowed, not moved.
//!
//! To move the variable is to touch bits that somebody else owns by then, and whose `Box` may be freed. Nothing but the
//! execution of a move tells the compiler not to drop a variable. So there is one, straight into the `ManuallyDrop`,
//! where the bits are no longer taken for a value: it neither reads through them nor hands them on as a `T`.
//!
//! A name may also be that of a constant, a unit struct or a variant, each mention of which makes a new value: `&v`
//! would be the address of a temporary, that temporary would be dropped at the end although it was sent, and what is
//! moved would be another one. Two copies of a constant are bitwise equal, but a type with a destructor could tell that
//! it ran twice for one value in the source. So a name is taken as a variable only if it begins like one, not with an
//! upper-case letter; every other is an expression like any other, evaluated once. `&raw const v` holds users to that:
//! it is an error for what is no place in memory, so a lower-case constant does not compile. A `static` is a place, and
//! cannot be moved out of unless it is `Copy`, when a copy is as good as the original.
//!
//! Rejected: one `match` on the winner's number with the cases alive in it (they would be borrowed, or dropped, around
//! the arms); a labelled block for each arm, which shows the move to the borrow checker even earlier (a plain `break`
//! in an arm would not compile).

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprBlock, ExprGroup, ExprPath, Pat};

use super::parse::{Case, Default, Select};

/// `quote!` with hygienic local names, and marked as the code of a foreign macro, for lints.
macro_rules! quote {
    ($($tokens:tt)*) => { quote_spanned!(Span::mixed_site()=> $($tokens)*) };
}

pub(crate) fn expand(select: &Select) -> TokenStream {
    let krate = &select.krate;
    let lib = quote!(#krate::__private);
    if select.cases.is_empty() && select.default.is_none() {
        return quote!(#lib::block_forever());
    }
    let cases: Vec<Names<'_>> = select.cases.iter().enumerate().map(|(i, case)| Names::new(i, case)).collect();
    let default = select.default.as_ref();

    let enumeration = enumeration(&cases, default.is_some());
    let operands = operands(&lib, &cases, default);
    let departures = departures(&lib, &cases);
    let selection = selection(&lib, &cases, default);
    let arms = cases.iter().map(|case| case.arm(&lib, &cases));
    let default_arm = default.map(|default| {
        let discards = discards(&lib, &cases, None);
        let body = body(&default.body);
        quote!(__Selected::Default => { #discards #body })
    });
    quote! {{
        #enumeration
        #operands
        #departures
        let selected = { #selection };
        match selected {
            #(#arms)*
            #default_arm
        }
    }}
}

fn enumeration(cases: &[Names<'_>], has_default: bool) -> TokenStream {
    let results = cases.iter().filter(|it| it.case.value.is_none()).map(|it| &it.result);
    let variants = cases.iter().map(|it| {
        let (variant, result) = (&it.variant, &it.result);
        if it.case.value.is_some() { quote!(#variant(bool)) } else { quote!(#variant(#result)) }
    });
    let default = has_default.then(|| quote!(Default));
    quote!(enum __Selected<#(#results),*> { #(#variants,)* #default })
}

/// Step 1.
fn operands(lib: &TokenStream, cases: &[Names<'_>], default: Option<&Default>) -> TokenStream {
    let mut out = TokenStream::new();
    let limit = default.and_then(|default| Some((default.position, default.limit.as_ref()?)));
    for position in 0..=cases.len() {
        if let Some((at, limit)) = limit
            && at == position
        {
            out.extend(quote!(let limit: ::core::time::Duration = (#limit);));
        }
        out.extend(cases.get(position).map(|case| case.operands(lib)));
    }
    out
}

/// Shows the borrow checker that each variable may be gone while the operands are in use.
fn departures(lib: &TokenStream, cases: &[Names<'_>]) -> TokenStream {
    let operands = cases.iter().map(|case| {
        let (channel, value) = (&case.channel, &case.value);
        if case.owns_value() { quote!(#channel, &#value,) } else { quote!(#channel,) }
    });
    let operands = quote!((#(#operands)*));
    let variables = cases.iter().filter_map(|case| variable(case.case.value.as_ref()?));
    variables.map(|variable| quote!(if false { #lib::leaves(#variable, #operands) })).collect()
}

/// Step 2.
fn selection(lib: &TokenStream, cases: &[Names<'_>], default: Option<&Default>) -> TokenStream {
    let wait = match default {
        None => quote!(#lib::Wait::Forever),
        Some(Default { limit: None, .. }) => quote!(#lib::Wait::Never),
        Some(Default { limit: Some(_), .. }) => quote!(#lib::Wait::AtMost(limit)),
    };
    let makers = cases.iter().map(|it| it.maker(lib));
    let count = cases.len();
    let list = cases.iter().rev().fold(quote!(#lib::End), |rest, case| {
        let operation = &case.operation;
        quote!(#lib::Pair(&mut #operation, #rest))
    });
    let last = cases.len() - usize::from(default.is_none());
    let completed = cases[..last].iter().enumerate().map(|(i, case)| {
        let outcome = case.outcome();
        quote!(::core::option::Option::Some(#i) => #outcome,)
    });
    // Without a default the last case stands for the rest: there is always a winner.
    let rest = cases.get(last).map_or_else(|| quote!(__Selected::Default), Names::outcome);
    quote! {
        #(#makers)*
        match #lib::run::<#count>(#list, #wait) {
            #(#completed)*
            _ => #rest,
        }
    }
}

/// Drops what the operands of `cases` left in locals, except the value of case `chosen`. Last made, first dropped.
fn discards(lib: &TokenStream, cases: &[Names<'_>], chosen: Option<usize>) -> TokenStream {
    let mut out = TokenStream::new();
    for case in cases.iter().rev() {
        if case.owns_value() && chosen != Some(case.index) {
            let value = &case.value;
            out.extend(quote!(#lib::discard(#value);));
        }
        if case.owns_channel() {
            let owner = &case.owner;
            out.extend(quote!(#lib::discard(#owner);));
        }
    }
    out
}

/// A case and the names that the expansion gives to what belongs to it.
struct Names<'a> {
    case: &'a Case,
    index: usize,
    /// What the channel's expression evaluated to, if that is no place.
    owner: Ident,
    /// The reference to its handle.
    channel: Ident,
    value: Ident,
    operation: Ident,
    variant: Ident,
    result: Ident,
}

impl<'a> Names<'a> {
    fn new(index: usize, case: &'a Case) -> Self {
        let name = |prefix: &str, span| format_ident!("{prefix}{index}", span = span);
        let all = Span::mixed_site();
        Self {
            case,
            index,
            owner: name("owner", all),
            channel: name("channel", here(&case.channel)),
            value: name("value", case.value.as_ref().map_or(all, here)),
            operation: name("case", all),
            variant: name("Case", all),
            result: name("R", all),
        }
    }

    /// Whether the channel was evaluated into a local that owns something.
    fn owns_channel(&self) -> bool {
        !is_place(&self.case.channel) && !matches!(self.case.channel, Expr::Reference(_))
    }

    fn owns_value(&self) -> bool {
        self.case.value.as_ref().is_some_and(|value| variable(value).is_none())
    }

    fn operands(&self, lib: &TokenStream) -> TokenStream {
        let Self { case: Case { channel: expression, value, .. }, owner, channel, value: name, .. } = self;
        let (borrow, check) = if value.is_none() { ("receiver", "receiving") } else { ("sender", "sending") };
        let (borrow, check) = (format_ident!("{borrow}"), format_ident!("{check}"));
        let mut out = if !is_place(expression) {
            quote! {
                let #owner = #lib::#check((#expression));
                let #channel = #lib::#borrow(&#owner);
            }
        } else if is_constant(expression) {
            // A reference to a constant has to be a `let` of its own to last.
            quote! {
                let #owner = &(#expression);
                let #channel = #lib::#borrow(#owner);
            }
        } else {
            // With the span of the caller, an error about a channel of the wrong kind points at its expression.
            let place = quote_spanned!(expression.span()=> &#expression);
            quote!(let #channel = #lib::#borrow(#place);)
        };
        match value.as_ref().map(|value| (value, variable(value))) {
            None => {}
            Some((_, Some(variable))) => out.extend(quote! {
                let #name = #lib::variable(&#variable);
                let _ = &raw const #variable;
            }),
            Some((value, None)) => out.extend(quote!(let #name = #lib::coerced(#channel, (#value));)),
        }
        out
    }

    /// Makes the case out of its operands.
    fn maker(&self, lib: &TokenStream) -> TokenStream {
        let Self { operation, channel, value, .. } = self;
        if self.case.value.is_none() {
            return quote!(let mut #operation = #lib::RecvCase::new(#channel););
        }
        let value = if self.owns_value() { quote!(#lib::variable(&#value)) } else { quote!(#value) };
        // Safe: nobody touches the value before the arm forgets it, and it owns none of the operands.
        quote!(let mut #operation = unsafe { #lib::send_case(#channel, #value) };)
    }

    fn outcome(&self) -> TokenStream {
        let Self { operation, variant, .. } = self;
        if self.case.value.is_some() {
            quote!(__Selected::#variant(#operation.was_sent()))
        } else {
            quote!(__Selected::#variant(#operation.finish()))
        }
    }

    fn arm(&self, lib: &TokenStream, cases: &[Names<'_>]) -> TokenStream {
        let Self { variant, value, .. } = self;
        let settle = self.case.value.as_ref().map(|expression| {
            let moved = match variable(expression) {
                Some(variable) => quote!(#variable),
                None => quote!(#value),
            };
            quote!(let result = #lib::settle(result, ::core::mem::ManuallyDrop::new(#moved));)
        });
        let discards = discards(lib, cases, Some(self.index));
        let bind = match &self.case.binding {
            None | Some(Pat::Wild(_)) => quote!(#lib::discard(result);),
            Some(pattern) => quote!(let #pattern = result;),
        };
        let body = body(&self.case.body);
        quote!(__Selected::#variant(result) => { #settle #discards #bind #body })
    }
}

/// What stands last in the block of an arm. Of a block only the content does, or the compiler would find fault with its
/// braces.
fn body(expression: &Expr) -> TokenStream {
    match expression {
        Expr::Block(ExprBlock { attrs, label: None, block }) if attrs.is_empty() => {
            let statements = &block.stmts;
            quote!(#(#statements)*)
        }
        Expr::Group(ExprGroup { expr, .. }) if matches!(**expr, Expr::Block(_)) => body(expr),
        _ => quote!(#expression),
    }
}

/// The place of `expression`, for messages; names still resolve here.
fn here(expression: &Expr) -> Span {
    Span::mixed_site().located_at(expression.span())
}

/// Whether `expression` names a place in memory, to be borrowed instead of moved.
fn is_place(expression: &Expr) -> bool {
    match expression {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}

/// Whether `expression` is a name that is written like that of a constant or a type.
fn is_constant(expression: &Expr) -> bool {
    let Expr::Path(ExprPath { path, .. }) = expression else { return false };
    path.segments.last().is_some_and(|name| name.ident.unraw().to_string().starts_with(char::is_uppercase))
}

/// The name in `expression`, if that is all there is and it looks like a variable's.
fn variable(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(ExprPath { attrs, qself: None, path }) if attrs.is_empty() => {
            path.get_ident().filter(|_| !is_constant(expression))
        }
        // A macro's metavariable.
        Expr::Group(inner) => variable(&inner.expr),
        _ => None,
    }
}
