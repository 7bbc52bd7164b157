//! What a request says of itself: its first line and its headers.

use httparse::{EMPTY_HEADER, Error, Request, Status as Parsed};

use crate::Limits;
use crate::connection::Failure;
use crate::input::Input;
use crate::response::Status;

/// A request with more of them gets 431.
pub(crate) const HEADERS: usize = 64;

#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// Without what follows a question mark.
    pub(crate) path: String,
    pub(crate) body: Body,
    /// The client waits for a word before it sends the body.
    pub(crate) expects_continue: bool,
    /// The client may have another request.
    pub(crate) keep_alive: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
}

/// How long the body is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Body {
    /// So many bytes, no more than the limit.
    Length(usize),
    /// That stands in the body itself.
    Chunked,
}

impl Head {
    /// Reads until it is there, or no good. The parser begins anew with each piece that comes: the limit is small.
    pub(crate) fn read(input: &mut Input<'_>, limits: &Limits) -> Result<Self, Failure> {
        loop {
            let parsed = Self::parse(input.bytes(), limits).map_err(Failure::Refused)?;
            if parsed.as_ref().map_or(input.bytes().len(), |(_, length)| *length) > limits.head {
                return Err(Failure::Refused(Status::HEADERS_TOO_LARGE));
            }
            match parsed {
                Some((head, length)) => {
                    input.consume(length);
                    return Ok(head);
                }
                None => input.fill()?,
            }
        }
    }

    /// The head and its length, if all of it is there.
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<(Self, usize)>, Status> {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut request = Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(Parsed::Complete(length)) => Self::new(&request, limits).map(|head| Some((head, length))),
            Ok(Parsed::Partial) => Ok(None),
            Err(Error::TooManyHeaders) => Err(Status::HEADERS_TOO_LARGE),
            Err(Error::Version) if names_a_version(bytes) => Err(Status::VERSION_NOT_SUPPORTED),
            Err(_) => Err(Status::BAD_REQUEST),
        }
    }

    fn new(request: &Request<'_, '_>, limits: &Limits) -> Result<Self, Status> {
        // 1.1; the other is 1.0.
        let recent = request.version == Some(1);
        let mut hosts = values(request, "host");
        if !hosts.next().map_or(!recent, is_host) || hosts.next().is_some() {
            return Err(Status::BAD_REQUEST);
        }
        let says = |word: &str| tokens(request, "connection").any(|token| token.eq_ignore_ascii_case(word.as_bytes()));
        let body = body(request, recent, limits)?;
        Ok(Self {
            body,
            method: match request.method {
                Some("GET") => Method::Get,
                Some("HEAD") => Method::Head,
                Some("POST") => Method::Post,
                _ => return Err(Status::NOT_IMPLEMENTED),
            },
            path: path(request.path.unwrap_or_default())?,
            expects_continue: expects_continue(request)? && recent && body != Body::Length(0),
            keep_alive: !says("close") && (recent || says("keep-alive")),
        })
    }

    /// Whether the answer has a body.
    pub(crate) fn wants_body(&self) -> bool {
        self.method != Method::Head
    }
}

/// The values of all headers of that name.
fn values<'r>(request: &'r Request<'_, '_>, name: &'static str) -> impl Iterator<Item = &'r [u8]> {
    let named = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| header.value.trim_ascii())
}

/// What stands in them, between commas.
fn tokens<'r>(request: &'r Request<'_, '_>, name: &'static str) -> impl Iterator<Item = &'r [u8]> {
    values(request, name).flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

/// How long the body is. A request that says it in two ways is none: another server in front of this one might have
/// believed the other.
fn body(request: &Request<'_, '_>, recent: bool, limits: &Limits) -> Result<Body, Status> {
    let mut lengths = values(request, "content-length");
    let mut codings = tokens(request, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Body::Length(0)),
        (Some(length), None) if lengths.all(|other| other == length) => content_length(length, limits),
        (None, Some(_)) if !recent => Err(Status::BAD_REQUEST),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none() => {
            Ok(Body::Chunked)
        }
        (None, Some(_)) => Err(Status::NOT_IMPLEMENTED),
        _ => Err(Status::BAD_REQUEST),
    }
}

fn content_length(digits: &[u8], limits: &Limits) -> Result<Body, Status> {
    match number(digits, 10)? {
        length if length > limits.body => Err(Status::CONTENT_TOO_LARGE),
        length => Ok(Body::Length(length)),
    }
}

/// How many bytes there are, by these digits and nothing but digits.
pub(crate) fn number(digits: &[u8], radix: u32) -> Result<usize, Status> {
    if digits.is_empty() || !digits.iter().all(|&digit| char::from(digit).is_digit(radix)) {
        return Err(Status::BAD_REQUEST);
    }
    // Too many digits, too many bytes.
    let number = str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, radix).ok());
    number.ok_or(Status::CONTENT_TOO_LARGE)
}

/// Whether all of this may stand in the name of a host, an address, or a port.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}

fn expects_continue(request: &Request<'_, '_>) -> Result<bool, Status> {
    let mut expectations = values(request, "expect");
    match expectations.next() {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Status::EXPECTATION_FAILED),
    }
}

/// The path of a target, which may be that alone or, as for a proxy, a whole address.
fn path(target: &str) -> Result<String, Status> {
    let target = target.split('?').next().unwrap_or_default();
    let path = match target.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            match rest.split_at(rest.find('/').unwrap_or(rest.len())) {
                ("", _) => return Err(Status::BAD_REQUEST),
                (_host, "") => "/",
                (_host, path) => path,
            }
        }
        _ => target,
    };
    if path.starts_with('/') { Ok(path.to_owned()) } else { Err(Status::BAD_REQUEST) }
}

/// Whether the third word is a version of HTTP, of which the parser knows two. Perhaps not all of it has come.
fn names_a_version(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default();
    let word = line.split(|&byte| byte == b' ').nth(2).unwrap_or_default();
    match word.strip_prefix(b"HTTP/") {
        Some([b'1', b'.', minor, ..]) => minor.is_ascii_digit(),
        Some([major, ..]) => matches!(major, b'0' | b'2'..=b'9'),
        _ => false,
    }
}
