//! TLS through proxies, and proxies that are reached by TLS.

use httpool::{
    call::{Policy, Route, Routes},
    error::{Cause, DialError, IoKind, TlsKind, Unavailable},
    message::{Hop, HopKind, Origin, Scheme, TlsId},
};
use httpool_blocking::{Role, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, config},
};

use crate::{
    calls::{Ask, Calls, HOST, Setup},
    kind,
    server::{Server, proxy, secure_proxy},
};

with_each_driver!(
    https_goes_through_the_tunnel_of_a_proxy,
    a_proxy_reached_by_tls_has_a_configuration_and_tickets_of_its_own,
    an_answer_of_a_proxy_that_is_cut_is_told_from_one_that_ends,
);

fn through(scheme: Scheme, port: u16, tls: TlsId) -> Policy {
    let hop = Hop::new(HopKind::Connect, Origin::new(scheme, "proxy.test", port)).with_tls(tls);
    Policy::default().routes(Routes::default().https(Route::Tunnel([hop].into())))
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
