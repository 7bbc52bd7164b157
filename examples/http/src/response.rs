//! Answers, and how they are written.

use std::io::{self, Cursor, Read, Write};
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

pub(crate) struct Response {
    status: Status,
    content_type: &'static str,
    /// Which methods there are, if that has to be said.
    allow: Option<&'static str>,
    length: usize,
    /// It is read as it is sent: a large one needs no memory.
    body: Box<dyn Read>,
}

impl Response {
    /// With a text, or with the name of the status if there is none.
    pub(crate) fn text(status: Status, text: &str) -> Self {
        let body = if text.is_empty() { format!("{}\n", status.1) } else { text.to_owned() };
        let (content_type, length) = ("text/plain; charset=utf-8", body.len());
        Self { status, content_type, allow: None, length, body: Box::new(Cursor::new(body)) }
    }

    /// With so many bytes, which `body` gives.
    pub(crate) fn bytes(length: usize, body: impl Read + 'static) -> Self {
        let content_type = "application/octet-stream";
        Self { status: Status::OK, content_type, allow: None, length, body: Box::new(body) }
    }

    /// That there are only these methods.
    pub(crate) fn not_allowed(methods: &'static str) -> Self {
        Self { allow: Some(methods), ..Self::text(Status::METHOD_NOT_ALLOWED, "") }
    }

    /// Writes it in many small pieces, so `to` should have a buffer.
    pub(crate) fn write(mut self, to: &mut impl Write, with_body: bool, stay: bool) -> io::Result<()> {
        let Self { status: Status(number, name), content_type, length, .. } = self;
        write!(to, "HTTP/1.1 {number} {name}\r\nDate: {}\r\n", fmt_http_date(SystemTime::now()))?;
        write!(to, "Content-Type: {content_type}\r\nContent-Length: {length}\r\n")?;
        if let Some(methods) = self.allow {
            write!(to, "Allow: {methods}\r\n")?;
        }
        // Said either way: clients of version 1.0 take silence for a close.
        write!(to, "Connection: {}\r\n\r\n", if stay { "keep-alive" } else { "close" })?;
        if with_body {
            io::copy(&mut self.body, to)?;
        }
        Ok(())
    }
}
