//! Runs a [`Dial`]: performs its look-ups and connects, and waits for all of them at once.

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
    pooled::Pooled,
    shared::{DialJob, Shared},
};

impl<P: Platform> Line<'_, P> {
    /// Runs a dial that the pool ordered, and reports its outcome to the pool. Stops early when the
    /// ticket was granted another connection or the call has ended. The dial is then reported as
    /// abandoned when the `Line` is dropped. A connection that is already open by then is given to
    /// the pool.
    pub(crate) fn dial(
        &mut self,
        job: &DialJob,
        call: &mut Call,
        source: &mut Option<io::Error>,
    ) -> Option<Claim<Box<Pooled<P>>>> {
        let (shared, conn) = (self.shared, job.conn);
        self.dials = Some(conn);
        let mut run = Run::new(shared, job, call);
        let outcome = run.run_out(self, call, source);
        if let Some((host, port)) = run.dial.stale_answer(shared.now()) {
            shared.platform.refresh(host, port);
        }
        call.keep_trace_of(&run.dial);
        match outcome {
            Outcome::Ready(socket) => {
                let pooled = Box::new(Pooled::new(socket, shared.settings.messages));
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dialed(conn, pooled, now));
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

    /// Returns the outcome of a dial that need not go on, if the call has ended or the ticket was
    /// answered.
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

/// The outcome of a dial.
enum Outcome<P: Platform> {
    Ready(P::Socket),
    Failed(DialError),
    /// The ticket was granted another connection, or failed.
    Answered(Claim<Box<Pooled<P>>>),
    /// The call has ended.
    Over,
}

/// A dial with its sockets.
struct Run<P: Platform> {
    dial: Dial,
    local: Option<IpAddr>,
    attempts: Vec<(u8, P::Connecting)>,
    look_up: Option<P::LookUp>,
    /// Whether the look-up still waits for a free resolver thread.
    queued: bool,
    /// The bytes to be written to a proxy, and the bytes read from it that were not parsed yet.
    out: Vec<u8>,
    input: Vec<u8>,
}

impl<P: Platform> Run<P> {
    fn new(shared: &Shared<P>, DialJob { conn, key }: &DialJob, call: &Call) -> Self {
        let now = shared.now();
        let mut dial = Dial::new(key, &call.dial_policy(&shared.settings.dial), now);
        dial.set_trace(shared.trace(Who::Dial(conn.to_bits())));
        dial.needed_by(call.needed_by(now), now);
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
                // Not reached while the dial policy has no TLS: the dial then refuses the key at
                // once.
                Next::StartTls { .. } => self.dial.tls_failed(TlsKind::Unavailable, shared.now()),
                Next::Resolve { host, port } => {
                    if let Some(outcome) = line.ends(call) {
                        return outcome;
                    }
                    match shared.platform.look_up(host, port, &line.parker) {
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
                    // Checked after the wait, so that a connection that is already open is kept.
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
                // A connect that waits may have been ended by a deadline.
                self.dial.handle_timeout(now);
                self.connect_failed(attempt, error, now, source);
            }
        }
    }

    /// Returns the time until the next deadline of the dial or the call; `None` if there is none.
    fn patience(&self, call: &Call, now: Instant) -> Option<Duration> {
        let soonest = [self.dial.poll_timeout(), call.poll_timeout()];
        soonest.into_iter().flatten().map(|(at, _)| at.since(now)).min()
    }

    /// Reports the result of a look-up to the dial.
    fn resolved(
        &mut self,
        answer: io::Result<Vec<SocketAddr>>,
        now: Instant,
        source: &mut Option<io::Error>,
    ) {
        match answer {
            Ok(addrs) => self.dial.resolved(&addrs, now),
            Err(error) => {
                self.dial.resolve_failed(resolve_kind(&error), now);
                *source = Some(error);
            }
        }
    }

    /// Reports to the dial which attempts have connected or failed.
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

    /// Waits for the look-up, the connects and the proxy, and reports to the dial what they
    /// returned.
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
        let ready = shared.platform.poll(&line.parker, &mut self.attempts, talks, timeout)?;

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

    /// Writes pending bytes to a proxy, as many as its socket takes.
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

    /// Reads the answer of a proxy and passes it to the dial.
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

    /// Returns the socket of the attempt that won, set up for an exchange.
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
