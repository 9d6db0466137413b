//! TLS through proxies, and proxies that are reached by TLS.

use std::io::{Read, Write};

use httpool::{
    call::{Policy, Route, Routes},
    error::{Cause, DialError, ErrorKind, IoKind, TlsKind, Unavailable},
    message::{Credentials, Hop, HopKind, Origin, Scheme, TlsId},
};
use httpool_blocking::{Role, Session, TlsOptions};
use httpool_tls_testing::{
    certificates::{Authority, Issued},
    server::{BOTH, config},
};

use crate::{
    calls::{Ask, Calls, HOST, Setup, tunnel},
    kind,
    server::{Server, listen, proxy, secure_proxy},
};

with_each_driver!(
    https_goes_through_the_tunnel_of_a_proxy,
    a_proxy_reached_by_tls_has_a_configuration_and_tickets_of_its_own,
    an_answer_of_a_proxy_that_is_cut_is_told_from_one_that_ends,
    the_settings_about_one_server_are_not_for_proxies,
    https_is_forwarded_by_a_proxy_where_that_is_chosen,
    a_proxy_that_forwards_fails_its_own_handshake,
    each_session_is_shown_as_that_of_its_peer,
);

fn through(scheme: Scheme, port: u16, tls: TlsId) -> Policy {
    tunnel(scheme, "proxy.test", port, tls)
}

fn https_goes_through_the_tunnel_of_a_proxy<C: Calls>() {
    let root = Authority::new("root");
    let server = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
    let proxy = proxy();
    let policy = through(Scheme::Http, proxy, TlsId::PROXY);
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let mut client = C::new(Setup { policy, ..Setup::new(tls, proxy) });
    for round in 0..3 {
        let answer = client.get(&server.url(HOST)).unwrap();
        assert_eq!((&*answer.body, answer.reused), (&b"hello"[..], round > 0));
    }
    // The name of the origin is checked, not that of the proxy.
    let error = client.get(&server.url("b.test")).unwrap_err();
    assert_eq!(kind(&error), TlsKind::Name);
}

fn a_proxy_reached_by_tls_has_a_configuration_and_tickets_of_its_own<C: Calls>() {
    let (root, company) = (Authority::new("root"), Authority::new("company"));
    let origin = Server::answering(config(&root.issue(&[HOST]), BOTH), true);
    let outer = secure_proxy(config(&company.issue(&["proxy.test"]), BOTH));
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let mut client = C::new(Setup::new(tls, outer.port));
    let own = TlsOptions::new().ca_cert_data(company.pem()).role(Role::Proxy);
    let own = client.tls_config(&own).unwrap();
    let call = |client: &mut C, own| {
        let policy = Some(through(Scheme::Https, outer.port, own));
        client.call(Ask { policy, ..Ask::get(origin.url(HOST)) })
    };
    for _ in 0..2 {
        assert_eq!(call(&mut client, own).unwrap().body, b"hello");
    }
    assert_eq!(origin.resumed(), [false, true]);
    assert_eq!(outer.resumed(), [false, true]);
    // The default configuration for proxies trusts the same authorities as that for origins.
    assert_eq!(kind(&call(&mut client, TlsId::PROXY).unwrap_err()), TlsKind::Issuer);
    assert_eq!(origin.accepted(), 2);

    // One server in both roles: the proxy's tickets are not shown to it as an origin.
    let both = TlsOptions::new().ca_cert_data(root.pem()).ca_cert_data(company.pem());
    let mut client = C::new(Setup::new(both, outer.port));
    assert!(call(&mut client, TlsId::PROXY).is_ok());
    assert!(call(&mut client, TlsId::PROXY).is_ok());
    let before = outer.accepted();
    client.get(&outer.url("proxy.test")).ok();
    let resumed = outer.resumed();
    assert!(resumed[before - 1] && !resumed[before], "{resumed:?}");
}

fn an_answer_of_a_proxy_that_is_cut_is_told_from_one_that_ends<C: Calls>() {
    let root = Authority::new("root");
    for (notice, why) in [(true, IoKind::Eof), (false, IoKind::Reset)] {
        let config = config(&root.issue(&["proxy.test"]), BOTH);
        let server = Server::start(config, usize::MAX, move |peer| {
            peer.head();
            peer.send(b"HTTP/1.1 200");
            if notice { peer.end() } else { peer.cut() }
        });
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let policy = through(Scheme::Https, server.port, TlsId::PROXY);
        let mut client = C::new(Setup { policy, ..Setup::new(tls, server.port) });
        let error = client.get("https://a.test/").unwrap_err();
        let cause = error.as_failure().unwrap().cause;
        let lost = Unavailable::Dial(DialError::ProxyLost(why));
        assert_eq!(cause, Cause::Unavailable(lost), "{error}");
    }
}

fn the_settings_about_one_server_are_not_for_proxies<C: Calls>() {
    let (root, company) = (Authority::new("root"), Authority::new("company"));
    let issued = root.issue(&["elsewhere.test"]);
    let origin = Server::answering(config(&issued, BOTH), false);
    let outer = secure_proxy(config(&company.issue(&["proxy.test"]), BOTH));
    let policy = through(Scheme::Https, outer.port, TlsId::PROXY);
    let both = TlsOptions::new().ca_cert_data(root.pem()).ca_cert_data(company.pem());
    let setup =
        |tls, proxy_tls| Setup { policy: policy.clone(), proxy_tls, ..Setup::new(tls, outer.port) };
    // The name is checked at the origin alone.
    let tls = both.assert_hostname("elsewhere.test");
    let mut client = C::new(setup(tls.clone(), None));
    assert_eq!(client.get(&origin.url(HOST)).unwrap().body, b"hello");
    // With settings of its own, the proxy is verified by them, and the origin is not.
    let own = |authority: &Authority| Some(TlsOptions::new().ca_cert_data(authority.pem()));
    let mut client = C::new(setup(tls.clone(), own(&company)));
    assert_eq!(client.get(&origin.url(HOST)).unwrap().body, b"hello");
    let mut client = C::new(setup(tls, own(&root)));
    assert_eq!(kind(&client.get(&origin.url(HOST)).unwrap_err()), TlsKind::Issuer);
}

fn https_is_forwarded_by_a_proxy_where_that_is_chosen<C: Calls>() {
    let root = Authority::new("root");
    let proxy = Server::start(config(&root.issue(&["proxy.test"]), BOTH), usize::MAX, |peer| {
        while let Some(head) = peer.head() {
            let length = head.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
            peer.send(answer.as_bytes());
        }
    });
    let hop = Hop::new(HopKind::Connect, Origin::new(Scheme::Https, "proxy.test", proxy.port));
    let hop = hop.with_credentials(Credentials::new("me", "secret"));
    let routes = Routes::through(hop.clone()).https(Route::forward(hop));
    let policy = Policy::default().routes(routes);
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let mut client = C::new(Setup { policy, ..Setup::new(tls, proxy.port) });
    for (round, url) in ["https://one.test/x", "http://two.test/y"].into_iter().enumerate() {
        let answer = client.get(url).unwrap();
        let head = String::from_utf8(answer.body).unwrap();
        assert!(head.starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
        assert_eq!(answer.reused, round > 0);
        assert!(answer.tls.is_none(), "nobody knows how the proxy reaches the origin");
        assert!(answer.proxy_tls.is_some_and(|session| session.verified));
    }
    assert_eq!(proxy.accepted(), 1);
}

fn a_proxy_that_forwards_fails_its_own_handshake<C: Calls>() {
    let proxy = Server::answering(config(&Authority::new("x").issue(&["proxy.test"]), BOTH), false);
    let hop = Hop::new(HopKind::Connect, Origin::new(Scheme::Https, "proxy.test", proxy.port));
    let routes = Routes::through(hop.clone()).https(Route::forward(hop));
    let tls = TlsOptions::new().ca_cert_data(Authority::new("root").pem());
    let policy = Policy::default().routes(routes);
    let mut client = C::new(Setup { policy, ..Setup::new(tls, proxy.port) });
    for url in ["https://one.test/", "http://two.test/"] {
        let error = client.get(url).unwrap_err();
        assert_eq!((kind(&error), error.kind()), (TlsKind::Issuer, ErrorKind::Proxy));
        let whose = format!("the TLS handshake with the proxy https://proxy.test:{} ", proxy.port);
        assert!(error.to_string().contains(&whose), "{error}");
    }
}

/// urllib3: `is_verified` and `proxy_is_verified`.
fn each_session_is_shown_as_that_of_its_peer<C: Calls>() {
    let (root, company) = (Authority::new("root"), Authority::new("company"));
    let (of_origin, of_proxy) = (root.issue(&[HOST]), company.issue(&["proxy.test"]));
    let (secure, plain) = (Server::answering(config(&of_origin, BOTH), false), plain_origin());
    let (by_tls, open) = (secure_proxy(config(&of_proxy, BOTH)), proxy());
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let own = TlsOptions::new().ca_cert_data(company.pem()).role(Role::Proxy);
    for (scheme, proxy_port) in [(Scheme::Https, by_tls.port), (Scheme::Http, open)] {
        let ports = vec![secure.port, plain, proxy_port];
        let mut client = C::new(Setup { ports, ..Setup::new(tls.clone(), proxy_port) });
        let own = client.tls_config(&own).unwrap();
        let mut policy = through(scheme, proxy_port, own);
        policy.routes.http = policy.routes.https.clone();
        for url in [secure.url(HOST), format!("http://{HOST}:{plain}/")] {
            for reused in [false, true] {
                let ask = Ask { policy: Some(policy.clone()), ..Ask::get(&url) };
                let answer = client.call(ask).unwrap();
                assert_eq!(answer.reused, reused);
                let shown = |session: Option<Session>, own: &Issued, whose: bool| match session {
                    Some(session) => {
                        assert!(whose && session.verified, "{url} by {scheme:?}");
                        assert_eq!(session.peer_certificates[0], *own.chain[0]);
                    }
                    None => assert!(!whose, "{url} by {scheme:?}"),
                };
                shown(answer.tls, &of_origin, url.starts_with("https:"));
                shown(answer.proxy_tls, &of_proxy, scheme == Scheme::Https);
            }
        }
    }
}

/// Starts a server without TLS that answers each request.
fn plain_origin() -> u16 {
    listen(|mut tcp, _| {
        let mut head = [0; 4_096];
        while let Ok(1..) = tcp.read(&mut head) {
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        }
    })
}
