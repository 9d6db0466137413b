//! Runs a [`Dial`]: sockets, look-ups, and the wait for all of them at once.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use httpool::{
    call::Call,
    dial::{Dial, Next},
    error::{DialError, IoKind, TlsKind},
    pool::Claim,
    time::Instant,
    trace::Who,
};

use httpool_kit::{io_kind, resolve_kind};

use crate::{
    lease::Line,
    platform::{Connecting, LookUp, Platform, Socket},
    shared::{Order, Shared},
    warm::Warm,
};

impl<P: Platform> Line<'_, P> {
    /// Dials at the pool's wish, and tells it how that ended. Stops early when the ticket has been
    /// answered otherwise or the call is over: the dial is then reported abandoned, when this leaves
    /// the line. But a connection that is open by then is handed in, and not thrown away.
    pub(crate) fn dial(
        &mut self,
        order: &Order,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Option<Claim<Box<Warm<P>>>> {
        let (shared, conn) = (self.shared, order.conn);
        self.dials = Some(conn);
        let mut run = Run::new(shared, order, call);
        let outcome = run.run_out(self, call, source);
        if let Some((host, port)) = run.dial.stale_answer(shared.now()) {
            shared.platform.refresh(host, port);
        }
        call.keep_trace_of(&run.dial);
        match outcome {
            Outcome::Ready(socket) => {
                let warm = Box::new(Warm::new(socket, shared.settings.messages));
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dialed(conn, warm, now));
                None
            }
            Outcome::Failed(why) => {
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dial_failed(conn, why, now));
                None
            }
            Outcome::Answered(claim) => Some(claim),
            Outcome::Over => None,
        }
    }

    /// Whether a dial need not go on.
    fn ends(&mut self, call: &mut Call) -> Option<Outcome<P>> {
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
enum Outcome<P: Platform> {
    Ready(P::Socket),
    Failed(DialError),
    /// The ticket was answered otherwise.
    Answered(Claim<Box<Warm<P>>>),
    /// The call is over.
    Over,
}

/// A dial with its sockets.
struct Run<P: Platform> {
    dial: Dial,
    local: Option<IpAddr>,
    attempts: Vec<(u8, P::Connecting)>,
    look_up: Option<P::LookUp>,
    /// The look-up waits for a thread.
    queued: bool,
    /// What is to be written to a proxy, and what it said that was not taken.
    out: Vec<u8>,
    input: Vec<u8>,
}

impl<P: Platform> Run<P> {
    fn new(shared: &Shared<P>, Order { conn, key }: &Order, call: &Call) -> Self {
        let now = shared.now();
        let mut dial = Dial::new(key, &shared.settings.dial, now);
        dial.set_trace(shared.trace(Who::Dial(conn.to_bits())));
        dial.needed_by(call.total_deadline(), now);
        Self {
            dial,
            local: key.local(),
            attempts: Vec::new(),
            look_up: None,
            queued: false,
            out: Vec::new(),
            input: Vec::new(),
        }
    }

    fn run_out(
        &mut self,
        line: &mut Line<'_, P>,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Outcome<P> {
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
                    match shared.platform.look_up(host, port, &line.seat) {
                        Ok(mut look_up) => {
                            self.queued = !look_up.has_begun();
                            self.look_up = Some(look_up);
                            if self.queued {
                                self.dial.resolve_queued(shared.now());
                            } else {
                                self.dial.resolving(shared.now());
                            }
                        }
                        Err(error) => self.resolved(Err(error), shared.now(), source),
                    }
                }
                Next::Connect { attempt, addr } => {
                    if let Some(outcome) = line.ends(call) {
                        return outcome;
                    }
                    self.connect(attempt, addr, (shared, call), source);
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
        (shared, call): (&Shared<P>, &Call),
        source: &mut Option<io::Error>,
    ) {
        let now = shared.now();
        self.dial.connecting(attempt, now);
        let connecting = shared.platform.connect(addr, self.local, self.patience(call, now));
        let now = shared.now();
        match connecting {
            Ok(connecting) => {
                self.attempts.push((attempt, connecting));
                self.hear(now, source);
            }
            Err(error) => {
                // Where that has waited, it may be a deadline that has ended it.
                self.dial.handle_timeout(now);
                self.connect_failed(attempt, error, now, source);
            }
        }
    }

    /// How long there is nothing to do unless something happens.
    fn patience(&self, call: &Call, now: Instant) -> Option<Duration> {
        let soonest = [self.dial.poll_timeout(), call.poll_timeout()];
        soonest.into_iter().flatten().map(|(at, _)| at.since(now)).min()
    }

    /// Passes on what a look-up came to.
    fn resolved(
        &mut self,
        answer: io::Result<Vec<SocketAddr>>,
        now: Instant,
        source: &mut Option<io::Error>,
    ) {
        match answer {
            Ok(addrs) => self.dial.resolved(&addrs, now),
            Err(error) => {
                match resolve_kind(&error) {
                    Some(why) => self.dial.resolve_failed(why, now),
                    None => self.dial.resolved(&[], now),
                }
                *source = Some(error);
            }
        }
    }

    /// Passes on what has become of the attempts.
    fn hear(&mut self, now: Instant, source: &mut Option<io::Error>) {
        let news = self.attempts.iter_mut();
        let news: Vec<_> = news.filter_map(|(at, it)| Some((*at, it.outcome()?))).collect();
        for (attempt, outcome) in news {
            match outcome {
                Ok(()) => self.dial.connected(attempt, now),
                Err(error) => self.connect_failed(attempt, error, now, source),
            }
        }
    }

    /// Waits for whatever is under way, and passes on what came of it.
    fn wait(
        &mut self,
        line: &Line<'_, P>,
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
        let timeout = self.patience(call, shared.now());
        let talks = talker.map(|talker| (talker, !self.out.is_empty()));
        let ready = shared.platform.poll(&line.seat, &mut self.attempts, talks, timeout)?;

        let now = shared.now();
        self.hear(now, source);
        if self.queued && self.look_up.as_mut().is_some_and(LookUp::has_begun) {
            self.queued = false;
            self.dial.resolving(now);
        }
        if let Some(answer) = self.look_up.as_mut().and_then(LookUp::answer) {
            self.look_up = None;
            self.resolved(answer, now, source);
        }
        if let Some(talker) = talker.filter(|_| ready.readable) {
            self.listen(talker, shared);
        }
        self.dial.handle_timeout(shared.now());
        Ok(())
    }

    fn socket(&self, attempt: u8) -> Option<&P::Socket> {
        self.attempts.iter().find(|(number, _)| *number == attempt).map(|(_, at)| at.socket())
    }

    /// Writes to a proxy what it takes.
    fn flush(&mut self, talker: u8, shared: &Shared<P>) {
        let Some(socket) = self.socket(talker).filter(|_| !self.out.is_empty()) else { return };
        match socket.send_now(&[IoSlice::new(&self.out)]) {
            Ok(sent) => {
                self.out.drain(..sent);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.dial.lost(io_kind(&error), shared.now()),
        }
    }

    /// Reads what a proxy says.
    fn listen(&mut self, talker: u8, shared: &Shared<P>) {
        let mut buffer = [0; 4096];
        let Some(socket) = self.socket(talker) else { return };
        let read = socket.recv_now(&mut buffer);
        let now = shared.now();
        match read {
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

    /// The winner's socket.
    fn finish(&mut self, attempt: u8) -> io::Result<Outcome<P>> {
        match self.attempts.iter().position(|(number, _)| *number == attempt) {
            Some(index) => Ok(Outcome::Ready(self.attempts.swap_remove(index).1.finish()?)),
            None => Ok(Outcome::Failed(DialError::Connect(IoKind::Other))),
        }
    }
}

fn failed<P: Platform>(error: io::Error, source: &mut Option<io::Error>) -> Outcome<P> {
    let why = io_kind(&error);
    *source = Some(error);
    Outcome::Failed(DialError::Connect(why))
}
