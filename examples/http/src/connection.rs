//! One connection: requests and answers, in turn.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use gocsp::context::Context;
use gocsp::net::{TcpStream, context_error};
use gocsp::time::now;

use crate::Limits;
use crate::head::{Body, Head};
use crate::input::Input;
use crate::response::{Response, Status};
use crate::routes;

/// How long, and for how many bytes, what comes behind the last answer is thrown away. If the connection was closed
/// before the client has sent all, the system would throw away what the client has not got of the answer.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD: usize = 4 << 20;
/// An answer is sent in pieces of so many bytes.
const PIECE: usize = 16 << 10;

pub(crate) struct Connection<'a> {
    stream: &'a TcpStream,
    context: &'a Context,
    limits: &'a Limits,
    input: Input<'a>,
}

/// Why a request is not answered as it wants.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is answered with this, and the connection closed.
    Refused(Status),
    /// The connection has broken.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut => Self::Refused(Status::REQUEST_TIMEOUT),
            ErrorKind::UnexpectedEof => Self::Refused(Status::BAD_REQUEST),
            _ => Self::Broken(error),
        }
    }
}

impl<'a> Connection<'a> {
    pub(crate) fn new(stream: &'a TcpStream, context: &'a Context, limits: &'a Limits) -> Self {
        Self { stream, context, limits, input: Input::new(stream) }
    }

    /// Answers requests until the client, a request or the context ends it.
    pub(crate) fn serve(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        while self.await_request()? {
            let (response, with_body, keep_alive) = match self.request() {
                Ok((head, body)) => (routes::answer(&head, body), head.wants_body(), head.keep_alive),
                Err(Failure::Refused(status)) => (Response::text(status, ""), true, false),
                Err(Failure::Broken(error)) => return Err(error),
            };
            let stay = keep_alive && self.context.err().is_none();
            self.write(|to| response.write(to, with_body, stay))?;
            if !stay {
                return self.discard();
            }
        }
        Ok(())
    }

    /// Waits for the first byte of a request. `false` if there will be none.
    fn await_request(&mut self) -> io::Result<bool> {
        if !self.input.is_empty() {
            return Ok(true);
        }
        self.stream.set_read_deadline(deadline(self.limits.idle));
        let _bound = self.stream.cancel_on(self.context);
        match self.input.fill() {
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::UnexpectedEof) => Ok(false),
            Err(error) if context_error(&error).is_some() => Ok(false),
            filled => filled.map(|()| true),
        }
    }

    /// Reads a request that has begun.
    fn request(&mut self) -> Result<(Head, Vec<u8>), Failure> {
        self.stream.set_read_deadline(deadline(self.limits.head_time));
        let head = Head::read(&mut self.input, self.limits)?;
        if head.expects_continue && self.input.is_empty() {
            self.write(|to| to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n"))?;
        }
        self.stream.set_read_deadline(deadline(self.limits.body_time));
        let mut body = Vec::new();
        match head.body {
            Body::Length(length) => self.input.take(length, &mut body)?,
            Body::Chunked => self.input.take_chunks(self.limits, &mut body)?,
        }
        Ok((head, body))
    }

    /// Sends what `answer` writes.
    fn write(&self, answer: impl FnOnce(&mut BufWriter<&TcpStream>) -> io::Result<()>) -> io::Result<()> {
        self.stream.set_write_deadline(deadline(self.limits.write_time));
        let mut to = BufWriter::with_capacity(PIECE, self.stream);
        answer(&mut to)?;
        to.flush()
    }

    /// Throws away what comes, until the client has understood.
    fn discard(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_read_deadline(deadline(DISCARD_TIME));
        let mut left = DISCARD;
        while left > 0 {
            self.input.clear();
            self.input.fill()?;
            left = left.saturating_sub(self.input.bytes().len());
        }
        Ok(())
    }
}

/// None, if it is farther away than there are instants.
fn deadline(after: Duration) -> Option<Instant> {
    now().checked_add(after)
}
