//! Micro-benchmarks of the core. `cargo bench` prints the time and the allocations of each.
//!
//! `cargo bench --bench core -- cycle 1000` runs the benchmark `cycle` 1000 times and prints
//! nothing. `benches/count.py` runs that under callgrind to count instructions.

#![expect(unsafe_code, reason = "counting allocations needs a global allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant as Clock},
};

use httpool::{
    call::Policy,
    client::{self, Client, Config},
    h1::{Connection, Event, Target},
    limits::{MessageLimits, PoolLimits},
    message::{Key, Origin, Request, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Pool, Want},
    time::Instant,
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: all calls are passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees the same conditions.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Work = Box<dyn FnMut()>;
type Prepare = fn() -> Work;

const BENCHES: [(&str, Prepare); 7] = [
    ("cycle", cycle),
    ("client", client),
    ("chunked", chunked),
    ("byte-by-byte", byte_by_byte),
    ("pool-1", || pool(1)),
    ("pool-1000", || pool(1_000)),
    ("pool-100000", || pool(100_000)),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [name, times] = &words[..]
        && let (Some((_, prepare)), Ok(times)) =
            (BENCHES.iter().find(|(known, _)| known == name), times.parse())
    {
        let mut work = prepare();
        return (0..times).for_each(|_: u64| work());
    }
    println!("{:<14} {:>12} {:>12}", "", "ns", "allocations");
    for (name, prepare) in BENCHES {
        let mut work = prepare();
        let times: u32 = if name == "byte-by-byte" { 20 } else { 20_000 };
        (0..times / 10).for_each(|_| work());
        let (start, before) = (Clock::now(), ALLOCATIONS.load(Relaxed));
        (0..times).for_each(|_| work());
        let allocations = ALLOCATIONS.load(Relaxed) - before;
        let nanos = start.elapsed().as_nanos() / u128::from(times);
        println!("{name:<14} {nanos:>12} {:>12.2}", allocations as f64 / f64::from(times));
    }
}

/// Sends a request with 4 fields, and receives a head with 12 fields and a body of 100 bytes.
fn cycle() -> Work {
    exchanges(request(), response())
}

/// Does as `cycle` with a whole client over a warm connection, including pool, call and deadlines.
fn client() -> Work {
    let (request, response) = (request(), response());
    let (policy, mut client) = (Arc::new(Policy::default()), Client::new(Config::default()));
    let (mut out, mut body) = (Vec::new(), Vec::with_capacity(1024));
    let mut inbox = client::Inbox::new();
    let mut now = Instant::from_nanos(0);
    Box::new(move || {
        body.clear();
        now = now.after(Duration::from_micros(50));
        client.request(request.clone(), policy.clone(), now);
        while let Some(action) = client.poll_action() {
            match action {
                client::Action::Resolve { conn, port, .. } => {
                    client.handle_resolved(conn, &[([127, 0, 0, 1], port).into()], now);
                }
                client::Action::Connect { socket, .. } => {
                    client.handle_connected(socket, Ok(()), now);
                }
                client::Action::Transmit { socket, .. } => {
                    out.clear();
                    let _ = client.poll_transmit(socket, &mut out);
                    client.handle_written(socket, black_box(&out).len(), now);
                    let input = inbox.with(black_box(&response));
                    while let Some(event) = client.read(socket, &input, now) {
                        if let client::Event::Data(_, data) = event {
                            body.extend_from_slice(data);
                        }
                    }
                }
                other => unreachable!("{other}"),
            }
        }
        assert_eq!(black_box(&body).len(), 100);
    })
}

fn request() -> Request {
    Request::get("http://example.com/things/17")
        .header("User-Agent", "httpool/0.1.0")
        .header("Accept", "*/*")
        .header("X-Request-Id", "0123456789abcdef")
        .build()
        .expect("a sound request")
}

fn response() -> Vec<u8> {
    let mut response = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\
        Date: Tue, 24 Nov 2026 01:51:42 GMT\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\
        Last-Modified: Tue, 24 Nov 2026 00:33:34 GMT\r\nConnection: keep-alive\r\n\
        ETag: \"6b04db5e-64\"\r\nAccept-Ranges: bytes\r\nCache-Control: max-age=60\r\n\
        Vary: Accept-Encoding\r\nX-Frame-Options: DENY\r\nX-Cache: HIT\r\n\r\n"
        .to_vec();
    response.extend_from_slice(&[b'a'; 100]);
    response
}

/// Receives 64 chunks of 1 KiB.
fn chunked() -> Work {
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..64 {
        response.extend_from_slice(b"400\r\n");
        response.extend_from_slice(&[b'a'; 1024]);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\n\r\n");
    exchanges(Request::get("http://example.com/").build().expect("a sound request"), response)
}

/// Sends `request` and receives `response` repeatedly on one connection.
fn exchanges(request: Request, response: Vec<u8>) -> Work {
    let (mut conn, mut out) = (Connection::new(MessageLimits::default()), Vec::new());
    let mut body = Vec::with_capacity(128 * 1024);
    Box::new(move || {
        out.clear();
        body.clear();
        conn.send_request(&request, Target::Origin, &mut out)
            .expect("it is this connection's turn");
        let mut rest = black_box(&response[..]);
        loop {
            let (taken, event) = conn.receive(rest).expect("a sound response");
            match event {
                Event::Data(data) => body.extend_from_slice(data),
                Event::End(_) => break,
                _ => {}
            }
            rest = &rest[taken..];
        }
        conn.start_next_cycle().expect("the exchange is over");
        black_box((&out, &body));
    })
}

/// Receives a head of 60 KiB in pieces of one byte.
fn byte_by_byte() -> Work {
    let mut head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec();
    for _ in 0..60 {
        head.extend_from_slice(b"X: ");
        head.extend_from_slice(&[b'a'; 1019]);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let request = Request::get("http://example.com/").build().expect("a sound request");
    Box::new(move || {
        let mut conn = Connection::new(MessageLimits::default());
        conn.send_request(&request, Target::Origin, &mut Vec::new()).expect("a new connection");
        for end in 1..=head.len() {
            let (taken, _) = conn.receive(black_box(&head[..end])).expect("a sound head");
            assert_eq!(taken > 0, end == head.len());
        }
    })
}

/// Does a checkout, claim and checkin with `idle` idle connections of one key.
fn pool(idle: usize) -> Work {
    let mut limits = PoolLimits::default();
    limits.open_max = idle;
    limits.open_per_key_max = idle;
    limits.idle_per_key_max = idle;
    limits.dialing_per_key_max = idle;
    limits.waiting_max = idle;
    let key = Key::direct(Origin::new(Scheme::Http, "example.com", 80));
    let want = Want { repeatable: true, ..Want::default() };
    let now = Instant::from_nanos(0);
    let mut pool = Pool::<u64>::new(limits, Dialing::Shared);
    let tickets: Vec<_> =
        (0..idle).map(|_| pool.checkout(&key, want, now).expect("room in line")).collect();
    for ticket in &tickets {
        assert!(matches!(pool.claim(*ticket, now), Claim::Wait { .. }));
    }
    while let Some(action) = pool.poll_action() {
        if let Action::Dial { conn, .. } = action {
            pool.dialed(conn, conn.to_bits(), now);
        }
    }
    let leases: Vec<_> = tickets
        .iter()
        .filter_map(|ticket| match pool.claim(*ticket, now) {
            Claim::Fresh { lease, io } | Claim::Reuse { lease, io, .. } => Some((lease, io)),
            Claim::Wait { .. } | Claim::Failed(_) => None,
        })
        .collect();
    leases.into_iter().for_each(|(lease, io)| pool.checkin(lease, Checkin::Keep(io), now));
    assert_eq!(pool.stats().idle, idle);
    Box::new(move || {
        let ticket = pool.checkout(black_box(&key), want, now).expect("it is open");
        match pool.claim(ticket, now) {
            Claim::Reuse { lease, io, .. } => pool.checkin(lease, Checkin::Keep(io), now),
            other => unreachable!("{other:?}"),
        }
        while let Some(action) = pool.poll_action() {
            black_box(action);
        }
    })
}
