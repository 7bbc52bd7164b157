//! Addresses, and the look-up of names.
//!
//! std's `ToSocketAddrs` looks names up where it is called, and blocks the thread meanwhile: a whole worker. So there
//! is a trait of that name here, for the same types. What is an address already needs no look-up; what is not is given
//! to the system's resolver on a thread of the blocking pool.
//!
//! A look-up cannot be broken off. One that is bound to a context is made by a goroutine of its own, which goes on when
//! nobody waits for it any more.

use std::io;
use std::iter;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{option, slice, vec};

use gocsp_channels::channel;
use gocsp_context::Context;
use gocsp_runtime::{blocking, spawn};
use gocsp_select::select;

use crate::error;
#[cfg(feature = "testing")]
use crate::simulation;

/// What can be turned into addresses of sockets: std's trait of the same name, for the same types, but for who must not
/// block its thread.
///
/// What is an address, or the text of one, is taken as it is. Names are looked up by the system's resolver, on a thread
/// of the [blocking pool](gocsp_runtime::blocking), while the goroutine is parked.
///
/// # Examples
/// ```
/// use gocsp_net::ToSocketAddrs;
///
/// let known = ("127.0.0.1", 80).to_socket_addrs()?.next();
/// assert_eq!(known, Some(([127, 0, 0, 1], 80).into()));
/// let looked_up = "localhost:80".to_socket_addrs()?.next().expect("every machine knows itself");
/// assert!(looked_up.ip().is_loopback());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A type of one's own:
/// ```
/// use std::net::SocketAddr;
/// use gocsp_net::ToSocketAddrs;
///
/// struct Mirrors(Vec<SocketAddr>);
///
/// impl ToSocketAddrs for Mirrors {
///     type Iter = std::vec::IntoIter<SocketAddr>;
///
///     fn to_socket_addrs(&self) -> std::io::Result<Self::Iter> {
///         Ok(self.0.clone().into_iter())
///     }
/// }
///
/// assert_eq!(Mirrors(vec![]).to_socket_addrs()?.count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// What [`to_socket_addrs`](Self::to_socket_addrs) gives.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses, in the order in which they should be tried.
    ///
    /// # Errors
    /// If there is no such name, or the resolver cannot tell; [`InvalidInput`](io::ErrorKind::InvalidInput) for a text
    /// that has no port.
    ///
    /// # Examples
    /// See [`ToSocketAddrs`].
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// As [`to_socket_addrs`](Self::to_socket_addrs), for who waits no longer than `context` lasts.
    ///
    /// What this trait comes with for text does so. By default it is `to_socket_addrs`, which does not look at the
    /// context.
    ///
    /// # Errors
    /// As `to_socket_addrs`, and one that [`context_error`](crate::context_error) knows when the context has ended.
    ///
    /// # Examples
    /// ```
    /// use gocsp_context::{Context, ContextError};
    /// use gocsp_net::ToSocketAddrs;
    ///
    /// let (context, cancel) = Context::background().with_cancel();
    /// cancel.cancel();
    /// let error = "localhost:80".to_socket_addrs_context(&context).unwrap_err();
    /// assert_eq!(gocsp_net::context_error(&error), Some(ContextError::Cancelled));
    /// ```
    fn to_socket_addrs_context(&self, context: &Context) -> io::Result<Self::Iter> {
        let _ = context;
        self.to_socket_addrs()
    }
}

/// Looks up the addresses of a host, as Go's function of that name does, on a thread of the blocking pool. The text of
/// an address is that address, and needs no look-up.
///
/// # Errors
/// If there is no such name, or the resolver cannot tell.
///
/// # Examples
/// ```
/// let addresses = gocsp_net::lookup_host("localhost")?;
/// assert!(addresses.iter().all(|address| address.is_loopback()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn lookup_host(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// The addresses as a list, for the functions of std.
pub(crate) fn list(addresses: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    Ok(addresses.to_socket_addrs()?.collect())
}

pub(crate) fn no_addresses() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

/// Addresses that are known, without a look-up.
macro_rules! known {
    ($($type:ty: $known:expr;)*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                let known: fn(&Self) -> SocketAddr = $known;
                Ok(Some(known(self)).into_iter())
            }
        }
    )*};
}

known! {
    SocketAddr: |address| *address;
    SocketAddrV4: |address| SocketAddr::V4(*address);
    SocketAddrV6: |address| SocketAddr::V6(*address);
    (IpAddr, u16): |address| SocketAddr::from(*address);
    (Ipv4Addr, u16): |address| SocketAddr::from(*address);
    (Ipv6Addr, u16): |address| SocketAddr::from(*address);
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Copied<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().copied())
    }
}

/// Text, which may be a name: how it is taken without a look-up, if it can be, and what is looked up else.
macro_rules! text {
    ($($type:ty: $parse:expr, $owned:expr;)*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = vec::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                let parse: fn(&Self) -> Option<SocketAddr> = $parse;
                match parse(self) {
                    Some(address) => Ok(vec![address].into_iter()),
                    None => {
                        #[cfg(feature = "testing")]
                        if let Some(known) = simulation::look_up(self) {
                            return known;
                        }
                        blocking(|| net::ToSocketAddrs::to_socket_addrs(self))
                    }
                }
            }

            fn to_socket_addrs_context(&self, context: &Context) -> io::Result<Self::Iter> {
                let parse: fn(&Self) -> Option<SocketAddr> = $parse;
                error::check(context)?;
                match parse(self) {
                    Some(address) => Ok(vec![address].into_iter()),
                    None => {
                        #[cfg(feature = "testing")]
                        if let Some(known) = simulation::look_up(self) {
                            return known;
                        }
                        look_up_within(context, ($owned)(self))
                    }
                }
            }
        }
    )*};
}

text! {
    str: |text| text.parse().ok(), str::to_owned;
    String: |text| text.parse().ok(), String::clone;
    (&str, u16): parse_host, |(host, port): &(&str, u16)| ((*host).to_owned(), *port);
    (String, u16): |(host, port)| parse_host(&(host.as_str(), *port)), <(String, u16)>::clone;
}

fn parse_host((host, port): &(&str, u16)) -> Option<SocketAddr> {
    Some(SocketAddr::new(host.parse().ok()?, *port))
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }

    fn to_socket_addrs_context(&self, context: &Context) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs_context(context)
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for Box<T> {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }

    fn to_socket_addrs_context(&self, context: &Context) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs_context(context)
    }
}

/// Waits for a look-up no longer than the context lasts.
fn look_up_within<A>(context: &Context, name: A) -> io::Result<vec::IntoIter<SocketAddr>>
where
    A: net::ToSocketAddrs<Iter = vec::IntoIter<SocketAddr>> + Send + Sync + 'static,
{
    let (tx, found) = channel(1);
    spawn(move || {
        // Nobody may wait for it any more.
        let _ = tx.try_send(blocking(|| name.to_socket_addrs()));
    });
    select! {
        recv(found) -> addresses => addresses.unwrap_or_else(|_| Err(io::Error::other("the look-up was broken off"))),
        recv(context.done()) => {
            Err(error::of_context(context.err().expect("a context whose channel is closed has ended")))
        }
    }
}
