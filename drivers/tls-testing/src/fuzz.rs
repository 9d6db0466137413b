//! Bodies of fuzz targets. Each panics if a property does not hold.

use std::sync::{Arc, LazyLock};

use httpool_tls::{TlsConfig, TlsOptions};
use rustls::ServerConfig;

use crate::{
    certificates::Authority,
    link::{Client, Link},
    server::{BOTH, ONLY_1_2, config},
};

/// The most bytes that a session may leave to its caller: a part of the largest record.
const REST_MAX: usize = 18_437;

struct World {
    client: TlsConfig,
    servers: [Arc<ServerConfig>; 2],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let authority = Authority::new("fuzz");
    let issued = authority.issue(&["a.test"]);
    World {
        client: TlsOptions::new().ca_cert_data(authority.pem()).build().unwrap(),
        servers: [Arc::new(config(&issued, BOTH)), Arc::new(config(&issued, ONLY_1_2))],
    }
});

/// Feeds a session bytes of a server that `script` changes, cuts and mixes with its own: no panic,
/// no more than a part of a record is left to the caller, and an error stays.
pub fn server_bytes(script: &[u8]) {
    let Some((&first, mut script)) = script.split_first() else { return };
    if first & 4 != 0 {
        let mut client = Client::new(WORLD.client.begin("a.test").unwrap());
        let step = usize::from(first >> 3) + 1;
        for piece in script.chunks(step) {
            if deliver(&mut client, piece) {
                return;
            }
        }
        return;
    }
    let server = &WORLD.servers[usize::from(first & 1)];
    let mut link = Link::new(WORLD.client.begin("a.test").unwrap(), server, usize::MAX);
    let mut down: Vec<u8> = Vec::new();
    while let [what, amount, rest @ ..] = script {
        script = rest;
        let amount = usize::from(*amount);
        match what % 8 {
            0..=2 => {
                // Bytes of the server as they are.
                let count = (amount * if what % 8 == 0 { 1 } else { 64 }).min(down.len());
                let piece: Vec<u8> = down.drain(..count).collect();
                if deliver(&mut link.client, &piece) {
                    return;
                }
            }
            3 => {
                if let Some(byte) = down.get_mut(amount) {
                    *byte ^= what | 1;
                }
            }
            4 => {
                let count = amount.min(script.len());
                let (own, rest) = script.split_at(count);
                script = rest;
                if deliver(&mut link.client, own) {
                    return;
                }
            }
            5 => {
                // Seals, whatever the state is. Before the handshake is done, that is an error.
                let plain = vec![b'x'; amount];
                let slices = [std::io::IoSlice::new(&plain)];
                let Client { layer, out, .. } = &mut link.client;
                let _sealed = layer.seal(&slices, out);
            }
            6 => link.client.layer.close(&mut link.client.out),
            _ => {
                down.truncate(down.len().saturating_sub(amount / 128));
            }
        }
        link.carry_up();
        down.extend(link.take_down());
        // Plaintext of the server goes out too.
        assert!(down.len() < 1 << 20);
    }
}

/// Returns whether the session failed.
fn deliver(client: &mut Client, bytes: &[u8]) -> bool {
    match client.feed(bytes) {
        Ok(()) => {
            assert!(client.rest.len() <= REST_MAX, "{} bytes are left", client.rest.len());
            false
        }
        Err(why) => {
            let mut out = Vec::new();
            let again = client.layer.open(&mut [], &mut out, &mut |_| panic!("plaintext"));
            assert_eq!(again.unwrap_err().kind(), why.kind());
            assert!(out.is_empty(), "a second alert");
            assert!(client.layer.seal(&[], &mut out).is_err());
            client.layer.close(&mut out);
            assert!(out.is_empty());
            true
        }
    }
}
