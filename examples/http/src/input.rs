//! What has come from a client and was not used yet, and the bodies of requests, which are taken from it.

use std::io::{self, ErrorKind, Read};

use gocsp::net::TcpStream;
use httparse::{Status as Parsed, parse_chunk_size};

use crate::Limits;
use crate::connection::Failure;
use crate::response::Status;

/// How much is read at a time, in bytes.
const PIECE: usize = 4 << 10;
/// The size of a chunk, with what may be written beside it, in bytes.
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

    /// The next so many bytes, once they have come.
    pub(crate) fn take(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.bytes().len() < count {
            self.fill()?;
        }
        self.used += count;
        Ok(&self.buffer[self.used - count..self.used])
    }

    /// A body in chunks, with the trailers behind it, which nobody wants.
    pub(crate) fn take_chunks(&mut self, limits: &Limits) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match self.chunk_size()? {
                0 => break,
                size if size > limits.body - body.len() => return Err(Failure::Refused(Status::CONTENT_TOO_LARGE)),
                size => body.extend_from_slice(self.take(size)?),
            }
            self.line_end()?;
        }
        let mut left = limits.head;
        while !matches!(self.bytes(), [b'\r', b'\n', ..]) {
            let line = self.bytes().windows(2).position(|pair| pair == b"\r\n");
            match line {
                Some(length) => {
                    left = left.checked_sub(length + 2).ok_or(Failure::Refused(Status::HEADERS_TOO_LARGE))?;
                    self.consume(length + 2);
                }
                None if self.bytes().len() > left => return Err(Failure::Refused(Status::HEADERS_TOO_LARGE)),
                None => self.fill()?,
            }
        }
        self.line_end()?;
        Ok(body)
    }

    fn chunk_size(&mut self) -> Result<usize, Failure> {
        loop {
            match parse_chunk_size(self.bytes()) {
                Ok(Parsed::Complete((length, size))) => {
                    self.consume(length);
                    return usize::try_from(size).map_err(|_| Failure::Refused(Status::CONTENT_TOO_LARGE));
                }
                Ok(Parsed::Partial) if self.bytes().len() <= CHUNK_LINE => self.fill()?,
                _ => return Err(Failure::Refused(Status::BAD_REQUEST)),
            }
        }
    }

    fn line_end(&mut self) -> Result<(), Failure> {
        match self.take(2)? {
            b"\r\n" => Ok(()),
            _ => Err(Failure::Refused(Status::BAD_REQUEST)),
        }
    }
}
