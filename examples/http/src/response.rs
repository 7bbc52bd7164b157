//! Answers, and how they are written.

use std::io::Write;
use std::time::SystemTime;

use httpdate::fmt_http_date;

/// A number with its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Status(u16, &'static str);

impl Status {
    pub(crate) const OK: Self = Self(200, "OK");
    pub(crate) const BAD_REQUEST: Self = Self(400, "Bad Request");
    pub(crate) const NOT_FOUND: Self = Self(404, "Not Found");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self(405, "Method Not Allowed");
    pub(crate) const REQUEST_TIMEOUT: Self = Self(408, "Request Timeout");
    pub(crate) const CONTENT_TOO_LARGE: Self = Self(413, "Content Too Large");
    pub(crate) const EXPECTATION_FAILED: Self = Self(417, "Expectation Failed");
    pub(crate) const HEADERS_TOO_LARGE: Self = Self(431, "Request Header Fields Too Large");
    pub(crate) const NOT_IMPLEMENTED: Self = Self(501, "Not Implemented");
    pub(crate) const VERSION_NOT_SUPPORTED: Self = Self(505, "HTTP Version Not Supported");
}

#[derive(Debug)]
pub(crate) struct Response {
    status: Status,
    content_type: &'static str,
    /// Which methods there are, if that has to be said.
    allow: Option<&'static str>,
    body: Vec<u8>,
}

impl Response {
    /// With a text, or with the name of the status if there is none.
    pub(crate) fn text(status: Status, text: &str) -> Self {
        let body = if text.is_empty() { format!("{}\n", status.1) } else { text.to_owned() };
        Self { status, content_type: "text/plain; charset=utf-8", allow: None, body: body.into_bytes() }
    }

    pub(crate) fn bytes_of(body: Vec<u8>) -> Self {
        Self { status: Status::OK, content_type: "application/octet-stream", allow: None, body }
    }

    /// That there are only these methods.
    pub(crate) fn not_allowed(methods: &'static str) -> Self {
        Self { allow: Some(methods), ..Self::text(Status::METHOD_NOT_ALLOWED, "") }
    }

    /// As it is sent, in one piece.
    pub(crate) fn bytes(&self, with_body: bool, stay: bool) -> Vec<u8> {
        let Self { status: Status(number, name), content_type, allow, body } = self;
        let (date, length) = (fmt_http_date(SystemTime::now()), body.len());
        let mut bytes = format!(
            "HTTP/1.1 {number} {name}\r\nDate: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        )
        .into_bytes();
        if let Some(methods) = allow {
            write!(bytes, "Allow: {methods}\r\n").expect("there is room in memory");
        }
        // Said either way: clients of version 1.0 take silence for a close.
        bytes.extend_from_slice(if stay { b"Connection: keep-alive\r\n\r\n" } else { b"Connection: close\r\n\r\n" });
        if with_body {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}
