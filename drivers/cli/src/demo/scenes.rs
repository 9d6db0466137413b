//! The scenes of the demo, each with the behaviour that it states and checks.

use std::{
    collections::BTreeSet,
    error::Error,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use httpool::{
    call::{Policy, Retry},
    error::Reached,
    limits::PoolLimits,
};
use httpool_blocking::{Body, Client, Response};

use super::{
    narrate::Narrator,
    origin::{CHUNKS, Origin, sum},
};
use crate::units::{Bytes, Time};

/// A bound on every wait, longer than any scene takes.
const PATIENCE: Duration = Duration::from_secs(10);
const UPLOAD_BYTES: u64 = 64 * 1024 * 1024;

/// A scene: one behaviour of the pool.
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) promise: &'static str,
    /// Runs the scene, and describes its result in one line.
    pub(super) play: fn(&Stage) -> Result<String, Box<dyn Error>>,
}

pub(super) static SCENES: [Scene; 8] = [
    Scene {
        title: "One connection serves many requests",
        promise: "Three GETs: the first opens a connection, the others reuse it from the pool.",
        play: reuse,
    },
    Scene {
        title: "A redirect",
        promise: "The body of the 302 is read and dropped, so that its connection can be reused.",
        play: redirect,
    },
    Scene {
        title: "A body in chunks, with a trailer",
        promise: "The body comes in pieces; a trailer field after it contains a checksum.",
        play: chunked,
    },
    Scene {
        title: "The server closes an idle connection",
        promise: "The pool probes it before a POST is written, finds it closed, and opens another one.",
        play: stale,
    },
    Scene {
        title: "The server closes the connection during a request",
        promise: "A GET is sent again on a new connection. A POST is not: it may have been processed.",
        play: hangup,
    },
    Scene {
        title: "The server is busy",
        promise: "503 with Retry-After: 1. The call waits without a connection, then tries again.",
        play: busy,
    },
    Scene {
        title: "The server refuses a long upload early",
        promise: "64 MiB to a server that answers 413 at once, and then neither reads nor closes.",
        play: early_answer,
    },
    Scene {
        title: "Six threads, two connections",
        promise: "The pool may open two: four threads wait in line, first come, first served.",
        play: crowd,
    },
];

/// The server and the narrator that the scenes use.
pub(super) struct Stage {
    pub(super) origin: Origin,
    pub(super) narrator: Arc<Narrator>,
}

impl Stage {
    /// Creates a client for one scene, with a pool of its own.
    fn client(&self) -> Client {
        self.client_within(PoolLimits::default())
    }

    fn client_within(&self, limits: PoolLimits) -> Client {
        Client::builder().pool(limits).policy(patient()).trace(self.narrator.clone()).build()
    }

    fn get(&self, client: &Client, path: &str) -> Result<Response, Box<dyn Error>> {
        Ok(client.get(&self.origin.url(path)).send()?)
    }
}

pub(super) fn patient() -> Policy {
    let mut policy = Policy::default();
    policy.timeout.total = Some(PATIENCE);
    policy
}

fn reuse(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let client = stage.client();
    let mut connections = BTreeSet::new();
    for _ in 0..3 {
        let response = stage.get(&client, "/hello")?;
        connections.insert(response.connection());
        promised(response.text()? == "hello\n", "the response is another one")?;
    }
    promised(connections.len() == 1, "more than one connection was opened")?;
    Ok("three responses over one connection".to_owned())
}

fn redirect(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let response = stage.get(&stage.client(), "/old")?;
    promised(response.status() == 200, "the redirect was not followed")?;
    promised(response.history().len() == 1, "the redirect is not in the history")?;
    promised(response.reused(), "the second request took another connection")?;
    Ok(format!("{} from {}, over the same connection", response.status(), response.url().path()))
}

fn chunked(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let mut response = stage.get(&stage.client(), "/chunked")?;
    let mut body = String::new();
    response.read_to_string(&mut body)?;
    promised(body == CHUNKS.concat(), "the body is not the chunks in order")?;
    let trailers = response.trailers().ok_or("there is no trailer")?;
    let told = trailers.get_str("x-sum").unwrap_or_default();
    promised(told == sum(body.as_bytes()), "the checksum in the trailer is not the body's")?;
    Ok(format!("{body:?}, and its checksum is {told}, as in the trailer"))
}

fn stale(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let client = stage.client();
    let last = stage.get(&client, "/last")?;
    let first = last.connection();
    last.bytes()?;
    promised(stage.origin.has_closed(), "the server has not closed")?;
    stage.narrator.aside("closes the connection, without notice to the pool");
    let response = client.post(&stage.origin.url("/order")).body("one, please").send()?;
    promised(response.status() == 201, "the order was not taken")?;
    promised(response.connection() != first, "it went over the closed connection")?;
    promised(!response.reused(), "it went over an old connection")?;
    let orders = stage.origin.seen("POST /order");
    promised(orders == 1, "the server has not seen exactly one order")?;
    Ok("the server has seen exactly one order".to_owned())
}

fn hangup(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let client = stage.client();
    stage.get(&client, "/hello")?.bytes()?;
    let response = stage.get(&client, "/hangup")?;
    promised(response.status() == 200, "the GET was not answered")?;
    promised(!response.reused(), "the GET was not sent over a fresh connection")?;
    promised(response.history().is_empty(), "the second attempt counts as a retry")?;
    response.bytes()?;
    promised(stage.origin.seen("GET /hangup") == 2, "the GET was not sent twice")?;

    let Err(error) = client.post(&stage.origin.url("/hangup")).body("one, please").send() else {
        return Err("a POST without an answer was reported as answered".into());
    };
    promised(error.reached() == Reached::Sent, "the error does not say that it was sent")?;
    promised(stage.origin.seen("POST /hangup") == 1, "the POST was not sent exactly once")?;
    Ok("the GET was answered at the second attempt; the POST was sent once, as its error says"
        .to_owned())
}

fn busy(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let client = stage.client();
    let start = Instant::now();
    let response = client.get(&stage.origin.url("/busy")).retry(Retry::new(2)).send()?;
    let waited = start.elapsed();
    promised(response.status() == 200, "the request was not sent again")?;
    promised(response.history().len() == 1, "the request was not sent exactly twice")?;
    promised(waited >= Duration::from_secs(1), "the call did not wait for Retry-After")?;
    Ok(format!("200 after {}", Time(waited)))
}

fn early_answer(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let client = stage.client();
    let read = Arc::new(AtomicU64::new(0));
    let source = Counted { left: UPLOAD_BYTES, read: read.clone() };
    let body = Body::sized_reader(source, UPLOAD_BYTES);
    let response = client.post(&stage.origin.url("/small-only")).body(body).send()?;
    let status = response.status();
    promised(status == 413, "the response is another one")?;
    promised(response.text()? == "too much\n", "its body is another one")?;
    let read = read.load(Ordering::Relaxed);
    promised(read < UPLOAD_BYTES, "the upload went on to its end")?;
    promised(client.stats().idle == 0, "a connection with an unfinished request was kept")?;
    let (sent, whole) = (Bytes(read), Bytes(UPLOAD_BYTES));
    Ok(format!("413, after {sent} of {whole}"))
}

fn crowd(stage: &Stage) -> Result<String, Box<dyn Error>> {
    const THREADS: usize = 6;
    const CONNECTIONS: usize = 2;
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = CONNECTIONS;
    let client = stage.client_within(limits);
    let url = stage.origin.url("/gate");
    let (answers, line) = thread::scope(|scope| {
        let ask = || {
            let response = client.get(&url).send()?;
            let conn = response.connection();
            response.bytes().map(|_| conn)
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        let line = longest_line(&client, THREADS - CONNECTIONS);
        stage.origin.open_gate();
        let answers: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        (answers, line)
    });
    let mut connections = BTreeSet::new();
    for answer in answers {
        connections.insert(answer.map_err(|_| "a thread panicked")??);
    }
    promised(line == THREADS - CONNECTIONS, "another number of threads stood in line")?;
    promised(connections.len() == CONNECTIONS, "another number of connections was used")?;
    Ok(format!("six responses over two connections; {line} threads stood in line"))
}

/// Waits until `wanted` threads stand in line. Returns how many do, which may be another number
/// after the bound on the wait.
fn longest_line(client: &Client, wanted: usize) -> usize {
    let start = Instant::now();
    loop {
        let stats = client.stats();
        if stats.waiting >= wanted && stats.dialing == 0 || start.elapsed() > PATIENCE {
            return stats.waiting;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

pub(super) fn promised(kept: bool, otherwise: &'static str) -> Result<(), Box<dyn Error>> {
    if kept { Ok(()) } else { Err(otherwise.into()) }
}

/// A source of `left` bytes that counts how many were read.
struct Counted {
    left: u64,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        into[..count].fill(b'x');
        self.left -= count as u64;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
