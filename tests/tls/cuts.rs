//! A connection that ends within a response, without notice, is never taken for its end.

use std::collections::BTreeSet;

use httpool::error::{Cause, TlsKind};
use httpool_blocking::{LayerError, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    server::{ONLY_1_2, ONLY_1_3, config},
};

use crate::{
    calls::{Calls, HOST, Setup},
    server::{Peer, Server},
};

with_each_driver!(
    a_response_that_is_cut_at_any_record_is_never_taken_for_a_whole_one,
    a_response_to_the_end_needs_the_notice_of_the_end,
);

const LENGTH: &[&str] = &["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "hello", "world"];
const CHUNKS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n",
    "5\r\nworld\r\n",
    "0\r\n\r\n",
];
const TO_THE_END: &[&str] = &["HTTP/1.1 200 OK\r\n\r\n", "hello", "world"];

/// Returns the sealed records of the parts, one after another.
fn sealed(peer: &mut Peer, parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| peer.seal(part.as_bytes())).collect()
}

/// Returns the places to cut at: each boundary, and within each head of a record. `records` are the
/// lengths.
fn places(records: &[usize]) -> BTreeSet<usize> {
    let mut start = 0;
    let mut places = BTreeSet::from([0]);
    for len in records {
        places.extend((1..=5).map(|byte| start + byte));
        start += len;
        places.insert(start);
    }
    places
}

fn a_response_that_is_cut_at_any_record_is_never_taken_for_a_whole_one<C: Calls>() {
    let root = Authority::new("root");
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    for versions in [ONLY_1_2, ONLY_1_3] {
        for parts in [LENGTH, CHUNKS, TO_THE_END] {
            // Of a record, everything but its content has the same length in all records.
            let around = if versions == ONLY_1_2 { 5 + 8 + 16 } else { 5 + 1 + 16 };
            let lengths: Vec<_> = parts.iter().map(|part| part.len() + around).collect();
            let whole: usize = lengths.iter().sum();
            for cut in places(&lengths) {
                let server = Server::start(
                    config(&root.issue(&[HOST]), versions),
                    usize::MAX,
                    move |peer| {
                        peer.head().unwrap();
                        let records = sealed(peer, parts).concat();
                        assert_eq!(records.len(), whole, "the records are as long as expected");
                        peer.send_raw(&records[..cut]);
                        peer.cut();
                    },
                );
                let mut client = C::new(Setup::new(tls.clone(), server.port));
                let outcome = client.get(&server.url(HOST));
                match outcome {
                    Ok(answer) => {
                        assert!(cut == whole && parts != TO_THE_END, "{parts:?} cut at {cut}");
                        assert_eq!(answer.body, b"helloworld");
                    }
                    Err(error) => {
                        assert!(cut < whole || parts == TO_THE_END, "{cut}: {error}");
                        let cause = error.as_failure().unwrap().cause;
                        assert!(matches!(cause, Cause::Lost(_) | Cause::Violation(_)), "{error}");
                    }
                }
            }
        }
    }
}

fn a_response_to_the_end_needs_the_notice_of_the_end<C: Calls>() {
    let root = Authority::new("root");
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    for versions in [ONLY_1_2, ONLY_1_3] {
        for noticed in [true, false] {
            let server =
                Server::start(config(&root.issue(&[HOST]), versions), usize::MAX, move |peer| {
                    peer.head().unwrap();
                    let records = sealed(peer, TO_THE_END).concat();
                    peer.send_raw(&records);
                    if noticed { peer.end() } else { peer.cut() }
                });
            let mut client = C::new(Setup::new(tls.clone(), server.port));
            match client.get(&server.url(HOST)) {
                Ok(answer) => {
                    assert!(noticed);
                    assert_eq!(answer.body, b"helloworld");
                }
                Err(error) => {
                    assert!(!noticed, "{error}");
                    let source = std::error::Error::source(&error).unwrap();
                    let layer = source.downcast_ref::<LayerError>().unwrap();
                    assert!(matches!(layer.kind(), TlsKind::Lost(_)), "{layer:?}");
                }
            }
        }
    }
}
