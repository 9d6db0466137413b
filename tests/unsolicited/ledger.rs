//! Records the responses that were sent and received, with their times, and checks that each call
//! got its own unless it could not have known.

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

/// The most responses sent on idle connections.
const IDLE_MAX: usize = 8 * CONNECTIONS * ROUNDS;

thread_local! {
    /// When this thread was last given a reused connection. The thread has not probed the
    /// connection at that time.
    static GIVEN: Cell<u64> = const { Cell::new(0) };
}

/// How a server adds an unsolicited response to the response of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surplus {
    None,
    /// In one segment with the end of the response.
    Glued,
    /// In a segment of its own, immediately after.
    After,
    /// Before the response, when the request has arrived. No client can recognise it.
    Before,
}

/// A response. An `id` below [`CALLS`] is the response to that call. From [`CALLS`] on, it is the
/// unsolicited one added to the response of call `id - CALLS`. From twice [`CALLS`] on, it is sent
/// on an idle connection.
pub(crate) struct Sent {
    pub(crate) len: usize,
    pub(crate) surplus: Surplus,
}

/// A call that got another response than its own.
#[derive(Debug)]
struct Misled {
    call: usize,
    got: usize,
    given: u64,
}

pub(crate) struct Ledger {
    began: Instant,
    /// When each response was written, in nanoseconds; 0 if it was not.
    written: Vec<AtomicU64>,
    /// When each call was given its connection, indexed by the call's number.
    given: Vec<AtomicU64>,
    reused: AtomicUsize,
    unprobed: AtomicUsize,
    answered: AtomicUsize,
    misled: Mutex<Vec<Misled>>,
    /// The server's side of the open connections.
    open: Mutex<BTreeMap<usize, TcpStream>>,
    /// The number of unsolicited responses sent on idle connections.
    interrupted: AtomicUsize,
}

/// An open connection. It counts as closed when this is dropped.
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

    /// Sends an unsolicited response on each open connection; all of them are idle.
    pub(crate) fn interrupt(&self) {
        for tcp in self.open.lock().unwrap().values_mut() {
            let nth = self.interrupted.fetch_add(1, SeqCst);
            // Writing fails if the client has closed the connection.
            if tcp.write_all(&Self::response(2 * CALLS + nth)).is_ok() {
                self.has_written(2 * CALLS + nth);
            }
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Returns the length and the kind of the response with this id, the same at each run.
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
        // Most responses are small. One in sixteen is longer than 60 kB.
        let len = match bits >> 16 & 15 {
            0 => 60_000 + (bits >> 24 & 0x7fff),
            1 => 8_000 + (bits >> 24 & 0x1fff),
            _ => bits >> 24 & 0x3ff,
        };
        Sent { len: 8 + len as usize, surplus }
    }

    /// Returns the call to whose response this unsolicited one was added.
    fn added_to(id: usize) -> Option<usize> {
        id.checked_sub(CALLS).filter(|call| *call < CALLS)
    }

    fn surplus(call: usize) -> Surplus {
        Self::sent(call).surplus
    }

    /// Returns the response with this id. Its body is the id and a filling that depends on it.
    pub(crate) fn response(id: usize) -> Vec<u8> {
        let len = Self::sent(id).len;
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{id:08}");
        let filled = bytes.len() - 8 + len;
        bytes.extend(std::iter::repeat_n(filling(id), filled - bytes.len()));
        bytes.into_bytes()
    }

    /// Notes that the response was written.
    pub(crate) fn has_written(&self, id: usize) {
        self.written[id].store(self.now(), SeqCst);
    }

    /// Returns when the calling thread was last given a connection.
    pub(crate) fn given() -> u64 {
        GIVEN.get()
    }

    /// Returns when the call with this number was given its connection.
    pub(crate) fn given_to(&self, number: usize) -> u64 {
        self.given[number].load(SeqCst)
    }

    /// Notes that a call has ended with this body.
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

    /// Prints how many calls were misled by a response that came after their probe. Fails if any
    /// call was misled by an earlier one.
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

    /// Whether the response had arrived when the call probed its connection. That is so if it came
    /// with the end of a response that its call had read, or if it was written before the call was
    /// given the connection. (On loopback, written bytes are received at once.)
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
