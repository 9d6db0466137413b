//! Runs a [`Dial`]: sockets, look-ups, and the wait for all of them at once.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr, TcpStream},
};

use httpool::{
    call::Call,
    dial::{Dial, Next},
    error::{DialError, IoKind, TlsKind},
    h1,
    id::ConnId,
    message::Key,
    pool::Claim,
    time::Instant,
    trace::Who,
};

use crate::{
    error::io_kind,
    lease::Line,
    shared::{Shared, Warm},
    sys::{self, Connecting},
};

impl Line<'_> {
    /// Dials at the pool's wish, and tells it how that ended. Stops early when the ticket has been
    /// answered otherwise or the call is over: the dial is then reported abandoned, when this leaves
    /// the line. But a connection that is open by then is handed in, and not thrown away.
    pub(crate) fn dial(
        &mut self,
        conn: ConnId,
        key: &Key,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Option<Claim<Warm>> {
        let shared = self.shared;
        self.dials = Some(conn);
        match Run::new(shared, conn, key).run_out(self, call, source) {
            Outcome::Ready(tcp) => {
                let warm = Warm { tcp, h1: h1::Connection::new(shared.messages), timeout: None };
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dialed(conn, warm, now));
                None
            }
            Outcome::Failed(why) => {
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dial_failed(conn, why, now));
                None
            }
            Outcome::Answered(claim) => {
                shared.resolver.forget(&self.seat);
                Some(claim)
            }
            Outcome::Over => {
                shared.resolver.forget(&self.seat);
                None
            }
        }
    }
}

impl Line<'_> {
    /// Whether a dial need not go on.
    fn ends(&mut self, call: &mut Call) -> Option<Outcome> {
        if self.is_over(call) {
            return Some(Outcome::Over);
        }
        match self.claim() {
            Claim::Wait { .. } => None,
            claim => Some(Outcome::Answered(claim)),
        }
    }
}

/// How a dial ended.
enum Outcome {
    Ready(TcpStream),
    Failed(DialError),
    /// The ticket was answered otherwise.
    Answered(Claim<Warm>),
    /// The call is over.
    Over,
}

/// A dial with its sockets.
struct Run {
    dial: Dial,
    local: Option<IpAddr>,
    attempts: Vec<(u8, Connecting)>,
    /// The look-up under way.
    ask: Option<u64>,
    /// What is to be written to a proxy, and what it said that was not taken.
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Run {
    fn new(shared: &Shared, conn: ConnId, key: &Key) -> Self {
        let mut dial = Dial::new(key, &shared.dial, shared.now());
        if let Some(trace) = shared.trace(Who::Dial(conn.to_bits())) {
            dial.set_trace(trace);
        }
        Self {
            dial,
            local: key.local(),
            attempts: Vec::new(),
            ask: None,
            out: Vec::new(),
            input: Vec::new(),
        }
    }

    fn run_out(
        mut self,
        line: &mut Line<'_>,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Outcome {
        let shared = line.shared;
        loop {
            match self.dial.next() {
                Next::Ready { attempt } => {
                    return self.finish(attempt).unwrap_or_else(|error| failed(error, source));
                }
                Next::Failed(why) => return Outcome::Failed(why),
                Next::Abandon { attempt } => {
                    self.attempts.retain(|(number, _)| *number != attempt);
                    self.dial.abandoned(attempt);
                }
                // The dial refuses such a key at once while the policy says that there is no TLS.
                Next::StartTls { .. } => self.dial.tls_failed(TlsKind::Unavailable, shared.now()),
                Next::Resolve { host, port } => {
                    if let Some(outcome) = line.ends(call) {
                        return outcome;
                    }
                    match shared.resolver.ask(host, port, &line.seat) {
                        Ok(ask) => {
                            self.ask = Some(ask);
                            self.dial.resolving(shared.now());
                        }
                        Err(error) => {
                            *source = Some(error);
                            self.dial.resolved(&[], shared.now());
                        }
                    }
                }
                Next::Connect { attempt, addr } => {
                    if let Some(outcome) = line.ends(call) {
                        return outcome;
                    }
                    self.connect(attempt, addr, shared.now(), source);
                }
                Next::Exchange | Next::Wait => {
                    if let Err(error) = self.wait(line, call, source) {
                        return failed(error, source);
                    }
                    // Asked only now: what is open already is not thrown away for something else.
                    if !matches!(self.dial.next(), Next::Ready { .. })
                        && let Some(outcome) = line.ends(call)
                    {
                        return outcome;
                    }
                }
            }
        }
    }

    fn connect(
        &mut self,
        attempt: u8,
        addr: SocketAddr,
        now: Instant,
        source: &mut Option<io::Error>,
    ) {
        self.dial.connecting(attempt, now);
        match Connecting::start(addr, self.local) {
            Ok(connecting) => {
                if connecting.is_up() {
                    self.dial.connected(attempt, now);
                }
                self.attempts.push((attempt, connecting));
            }
            Err(error) => self.connect_failed(attempt, error, now, source),
        }
    }

    /// Waits for whatever is under way, and passes on what came of it.
    fn wait(
        &mut self,
        line: &Line<'_>,
        call: &Call,
        source: &mut Option<io::Error>,
    ) -> io::Result<()> {
        let shared = line.shared;
        let talker = match self.dial.next() {
            Next::Exchange => self.dial.winner(),
            _ => None,
        };
        if let Some(talker) = talker {
            self.dial.poll_transmit(&mut self.out);
            self.flush(talker, shared);
        }
        let now = shared.now();
        let soonest = [self.dial.poll_timeout(), call.poll_timeout()];
        let timeout = soonest.into_iter().flatten().map(|(at, _)| at.since(now)).min();
        let talking = talker.map(|talker| (talker, !self.out.is_empty()));
        let mut done = Vec::new();
        let attempts = &mut self.attempts;
        let ready = line.seat.poll(timeout, |bell, timeout| {
            Connecting::wait(attempts, talking, bell, timeout, |attempt, how| {
                done.push((attempt, how));
            })
        })?;

        let now = shared.now();
        for (attempt, how) in done {
            match how {
                Ok(()) => self.dial.connected(attempt, now),
                Err(error) => self.connect_failed(attempt, error, now, source),
            }
        }
        if let Some(addrs) = self.ask.and_then(|ask| line.seat.take_answer(ask)) {
            self.ask = None;
            let addrs = addrs.unwrap_or_else(|error| {
                *source = Some(error);
                Vec::new()
            });
            self.dial.resolved(&addrs, now);
        }
        if let Some(talker) = talker.filter(|_| ready.readable) {
            self.listen(talker, shared);
        }
        self.dial.handle_timeout(shared.now());
        Ok(())
    }

    fn socket(&self, attempt: u8) -> Option<&TcpStream> {
        self.attempts.iter().find(|(number, _)| *number == attempt).map(|(_, at)| at.tcp())
    }

    /// Writes to a proxy what it takes.
    fn flush(&mut self, talker: u8, shared: &Shared) {
        let Some(tcp) = self.socket(talker).filter(|_| !self.out.is_empty()) else { return };
        match sys::send_now(tcp, &[IoSlice::new(&self.out)]) {
            Ok(sent) => {
                self.out.drain(..sent);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.dial.lost(io_kind(&error), shared.now()),
        }
    }

    /// Reads what a proxy says.
    fn listen(&mut self, talker: u8, shared: &Shared) {
        let mut buffer = [0; 4096];
        let Some(tcp) = self.socket(talker) else { return };
        let now = shared.now();
        match sys::recv_now(tcp, &mut buffer) {
            Ok(0) => self.dial.lost(IoKind::Eof, now),
            Ok(read) => {
                self.input.extend_from_slice(&buffer[..read]);
                let taken = self.dial.receive(&self.input, now);
                self.input.drain(..taken);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.dial.lost(io_kind(&error), now),
        }
    }

    fn connect_failed(
        &mut self,
        attempt: u8,
        error: io::Error,
        now: Instant,
        source: &mut Option<io::Error>,
    ) {
        self.attempts.retain(|(number, _)| *number != attempt);
        self.dial.connect_failed(attempt, io_kind(&error), now);
        *source = Some(error);
    }

    /// The winner's socket. What a proxy sent behind its answer would be an answer before the first
    /// request: nobody's.
    fn finish(&mut self, attempt: u8) -> io::Result<Outcome> {
        if !self.input.is_empty() {
            return Ok(Outcome::Failed(DialError::ProxyProtocol));
        }
        match self.attempts.iter().position(|(number, _)| *number == attempt) {
            Some(index) => Ok(Outcome::Ready(self.attempts.swap_remove(index).1.finish()?)),
            None => Ok(Outcome::Failed(DialError::Connect(IoKind::Other))),
        }
    }
}

fn failed(error: io::Error, source: &mut Option<io::Error>) -> Outcome {
    let why = io_kind(&error);
    *source = Some(error);
    Outcome::Failed(DialError::Connect(why))
}
