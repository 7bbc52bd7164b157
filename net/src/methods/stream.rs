//! What the types of streams have: `Read` and `Write`, for the handle and for a reference to it; how one half of a
//! stream ends, and how it is split.

/// See the [module](self). In `$lines` two streams are made, `here` and `there`, that are connected with each other.
/// The type says by its `SHORT_READS_DRAIN` whether a read that does not fill its buffer leaves nothing behind.
macro_rules! stream {
    ($type:ident, $lines:literal) => {
        impl $type {
            /// Ends reading, writing, or both. When writing has ended, the other side sees the end of what was sent.
            ///
            /// # Errors
            /// If the connection has ended, or the stream was [closed](Self::close).
            ///
            /// # Examples
            /// ```
            /// use std::io::{Read, Write};
            /// use std::net::Shutdown;
            ///
            #[doc = $lines]
            /// here.write_all(b"that is all")?;
            /// here.shutdown(Shutdown::Write)?;
            /// let mut text = String::new();
            /// there.read_to_string(&mut text)?;
            /// assert_eq!(text, "that is all");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[track_caller]
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                let ended = self.socket.io().shutdown(how);
                if self.socket.is_closed() { Err(closed()) } else { ended }
            }

            /// As a read, which leaves there what it reads.
            ///
            /// # Errors
            /// As those of a read.
            ///
            /// # Examples
            /// ```
            /// use std::io::{Read, Write};
            ///
            #[doc = $lines]
            /// here.write_all(b"x")?;
            /// let mut byte = [0];
            /// there.peek(&mut byte)?;
            /// assert_eq!((there.read(&mut byte)?, byte), (1, *b"x"));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.socket.recv(buffer, RecvFlags::PEEK, false)
            }

            /// Two halves, one to read and one to write, borrowed from the stream.
            ///
            /// # Examples
            /// See [`ReadHalf`].
            pub fn split(&self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
                (ReadHalf(self), WriteHalf(self))
            }

            /// Two halves, one to read and one to write, each of which may go its own way. When the one that writes is
            /// dropped, the other side sees the end.
            ///
            /// # Examples
            /// See [`OwnedReadHalf`].
            pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
                halves::split(self)
            }
        }

        impl Read for &$type {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                // It would wait for what it has no room for.
                if buffer.is_empty() {
                    return Ok(0);
                }
                self.socket.recv(buffer, RecvFlags::empty(), $type::SHORT_READS_DRAIN)
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Ok(0);
                }
                self.socket.recv_vectored(buffers, $type::SHORT_READS_DRAIN)
            }
        }

        impl Write for &$type {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.socket.send(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
                self.socket.send_vectored(pieces)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Read for $type {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                (&*self).read(buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                (&*self).read_vectored(buffers)
            }
        }

        impl Write for $type {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                (&*self).write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(pieces)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Stream for $type {
            #[track_caller]
            fn end_writing(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }

            fn another(&self) -> Self {
                Self::of(self.socket.clone())
            }

            fn is_same(&self, other: &Self) -> bool {
                self.socket.is_same(&other.socket)
            }
        }
    };
}

pub(crate) use stream;
