//! Names of hosts.

use std::io;
use std::net::SocketAddr;
use std::vec;

use super::network::Network;

/// What is looked up.
pub(crate) trait Name {
    /// The host, and the port.
    ///
    /// # Errors
    /// If one of the two is missing.
    fn parts(&self) -> io::Result<(&str, u16)>;
}

impl Name for str {
    fn parts(&self) -> io::Result<(&str, u16)> {
        let parts = self.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        parts.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "invalid socket address"))
    }
}

impl Name for String {
    fn parts(&self) -> io::Result<(&str, u16)> {
        self.as_str().parts()
    }
}

impl Name for (&str, u16) {
    fn parts(&self) -> io::Result<(&str, u16)> {
        Ok(*self)
    }
}

impl Name for (String, u16) {
    fn parts(&self) -> io::Result<(&str, u16)> {
        Ok((&self.0, self.1))
    }
}

/// The addresses of a host, if the caller belongs to a schedule.
pub(crate) fn look_up(name: &(impl Name + ?Sized)) -> Option<io::Result<vec::IntoIter<SocketAddr>>> {
    let network = Network::here()?;
    Some(name.parts().and_then(|(host, port)| {
        network.with(|state, _| {
            let addresses = state.hosts.get(host).ok_or_else(|| {
                let problem = format!("the simulated network knows no host {host:?}: see network::add_host");
                io::Error::new(io::ErrorKind::NotFound, problem)
            })?;
            let addresses: Vec<_> = addresses.iter().map(|&address| SocketAddr::new(address, port)).collect();
            Ok(addresses.into_iter())
        })
    }))
}
