//! Counts the allocations of an open session.

#[path = "../../../tests/support/allocations.rs"]
mod allocations;

use std::{
    io::{IoSlice, Write as _},
    sync::Arc,
};

use allocations::counted;
use httpool_tls::TlsOptions;
use httpool_tls_testing::{
    certificates::Authority,
    link::{Client, Link},
    server::{ONLY_1_2, ONLY_1_3, config},
};

#[test]
fn a_record_takes_one_allocation_to_seal_and_one_to_open() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test"]);
    for versions in [ONLY_1_2, ONLY_1_3] {
        let client = TlsOptions::new().ca_cert_data(root.pem()).build().unwrap();
        let server = Arc::new(config(&issued, versions));
        let mut link = Link::new(client.begin("a.test").unwrap(), &server, usize::MAX);
        link.ping().unwrap();
        for _ in 0..3 {
            let mut out = Vec::with_capacity(1 << 16);
            let Client { layer, .. } = &mut link.client;
            let pieces = [IoSlice::new(&[b'h'; 150]), IoSlice::new(b"body")];
            let seals = counted(|| layer.seal(&pieces, &mut out).unwrap());
            assert_eq!(seals, 1, "sealing");
            link.client.out = out;
            link.carry_up();
            link.server.writer().write_all(&[b'a'; 300]).unwrap();
            let mut down = link.take_down();
            let mut out = Vec::new();
            let layer = &mut link.client.layer;
            let mut taken = 0;
            // The echo and the answer: two records.
            for _ in 0..2 {
                let opens = counted(|| {
                    let opened = layer.open(&mut down[taken..], &mut out, &mut |_| {}).unwrap();
                    taken += opened.taken;
                });
                assert_eq!(opens, 1, "opening");
            }
            assert_eq!(taken, down.len());
        }
    }
}
