//! Handshakes that fail otherwise than by a certificate of the server.

use std::{
    io::{Read, Write},
    time::Duration,
};

use httpool::{
    call::{Policy, Retry},
    error::{Cause, DialError, TlsKind, Unavailable},
    time::Deadline,
};
use httpool_blocking::{DialPolicy, ErrorKind, Reached, TlsConfigError, TlsOptions, TlsVersion};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, ONLY_1_2, ONLY_1_3, config, demanding},
};
use rustls::ServerConnection;
use std::sync::Arc;

use crate::{
    calls::{Ask, Calls, HOST, Setup},
    kind,
    server::{Server, listen},
};

with_each_driver!(
    a_server_without_tls_is_recognised,
    a_server_that_falls_silent_in_the_handshake_is_given_up,
    a_client_certificate_is_demanded_accepted_or_refused,
    versions_that_do_not_meet_are_an_error,
    a_failure_that_cannot_get_better_is_not_retried,
    a_client_certificate_that_is_refused_behind_the_handshake_is_not_shown_again,
    settings_that_cannot_be_used_name_their_file,
);

fn a_server_without_tls_is_recognised<C: Calls>() {
    for (said, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..], TlsKind::PlainHttp),
        (b"SSH-2.0-OpenSSH_9.9\r\n", TlsKind::NotTls),
    ] {
        let port = listen(move |mut tcp, _| {
            // All of the client's hello, so that the close is no reset.
            let read = tcp.read(&mut [0; 16_384]).unwrap();
            assert!(read > 0);
            tcp.write_all(said).ok();
            while let Ok(1..) = tcp.read(&mut [0; 1_024]) {}
        });
        let mut client = C::new(Setup::new(TlsOptions::new(), port));
        let mut ask = Ask::get(format!("https://{HOST}:{port}/"));
        ask.tls = Some(client.tls_config(&blind()).unwrap());
        assert_eq!(kind(&client.call(ask).unwrap_err()), expected);
    }
}

fn blind() -> TlsOptions {
    TlsOptions::new().danger_accept_invalid_certificates()
}

fn a_server_that_falls_silent_in_the_handshake_is_given_up<C: Calls>() {
    let root = Authority::new("root");
    for versions in [ONLY_1_2, ONLY_1_3] {
        let server = Arc::new(config(&root.issue(&[HOST]), versions));
        for sent in [0, 1, 5, 100, 500] {
            let server = server.clone();
            let port = listen(move |mut tcp, _| {
                let mut tls = ServerConnection::new(server.clone()).unwrap();
                let mut out = Vec::new();
                while out.is_empty() && tls.read_tls(&mut tcp).unwrap() > 0 {
                    tls.process_new_packets().unwrap();
                    while tls.wants_write() {
                        tls.write_tls(&mut out).unwrap();
                    }
                }
                tcp.write_all(&out[..sent]).unwrap();
                while let Ok(1..) = tcp.read(&mut [0; 1_024]) {}
            });
            let dial = DialPolicy::default().tls_timeout(Some(Duration::from_millis(50)));
            let mut client = C::new(Setup { dial, ..Setup::new(blind(), port) });
            let error = client.get(&format!("https://{HOST}:{port}/")).unwrap_err();
            let expected = Cause::Unavailable(Unavailable::Dial(DialError::Timeout(Deadline::Tls)));
            assert_eq!(error.as_failure().unwrap().cause, expected, "{sent}");
            assert_eq!(error.reached(), Reached::Nothing);
        }
    }
}

fn a_client_certificate_is_demanded_accepted_or_refused<C: Calls>() {
    let (root, clients) = (Authority::new("root"), Authority::new("clients"));
    let issued = root.issue(&[HOST]);
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    let with = |authority: &Authority| {
        let me = authority.issue_client("me");
        trusting().cert_data(me.chain_pem()).key_data(me.key_pem())
    };
    for versions in [ONLY_1_2, ONLY_1_3] {
        let server = Server::answering(demanding(&issued, versions, &clients), false);
        let call = |tls: TlsOptions| C::new(Setup::new(tls, server.port)).get(&server.url(HOST));
        assert_eq!(call(with(&clients)).unwrap().body, b"hello");
        // In TLS 1.3 the client's handshake is done before the server refuses.
        for (tls, expected) in [
            (trusting(), TlsKind::ClientCertificateRequired),
            (with(&Authority::new("strange")), TlsKind::ClientCertificateRefused),
        ] {
            let error = call(tls).unwrap_err();
            assert_eq!((kind(&error), error.kind()), (expected, ErrorKind::Ssl), "{error:?}");
        }
    }
}

fn versions_that_do_not_meet_are_an_error<C: Calls>() {
    let root = Authority::new("root");
    let trusting = TlsOptions::new().ca_cert_data(root.pem());
    for (versions, tls) in [
        (ONLY_1_2, trusting.clone().min_version(TlsVersion::V1_3)),
        (ONLY_1_3, trusting.max_version(TlsVersion::V1_2)),
    ] {
        let server = Server::answering(config(&root.issue(&[HOST]), versions), false);
        let mut client = C::new(Setup::new(tls, server.port));
        assert_eq!(kind(&client.get(&server.url(HOST)).unwrap_err()), TlsKind::Version);
    }
}

fn a_failure_that_cannot_get_better_is_not_retried<C: Calls>() {
    let root = Authority::new("root");
    let server = Server::answering(config(&root.issue(&["b.test"]), BOTH), false);
    let policy = Policy::default().retry(Retry::new(3));
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let mut client = C::new(Setup { policy, ..Setup::new(tls, server.port) });
    let error = client.get(&server.url(HOST)).unwrap_err();
    assert_eq!(kind(&error), TlsKind::Name);
    assert_eq!(error.reached(), Reached::Nothing);
    assert_eq!(server.accepted(), 1);
    // A configuration that cannot be used opens no connection twice.
    let missing = TlsOptions::new().ca_certs("/nowhere/ca.pem");
    let policy = Policy::default().retry(Retry::new(3));
    let mut client = C::new(Setup { policy, ..Setup::new(missing, server.port) });
    assert_eq!(kind(&client.get(&server.url(HOST)).unwrap_err()), TlsKind::Config);
    // Connections are counted in order, so another one shows that there are no more.
    let blind = client.tls_config(&blind()).unwrap();
    client.call(Ask::get(server.url(HOST)).tls(blind)).unwrap();
    assert_eq!(server.accepted(), 3);
}

fn a_client_certificate_that_is_refused_behind_the_handshake_is_not_shown_again<C: Calls>() {
    let (root, clients) = (Authority::new("root"), Authority::new("clients"));
    let server = demanding(&root.issue(&[HOST]), ONLY_1_3, &clients);
    let server = Server::answering(server, false);
    let strange = Authority::new("strange").issue_client("me");
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    let me = trusting().cert_data(strange.chain_pem()).key_data(strange.key_pem());
    for (tls, expected) in
        [(me, TlsKind::ClientCertificateRefused), (trusting(), TlsKind::ClientCertificateRequired)]
    {
        let before = server.accepted();
        let policy = Policy::default().retry(Retry::new(3)).preload(true);
        let mut client = C::new(Setup { policy, ..Setup::new(tls, server.port) });
        let error = client.get(&server.url(HOST)).unwrap_err();
        assert_eq!(error.as_failure().unwrap().cause, Cause::Tls(expected), "{error:?}");
        assert!(!error.is_max_retry() && error.history().is_empty());
        assert_eq!(server.accepted() - before, 1);
    }
}

fn settings_that_cannot_be_used_name_their_file<C: Calls>() {
    let missing = TlsOptions::new().ca_certs("/nowhere/ca.pem");
    let mut client = C::new(Setup::new(missing.clone(), 1));
    let why = client.tls_config(&missing).unwrap_err();
    assert!(matches!(why, TlsConfigError::Read { .. }), "{why:?}");
    assert!(why.to_string().contains("/nowhere/ca.pem"), "{why}");
    // At the first use, it is the source of the call's error.
    let port = Server::answering(config(&Authority::new("root").issue(&[HOST]), BOTH), false).port;
    let mut client = C::new(Setup::new(missing, port));
    let error = client.get(&format!("https://{HOST}:{port}/")).unwrap_err();
    assert_eq!(kind(&error), TlsKind::Config);
    assert!(format!("{error:?}").contains("/nowhere/ca.pem"), "{error:?}");
}
