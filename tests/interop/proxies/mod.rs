//! Both drivers through the proxies of others: squid, tinyproxy, HAProxy, microsocks and dante.
//! Without a program, its test prints that it did not run.

mod programs;

use std::net::SocketAddr;

use httpool::{
    call::{Policy, Route, Routes},
    error::{Cause, DialError, Unavailable},
    message::{Hop, Method},
};
use httpool_blocking::{Error, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, config, serve_local},
};

use self::programs::{Folder, dante, haproxy, microsocks, squid, tinyproxy};
use crate::{
    calls::{Answer, Ask, Blocking, Calls, Mio, Setup},
    support::proxies::Heads,
};

/// Two origins, and the authority that all servers have their certificates from.
struct World {
    authority: Authority,
    http: Heads,
    https: SocketAddr,
}

/// A way to the proxy: `http://me:secret@localhost:3128`.
fn url(scheme: &str, userinfo: &str, port: u16) -> String {
    let at = if userinfo.is_empty() { "" } else { "@" };
    format!("{scheme}://{userinfo}{at}localhost:{port}")
}

fn hop(url: &str) -> Hop {
    Hop::parse(url).unwrap()
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("root");
        let https = serve_local(config(&authority.issue(&["localhost"]), BOTH));
        Self { authority, http: Heads::origin(), https }
    }

    fn client<C: Calls>(&self, routes: Routes) -> C {
        let tls = TlsOptions::new().ca_cert_data(self.authority.pem());
        C::new(Setup { tls, policy: Policy::default().routes(routes), ..Setup::default() })
    }

    fn http(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.http.server.port())
    }

    fn https(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https.port())
    }

    /// Sends requests in turn to both origins. Each tunnel is kept, and if `keeps`, the connection
    /// for the requests to the `http` origin.
    fn works<C: Calls>(&self, routes: Routes, keeps: bool) {
        let mut client: C = self.client(routes);
        for round in 0..3 {
            let answer = client.get(&self.http("/x")).unwrap();
            assert_eq!((&*answer.body, answer.status), (&b"origin"[..], 200));
            assert_eq!(answer.reused, keeps && round > 0);
            let answer = client.get(&self.https("/y")).unwrap();
            assert_eq!(answer.body, b"GET /y HTTP/1.1");
            assert_eq!(answer.reused, round > 0);
            assert!(answer.tls.unwrap().verified);
        }
        let ask =
            Ask { method: Method::POST, body: vec![b'x'; 100_000], ..Ask::get(self.http("/")) };
        assert_eq!(client.call(ask).unwrap().status, 200);
        for head in self.http.heads() {
            assert!(!head.to_lowercase().contains("proxy-authorization"), "{head}");
        }
    }

    /// Sends requests with both drivers: by forwarding, if the proxy does that, and by tunnels.
    /// `keeps`: the proxy keeps the connections on which it forwards.
    fn both_ways(&self, proxy: &str, keeps: bool) {
        let tunnel = || Route::tunnel(hop(proxy));
        let tunnels = || Routes::default().http(tunnel()).https(tunnel());
        self.works::<Blocking>(Routes::through(hop(proxy)), keeps);
        self.works::<Mio>(Routes::through(hop(proxy)), keeps);
        self.works::<Blocking>(tunnels(), true);
        self.works::<Mio>(tunnels(), true);
    }

    /// Sends a request with each driver, to `url` through `proxy`.
    fn each(&self, proxy: &str, url: &str) -> [Result<Answer, Error>; 2] {
        let routes = || Routes::through(hop(proxy));
        [self.client::<Blocking>(routes()).get(url), self.client::<Mio>(routes()).get(url)]
    }

    /// Checks that an HTTP proxy refuses no credentials, and wrong ones with the status `wrong`.
    fn demands_credentials(&self, proxy: impl Fn(&str) -> String, wrong: u16) {
        for (userinfo, status) in [("", 407), ("me:wrong", wrong)] {
            for answer in self.each(&proxy(userinfo), &self.http("/")) {
                assert_eq!(answer.unwrap().status, status);
            }
            for answer in self.each(&proxy(userinfo), &self.https("/")) {
                let error = answer.unwrap_err();
                assert_eq!(refusal(&error), DialError::ProxyLogin(status));
                let response = error.proxy_response().unwrap();
                let challenge =
                    if status == 407 { "proxy-authenticate" } else { "www-authenticate" };
                let challenge = response.head().headers().get_str(challenge).unwrap();
                assert!(challenge.starts_with("Basic realm="), "{challenge}");
                assert!(response.body().len() > 100, "{response:?}");
            }
        }
    }
}

/// Returns the reason why there is no tunnel.
#[track_caller]
fn refusal(error: &Error) -> DialError {
    match error.as_failure().unwrap().cause {
        Cause::Unavailable(Unavailable::Dial(why)) => why,
        other => panic!("{other:?}: {error:?}"),
    }
}

#[test]
fn squid_forwards_and_tunnels_with_and_without_tls_and_passwords() {
    let world = World::new();
    let folder = Folder::new("squid", &world.authority);
    let Some(squid) = squid(&folder) else { return };
    let [open, closed, secure, both] = squid.ports;
    for (scheme, userinfo, port) in [
        ("http", "", open),
        ("http", "me:secret", closed),
        ("https", "", secure),
        ("https", "me:secret", both),
    ] {
        world.both_ways(&url(scheme, userinfo, port), true);
    }
    for (scheme, port) in [("http", closed), ("https", both)] {
        world.demands_credentials(|userinfo| url(scheme, userinfo, port), 407);
    }
    // It may not be asked for port 1; and nothing listens at port 2.
    for (port, status) in [(1, 403), (2, 503)] {
        for answer in world.each(&url("http", "", open), &format!("https://localhost:{port}/")) {
            let error = answer.unwrap_err();
            assert_eq!(refusal(&error), DialError::ProxyRefused(status));
            let response = error.proxy_response().unwrap();
            assert!(response.head().headers().get("x-squid-error").is_some(), "{response:?}");
            assert!(String::from_utf8_lossy(response.body()).contains("<html>"));
        }
        let url = format!("http://localhost:{port}/");
        for answer in world.each(&self::url("http", "", open), &url) {
            assert_eq!(answer.unwrap().status, status);
        }
    }
}

#[test]
fn squid_forwards_https_where_that_is_chosen() {
    let world = World::new();
    let folder = Folder::new("squid-forwards", &world.authority);
    let Some(squid) = squid(&folder) else { return };
    let url = url("https", "", squid.ports[2]);
    let routes = || Routes::through(hop(&url)).https(Route::forward(hop(&url)));
    let asked = world.https("/");
    for answer in
        [world.client::<Blocking>(routes()).get(&asked), world.client::<Mio>(routes()).get(&asked)]
    {
        // The request line that the origin got.
        assert_eq!(answer.unwrap().body, b"GET / HTTP/1.1");
    }
}

#[test]
fn tinyproxy_forwards_and_tunnels_also_behind_the_tls_of_haproxy() {
    let world = World::new();
    let folder = Folder::new("tinyproxy", &world.authority);
    let Some(open) = tinyproxy(&folder, false) else { return };
    let Some(closed) = tinyproxy(&folder, true) else { return };
    world.both_ways(&url("http", "", open.ports[0]), false);
    world.both_ways(&url("http", "me:secret", closed.ports[0]), false);
    world.demands_credentials(|userinfo| url("http", userinfo, closed.ports[0]), 401);
    let Some(front) = haproxy(&folder, closed.ports[0]) else { return };
    world.both_ways(&url("https", "me:secret", front.ports[0]), false);
    world.demands_credentials(|userinfo| url("https", userinfo, front.ports[0]), 401);
}

#[test]
fn microsocks_tunnels_with_and_without_a_password() {
    let world = World::new();
    let Some(open) = microsocks(false) else { return };
    let Some(closed) = microsocks(true) else { return };
    for scheme in ["socks5", "socks5h"] {
        world.both_ways(&url(scheme, "", open.ports[0]), true);
        world.both_ways(&url(scheme, "me:secret", closed.ports[0]), true);
        for (userinfo, code) in [("", 255), ("me:wrong", 2)] {
            for answer in world.each(&url(scheme, userinfo, closed.ports[0]), &world.https("/")) {
                assert_eq!(refusal(&answer.unwrap_err()), DialError::ProxyLogin(code));
            }
        }
        for answer in world.each(&url(scheme, "", open.ports[0]), "http://localhost:2/") {
            assert_eq!(refusal(&answer.unwrap_err()), DialError::ProxyRefused(5));
        }
    }
}

#[test]
fn dante_tunnels_in_every_version_of_socks() {
    let world = World::new();
    let folder = Folder::new("dante", &world.authority);
    let Some(dante) = dante(&folder) else { return };
    // It takes the name of a SOCKS4a request for the address 0.0.0.1, also from other clients.
    let address = world.http("/").replace("localhost", "127.0.0.1");
    for answer in world.each(&url("socks4a", "", dante.ports[0]), &address) {
        assert_eq!(answer.unwrap().body, b"origin");
    }
    for scheme in ["socks4", "socks5", "socks5h"] {
        world.both_ways(&url(scheme, "", dante.ports[0]), true);
        for answer in world.each(&url(scheme, "", dante.ports[0]), "http://localhost:2/") {
            let code = if scheme == "socks4" { 91 } else { 5 };
            assert_eq!(refusal(&answer.unwrap_err()), DialError::ProxyRefused(code), "{scheme}");
        }
    }
}

#[test]
fn a_chain_of_socks_and_two_http_proxies_reaches_both_origins() {
    let world = World::new();
    let folder = Folder::new("chain", &world.authority);
    let Some(socks) = microsocks(true) else { return };
    let Some(squid) = squid(&folder) else { return };
    let Some(last) = tinyproxy(&folder, true) else { return };
    let chain = || {
        Route::Tunnel(
            [
                hop(&url("socks5h", "me:secret", socks.ports[0])),
                hop(&url("https", "me:secret", squid.ports[3])),
                hop(&url("http", "me:secret", last.ports[0])),
            ]
            .into(),
        )
    };
    let routes = || Routes::default().http(chain()).https(chain());
    world.works::<Blocking>(routes(), true);
    world.works::<Mio>(routes(), true);
}
