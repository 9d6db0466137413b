//! Requests and responses over TLS.

use std::sync::{Mutex, mpsc};

use httpool::message::Method;
use httpool_blocking::TlsOptions;
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, ONLY_1_2, ONLY_1_3, config, serve_local},
};

use crate::{
    calls::{Ask, Calls, HOST, Setup},
    server::Server,
};

with_each_driver!(
    https_works_and_the_connection_is_reused,
    a_response_shows_the_session_of_its_connection,
    records_come_in_pieces_of_one_and_of_five_bytes,
    an_early_refusal_comes_through_an_upload_that_nobody_reads,
);

fn https_works_and_the_connection_is_reused<C: Calls>() {
    let root = Authority::new("root");
    for versions in [BOTH, ONLY_1_2, ONLY_1_3] {
        let port = serve_local(config(&root.issue(&[HOST]), versions)).port();
        let mut client = C::new(Setup::new(TlsOptions::new().ca_cert_data(root.pem()), port));
        for round in 0..3 {
            let answer = client.get(&format!("https://{HOST}:{port}/{round}")).unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, format!("GET /{round} HTTP/1.1").as_bytes());
            assert_eq!(answer.reused, round > 0);
        }
    }
}

fn a_response_shows_the_session_of_its_connection<C: Calls>() {
    let root = Authority::new("root");
    let issued = root.issue(&[HOST]);
    for (versions, version) in [(ONLY_1_2, "TLSv1.2"), (ONLY_1_3, "TLSv1.3")] {
        let server = Server::answering(config(&issued, versions), true);
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup::new(tls, server.port));
        for round in 0..2 {
            let session = client.get(&server.url(HOST)).unwrap().tls.unwrap();
            assert_eq!(session.version, version);
            assert!(session.verified);
            assert_eq!(session.resumed, round > 0);
            assert_eq!(session.peer_certificates, [issued.chain[0].to_vec()]);
        }
        assert_eq!(server.resumed(), [false, true]);
        let blind = TlsOptions::new().danger_accept_invalid_certificates();
        let blind = client.tls_config(&blind).unwrap();
        let answer = client.call(Ask::get(server.url(HOST)).tls(blind)).unwrap();
        assert!(!answer.tls.unwrap().verified);
    }
}

fn records_come_in_pieces_of_one_and_of_five_bytes<C: Calls>() {
    let root = Authority::new("root");
    for (piece, versions) in [(1, BOTH), (5, BOTH), (1, ONLY_1_2), (5, ONLY_1_2)] {
        let server = Server::start(config(&root.issue(&[HOST]), versions), piece, |peer| {
            while peer.head().is_some() {
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
        });
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup::new(tls, server.port));
        for _ in 0..3 {
            assert_eq!(client.get(&server.url(HOST)).unwrap().body, b"hello");
        }
        assert_eq!(server.accepted(), 1);
    }
}

fn an_early_refusal_comes_through_an_upload_that_nobody_reads<C: Calls>() {
    let root = Authority::new("root");
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(config(&root.issue(&[HOST]), BOTH), usize::MAX, move |peer| {
        peer.head().unwrap();
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        is_over.lock().unwrap().recv().ok();
    });
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let mut client = C::new(Setup::new(tls, server.port));
    let (method, body) = (Method::POST, vec![0; 32 << 20]);
    let answer = client.call(Ask { method, body, ..Ask::get(server.url(HOST)) }).unwrap();
    assert_eq!((answer.status, &*answer.body), (413, &b"too much"[..]));
    drop(over);
}
