//! Timeouts and deadlines of what reads and writes.

/// See the [module](self). In `$lines` a `socket` is made.
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

pub(crate) use limits;
