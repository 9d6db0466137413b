//! The simulated network: connections of two byte streams each, with latency, bounded windows, and
//! faults.

use httpool::error::IoKind;

use super::{
    Tls,
    io::Io,
    secure::{Scan, Scanned, Sessions},
    stage::{Event, Stage},
};

/// All sockets of a world. Socket numbers are never reused.
#[derive(Debug, Default)]
pub(super) struct Net {
    socks: Vec<Sock>,
}

#[derive(Debug)]
pub(super) struct Sock {
    pub(super) origin: usize,
    /// The result of connecting.
    outcome: Result<(), IoKind>,
    up: Pipe,
    down: Pipe,
    /// Whether the client's side is open.
    open: bool,
    /// Whether the server's side is open.
    served: bool,
    connected: bool,
    /// Nothing arrives before this time; `u64::MAX` means never.
    hole_until: u64,
    /// The offset of the first unsolicited byte in the server's output.
    pub(super) poison_at: Option<u32>,
    /// The call whose response the unsolicited bytes follow; `u32::MAX` if they follow none.
    pub(super) poison_of: u32,
    /// Whether a call has received unsolicited bytes that no client could have recognised as such.
    /// Later responses on the connection may then belong to other calls.
    pub(super) tainted: bool,
    /// The reader could not use a body that came over it.
    pub(super) unusable: bool,
    /// The time at which the first request on it arrived.
    pub(super) used_from: Option<u64>,
    /// Whether it was in use when the application closed the connections of its kind.
    pub(super) retired: bool,
    /// The server, or nearest proxy, that it was connected to.
    pub(super) named: usize,
    /// Whether it leads to an address that the name has until it moves.
    pub(super) old: bool,
    /// The time at which the client began the first request on it, and the number of requests.
    pub(super) begun: Option<u64>,
    pub(super) requests: u32,
    /// The number of bytes of the server's output that the client was given.
    pub(super) shown: u32,
    /// The sessions of the connection. `poison_at` and `shown` count the innermost's plaintext.
    sessions: Sessions,
    /// Follows the records in the client's raw output.
    scan: Scan,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// The number of bytes that the reader has read.
    read: usize,
    /// The number of bytes that have arrived.
    arrived: usize,
    /// The arrival time of the last event sent: later events do not overtake it.
    last: u64,
    fin: bool,
    rst: bool,
    /// Whether the writer waits for room in the window.
    waits: bool,
}

impl Net {
    /// Begins to connect a socket. `outcome` is the result and the delay until it comes; with
    /// `None` no result ever comes.
    pub(super) fn connect(
        &mut self,
        stage: &mut Stage,
        origin: usize,
        outcome: Option<(Result<(), IoKind>, u64)>,
    ) -> u32 {
        let sock = self.socks.len() as u32;
        self.socks.push(Sock {
            origin,
            outcome: outcome.map_or(Ok(()), |it| it.0),
            up: Pipe::default(),
            down: Pipe::default(),
            open: true,
            served: true,
            connected: false,
            hole_until: 0,
            poison_at: None,
            poison_of: u32::MAX,
            tainted: false,
            unusable: false,
            used_from: None,
            retired: false,
            named: origin,
            old: false,
            begun: None,
            requests: 0,
            shown: 0,
            sessions: Sessions::default(),
            scan: Scan::default(),
        });
        if let Some((_, after)) = outcome {
            stage.plan(after, Event::Connect { sock });
        }
        sock
    }

    /// Ends an attempt to connect. Returns its result, or `None` if the client has closed the
    /// socket.
    pub(super) fn finish_connect(&mut self, sock: u32) -> Option<Result<(), IoKind>> {
        let sock = &mut self.socks[sock as usize];
        if !sock.open {
            return None;
        }
        sock.connected = sock.outcome.is_ok();
        Some(sock.outcome)
    }

    pub(super) fn get(&self, sock: u32) -> &Sock {
        &self.socks[sock as usize]
    }

    pub(super) fn get_mut(&mut self, sock: u32) -> &mut Sock {
        &mut self.socks[sock as usize]
    }

    /// Returns how many sockets are open on the client's side.
    pub(super) fn open(&self) -> usize {
        self.socks.iter().filter(|it| it.open).count()
    }

    // ---- The client's side ------------------------------------------------------------------

    pub(super) fn readable(&self, sock: u32) -> bool {
        let it = &self.socks[sock as usize];
        it.open && it.down.is_readable()
    }

    pub(super) fn writable(&self, stage: &Stage, sock: u32) -> bool {
        let it = &self.socks[sock as usize];
        it.open && (it.down.rst || it.up.room(stage.noise.window) > 0)
    }

    /// Appends up to `max` of the bytes that have arrived to `into`.
    pub(super) fn read(
        &mut self,
        stage: &mut Stage,
        sock: u32,
        max: usize,
        into: &mut Vec<u8>,
    ) -> Io {
        let it = &mut self.socks[sock as usize];
        let done = it.down.read(stage, max, into);
        if let Io::Done(_) = done
            && std::mem::take(&mut it.down.waits)
        {
            let delay = stage.latency();
            stage.plan(delay, Event::Space { sock });
        }
        done
    }

    pub(super) fn write(&mut self, stage: &mut Stage, sock: u32, bytes: &[u8]) -> Io {
        let it = &mut self.socks[sock as usize];
        if it.down.rst {
            return Io::Reset;
        }
        let hole = it.hole_until;
        it.up.write(stage, bytes, hole, (sock, false))
    }

    pub(super) fn close(&mut self, stage: &mut Stage, sock: u32) {
        let it = &mut self.socks[sock as usize];
        if !std::mem::take(&mut it.open) || !it.connected {
            return;
        }
        // A socket that is closed with unread input sends a reset.
        let unread = it.down.arrived > it.down.read;
        let hole = it.hole_until;
        it.up.end(stage, hole, unread, (sock, false));
    }

    // ---- The server's side ------------------------------------------------------------------

    pub(super) fn server_read(&mut self, stage: &mut Stage, sock: u32, into: &mut Vec<u8>) -> Io {
        let it = &mut self.socks[sock as usize];
        if it.sessions.is_empty() {
            return it.up.read(stage, usize::MAX, into);
        }
        if it.sessions.is_over() {
            return Io::Eof;
        }
        let mut raw = Vec::new();
        let done = match it.up.read(stage, usize::MAX, &mut raw) {
            Io::Done(_) => it.sessions.open(raw, into),
            other => other,
        };
        if done == Io::Reset {
            self.server_end(stage, sock, true, false);
            return Io::Eof;
        }
        self.flush(stage, sock);
        done
    }

    /// Begins a session on the connection, within those that there are. `before` are the last bytes
    /// without it.
    pub(super) fn secure(&mut self, stage: &mut Stage, sock: u32, tls: Tls, before: &[u8]) {
        self.socks[sock as usize].sessions.begin(stage, tls, before);
        self.flush(stage, sock);
    }

    pub(super) fn is_secure(&self, sock: u32) -> bool {
        !self.socks[sock as usize].sessions.is_empty()
    }

    /// Whether the end of the server's output is one that the client can tell from a cut.
    pub(super) fn ends_clean(&self, sock: u32) -> bool {
        self.socks[sock as usize].sessions.has_noticed()
    }

    /// Whether the client has read a notice that nothing more follows.
    pub(super) fn has_told(&self, sock: u32) -> bool {
        self.socks[sock as usize].sessions.have_told()
    }

    /// Sends records without plaintext, at random, on a connection with sessions.
    pub(super) fn idle(&mut self, stage: &mut Stage, sock: u32) {
        self.socks[sock as usize].sessions.idle(stage);
        self.flush(stage, sock);
    }

    /// Writes the pending bytes of the sessions.
    pub(super) fn flush(&mut self, stage: &mut Stage, sock: u32) {
        let it = &mut self.socks[sock as usize];
        let hole = it.hole_until;
        loop {
            let raw = it.sessions.settle(stage);
            if raw.is_empty() || it.up.rst {
                return;
            }
            let Io::Done(some) = it.down.write(stage, raw, hole, (sock, true)) else {
                it.down.waits = true;
                return;
            };
            if it.sessions.gone(some) {
                it.down.end(stage, hole, false, (sock, true));
            }
        }
    }

    /// Counts bytes that the client was given.
    pub(super) fn show(&mut self, sock: u32, bytes: usize) {
        let it = &mut self.socks[sock as usize];
        match it.sessions.is_empty() {
            true => it.shown += bytes as u32,
            false => it.shown = it.sessions.give(bytes as u32),
        }
    }

    /// Returns the contents of raw bytes that the client offers, of which it has written `done`.
    pub(super) fn scan(&mut self, sock: u32, bytes: &[u8], done: Option<usize>) -> Option<Scanned> {
        let it = &mut self.socks[sock as usize];
        let deep = it.sessions.are_two();
        match done {
            _ if it.sessions.is_empty() => None,
            Some(done) => Some(it.scan.follow(&bytes[..done], deep)),
            None => Some({ it.scan }.follow(bytes, deep)),
        }
    }

    pub(super) fn server_write(&mut self, stage: &mut Stage, sock: u32, bytes: &[u8]) -> Io {
        self.flush(stage, sock);
        let it = &mut self.socks[sock as usize];
        if it.up.rst {
            return Io::Reset;
        }
        if !it.sessions.is_empty() {
            let done = it.sessions.seal(bytes);
            self.flush(stage, sock);
            return done;
        }
        let hole = it.hole_until;
        let done = it.down.write(stage, bytes, hole, (sock, true));
        it.down.waits |= done == Io::Block || matches!(done, Io::Done(n) if n < bytes.len());
        done
    }

    /// Returns how many bytes the server has written in all.
    pub(super) fn sent(&self, sock: u32) -> u32 {
        let it = &self.socks[sock as usize];
        match it.sessions.is_empty() {
            true => it.down.bytes.len() as u32,
            false => it.sessions.sealed(),
        }
    }

    /// Ends the server's output, with an orderly end or with a reset. Over a session, an orderly
    /// end is announced, or not at random if `cuts` is set.
    pub(super) fn server_end(&mut self, stage: &mut Stage, sock: u32, reset: bool, cuts: bool) {
        let it = &mut self.socks[sock as usize];
        if !reset && it.sessions.is_ending() {
            return self.flush(stage, sock);
        }
        if !reset && !it.sessions.is_empty() && !it.sessions.end(stage, cuts) {
            return self.flush(stage, sock);
        }
        let hole = it.hole_until;
        it.down.end(stage, hole, reset, (sock, true));
    }

    /// Ends the server's reading: bytes that still arrive are answered with a reset.
    pub(super) fn server_close(&mut self, sock: u32) {
        self.socks[sock as usize].served = false;
    }

    /// Delays all further arrivals until `until`.
    pub(super) fn put_off(&mut self, sock: u32, until: u64) {
        self.socks[sock as usize].hole_until = until;
    }

    // ---- Arrivals ---------------------------------------------------------------------------

    /// Delivers bytes that were under way. Returns whether the server has new input to read.
    pub(super) fn arrive(&mut self, stage: &mut Stage, sock: u32, down: bool, upto: u32) -> bool {
        let it = &mut self.socks[sock as usize];
        if down {
            // Nothing arrives behind a reset: it would leave a gap where that has discarded bytes.
            if !it.down.rst {
                it.down.arrived = it.down.arrived.max(upto as usize);
            }
            return false;
        }
        it.up.arrived = it.up.arrived.max(upto as usize);
        if !it.served && it.open && !it.down.rst {
            let hole = it.hole_until;
            it.down.end(stage, hole, true, (sock, true));
        }
        it.served
    }

    pub(super) fn arrive_end(&mut self, stage: &mut Stage, sock: u32, down: bool, reset: bool) {
        let it = &mut self.socks[sock as usize];
        let pipe = if down { &mut it.down } else { &mut it.up };
        if reset {
            pipe.rst = true;
            // On some systems a reset discards the bytes that arrived before it, on others it does
            // not.
            if stage.random.once_in(2) {
                pipe.read = pipe.arrived;
            }
        } else {
            pipe.fin = true;
        }
    }
}

impl Pipe {
    const fn is_readable(&self) -> bool {
        self.arrived > self.read || self.fin || self.rst
    }

    fn room(&self, window: u32) -> usize {
        (window as usize).saturating_sub(self.bytes.len() - self.read)
    }

    fn read(&mut self, stage: &mut Stage, max: usize, into: &mut Vec<u8>) -> Io {
        let there = self.arrived - self.read;
        if there == 0 {
            return match (self.rst, self.fin) {
                (true, _) => Io::Reset,
                (false, true) => Io::Eof,
                (false, false) => Io::Block,
            };
        }
        let some = stage.cut(there.min(max), stage.noise.read_max);
        into.extend_from_slice(&self.bytes[self.read..self.read + some]);
        self.read += some;
        Io::Done(some)
    }

    fn write(&mut self, stage: &mut Stage, bytes: &[u8], hole: u64, to: (u32, bool)) -> Io {
        let room = self.room(stage.noise.window).min(bytes.len());
        if room == 0 {
            return if bytes.is_empty() { Io::Done(0) } else { Io::Block };
        }
        let some = stage.cut(room, stage.noise.write_max);
        self.bytes.extend_from_slice(&bytes[..some]);
        let (sock, down) = to;
        self.send(stage, hole, Event::Arrive { sock, down, upto: self.bytes.len() as u32 });
        Io::Done(some)
    }

    fn end(&mut self, stage: &mut Stage, hole: u64, reset: bool, (sock, down): (u32, bool)) {
        let event = if reset { Event::Rst { sock, down } } else { Event::Fin { sock, down } };
        self.send(stage, hole, event);
    }

    fn send(&mut self, stage: &mut Stage, hole: u64, event: Event) {
        if hole == u64::MAX {
            return;
        }
        let delay = stage.latency();
        self.last = self.last.max(stage.now + delay).max(hole);
        stage.queue.plan(self.last, event);
    }
}
