//! What the types of listeners have: how they accept, and for how long.

/// See the [module](self). In `$lines` a listener is made, `socket`. The type has a method `accept_for`, which does
/// what the others have in common.
macro_rules! listener {
    ($type:ident of $stream:ident, $lines:literal) => {
        impl $type {
            /// Waits for a connection.
            ///
            /// # Errors
            /// When the [deadline](Self::set_deadline) has passed, the listener is [closed](Self::close), or a context
            /// [to which it is bound](Self::cancel_on) has ended; and what the system says.
            ///
            /// When the process, or the system, has no descriptor left, that is an error as well (`EMFILE`, `ENFILE`),
            /// and the connection goes on waiting to be accepted: who tries again at once will not fare better. Servers
            /// wait a little, so that others can end.
            ///
            /// # Examples
            #[doc = concat!("See [`", stringify!($type), "`].")]
            #[track_caller]
            pub fn accept(&self) -> io::Result<($stream, SocketAddr)> {
                self.accept_for(Call::READ)
            }

            /// As [`accept`](Self::accept), for as long as the context lasts. Other calls are not affected by it.
            ///
            /// Costs an allocation if it has to wait.
            ///
            /// # Errors
            /// As `accept`, and one that [`context_error`](crate::context_error()) knows when the context has ended.
            ///
            /// # Panics
            /// As [`Context::after_func`].
            ///
            /// # Examples
            /// ```
            /// use std::time::Duration;
            /// use gocsp_context::Context;
            ///
            #[doc = $lines]
            /// let (context, _cancel) = Context::background().with_timeout(Duration::from_millis(1));
            /// let error = socket.accept_context(&context).unwrap_err();
            /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[track_caller]
            pub fn accept_context(&self, context: &Context) -> io::Result<($stream, SocketAddr)> {
                self.accept_for(Call { context: Some(context), ..Call::READ })
            }

            /// The connections that come, until the listener is [closed](Self::close). Other errors of
            /// [`accept`](Self::accept) are handed out, and do not end it.
            ///
            /// # Examples
            #[doc = concat!("See [`", stringify!($type), "`].")]
            pub fn incoming(&self) -> Incoming<'_, Self> {
                Incoming::new(self)
            }

            /// Lets every call that accepts fail with [`TimedOut`](io::ErrorKind::TimedOut) from `deadline` on, until
            /// another is set; also those that wait at this moment. `None` for never.
            ///
            /// # Examples
            /// ```
            /// use std::time::Instant;
            ///
            #[doc = $lines]
            /// socket.set_deadline(Some(Instant::now()));
            /// assert_eq!(socket.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_deadline(&self, deadline: Option<Instant>) {
                self.socket.set_deadline(&[Direction::Read], deadline);
            }

            /// Its address.
            ///
            /// # Errors
            /// What the system says if it cannot tell.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// println!("listening at {:?}", socket.local_addr()?);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.socket.io().local_addr()
            }
        }

        impl Listener for $type {
            type Stream = $stream;

            #[track_caller]
            fn accept_stream(&self) -> io::Result<$stream> {
                self.accept().map(|(stream, _)| stream)
            }
        }
    };
}

pub(crate) use listener;
