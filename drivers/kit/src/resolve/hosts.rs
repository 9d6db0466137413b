//! The sources of addresses of hosts.

use std::{fmt, net::SocketAddr, sync::Arc};

use httpool::message::Url;

use super::{Resolve, SystemResolver};

/// The sources of addresses of hosts: addresses given by the program, and a resolver for all other
/// hosts. By default no address is given, and the resolver is the system's.
#[derive(Clone)]
pub struct Hosts {
    resolve: Arc<dyn Resolve>,
    given: Vec<(String, u16, SocketAddr)>,
}

impl Hosts {
    /// Sets the resolver.
    pub fn set_resolver(&mut self, resolve: Arc<dyn Resolve>) {
        self.resolve = resolve;
    }

    /// Adds an address of `host` for connections to `port`. The address has a port of its own (0
    /// stands for `port`). An IPv6 link-local address may have a scope id.
    pub fn add(&mut self, host: &str, port: u16, mut address: SocketAddr) {
        if address.port() == 0 {
            address.set_port(port);
        }
        let host = in_a_url(host).unwrap_or_else(|| host.into());
        self.given.push((host, port, address));
    }

    /// Returns the addresses that were given for `host`, in the order in which they were added.
    /// `None` if there are none.
    pub fn given(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let known = self.given.iter().filter(|(name, at, _)| name == host && *at == port);
        let found: Vec<_> = known.map(|(.., address)| *address).collect();
        (!found.is_empty()).then_some(found)
    }

    /// Returns the resolver.
    pub fn resolver(&self) -> &dyn Resolve {
        &*self.resolve
    }
}

impl Default for Hosts {
    fn default() -> Self {
        Self { resolve: Arc::new(SystemResolver::new()), given: Vec::new() }
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("given", &self.given).finish_non_exhaustive()
    }
}

/// Returns `host` as it appears in a URL, with a name in lower case and ASCII. This form is looked
/// up.
fn in_a_url(host: &str) -> Option<String> {
    let mut url = Url::parse("http://host/").ok()?;
    url.set_host(Some(host)).ok()?;
    url.host_str().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_hosts_are_found_however_they_are_written() {
        let (mut hosts, local) = (Hosts::default(), SocketAddr::from(([127, 0, 0, 1], 80)));
        for host in ["Host.Example", "bücher.example", "a b"] {
            hosts.add(host, 80, local);
        }
        assert_eq!(hosts.given("host.example", 80), Some(vec![local]));
        assert_eq!(hosts.given("xn--bcher-kva.example", 80), Some(vec![local]));
        assert_eq!(hosts.given("host.example", 81), None);
    }

    #[test]
    fn a_given_address_keeps_its_scope_id_and_may_have_another_port() {
        let mut hosts = Hosts::default();
        for address in ["[fe80::1%7]:0", "[fe80::1%8]:90"] {
            hosts.add("a.test", 80, address.parse().unwrap());
        }
        let found = hosts.given("a.test", 80).unwrap();
        assert_eq!(found, ["[fe80::1%7]:80", "[fe80::1%8]:90"].map(|it| it.parse().unwrap()));
    }
}
