//! What the types of sockets have that are of the internet.

/// See the [module](self). In `$lines` a `socket` is made.
macro_rules! ip {
    ($type:ident, $lines:literal) => {
        impl $type {
            /// Sets how far what is sent may travel, in hops. Connections that a listener accepts inherit it.
            ///
            /// # Errors
            /// What the system says when it does not like that.
            ///
            /// # Examples
            /// ```
            #[doc = $lines]
            /// socket.set_ttl(7)?;
            /// assert_eq!(socket.ttl()?, 7);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
                self.socket.system().set_ttl(hops)
            }

            /// What [`set_ttl`](Self::set_ttl) has set.
            ///
            /// # Errors
            /// What the system says if it cannot tell.
            ///
            /// # Examples
            /// See [`set_ttl`](Self::set_ttl).
            pub fn ttl(&self) -> io::Result<u32> {
                self.socket.system().ttl()
            }
        }
    };
}

pub(crate) use ip;
