//! What has come from a client and was not used yet, and the bodies of requests, which are taken from it.

use std::io::{self, ErrorKind, Read};

use gocsp::net::TcpStream;
use httparse::{EMPTY_HEADER, Error, Status as Parsed, parse_headers};

use crate::Limits;
use crate::connection::Failure;
use crate::head::{HEADERS, number};
use crate::response::Status;

/// How much is read at a time, in bytes.
const PIECE: usize = 4 << 10;
/// The most that the line with the size of a chunk may have, in bytes.
const CHUNK_LINE: usize = 256;

pub(crate) struct Input<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
    /// So many of the buffer's bytes have been used.
    used: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), used: 0 }
    }

    /// What has not been used.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Uses so many bytes, which are there.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
    }

    pub(crate) fn clear(&mut self) {
        self.used = self.buffer.len();
    }

    /// Waits for more.
    ///
    /// # Errors
    /// As those of a read; and `UnexpectedEof` if the client has ended.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.used);
        self.used = 0;
        if self.buffer.is_empty() {
            // Who sent a large body once does not keep its memory.
            self.buffer.shrink_to(PIECE);
        }
        let length = self.buffer.len();
        self.buffer.resize(length + PIECE, 0);
        let read = (&*self.stream).read(&mut self.buffer[length..]);
        self.buffer.truncate(length + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Adds the next so many bytes to `body`, once they have come. They are read right into it.
    pub(crate) fn take(&mut self, count: usize, body: &mut Vec<u8>) -> io::Result<()> {
        let ready = self.bytes().len().min(count);
        body.extend_from_slice(&self.bytes()[..ready]);
        self.consume(ready);
        let left = count - ready;
        match self.stream.take(left as u64).read_to_end(body)? {
            read if read < left => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Adds a body in chunks to `body`, and skips the trailers behind it, which nobody wants.
    pub(crate) fn take_chunks(&mut self, limits: &Limits, body: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            match self.chunk_size()? {
                0 => return self.skip_trailers(limits),
                size if size > limits.body - body.len() => return Err(Failure::Refused(Status::CONTENT_TOO_LARGE)),
                size => self.take(size, body)?,
            }
            // Its end.
            self.line(0)?;
        }
    }

    /// The size stands before a semicolon, behind which there may be what nobody wants.
    fn chunk_size(&mut self) -> Result<usize, Failure> {
        let line = self.line(CHUNK_LINE)?;
        let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
        number(digits.trim_ascii_end(), 16).map_err(Failure::Refused)
    }

    /// The next line, which has `most` bytes at most, without its end. That is a whole one, and nothing in the line
    /// could be taken for one: another server in front of this one might have done so.
    fn line(&mut self, most: usize) -> Result<&[u8], Failure> {
        let length = loop {
            let bytes = &self.bytes()[..self.bytes().len().min(most + 2)];
            match bytes.iter().position(|&byte| byte == b'\n') {
                Some(end) => break end + 1,
                None if bytes.len() == most + 2 => return Err(Failure::Refused(Status::BAD_REQUEST)),
                None => self.fill()?,
            }
        };
        self.consume(length);
        let line = self.buffer[self.used - length..self.used].strip_suffix(b"\r\n");
        let line = line.filter(|line| line.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control()));
        line.ok_or(Failure::Refused(Status::BAD_REQUEST))
    }

    fn skip_trailers(&mut self, limits: &Limits) -> Result<(), Failure> {
        loop {
            let (there, mut trailers) = (self.bytes().len(), [EMPTY_HEADER; HEADERS]);
            match parse_headers(self.bytes(), &mut trailers) {
                Ok(Parsed::Complete((length, _))) if length <= limits.head => {
                    self.consume(length);
                    return Ok(());
                }
                Ok(Parsed::Partial) if there <= limits.head => self.fill()?,
                Ok(_) | Err(Error::TooManyHeaders) => return Err(Failure::Refused(Status::HEADERS_TOO_LARGE)),
                Err(_) => return Err(Failure::Refused(Status::BAD_REQUEST)),
            }
        }
    }
}
