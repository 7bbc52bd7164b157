//! Where something is: addresses, hosts, and who is reached by which of them.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net as unix;
use std::path::Path;

use gocsp_runtime::goroutine_local;
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

/// The address of a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Ip(SocketAddr),
    Path(Vec<u8>),
    Abstract(Vec<u8>),
    /// Of the Unix domain, without a name.
    Unnamed,
}

impl Place {
    pub(crate) fn of_unix(address: &SocketAddrUnix) -> Self {
        match (address.path_bytes(), address.abstract_name()) {
            (Some(path), _) => Self::Path(path.to_vec()),
            (None, Some(name)) => Self::Abstract(name.to_vec()),
            (None, None) => Self::Unnamed,
        }
    }

    pub(super) fn of_std(address: &unix::SocketAddr) -> Self {
        match (address.as_pathname(), address.as_abstract_name()) {
            (Some(path), _) => Self::Path(path.as_os_str().as_bytes().to_vec()),
            (None, Some(name)) => Self::Abstract(name.to_vec()),
            (None, None) => Self::Unnamed,
        }
    }

    /// # Errors
    /// If it is no address of the internet.
    pub(crate) fn ip(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Ip(address) => Ok(*address),
            _ => Err(Errno::AFNOSUPPORT.into()),
        }
    }

    /// As std has it; `unnamed` gives one without a name.
    pub(crate) fn unix_or(
        &self,
        unnamed: impl FnOnce() -> io::Result<unix::SocketAddr>,
    ) -> io::Result<unix::SocketAddr> {
        match self {
            Self::Path(path) => unix::SocketAddr::from_pathname(Path::new(std::ffi::OsStr::from_bytes(path))),
            Self::Abstract(name) => unix::SocketAddr::from_abstract_name(name),
            Self::Unnamed | Self::Ip(_) => unnamed(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Path(path) => String::from_utf8_lossy(path).fmt(f),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
            Self::Unnamed => f.write_str("(unnamed)"),
        }
    }
}

goroutine_local! {
    /// The host that the goroutine is on, if it has said so.
    static HOST: Cell<Option<IpAddr>> = Cell::new(None);
}

/// Runs `f`, in this goroutine, on the host of that address: what it connects and sends comes from there, and what it
/// binds to the unspecified address is reached by that one only. Goroutines that it starts are not on that host unless
/// they say so.
///
/// Who does not say so is on the host `127.0.0.1`, or `::1` for who talks by the sixth version of the protocol.
///
/// # Examples
/// ```
/// use gocsp_net::simulation::on_host;
/// use gocsp_net::{TcpListener, TcpStream};
/// use gocsp_runtime::testing::check;
/// use std::net::IpAddr;
///
/// check(|| {
///     let [server, client] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse::<IpAddr>().unwrap());
///     let listener = on_host(server, || TcpListener::bind("0.0.0.0:80")).unwrap();
///     let stream = on_host(client, || TcpStream::connect((server, 80))).unwrap();
///     assert_eq!(stream.local_addr().unwrap().ip(), client);
///     assert!(TcpStream::connect("10.0.0.3:80").is_err());
///     drop(listener);
/// });
/// ```
pub fn on_host<R>(host: IpAddr, f: impl FnOnce() -> R) -> R {
    struct Back(Option<IpAddr>);
    impl Drop for Back {
        fn drop(&mut self) {
            // It fails when the goroutine ends, and is nowhere any more.
            let _ = HOST.try_with(|host| host.set(self.0));
        }
    }
    let _back = Back(HOST.with(|own| own.replace(Some(host.to_canonical()))));
    f()
}

/// Where what the caller sends to that address comes from.
pub(super) fn source_for(to: IpAddr) -> IpAddr {
    let host = HOST.try_with(Cell::get).ok().flatten();
    host.filter(|host| host.is_ipv4() == to.is_ipv4()).unwrap_or(match to {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    })
}

/// To whom it is sent: who sends to nowhere, or by the newer protocol to one of the older, means what the system takes
/// it for.
pub(super) fn destination(address: SocketAddr) -> SocketAddr {
    let ip = address.ip().to_canonical();
    SocketAddr::new(if ip.is_unspecified() { source_for(ip) } else { ip }, address.port())
}

/// An address as a socket sees it that is itself of the version of `socket`.
pub(super) fn seen_by(socket: SocketAddr, address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if socket.is_ipv6() => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        _ => address,
    }
}

/// By which addresses a socket is reached that is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    One(IpAddr),
    EveryV4,
    Every,
}

impl Reach {
    /// What is bound to that address by the caller.
    pub(super) fn of(address: IpAddr) -> Self {
        let host = HOST.try_with(Cell::get).ok().flatten();
        match address.to_canonical() {
            ip if !ip.is_unspecified() => Self::One(ip),
            ip => match (host.filter(|host| host.is_ipv4() == ip.is_ipv4()), ip) {
                (Some(host), _) => Self::One(host),
                (None, IpAddr::V4(_)) => Self::EveryV4,
                (None, IpAddr::V6(_)) => Self::Every,
            },
        }
    }

    pub(super) fn includes(self, address: IpAddr) -> bool {
        match self {
            Self::One(ip) => ip == address,
            Self::EveryV4 => address.is_ipv4(),
            Self::Every => true,
        }
    }

    /// Whether there is an address that both include.
    pub(super) fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(ip), other) | (other, Self::One(ip)) => other.includes(ip),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_reached_by_the_same_address_overlaps() {
        let [here, there, v6] = ["127.0.0.1", "127.0.0.2", "::1"].map(|ip| Reach::One(ip.parse().unwrap()));
        assert!(here.overlaps(here) && !here.overlaps(there) && here.overlaps(Reach::EveryV4));
        assert!(!Reach::EveryV4.overlaps(v6) && Reach::Every.overlaps(v6) && Reach::Every.overlaps(Reach::EveryV4));
    }

    #[test]
    fn the_unspecified_address_is_that_of_the_host() {
        let host: IpAddr = "10.0.0.1".parse().unwrap();
        let any: IpAddr = "0.0.0.0".parse().unwrap();
        assert_eq!(on_host(host, || Reach::of(any)), Reach::One(host));
        assert_eq!(Reach::of(any), Reach::EveryV4);
        assert_eq!(on_host("::ffff:10.0.0.1".parse().unwrap(), || Reach::of(any)), Reach::One(host));
        assert_eq!(on_host(host, || destination("0.0.0.0:80".parse().unwrap())), "10.0.0.1:80".parse().unwrap());
        assert_eq!(destination("[::ffff:10.0.0.1]:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
    }
}
