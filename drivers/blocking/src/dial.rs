//! Runs a [`Dial`]: performs its look-ups and connects, and waits for all of them at once.

use std::{
    io::{self, IoSlice},
    mem,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use httpool::{
    call::Call,
    dial::{Dial, Next},
    error::{DialError, IoKind},
    message::PeerAddr,
    pool::Claim,
    time::Instant,
    trace::Who,
};

use httpool_kit::{Flow, LayerError, Wire, WireBuffers, io_kind, logs, resolve_kind};

use crate::{
    lease::Line,
    platform::{Connecting, LookUp, Platform, Socket},
    pooled::Pooled,
    shared::{DialJob, Shared},
    wired::Wired,
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
        call.opens(conn, shared.now());
        let mut run = Run::new(shared, job, call);
        let outcome = run.run_out(self, call, source);
        if let Some((host, port)) = run.dial.stale_answer(shared.now()) {
            shared.platform.refresh(host, port);
        }
        call.keep_trace_of(&run.dial);
        call.keep_timings_of(conn, &run.dial, shared.now());
        match outcome {
            Outcome::Ready(net) => {
                let pooled = Box::new(Pooled::new(net, shared.settings.messages));
                self.dials = None;
                logs::opened(conn, &job.key);
                let peer = run.dial.peer_ip();
                shared.settled(|locked, now| {
                    if let Some(ip) = peer {
                        locked.pool.dial_peer(conn, ip);
                    }
                    locked.pool.dialed(conn, pooled, now);
                });
                None
            }
            Outcome::Failed(why) => {
                call.keep_proxy_response(&mut run.dial);
                self.dials = None;
                shared.settled(|locked, now| locked.pool.dial_failed(conn, why, now));
                None
            }
            Outcome::Answered(claim) => Some(claim),
            Outcome::Over => None,
        }
    }

    /// Returns the outcome of the dial, if the call has ended or its ticket was answered. The dial
    /// then need not go on.
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
    Ready(Wired<P::Socket>),
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
    /// The layers to the stops so far.
    wire: Wire,
    /// Whether the handshake of the innermost layer runs.
    shakes: bool,
}

impl<P: Platform> Run<P> {
    fn new(shared: &Shared<P>, DialJob { conn, key }: &DialJob, call: &Call) -> Self {
        let now = shared.now();
        let mut dial = Dial::new(key, &call.dial_policy(&shared.settings.dial), now);
        dial.set_trace(shared.trace(Who::Dial(conn.to_bits())));
        if shared.settings.timings {
            dial.set_timings();
        }
        dial.needed_by(call.needed_by(now), now);
        Self {
            dial,
            local: key.local(),
            attempts: Vec::new(),
            look_up: None,
            queued: false,
            out: Vec::new(),
            input: Vec::new(),
            wire: Wire::plain(),
            shakes: false,
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
                Next::StartTls { tls, name } if !self.shakes => {
                    self.shakes = true;
                    let settings = &shared.settings;
                    let begun = settings.begin_layer(&mut self.wire, tls, name, &self.input);
                    self.input.clear();
                    if let Err(why) = begun {
                        self.layer_failed(why, shared.now(), source);
                    }
                }
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
                    let addr = addr.clone();
                    self.connect(attempt, &addr, (shared, call), source);
                }
                Next::Exchange | Next::StartTls { .. } | Next::Wait => {
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
        addr: &PeerAddr,
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
            Next::Exchange | Next::StartTls { .. } => self.dial.winner(),
            _ => None,
        };
        if let Some(talker) = talker {
            self.dial.poll_transmit(&mut self.out);
            self.flush(talker, shared, source);
        }
        let timeout = self.patience(call, shared.now());
        let writes = !self.out.is_empty() || self.wire.has_output();
        let talks = talker.map(|talker| (talker, writes));
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
            self.listen(talker, shared, source);
        }
        self.dial.handle_timeout(shared.now());
        Ok(())
    }

    fn socket(&self, attempt: u8) -> Option<&P::Socket> {
        self.attempts.iter().find(|(number, _)| *number == attempt).map(|(_, at)| at.socket())
    }

    /// Writes pending bytes to a proxy or in a handshake, as many as the socket takes.
    fn flush(&mut self, talker: u8, shared: &Shared<P>, source: &mut Option<io::Error>) {
        if !self.wire.is_plain() {
            match self.wire.seal(&[IoSlice::new(&self.out)]) {
                Ok(taken) => drop(self.out.drain(..taken)),
                Err(why) => return self.layer_failed(why, shared.now(), source),
            }
        }
        let plain = self.wire.is_plain();
        let out = if plain { &self.out[..] } else { self.wire.output() };
        let Some(socket) = self.socket(talker).filter(|_| !out.is_empty()) else { return };
        match socket.send_now(&[IoSlice::new(out)]) {
            Ok(sent) if plain => drop(self.out.drain(..sent)),
            Ok(sent) => drop(self.wire.sent(sent)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lost(error, shared.now(), source),
        }
    }

    /// Reads the answer of a proxy and passes it to the dial, or goes on with a handshake.
    fn listen(&mut self, talker: u8, shared: &Shared<P>, source: &mut Option<io::Error>) {
        let Some(index) = self.attempts.iter().position(|(number, _)| *number == talker) else {
            return;
        };
        let (mut buffer, plain) = ([0; 4096], self.wire.is_plain());
        let room = if plain { &mut buffer[..] } else { self.wire.room() };
        let read = self.attempts[index].1.socket().recv_now(room);
        let now = shared.now();
        match read {
            Ok(0) if plain || self.shakes => self.dial.lost(IoKind::Eof, now),
            // Without a close_notify, anybody on the way can have ended it.
            Ok(0) => {
                self.dial.lost(IoKind::Reset, now);
                *source = Some(LayerError::cut());
            }
            Ok(read) if plain => {
                self.input.extend_from_slice(&buffer[..read]);
                self.receive(now);
            }
            Ok(read) => {
                self.wire.put(read);
                match self.open(now) {
                    Ok(()) => {}
                    Err(why) => {
                        // The alert for the peer. It is lost if the socket does not take it now.
                        let alert = [IoSlice::new(self.wire.output())];
                        let _ = self.attempts[index].1.socket().send_now(&alert);
                        self.layer_failed(why, now, source);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lost(error, now, source),
        }
    }

    /// Passes the proxy's bytes to the dial.
    fn receive(&mut self, now: Instant) {
        let taken = self.dial.receive(&self.input, now);
        self.input.drain(..taken);
    }

    /// Opens the input of the layers, until a handshake is done or more input is needed.
    fn open(&mut self, now: Instant) -> Result<(), LayerError> {
        if self.shakes {
            if self.wire.shake()? {
                self.shakes = false;
                let session = self.wire.session().map(|session| session.to_string());
                self.dial.tls_up(&session.unwrap_or_default(), now);
            }
            return Ok(());
        }
        let Self { input, wire, .. } = self;
        let flow = wire.open_while(|plain| {
            input.extend_from_slice(plain);
            true
        })?;
        self.receive(now);
        if let Flow::Ended { .. } = flow {
            self.dial.lost(IoKind::Eof, now);
        }
        Ok(())
    }

    /// Reports to the dial that a layer has failed: in its handshake, or while a proxy was asked.
    fn layer_failed(&mut self, why: LayerError, now: Instant, source: &mut Option<io::Error>) {
        if self.shakes {
            self.dial.tls_failed(why.kind(), now);
        } else {
            self.dial.lost(IoKind::Other, now);
        }
        *source = Some(io::Error::other(why));
    }

    fn lost(&mut self, error: io::Error, now: Instant, source: &mut Option<io::Error>) {
        self.dial.lost(io_kind(&error), now);
        *source = Some(error);
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
            Some(index) => {
                let socket = self.attempts.swap_remove(index).1.finish()?;
                // The connection may become idle before it is used.
                self.wire.take_back(&mut WireBuffers::default());
                Ok(Outcome::Ready(Wired { socket, wire: mem::take(&mut self.wire) }))
            }
            None => Ok(Outcome::Failed(DialError::Connect(IoKind::Other))),
        }
    }
}

fn failed<P: Platform>(error: io::Error, source: &mut Option<io::Error>) -> Outcome<P> {
    let why = io_kind(&error);
    *source = Some(error);
    Outcome::Failed(DialError::Connect(why))
}
