//! Peers with which no session is possible: each failure has its exact kind.

use std::sync::Arc;

use httpool::error::TlsKind;
use httpool_tls::{TlsOptions, TlsVersion};
use httpool_tls_testing::{
    certificates::Authority,
    link::Client,
    server::{ONLY_1_2, ONLY_1_3, config, provider},
};
use rustls::{ServerConfig, server::ResolvesServerCert, sign::CertifiedKey, version::TLS13};

use crate::{PIECES, details, meets};

/// Returns the kind of the failure at these first bytes of a server, in pieces of every size, and
/// the text about it.
fn answer(bytes: &[u8]) -> (TlsKind, String) {
    let config = TlsOptions::new().danger_accept_invalid_certificates().build().unwrap();
    let mut results = PIECES.map(|piece| {
        let mut client = Client::new(config.begin("a.test").unwrap());
        let why = client.feed_in(bytes, piece).unwrap_err();
        (why.kind(), details(&why).to_string())
    });
    assert!(results.iter().all(|(kind, _)| *kind == results[0].0), "{results:?}");
    std::mem::take(&mut results[0].1);
    let [_, five, one] = results;
    assert_eq!(five.0, one.0);
    one
}

#[test]
fn plain_http_is_recognized() {
    let (kind, said) = answer(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(kind, TlsKind::PlainHttp);
    assert!(said.contains("http://"), "{said}");
    assert_eq!(answer(b"HTTP/1.0 200 OK\r\n\r\nhello").0, TlsKind::PlainHttp);
}

#[test]
fn other_protocols_and_garbage_are_not_tls() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"220 mail.test ESMTP\r\n",
        b"-ERR unknown command\r\n",
        b"<html>what?</html>",
        &[0; 64],
        &[0xff; 64],
        b"\n\n\n\n\n\n\n",
    ] {
        let (kind, said) = answer(bytes);
        assert_eq!(kind, TlsKind::NotTls, "{}", bytes.escape_ascii());
        assert!(said.contains("first bytes"), "{said}");
    }
}

#[test]
fn what_begins_as_tls_and_goes_wrong_is_a_violation() {
    for bytes in [
        // A record of 65,535 bytes; a message that no client gets; a hello of nothing.
        &[22, 3, 3, 0xff, 0xff, 0, 0, 0, 0, 0][..],
        &[22, 3, 3, 0, 4, 1, 0, 0, 0],
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
        &[23, 3, 3, 0, 1, 0],
    ] {
        assert_eq!(answer(bytes).0, TlsKind::Protocol, "{bytes:?}");
    }
}

#[test]
fn every_alert_has_a_kind_and_its_name() {
    for number in 0..=u8::MAX {
        let (level, expected) = match number {
            // close_notify, in the handshake.
            0 => (2, TlsKind::Lost(httpool::error::IoKind::Eof)),
            40 | 71 => (2, TlsKind::Parameters),
            41..=46 | 48 | 116 => (2, TlsKind::ClientCertificateRequired),
            70 | 86 => (2, TlsKind::Version),
            112 => (2, TlsKind::Name),
            120 => (2, TlsKind::Alpn),
            other => (2, TlsKind::Alert(other)),
        };
        let (kind, said) = answer(&[21, 3, 3, 0, 2, level, number]);
        assert_eq!(kind, expected, "{number}: {said}");
    }
    assert!(TlsKind::Alert(80).to_string().contains("internal_error"));
    assert!(TlsKind::Alert(200).to_string().contains("200"));
}

#[test]
fn versions_that_do_not_meet() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test"]);
    let options = TlsOptions::new().ca_cert_data(root.pem());
    let (old, new) = (Arc::new(config(&issued, ONLY_1_2)), Arc::new(config(&issued, ONLY_1_3)));
    let only = |version| options.clone().min_version(version).max_version(version);
    for (version, good, bad) in [(TlsVersion::V1_2, &old, &new), (TlsVersion::V1_3, &new, &old)] {
        assert!(meets(&only(version), good, "a.test").is_ok());
        let why = meets(&only(version), bad, "a.test").unwrap_err();
        assert_eq!(why.kind(), TlsKind::Version);
    }
}

#[test]
fn no_cipher_suite_or_group_in_common() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test"]);
    let mut odd = (*provider()).clone();
    odd.kx_groups.retain(|group| group.name() == rustls::NamedGroup::secp384r1);
    let server = ServerConfig::builder_with_provider(Arc::new(odd))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(issued.chain.clone(), issued.key_der())
        .unwrap();
    // Our client has the group, and retries with it.
    let options = TlsOptions::new().ca_cert_data(root.pem());
    assert!(meets(&options, &Arc::new(server.clone()), "a.test").is_ok());
    let mut ours = (*provider()).clone();
    ours.kx_groups.retain(|group| group.name() == rustls::NamedGroup::X25519);
    let own = rustls::ClientConfig::builder_with_provider(Arc::new(ours))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let options = TlsOptions::new().rustls_0_23(Arc::new(own));
    let why = meets(&options, &Arc::new(server), "a.test").unwrap_err();
    assert_eq!(why.kind(), TlsKind::Parameters);
}

/// Knows no name.
#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

#[test]
fn a_server_without_a_certificate_denies_access() {
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Nobody));
    let options = TlsOptions::new().danger_accept_invalid_certificates();
    let why = meets(&options, &Arc::new(server), "a.test").unwrap_err();
    assert_eq!(why.kind(), TlsKind::Alert(49));
}

#[test]
fn a_name_that_tls_cannot_carry_is_refused_before_a_byte() {
    let config = TlsOptions::new().danger_accept_invalid_certificates().build().unwrap();
    for bad in ["", "a b", "ü.test", &"x".repeat(300)] {
        assert_eq!(config.begin(bad).unwrap_err().kind(), TlsKind::Config, "{bad}");
    }
}

#[test]
fn an_address_is_not_sent_as_a_name() {
    let config = TlsOptions::new().danger_accept_invalid_certificates().build().unwrap();
    for (name, sent) in [("a.test.", true), ("127.0.0.1", false), ("[::1]", false)] {
        let client = Client::new(config.begin(name).unwrap());
        let mut acceptor = rustls::server::Acceptor::default();
        acceptor.read_tls(&mut &client.out[..]).unwrap();
        let accepted = acceptor.accept().unwrap().unwrap();
        let hello = accepted.client_hello();
        assert_eq!(hello.server_name(), sent.then_some("a.test"), "{name}");
        assert_eq!(hello.alpn().unwrap().collect::<Vec<_>>(), [b"http/1.1"]);
    }
}
