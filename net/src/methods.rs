//! What all types of sockets have in common, written once. The interface is theirs; this is what it is made of.

/// What every type has. `$lines` is the part of an example in which `socket` is made.
macro_rules! handle {
    ($type:ident of $std:ty, $lines:literal) => {
        impl $type {
            pub(crate) fn of(socket: Socket<$std>) -> Self {
                Self { socket }
            }

            /// Takes over a socket of std, and puts it into non-blocking mode.
            ///
            /// If the descriptor was duplicated, its other handles are then in that mode as well.
            ///
            /// # Errors
            /// What the system says when it does not like that.
            ///
            /// # Examples
            /// See [`into_std`](Self::into_std).
            pub fn from_std(socket: $std) -> io::Result<Self> {
                socket.set_nonblocking(true)?;
                Ok(Self::of(Socket::new(socket)))
            }

            /// Gives the socket back as one of std's, in blocking mode.
            ///
            /// # Errors
            /// Of the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy) if this is not the only handle: the mode
            /// belongs to all of them, and those that stay must not block. This handle is dropped then.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// let other = socket.try_clone()?;
            /// assert_eq!(other.into_std().unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
            /// let of_std = socket.into_std()?;
            #[doc = concat!("let socket = gocsp_net::", stringify!($type), "::from_std(of_std)?;")]
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn into_std(self) -> io::Result<$std> {
                let socket = self.socket.into_io()?;
                socket.set_nonblocking(false)?;
                Ok(socket)
            }

            /// Another handle of the same socket, with the same timeouts, deadlines and contexts. Costs no descriptor.
            ///
            /// # Errors
            /// None; it may fail in std.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// let other = socket.try_clone()?;
            /// other.close();
            /// assert!(socket.is_closed());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_clone(&self) -> io::Result<Self> {
                Ok(Self::of(self.socket.clone()))
            }

            /// Closes the socket, for all its handles: calls that wait, here or elsewhere, and all later calls fail
            /// with an error that [`is_closed`](crate::is_closed()) knows. The other side sees the end of the
            /// connection, and nobody can connect to a listener any more.
            ///
            /// The descriptor is given back when the last handle is dropped. To close what is closed does nothing.
            ///
            /// # Examples
            /// See [`try_clone`](Self::try_clone).
            pub fn close(&self) {
                self.socket.close();
            }

            /// Whether it was [closed](Self::close).
            ///
            /// # Examples
            /// See [`try_clone`](Self::try_clone).
            pub fn is_closed(&self) -> bool {
                self.socket.is_closed()
            }

            /// Binds the socket to a context for as long as the guard lives: when that ends, calls that wait, and all
            /// later ones, on any handle, fail with an error that [`context_error`](crate::context_error()) knows. Its
            /// kind is [`TimedOut`](io::ErrorKind::TimedOut) if the context's deadline has passed.
            ///
            /// A socket may be bound to several contexts. The guard does not keep it open.
            ///
            /// Costs an allocation, and a lock for each call while it is bound.
            ///
            /// # Panics
            /// As [`Context::after_func`].
            ///
            /// # Examples
            /// ```
            /// use gocsp_context::Context;
            ///
            #[doc = $lines]
            /// let (context, cancel) = Context::background().with_cancel();
            /// let bound = socket.cancel_on(&context);
            /// cancel.cancel();
            /// // Here every call that might wait fails.
            /// drop(bound);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn cancel_on(&self, context: &Context) -> CancelGuard {
                self.socket.cancel_on(context)
            }

            /// The error that is pending at the socket, if there is one, which is then pending no more.
            ///
            /// # Errors
            /// What the system says if it cannot tell.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// assert!(socket.take_error()?.is_none());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.socket.io().take_error()
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.socket.io(), f)
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }

        /// As `from_std`.
        impl TryFrom<$std> for $type {
            type Error = io::Error;

            fn try_from(socket: $std) -> io::Result<Self> {
                Self::from_std(socket)
            }
        }

        /// As `into_std`.
        impl TryFrom<$type> for $std {
            type Error = io::Error;

            fn try_from(socket: $type) -> io::Result<Self> {
                socket.into_std()
            }
        }

        /// As `from_std`, of a socket of this type.
        impl TryFrom<OwnedFd> for $type {
            type Error = io::Error;

            fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
                Self::from_std(descriptor.into())
            }
        }

        /// As `into_std`.
        impl TryFrom<$type> for OwnedFd {
            type Error = io::Error;

            fn try_from(socket: $type) -> io::Result<Self> {
                socket.into_std().map(Self::from)
            }
        }
    };
}

/// Limits of time for what reads and writes.
macro_rules! limits {
    ($type:ident, $lines:literal) => {
        impl $type {
            /// Lets a call that reads wait no longer than `timeout`; `None` for as long as it takes, which is how a
            /// socket begins. Then it fails with [`TimedOut`](io::ErrorKind::TimedOut). It counts for calls that begin
            /// from now on.
            ///
            /// # Errors
            /// If it is zero, as in std.
            ///
            /// # Examples
            /// ```
            /// use std::time::Duration;
            ///
            #[doc = $lines]
            /// socket.set_read_timeout(Some(Duration::from_millis(1)))?;
            /// assert_eq!(socket.peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            /// assert!(socket.set_read_timeout(Some(Duration::ZERO)).is_err());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.socket.set_timeout(Direction::Read, timeout)
            }

            /// As [`set_read_timeout`](Self::set_read_timeout), for calls that write.
            ///
            /// # Errors
            /// If it is zero, as in std.
            ///
            /// # Examples
            /// ```
            /// use std::time::Duration;
            ///
            #[doc = $lines]
            /// socket.set_write_timeout(Some(Duration::from_secs(1)))?;
            /// assert_eq!(socket.write_timeout()?, Some(Duration::from_secs(1)));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.socket.set_timeout(Direction::Write, timeout)
            }

            /// What [`set_read_timeout`](Self::set_read_timeout) has set.
            ///
            /// # Errors
            /// None; it may fail in std.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// assert_eq!(socket.read_timeout()?, None);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.timeout(Direction::Read))
            }

            /// What [`set_write_timeout`](Self::set_write_timeout) has set.
            ///
            /// # Errors
            /// None; it may fail in std.
            ///
            /// # Examples
            /// See [`set_write_timeout`](Self::set_write_timeout).
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.timeout(Direction::Write))
            }

            /// Lets every call that reads fail with [`TimedOut`](io::ErrorKind::TimedOut) from `deadline` on, until
            /// another is set, as in Go; also those that wait at this moment, and those that would not have to wait.
            /// `None` for never.
            ///
            /// # Examples
            /// ```
            /// use std::time::Instant;
            ///
            #[doc = $lines]
            /// socket.set_read_deadline(Some(Instant::now()));
            /// assert_eq!(socket.peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_read_deadline(&self, deadline: Option<Instant>) {
                self.socket.set_deadline(&[Direction::Read], deadline);
            }

            /// As [`set_read_deadline`](Self::set_read_deadline), for calls that write.
            ///
            /// # Examples
            /// ```
            /// use std::time::{Duration, Instant};
            ///
            #[doc = $lines]
            /// socket.set_write_deadline(Some(Instant::now() + Duration::from_secs(1)));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_write_deadline(&self, deadline: Option<Instant>) {
                self.socket.set_deadline(&[Direction::Write], deadline);
            }

            /// Both [`set_read_deadline`](Self::set_read_deadline) and
            /// [`set_write_deadline`](Self::set_write_deadline).
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// socket.set_deadline(None);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_deadline(&self, deadline: Option<Instant>) {
                self.socket.set_deadline(&[Direction::Read, Direction::Write], deadline);
            }
        }
    };
}

/// `Read` and `Write` of a stream, for the handle and for a reference to it.
macro_rules! stream {
    ($type:ident) => {
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

pub(crate) use {handle, limits, stream};
