//! The ways to origins: directly, or through proxies.

use alloc::sync::Arc;
use core::net::IpAddr;

use super::NoProxy;
use crate::{
    message::{Hop, HopKind, Key, KeyLimits, Origin, Scheme, TlsId, UnixPath},
    setters::setters,
};

/// Through which proxies, with which TLS configuration and from which local address a call opens
/// its connections. The way is chosen anew for each request: for the first one, and for each that
/// follows a redirect.
///
/// ```
/// # use std::{io::{BufRead, BufReader, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let port = listener.local_addr()?.port();
/// # let proxy = thread::spawn(move || -> std::io::Result<String> {
/// #     let mut tcp = BufReader::new(listener.accept()?.0);
/// #     let mut asked = String::new();
/// #     tcp.read_line(&mut asked)?;
/// #     let mut lines = String::new();
/// #     while tcp.read_line(&mut lines)? > 2 {}
/// #     tcp.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
/// #     while tcp.read_line(&mut lines)? > 2 {}
/// #     tcp.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")?;
/// #     Ok(asked)
/// # });
/// use httpool::call::{Policy, Route, Routes};
/// use httpool::message::{Hop, HopKind, Origin, Scheme};
/// use httpool_blocking::Client;
///
/// // The proxy opens a tunnel with CONNECT, also for `http` URLs.
/// let hop = Hop::new(HopKind::Connect, Origin::new(Scheme::Http, "127.0.0.1", port));
/// let routes = Routes::default().http(Route::tunnel(hop));
/// let client = Client::builder().policy(Policy::default().routes(routes)).build();
///
/// let response = client.get("http://intranet.example/").send()?;
/// assert_eq!(response.text()?, "hello");
/// # assert_eq!(proxy.join().unwrap()?, "CONNECT intranet.example:80 HTTP/1.1\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Routes {
    /// The way to `http` origins.
    pub http: Route,
    /// The way to `https` origins.
    pub https: Route,
    /// The origins to which connections are opened without a proxy, whatever the other fields say.
    /// None by default.
    pub no_proxy: NoProxy,
    /// The TLS configuration for `https` origins. [`TlsId::ORIGIN`] by default.
    pub tls: TlsId,
    /// The local address of connections (urllib3: `source_address`). `None`, the default: the
    /// operating system chooses it.
    pub local: Option<IpAddr>,
    /// Limits on the connections, in place of those that the pool has for each key. Connections
    /// with other limits are not shared. `None` by default: those of the pool.
    pub limits: Option<KeyLimits>,
}

/// The way to an origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Route {
    /// A connection to the origin itself.
    #[default]
    Direct,
    /// A tunnel through proxies, which pass bytes on. The proxy nearest to the client comes first.
    Tunnel(Arc<[Hop]>),
    /// The last proxy gets the requests themselves, with their whole URL (RFC 9112 3.2.2), and
    /// forwards them; those before it tunnel the connection to it. It reads and may change all
    /// requests and responses, also those of `https` origins (urllib3:
    /// `use_forwarding_for_https`), whose certificates it alone checks.
    ///
    /// The requests to all origins share its connections. A SOCKS proxy cannot forward: if it is
    /// the last, this is [`Tunnel`](Self::Tunnel).
    Forward(Arc<[Hop]>),
    /// A Unix domain socket of this host (curl: `--unix-socket`). Every request of the scheme goes
    /// there: no name is looked up, and no proxy is used. The URL still gives the Host field, and
    /// the name that TLS verifies. Connections to different sockets, or for different origins, are
    /// never shared.
    ///
    /// A route chooses the socket, and no URL can: otherwise a redirect could reach any service of
    /// this host. A redirect to another host goes to the same socket. If that is not wanted, switch
    /// redirects off. A [`Guard`](crate::dial::Guard) denies the socket unless it
    /// [allows it](crate::dial::Guard::allow_unix_sockets). On systems without Unix domain sockets
    /// the connect fails.
    Unix(UnixPath),
}

impl Route {
    /// Returns the way through a tunnel of one proxy.
    pub fn tunnel(proxy: Hop) -> Self {
        Self::Tunnel([proxy].into())
    }

    /// Returns the way through one proxy that forwards requests.
    pub fn forward(proxy: Hop) -> Self {
        Self::Forward([proxy].into())
    }

    /// Returns the way to the Unix domain socket at `path`. If its first byte is zero, it is an
    /// abstract name (Linux).
    ///
    /// ```no_run
    /// use httpool::call::{Policy, Route, Routes};
    /// use httpool_blocking::Client;
    ///
    /// let routes = Routes::default().http(Route::unix("/run/docker.sock"));
    /// let client = Client::builder().policy(Policy::default().routes(routes)).build();
    /// let version = client.get("http://localhost/version").send()?.text()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unix(path: impl AsRef<[u8]>) -> Self {
        Self::Unix(UnixPath::new(path))
    }

    /// Returns the way to `http` origins through `proxy` that is usual: an HTTP proxy forwards the
    /// requests, and a SOCKS proxy tunnels them.
    pub fn usual_for_http(proxy: Hop) -> Self {
        match proxy.kind() {
            HopKind::Connect => Self::forward(proxy),
            HopKind::Socks4 | HopKind::Socks4a | HopKind::Socks5 | HopKind::Socks5h => {
                Self::tunnel(proxy)
            }
        }
    }

    /// Returns the same way with `hop` before the other proxies. A way without proxies stays as it is.
    #[must_use]
    pub fn behind(self, hop: Hop) -> Self {
        let before = |hops: Arc<[Hop]>| [hop].into_iter().chain(hops.iter().cloned()).collect();
        match self {
            Self::Direct | Self::Unix(_) => self,
            Self::Tunnel(hops) => Self::Tunnel(before(hops)),
            Self::Forward(hops) => Self::Forward(before(hops)),
        }
    }

    /// Returns the proxies, the one nearest to the client first.
    pub fn hops(&self) -> &[Hop] {
        match self {
            Self::Direct | Self::Unix(_) => &[],
            Self::Tunnel(hops) | Self::Forward(hops) => hops,
        }
    }

    /// Returns the proxy that forwards, and those before it.
    fn forwarding(&self) -> Option<(&Hop, &[Hop])> {
        match self {
            Self::Forward(hops) => {
                hops.split_last().filter(|(it, _)| it.kind() == HopKind::Connect)
            }
            Self::Direct | Self::Tunnel(_) | Self::Unix(_) => None,
        }
    }
}

impl Routes {
    setters! {
        http: Route,
        https: Route,
        no_proxy: NoProxy,
        tls: TlsId,
        local: Option<IpAddr>,
        limits: Option<KeyLimits>,
    }

    /// Returns the routes through one proxy, in the usual way: an HTTP proxy forwards the requests
    /// to `http` origins and tunnels the connections to `https` origins; a SOCKS proxy tunnels both.
    ///
    /// ```
    /// use httpool::call::{NoProxy, Routes};
    /// use httpool::message::Hop;
    ///
    /// let proxy = Hop::parse("http://me:secret@proxy.example:3128")?;
    /// let routes = Routes::through(proxy).no_proxy(NoProxy::parse("localhost, .internal"));
    /// # Ok::<(), httpool::message::InvalidProxy>(())
    /// ```
    pub fn through(proxy: Hop) -> Self {
        Self {
            http: Route::usual_for_http(proxy.clone()),
            https: Route::tunnel(proxy),
            ..Self::default()
        }
    }

    /// Returns the key of the connections that requests to `origin` use: those to the origin, through
    /// a tunnel if there is one, or those to a proxy that forwards the requests.
    pub fn key_of(&self, origin: &Origin) -> Key {
        self.key(origin).0
    }

    /// The way to `origin`.
    fn way(&self, origin: &Origin) -> &Route {
        let route = match origin.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        match route {
            Route::Direct | Route::Unix(_) => route,
            Route::Tunnel(_) | Route::Forward(_) if self.no_proxy.matches(origin) => &Route::Direct,
            Route::Tunnel(_) | Route::Forward(_) => route,
        }
    }

    /// Whether the requests to some origins are forwarded by a proxy.
    pub(crate) fn may_forward(&self) -> bool {
        self.http.forwarding().is_some() || self.https.forwarding().is_some()
    }

    /// The proxy that gets the requests for `origin` to forward them.
    pub(crate) fn forwarder(&self, origin: &Origin) -> Option<&Hop> {
        Some(self.way(origin).forwarding()?.0)
    }

    /// The key of connections for requests to `origin`, and whether their peer is a proxy that
    /// forwards them.
    pub(crate) fn key(&self, origin: &Origin) -> (Key, bool) {
        let way = self.way(origin);
        if let Some((proxy, before)) = way.forwarding() {
            let key = Key::direct(proxy.proxy().clone()).with_tls(proxy.tls());
            let key = key.with_local(self.local).with_limits(self.limits);
            return (key.through(before), true);
        }
        let key = Key::direct(origin.clone()).with_local(self.local).with_limits(self.limits);
        let key = match origin.scheme() {
            Scheme::Http => key,
            Scheme::Https => key.with_tls(self.tls),
        };
        match way {
            Route::Direct => (key, false),
            Route::Unix(path) => (key.with_local(None).with_unix(Some(path.clone())), false),
            Route::Tunnel(hops) | Route::Forward(hops) => (key.through(hops.clone()), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn key(routes: &Routes, url: &str) -> (alloc::string::String, bool) {
        let url = crate::message::Url::parse(url).unwrap();
        let (key, forwards) = routes.key(&Origin::of(&url).unwrap());
        (key.to_string(), forwards)
    }

    #[test]
    fn the_way_depends_on_scheme_proxy_and_no_proxy() {
        let http = Routes::through(Hop::parse("https://proxy").unwrap().with_tls(TlsId(3)))
            .no_proxy(NoProxy::parse("in.test"));
        assert_eq!(key(&http, "http://a/"), ("https://proxy".into(), true));
        assert_eq!(key(&http, "https://a/"), ("https://a via https://proxy".into(), false));
        assert_eq!(key(&http, "http://in.test/"), ("http://in.test".into(), false));
        assert_eq!(key(&http, "https://x.in.test/"), ("https://x.in.test".into(), false));
        let url = crate::message::Url::parse("http://a/").unwrap();
        assert_eq!(http.key(&Origin::of(&url).unwrap()).0.tls(), TlsId(3));

        let socks = Hop::parse("socks5h://s").unwrap();
        let routes = Routes::through(socks.clone());
        assert_eq!(key(&routes, "http://a/"), ("http://a via http://s:1080".into(), false));
        let routes = Routes::default().http(Route::forward(socks.clone()));
        assert_eq!(key(&routes, "http://a/"), ("http://a via http://s:1080".into(), false));

        let both = Routes::default().https(Route::forward(Hop::parse("p").unwrap()).behind(socks));
        assert_eq!(key(&both, "https://a/"), ("http://p via http://s:1080".into(), true));
        assert_eq!(key(&both, "http://a/"), ("http://a".into(), false));
    }

    #[test]
    fn a_unix_route_names_its_socket_for_every_origin_and_takes_no_local_address() {
        let local = Some([127, 0, 0, 1].into());
        let routes = Routes::through(Hop::parse("p").unwrap()).http(Route::unix("/x")).local(local);
        assert_eq!(key(&routes, "http://a/"), ("http://a at unix:/x".into(), false));
        assert_eq!(key(&routes, "https://a/"), ("https://a via http://p".into(), false));
        let of = |routes: &Routes| {
            let url = crate::message::Url::parse("http://a/").unwrap();
            routes.key(&Origin::of(&url).unwrap()).0
        };
        assert_eq!(of(&routes).local(), None);
        let other = Routes::default().http(Route::unix("/y"));
        assert!(of(&routes) != of(&other) && of(&other) != of(&Routes::default()));
    }
}
