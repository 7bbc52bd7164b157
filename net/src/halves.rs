//! A stream in two halves, one that reads and one that writes.
//!
//! Streams read and write through a shared reference, and have handles that can be cloned; so nobody needs halves in
//! order to do both at the same time. They are for who wants to give the one away and not the other, and have the other
//! side see the end of what is written when the writer has gone.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use sealed::Stream;

pub(crate) mod sealed {
    use std::io;

    /// What has two halves.
    pub trait Stream: Sized {
        /// Shuts down the side that writes.
        fn end_writing(&self) -> io::Result<()>;
        /// Another handle.
        fn another(&self) -> Self;
        /// Whether it is a handle of the same stream.
        fn is_same(&self, other: &Self) -> bool;
    }
}

/// The half of a stream that reads, borrowed from it: see [`TcpStream::split`](crate::TcpStream::split).
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// let (mut here, mut there) = gocsp_net::UnixStream::pair()?;
/// let (mut reader, mut writer) = here.split();
/// writer.write_all(b"question")?;
/// there.write_all(b"answer")?;
/// reader.read_exact(&mut [0; 6])?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a, S>(pub(crate) &'a S);

/// The half of a stream that writes, borrowed from it: see [`TcpStream::split`](crate::TcpStream::split).
///
/// # Examples
/// See [`ReadHalf`].
#[derive(Debug)]
pub struct WriteHalf<'a, S>(pub(crate) &'a S);

/// The half of a stream that reads: see [`TcpStream::into_split`](crate::TcpStream::into_split).
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// let (here, there) = gocsp_net::UnixStream::pair()?;
/// let ((reader, mut writer), (mut far_reader, far_writer)) = (here.into_split(), there.into_split());
/// let far = gocsp_runtime::spawn(move || std::io::read_to_string(&mut far_reader));
/// writer.write_all(b"all there is")?;
/// // The other side sees the end.
/// drop(writer);
/// assert_eq!(far.join().unwrap()?, "all there is");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf<S: Stream> {
    stream: S,
}

/// The half of a stream that writes: see [`TcpStream::into_split`](crate::TcpStream::into_split). When it is dropped,
/// that side of the stream is shut down, and the other side sees the end.
///
/// # Examples
/// See [`OwnedReadHalf`].
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Stream> {
    /// `None` when it is not to be shut down any more.
    stream: Option<S>,
}

/// What [`OwnedReadHalf::reunite`] gives for halves of different streams: both of them.
///
/// # Examples
/// See [`OwnedReadHalf::reunite`].
#[derive(Debug)]
pub struct ReuniteError<S: Stream>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

pub(crate) fn split<S: Stream>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let another = stream.another();
    (OwnedReadHalf { stream }, OwnedWriteHalf { stream: Some(another) })
}

impl<S: Stream> OwnedReadHalf<S> {
    /// Makes one stream of the two halves again.
    ///
    /// # Errors
    /// Both halves, if they are not those of one stream.
    ///
    /// # Examples
    /// ```
    /// let (here, there) = gocsp_net::UnixStream::pair()?;
    /// let ((reader, writer), (other, _writer)) = (here.into_split(), there.into_split());
    /// let gocsp_net::ReuniteError(_, writer) = other.reunite(writer).unwrap_err();
    /// let here = reader.reunite(writer).expect("they belong together");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reunite(self, mut writer: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !self.stream.is_same(writer.as_ref()) {
            return Err(ReuniteError(self, writer));
        }
        // Not shut down.
        writer.stream = None;
        Ok(self.stream)
    }
}

impl<S: Stream> OwnedWriteHalf<S> {
    /// Drops it without shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// let (here, mut there) = gocsp_net::UnixStream::pair()?;
    /// let other = here.try_clone()?;
    /// let (_reader, writer) = here.into_split();
    /// writer.forget();
    /// (&other).write_all(b"still open")?;
    /// there.read_exact(&mut [0; 10])?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn forget(mut self) {
        self.stream = None;
    }
}

/// The whole stream, for its options.
impl<S: Stream> AsRef<S> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

/// The whole stream, for its options.
impl<S: Stream> AsRef<S> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &S {
        self.stream.as_ref().expect("it is there until the half is dropped")
    }
}

/// The whole stream, for its options.
impl<S> AsRef<S> for ReadHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

/// The whole stream, for its options.
impl<S> AsRef<S> for WriteHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

impl<S: Stream> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // It fails if the connection has ended already.
            let _ = stream.end_writing();
        }
    }
}

impl<S: Stream> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of different streams")
    }
}

impl<S: Stream + fmt::Debug> Error for ReuniteError<S> {}

/// The traits of a half, which are those of the stream.
macro_rules! halves {
    ($read:ty, $write:ty, [$($bound:tt)*]) => {
        impl<S: $($bound)*> Read for $read
        where
            for<'s> &'s S: Read,
        {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let mut stream: &S = self.as_ref();
                stream.read(buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                let mut stream: &S = self.as_ref();
                stream.read_vectored(buffers)
            }
        }

        impl<S: $($bound)*> Write for $write
        where
            for<'s> &'s S: Write,
        {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let mut stream: &S = self.as_ref();
                stream.write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
                let mut stream: &S = self.as_ref();
                stream.write_vectored(pieces)
            }

            fn flush(&mut self) -> io::Result<()> {
                let mut stream: &S = self.as_ref();
                stream.flush()
            }
        }
    };
}

halves!(ReadHalf<'_, S>, WriteHalf<'_, S>, [Sized]);
halves!(OwnedReadHalf<S>, OwnedWriteHalf<S>, [Stream]);
