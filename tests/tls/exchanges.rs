//! Requests and responses over TLS.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use httpool::{
    call::Policy,
    error::Cause,
    message::Method,
    time::Deadline,
    trace::{Recorder, Redaction, Sink},
};
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
    a_recording_has_the_session_in_one_line_and_replays,
    records_come_in_pieces_of_one_and_of_five_bytes,
    an_early_refusal_comes_through_an_upload_that_nobody_reads,
    records_of_one_byte_and_of_the_largest_size_are_read_whole,
    a_body_that_stalls_within_a_session_passes_its_deadline,
    an_idle_connection_outlives_a_key_update_but_not_its_end,
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

fn a_recording_has_the_session_in_one_line_and_replays<C: Calls>() {
    let root = Authority::new("root");
    let server = Server::answering(config(&root.issue(&[HOST]), ONLY_1_3), true);
    let text = Arc::new(Mutex::new(String::new()));
    let written = text.clone();
    let recorder = Recorder::new(Redaction::default(), move |line| {
        written.lock().unwrap().write_fmt(line).unwrap();
    });
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let trace: Option<Arc<dyn Sink>> = Some(Arc::new(recorder));
    let mut client = C::new(Setup { trace, ..Setup::new(tls, server.port) });
    for _ in 0..2 {
        client.get(&server.url(HOST)).unwrap();
    }
    let text = text.lock().unwrap().clone();
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once(" < tls-up ")).collect();
    let said: Vec<_> = lines.iter().map(|(_, session)| *session).collect();
    assert_eq!(
        said,
        ["TLSv1.3 X25519MLKEM768 full verified", "TLSv1.3 X25519MLKEM768 resumed verified"]
    );
    httpool::replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
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

fn records_of_one_byte_and_of_the_largest_size_are_read_whole<C: Calls>() {
    let root = Authority::new("root");
    let body: Vec<u8> = (0..1_000_000).map(|at| (at / 7) as u8).collect();
    for versions in [ONLY_1_2, ONLY_1_3] {
        let content = body.clone();
        let server =
            Server::start(config(&root.issue(&[HOST]), versions), usize::MAX, move |peer| {
                while let Some(head) = peer.head() {
                    if head.starts_with("GET /bytes ") {
                        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" {
                            peer.send(&[*byte]);
                        }
                        continue;
                    }
                    let length = content.len();
                    peer.send(
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
                    );
                    for piece in content.chunks(16_384) {
                        peer.send(piece);
                    }
                }
            });
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup::new(tls, server.port));
        for _ in 0..2 {
            let answer = client.get(&format!("{}bytes", server.url(HOST))).unwrap();
            assert_eq!(answer.body, b"hello");
            assert!(client.get(&server.url(HOST)).unwrap().body == body);
        }
        assert_eq!(server.accepted(), 1);
    }
}

/// A request that must not be sent twice is the next one on the connection.
fn an_idle_connection_outlives_a_key_update_but_not_its_end<C: Calls>() {
    let root = Authority::new("root");
    for (ends, connections) in [(false, 1), (true, 3)] {
        let (sent, wait_until_sent) = mpsc::channel();
        let sent = Mutex::new(sent);
        let issued = root.issue(&[HOST]);
        let server = Server::start(config(&issued, ONLY_1_3), usize::MAX, move |peer| {
            let mut idle = false;
            while peer.head().is_some() {
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
                if std::mem::replace(&mut idle, true) {
                    continue;
                }
                if ends {
                    let notice = peer.notice();
                    peer.send_raw(&notice);
                } else {
                    peer.tls.refresh_traffic_keys().unwrap();
                    peer.send(b"");
                }
                sent.lock().unwrap().send(()).unwrap();
                if ends {
                    return peer.until_closed();
                }
            }
        });
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup::new(tls, server.port));
        for round in 0..3 {
            let ask = Ask { method: Method::POST, ..Ask::get(server.url(HOST)) };
            assert_eq!(client.call(ask).unwrap().body, b"hello");
            if ends || round == 0 {
                wait_until_sent.recv().unwrap();
            }
        }
        assert_eq!(server.accepted(), connections);
    }
}

fn a_body_that_stalls_within_a_session_passes_its_deadline<C: Calls>() {
    let root = Authority::new("root");
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    for versions in [ONLY_1_2, ONLY_1_3] {
        let server = Server::start(config(&root.issue(&[HOST]), versions), usize::MAX, |peer| {
            peer.head();
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            peer.until_closed();
        });
        let mut policy = Policy::default();
        policy.timeout.stall = Some(Duration::from_millis(50));
        let mut client = C::new(Setup { policy, ..Setup::new(trusting(), server.port) });
        let error = client.get(&server.url(HOST)).unwrap_err();
        assert_eq!(error.as_failure().unwrap().cause, Cause::Timeout(Deadline::Stall));
    }
}
