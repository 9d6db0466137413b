//! Calls that differ in a TLS setting share neither connections nor session tickets.

use httpool::error::TlsKind;
use httpool_blocking::{TlsOptions, TlsVersion};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, config},
};

use crate::{
    calls::{Ask, Calls, HOST, Setup},
    kind,
    server::Server,
};

with_each_driver!(
    calls_that_differ_in_one_setting_share_neither_connection_nor_ticket,
    equal_settings_share_connections,
    an_unverified_connection_never_serves_a_call_that_verifies,
);

/// Settings that differ from `trusting` in one point each.
fn variants(trusting: &TlsOptions) -> Vec<(&'static str, TlsOptions)> {
    let base = || trusting.clone();
    let me = Authority::new("clients").issue_client("me");
    vec![
        ("one more authority", base().ca_cert_data(Authority::new("other").pem())),
        ("the platform's authorities too", base().platform_roots_too()),
        ("no environment", base().ignore_environment()),
        ("a minimum version", base().min_version(TlsVersion::V1_3)),
        ("a maximum version", base().max_version(TlsVersion::V1_2)),
        ("an asserted name", base().assert_hostname(HOST)),
        ("any name", base().danger_accept_any_hostname()),
        ("a name to ask for", base().server_hostname(HOST)),
        ("no verification", base().danger_accept_invalid_certificates()),
        ("no resumption", base().no_resumption()),
        ("a client certificate", base().cert_data(me.chain_pem()).key_data(me.key_pem())),
    ]
}

fn calls_that_differ_in_one_setting_share_neither_connection_nor_ticket<C: Calls>() {
    let root = Authority::new("root");
    let trusting = TlsOptions::new().ca_cert_data(root.pem());
    for (what, options) in variants(&trusting) {
        // The connections are kept.
        let server = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
        let mut client = C::new(Setup::new(trusting.clone(), server.port));
        let Ok(other) = client.tls_config(&options) else {
            assert_eq!(what, "the platform's authorities too", "this system has none");
            continue;
        };
        let default = Ask::get(server.url(HOST));
        assert!(!client.call(default).unwrap().reused);
        let first = client.call(Ask::get(server.url(HOST)).tls(other)).unwrap();
        assert!(!first.reused, "{what}");
        assert_eq!(server.accepted(), 2, "{what}");
        assert_eq!(server.resumed(), [false, false], "{what}");

        // Each call has a connection of its own, and may resume an earlier session.
        let server = Server::answering(config(&root.issue(&[HOST]), BOTH), true);
        let mut client = C::new(Setup::new(trusting.clone(), server.port));
        let other = client.tls_config(&options).unwrap();
        for _ in 0..2 {
            client.get(&server.url(HOST)).unwrap();
            client.call(Ask::get(server.url(HOST)).tls(other)).unwrap();
        }
        let again = what != "no resumption";
        assert_eq!(server.resumed(), [false, false, true, again], "{what}");
    }
}

fn equal_settings_share_connections<C: Calls>() {
    let root = Authority::new("root");
    let options = TlsOptions::new().ca_cert_data(root.pem());
    let server = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
    let mut client = C::new(Setup::new(options.clone(), server.port));
    client.get(&server.url(HOST)).unwrap();
    let same = client.tls_config(&options).unwrap();
    assert!(client.call(Ask::get(server.url(HOST)).tls(same)).unwrap().reused);
    assert_eq!(server.accepted(), 1);
}

fn an_unverified_connection_never_serves_a_call_that_verifies<C: Calls>() {
    let server = Server::answering(config(&Authority::new("odd").issue(&[HOST]), BOTH), false);
    let tls = TlsOptions::new().ca_cert_data(Authority::new("root").pem());
    let mut client = C::new(Setup::new(tls, server.port));
    let blind = TlsOptions::new().danger_accept_invalid_certificates();
    let blind = client.tls_config(&blind).unwrap();
    for round in 0..2 {
        let answer = client.call(Ask::get(server.url(HOST)).tls(blind)).unwrap();
        assert_eq!(answer.reused, round > 0);
        assert_eq!(kind(&client.get(&server.url(HOST)).unwrap_err()), TlsKind::Issuer);
    }
}
