//! Certificates of proxies that are reached by TLS, and of origins behind them.

use httpool::{
    error::{ErrorKind, Reached, TlsKind},
    message::Scheme,
};
use httpool_blocking::{Role, TlsOptions};
use httpool_tls_testing::{
    certificates::{Authority, Issued},
    server::{BOTH, config},
};

use crate::{
    calls::{Ask, Calls, HOST, Setup, tunnel},
    kind,
    server::{Server, secure_proxy},
};

with_each_driver!(
    a_proxy_s_certificate_is_verified_before_the_proxy_hears_of_the_target,
    an_origin_s_certificate_is_verified_behind_a_proxy,
);

/// A certificate of the proxy, the proxy's host, and the settings for it.
struct Cell {
    what: &'static str,
    issued: Issued,
    host: &'static str,
    tls: TlsOptions,
    expected: Result<(), TlsKind>,
}

fn cells() -> Vec<Cell> {
    let company = Authority::new("company");
    let trusting = || TlsOptions::new().ca_cert_data(company.pem()).role(Role::Proxy);
    let mut cells = Vec::new();
    let mut add = |what, issued, host, tls, expected| {
        cells.push(Cell { what, issued, host, tls, expected });
    };
    let named = || company.issue(&["proxy.test"]);
    let elsewhere = || company.issue(&["elsewhere.test"]);
    add("good", named(), "proxy.test", trusting(), Ok(()));
    add("an address", company.issue(&["127.0.0.1"]), "127.0.0.1", trusting(), Ok(()));
    let name = Err(TlsKind::Name);
    add("an address that it has not", named(), "127.0.0.1", trusting(), name);
    add("the wrong name", elsewhere(), "proxy.test", trusting(), name);
    add("a common name alone", company.issue(&[]), "proxy.test", trusting(), name);
    let asserted = trusting().assert_hostname("elsewhere.test");
    add("the name asserted", elsewhere(), "proxy.test", asserted.clone(), Ok(()));
    add("not the name asserted", named(), "proxy.test", asserted, name);
    let pinned = trusting().assert_fingerprint(&"00".repeat(32));
    add("the wrong pin", named(), "proxy.test", pinned, Err(TlsKind::Pin));
    let strange = Authority::new("strange").issue(&["proxy.test"]);
    add("an unknown authority", strange, "proxy.test", trusting(), Err(TlsKind::Issuer));
    cells
}

fn a_proxy_s_certificate_is_verified_before_the_proxy_hears_of_the_target<C: Calls>() {
    let root = Authority::new("root");
    for Cell { what, issued, host, tls, expected } in cells() {
        let origin = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
        let proxy = secure_proxy(config(&issued, BOTH));
        let trusting = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup::new(trusting, proxy.port));
        let own = client.tls_config(&tls).unwrap();
        let policy = Some(tunnel(Scheme::Https, host, proxy.port, own));
        let outcome = client.call(Ask { policy, ..Ask::get(origin.url(HOST)) });
        let outcome = outcome.map(|answer| assert_eq!(answer.body, b"hello")).map_err(|error| {
            assert_eq!(
                (error.reached(), error.kind()),
                (Reached::Nothing, ErrorKind::Proxy),
                "{what}"
            );
            let whose = format!("with the proxy https://{host}:{} failed", proxy.port);
            assert!(error.to_string().contains(&whose), "{what}: {error}");
            kind(&error)
        });
        assert_eq!(outcome, expected, "{what}");
        assert_eq!(origin.accepted(), usize::from(expected.is_ok()), "{what}");
    }
}

fn an_origin_s_certificate_is_verified_behind_a_proxy<C: Calls>() {
    let (root, company) = (Authority::new("root"), Authority::new("company"));
    let proxy = secure_proxy(config(&company.issue(&["proxy.test"]), BOTH));
    let own = TlsOptions::new().ca_cert_data(company.pem()).role(Role::Proxy);
    let strange = Authority::new("strange");
    for (issued, host, expected) in [
        (root.issue(&[HOST]), HOST, Ok(())),
        // The name in the certificate has no final dot.
        (root.issue(&[HOST]), "a.test.", Ok(())),
        (root.issue(&["b.test"]), HOST, Err(TlsKind::Name)),
        (root.issue(&["proxy.test"]), HOST, Err(TlsKind::Name)),
        (strange.issue(&[HOST]), HOST, Err(TlsKind::Issuer)),
        // The proxy's authorities are not those of origins.
        (company.issue(&[HOST]), HOST, Err(TlsKind::Issuer)),
    ] {
        let origin = Server::answering(config(&issued, BOTH), false);
        let mut client = C::new(Setup::new(TlsOptions::new().ca_cert_data(root.pem()), proxy.port));
        let tls = client.tls_config(&own).unwrap();
        let policy = Some(tunnel(Scheme::Https, "proxy.test", proxy.port, tls));
        let outcome = client.call(Ask { policy, ..Ask::get(origin.url(host)) });
        let outcome = outcome.map(|answer| {
            assert_eq!(answer.body, b"hello");
            assert!(answer.tls.unwrap().verified);
        });
        let outcome = outcome.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Ssl, "{error}");
            assert!(!error.to_string().contains("proxy"), "{error}");
            kind(&error)
        });
        assert_eq!(outcome, expected, "{host}");
    }
}
