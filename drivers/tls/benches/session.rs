//! Compares sessions with rustls's buffered connection, in one run: the times that the client takes,
//! as ratios. `cargo bench -p httpool-tls` prints them.
//!
//! `cargo bench -p httpool-tls -- count WHAT TIMES` does one of `open`, `open-buffered`, `seal` and
//! `seal-buffered` so many times, and nothing else, to count instructions. The server's part is
//! in `sealed`, `buffered` and `open_link`: leave it out.

use std::{
    io::{Cursor, IoSlice, Read as _, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use httpool_kit::{Flow, State, Wire, WireBuffers};
use httpool_tls::{TlsConfig, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    link::Link,
    server::{self, BOTH},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    client::Resumption,
};

const BODY: usize = 10 << 20;
const READ: usize = 64 << 10;

struct World {
    ours: TlsConfig,
    theirs: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl World {
    fn new(resumes: bool) -> Self {
        let root = Authority::new("root");
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).expect("the root is a certificate");
        let mut theirs = ClientConfig::builder_with_provider(server::provider())
            .with_safe_default_protocol_versions()
            .expect("the versions are built in")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut options = TlsOptions::new().ca_cert_data(root.pem());
        if !resumes {
            theirs.resumption = Resumption::disabled();
            options = options.no_resumption();
        }
        Self {
            ours: options.build().expect("the root is a certificate"),
            theirs: Arc::new(theirs),
            server: Arc::new(server::config(&root.issue(&["a.test"]), BOTH)),
        }
    }
}

fn main() {
    let (resuming, full) = (World::new(true), World::new(false));
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [count, what, times] = &*words
        && count == "count"
    {
        let run = match what.as_str() {
            "open" => open_ours,
            "open-buffered" => open_theirs,
            "seal" => seal_ours,
            "seal-buffered" => seal_theirs,
            other => panic!("{other} is not measured"),
        };
        let times: u32 = times.parse().expect("a number of times");
        for _ in 0..times {
            run(&full);
        }
        return;
    }
    // The first rounds warm up: the allocator learns the sizes, and tickets come in.
    for round in 0..5 {
        let ours = best(20, || open_ours(&full));
        report(round, "open 10 MB", ours, best(20, || open_theirs(&full)));
        let ours = best(20, || seal_ours(&full));
        report(round, "seal 10 MB", ours, best(20, || seal_theirs(&full)));
        for (what, world) in [("full handshake", &full), ("resumed handshake", &resuming)] {
            let ours = best(200, || handshake_ours(world));
            report(round, what, ours, best(200, || handshake_theirs(world)));
        }
    }
}

fn report(round: u32, what: &str, ours: Duration, theirs: Duration) {
    if round >= 3 {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        println!("{what}: {ours:?}, buffered {theirs:?}, ratio {ratio:.2}");
    }
}

/// Returns the shortest of several runs, which other programs disturbed least.
fn best(runs: u32, mut run: impl FnMut() -> Duration) -> Duration {
    (0..runs).map(|_| run()).min().unwrap_or_default()
}

fn open_link(world: &World) -> Link {
    let layer = world.ours.begin("a.test").expect("the name is good");
    let mut link = Link::new(layer, &world.server, usize::MAX);
    link.ping().expect("the peers meet");
    link
}

/// Returns a connection of rustls with its server, after the handshake.
fn buffered(world: &World) -> (ClientConnection, ServerConnection) {
    let name = "a.test".try_into().expect("the name is good");
    let mut client = ClientConnection::new(world.theirs.clone(), name).expect("a client");
    let mut server = ServerConnection::new(world.server.clone()).expect("a server");
    server.set_buffer_limit(None);
    client.set_buffer_limit(None);
    let mut bytes = Vec::new();
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        bytes.clear();
        client.write_tls(&mut bytes).expect("a vector takes all");
        let mut cursor = Cursor::new(&bytes);
        while (cursor.position() as usize) < bytes.len() {
            server.read_tls(&mut cursor).expect("a cursor gives all");
            server.process_new_packets().expect("the peers meet");
        }
        bytes.clear();
        server.write_tls(&mut bytes).expect("a vector takes all");
        let mut cursor = Cursor::new(&bytes);
        while (cursor.position() as usize) < bytes.len() {
            client.read_tls(&mut cursor).expect("a cursor gives all");
            client.process_new_packets().expect("the peers meet");
        }
    }
    (client, server)
}

fn sealed(server: &mut ServerConnection) -> Vec<u8> {
    server.writer().write_all(&vec![b'a'; BODY]).expect("no limit");
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).expect("a vector takes all");
    }
    bytes
}

/// Reads into the room of a wire, as a driver does them.
fn open_ours(world: &World) -> Duration {
    let mut link = open_link(world);
    let bytes = sealed(&mut link.server);
    let (mut wire, mut buffers) = (Wire::plain(), WireBuffers::for_all());
    wire.begin(link.client.layer, &[]).expect("the session is open");
    wire.lend(&mut buffers);
    open_wire(&mut wire, &bytes)
}

#[inline(never)]
fn open_wire(wire: &mut Wire, mut rest: &[u8]) -> Duration {
    let (mut opened, begin) = (0, Instant::now());
    while opened < BODY {
        let room = wire.room();
        let (now, later) = rest.split_at(rest.len().min(room.len()));
        room[..now.len()].copy_from_slice(now);
        wire.put(now.len());
        rest = later;
        let mut take = |piece: &[u8]| {
            opened += std::hint::black_box(piece).len();
            piece.len()
        };
        while wire.open(&mut take).expect("the records are good") == Flow::Plain {}
    }
    begin.elapsed()
}

fn open_theirs(world: &World) -> Duration {
    let (mut client, mut server) = buffered(world);
    let bytes = sealed(&mut server);
    open_buffered(&mut client, &bytes)
}

#[inline(never)]
fn open_buffered(client: &mut ClientConnection, bytes: &[u8]) -> Duration {
    let mut buffer = vec![0; READ];
    let (mut cursor, mut opened) = (Cursor::new(bytes), 0);
    let begin = Instant::now();
    while opened < BODY {
        client.read_tls(&mut cursor).expect("a cursor gives all");
        client.process_new_packets().expect("the records are good");
        while let Ok(count @ 1..) = client.reader().read(&mut buffer) {
            opened += std::hint::black_box(&buffer[..count]).len();
        }
    }
    begin.elapsed()
}

fn seal_ours(world: &World) -> Duration {
    let mut link = open_link(world);
    let (head, body) = ([b'h'; 200], vec![b'a'; READ]);
    let mut out = Vec::with_capacity(READ * 2);
    let begin = Instant::now();
    for _ in 0..BODY / READ {
        out.clear();
        let pieces = [IoSlice::new(&head), IoSlice::new(&body)];
        link.client.layer.seal(&pieces, &mut out).expect("the session is open");
        std::hint::black_box(&out);
    }
    begin.elapsed()
}

fn seal_theirs(world: &World) -> Duration {
    let (mut client, _server) = buffered(world);
    let (head, body) = ([b'h'; 200], vec![b'a'; READ]);
    let mut out = Vec::with_capacity(READ * 2);
    let begin = Instant::now();
    for _ in 0..BODY / READ {
        out.clear();
        let pieces = [IoSlice::new(&head), IoSlice::new(&body)];
        let written = client.writer().write_vectored(&pieces).expect("no limit");
        assert_eq!(written, head.len() + body.len());
        while client.wants_write() {
            client.write_tls(&mut out).expect("a vector takes all");
        }
        std::hint::black_box(&out);
    }
    begin.elapsed()
}

/// Times a handshake of this crate's session with the server of [`World`].
fn handshake_ours(world: &World) -> Duration {
    let begin = Instant::now();
    let layer = world.ours.begin("a.test").expect("the name is good");
    let mut link = Link::new(layer, &world.server, usize::MAX);
    link.run().expect("the peers meet");
    assert_eq!(link.client.state, State::Open);
    begin.elapsed()
}

fn handshake_theirs(world: &World) -> Duration {
    let begin = Instant::now();
    let _open = buffered(world);
    begin.elapsed()
}
