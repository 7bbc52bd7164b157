//! What every type of socket has: its handles, its end, its contexts, and the conversions.

/// See the [module](self). In `$lines` a `socket` is made.
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
                Ok(Self::of(Socket::new(Io::of(socket))))
            }

            /// Gives the socket back as one of std's, in blocking mode.
            ///
            /// # Errors
            /// Of the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy) if this is not the only handle: the mode
            /// belongs to all of them, and those that stay must not block. This handle is dropped then. Of the kind
            /// [`Unsupported`](io::ErrorKind::Unsupported) if it is simulated, in a test under chosen schedules.
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
                let socket = self.socket.into_io()?.into_system()?;
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

            /// Closes the socket, for all its handles: calls that wait, here or elsewhere, fail with an error that
            /// [`is_closed`](crate::is_closed()) knows, and so do all later ones but those that ask for addresses or
            /// are about options. The other side sees the end of the connection, and nobody can connect to a listener
            /// any more.
            ///
            /// The descriptor is given back when the last handle is dropped. To close what is closed does nothing.
            ///
            /// # Examples
            /// See [`try_clone`](Self::try_clone).
            #[track_caller]
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
            #[track_caller]
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

pub(crate) use handle;
