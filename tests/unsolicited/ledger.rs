//! What was sent and when, who was given what, and whether anybody could have told.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::Write,
    net::TcpStream,
    sync::{
        Mutex,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Instant,
};

use httpool::trace::{Kind, Line, Sink, Who};

use crate::{CALLS, CONNECTIONS, ROUNDS};

/// At most so many speak while they are idle.
const IDLE_MAX: usize = 8 * CONNECTIONS * ROUNDS;

thread_local! {
    /// When this thread was last given a connection that had been used: it has not yet looked at
    /// it.
    static GIVEN: Cell<u64> = const { Cell::new(0) };
}

/// How a server adds a response that nobody asked for to the one for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surplus {
    None,
    /// In one segment with the end of the response.
    Glued,
    /// In a segment of its own, at once.
    After,
    /// When the request has arrived, in front of its response: nobody can tell.
    Before,
}

/// A response: that for call `id`; for an `id` from [`CALLS`] on the one that nobody asked for,
/// added to that for call `id - CALLS`; and from twice that on those on idle connections.
pub(crate) struct Sent {
    pub(crate) len: usize,
    pub(crate) surplus: Surplus,
}

/// A call that was given another response than its own.
#[derive(Debug)]
struct Misled {
    call: usize,
    got: usize,
    given: u64,
}

pub(crate) struct Ledger {
    began: Instant,
    /// When each response had been written, in nanoseconds; 0 if it was not.
    written: Vec<AtomicU64>,
    /// When the connection of each call was given to it, for calls by their number.
    given: Vec<AtomicU64>,
    reused: AtomicUsize,
    unprobed: AtomicUsize,
    answered: AtomicUsize,
    misled: Mutex<Vec<Misled>>,
    /// The server's side of connections that are open.
    open: Mutex<BTreeMap<usize, TcpStream>>,
    /// How many of them were spoken on while they were idle.
    interrupted: AtomicUsize,
}

/// A connection that is no longer open when this is dropped.
pub(crate) struct Open<'l>(&'l Ledger, usize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.lock().unwrap().remove(&self.1);
    }
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let times = |len: usize| (0..len).map(|_| AtomicU64::new(0)).collect();
        Self {
            began: Instant::now(),
            written: times(2 * CALLS + IDLE_MAX),
            given: times(CALLS),
            reused: AtomicUsize::new(0),
            unprobed: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            misled: Mutex::default(),
            open: Mutex::default(),
            interrupted: AtomicUsize::new(0),
        }
    }

    pub(crate) fn open(&self, number: usize, tcp: TcpStream) -> Open<'_> {
        self.open.lock().unwrap().insert(number, tcp);
        Open(self, number)
    }

    /// All connections are idle, and speak.
    pub(crate) fn interrupt(&self) {
        for tcp in self.open.lock().unwrap().values_mut() {
            let nth = self.interrupted.fetch_add(1, SeqCst);
            // Whoever has closed it hears nothing.
            if tcp.write_all(&Self::response(2 * CALLS + nth)).is_ok() {
                self.has_written(2 * CALLS + nth);
            }
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// What is sent for an id is the same at each run.
    pub(crate) fn sent(id: usize) -> Sent {
        let mut bits = (id as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 32;
        let surplus = match bits % 200 {
            0 => Surplus::Before,
            1..=30 => Surplus::Glued,
            31..=60 => Surplus::After,
            _ => Surplus::None,
        };
        // Most are small; one in sixteen is longer than 60 kB.
        let len = match bits >> 16 & 15 {
            0 => 60_000 + (bits >> 24 & 0x7fff),
            1 => 8_000 + (bits >> 24 & 0x1fff),
            _ => bits >> 24 & 0x3ff,
        };
        Sent { len: 8 + len as usize, surplus }
    }

    /// To which call's response that one was added.
    fn added_to(id: usize) -> Option<usize> {
        id.checked_sub(CALLS).filter(|call| *call < CALLS)
    }

    fn surplus(call: usize) -> Surplus {
        Self::sent(call).surplus
    }

    /// The response with that id: its body is the id, and a filling of the id's own.
    pub(crate) fn response(id: usize) -> Vec<u8> {
        let len = Self::sent(id).len;
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{id:08}");
        let filled = bytes.len() - 8 + len;
        bytes.extend(std::iter::repeat_n(filling(id), filled - bytes.len()));
        bytes.into_bytes()
    }

    /// Whoever wrote that response has done so.
    pub(crate) fn has_written(&self, id: usize) {
        self.written[id].store(self.now(), SeqCst);
    }

    /// When the calling thread was last given a connection.
    pub(crate) fn given() -> u64 {
        GIVEN.get()
    }

    /// When the call of that number was.
    pub(crate) fn given_to(&self, number: usize) -> u64 {
        self.given[number].load(SeqCst)
    }

    /// A call has ended with that body.
    pub(crate) fn got(&self, call: usize, body: &[u8], given: u64) {
        let got: usize = std::str::from_utf8(&body[..8]).unwrap().parse().unwrap();
        let fill = filling(got) as u8;
        assert_eq!(body.len(), Self::sent(got).len, "call {call}: all of response {got}");
        assert!(body[8..].iter().all(|byte| *byte == fill), "call {call}: of response {got} alone");
        self.answered.fetch_add(1, Relaxed);
        if got != call {
            self.misled.lock().unwrap().push(Misled { call, got, given });
        }
    }

    /// Says how many were misled by what came too late to be told, and fails if any was by
    /// something else.
    pub(crate) fn judge(&self, driver: &str) {
        let was_written = |id: usize| self.written[id].load(SeqCst) > 0;
        let count = |kind| {
            let added = (0..CALLS).filter(|id| Self::surplus(*id) == kind);
            added.filter(|id| was_written(CALLS + id)).count()
        };
        let kinds = [Surplus::Glued, Surplus::After, Surplus::Before];
        let added = kinds.map(|kind| (kind, count(kind)));
        let misled = self.misled.lock().unwrap();
        let (told, untold): (Vec<_>, Vec<_>) =
            misled.iter().partition(|it| self.could_tell(it, &misled));
        let by = kinds.map(|kind| {
            let by =
                untold.iter().filter(|it| Self::added_to(it.got).map(Self::surplus) == Some(kind));
            (kind, by.count())
        });
        let idle = self.interrupted.load(SeqCst);
        let reused = self.reused.load(SeqCst);
        println!(
            "{driver}: added {added:?} and {idle} while idle; {reused} connections used again"
        );
        println!("{driver}: {} calls misled after the last look, {by:?}", untold.len());
        assert_eq!(self.answered.load(SeqCst), CALLS);
        assert!(told.is_empty(), "{driver}: these could be told: {told:?}");
        assert_eq!(self.unprobed.load(SeqCst), 0, "{driver}: used again without a look");
        assert!(reused > CALLS / 4 && idle > 0, "{driver}: {reused} used again, {idle} idle");
        assert!(added.iter().all(|(_, count)| *count > 20), "{driver}: {added:?}");
    }

    /// Whether the response was there when the call looked at its connection for the last time:
    /// because it came with the end of a response that its own call had read, or because it had
    /// been written before the call was given the connection. (On loopback what is written is
    /// received.)
    fn could_tell(&self, it: &Misled, misled: &[Misled]) -> bool {
        let came_with = Self::added_to(it.got).filter(|id| Self::surplus(*id) == Surplus::Glued);
        if let Some(call) = came_with {
            return misled.iter().all(|other| other.call != call);
        }
        let written = self.written[it.got].load(SeqCst);
        written > 0 && written < it.given
    }
}

fn filling(id: usize) -> char {
    char::from(b'a' + (id % 26) as u8)
}

impl Sink for Ledger {
    fn line(&self, line: &Line<'_>) {
        match (line.who, line.kind) {
            (Who::Pool, Kind::Action) => {
                let text = line.text.to_string();
                if text.starts_with("reuse ") {
                    GIVEN.set(self.now());
                    self.reused.fetch_add(1, Relaxed);
                    self.unprobed.fetch_add(usize::from(!text.ends_with(" probe")), Relaxed);
                }
            }
            (Who::Call(number), Kind::Event) if line.text.to_string().starts_with("leased ") => {
                self.given[number as usize].store(GIVEN.get(), SeqCst);
            }
            _ => {}
        }
    }
}
