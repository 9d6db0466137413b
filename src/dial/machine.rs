//! The stages of a dial, and the transitions between them.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem, net::SocketAddr};

use super::{
    DialPolicy, Next, ProxyResponse,
    address::{address, literal},
    clock::Clock,
    race::{Race, Standing},
    record::Input,
    stage::{LookUp, Stage},
    timings::{Collector, Connected},
    tunnel::{Answer, Tunnel, takes_address_only},
};
use crate::{
    error::{DialError, IoKind, ResolveKind, TlsKind},
    message::{Hop, HopKind, Key, Origin, PeerAddr, Scheme, TlsId},
    mutation::{Mutation, mutated},
    time::{Deadline, Instant, sooner},
    trace::{Described, Heard, Recent, Trace},
};

/// Opens one connection: look-up, TCP, proxies, TLS. The [module](super) describes how to drive it.
pub struct Dial {
    pub(super) key: Key,
    pub(super) policy: DialPolicy,
    pub(super) stage: Stage,
    /// The index of the current stop: a proxy of the key, or the peer after the last proxy.
    pub(super) stop: usize,
    pub(super) race: Race,
    connect: Clock,
    /// The time when the waiting call gives up, and whether that time has passed.
    needed_by: Option<Instant>,
    missed: bool,
    /// The response of a proxy that refused the tunnel.
    refusal: Option<Box<ProxyResponse>>,
    pub(super) trace: Trace,
    /// The bytes at the front of the next input that have already been recorded.
    pub(super) known: usize,
    /// The time of the last event, and the last `next` that was traced.
    pub(super) now: Instant,
    told: (Next<'static>, usize),
    pub(super) timings: Option<Box<Collector>>,
}

impl Dial {
    /// Starts a dial. It fails at once if it needs TLS and the driver has none, or if the policy's
    /// guard denies an address or a name that is known already.
    pub fn new(key: &Key, policy: &DialPolicy, now: Instant) -> Self {
        let mut dial = Self {
            key: key.clone(),
            policy: policy.clone(),
            stage: Stage::Connect,
            stop: 0,
            race: Race::new(policy.race_after),
            connect: Clock::new(policy.connect_timeout),
            needed_by: None,
            missed: false,
            refusal: None,
            trace: Trace::OFF,
            known: 0,
            now,
            told: (Next::Wait, 0),
            timings: None,
        };
        let needs_tls = (0..=key.hops().len()).any(|stop| dial.wants_tls(stop));
        if needs_tls && !policy.tls_available {
            dial.stage = Stage::Failed(DialError::Tls(TlsKind::Unavailable));
        } else if let Err(why) = dial.judge_stops() {
            dial.stage = Stage::Failed(DialError::Denied(why));
        } else if let Some(path) = key.unix() {
            dial.race.begin_at(PeerAddr::Unix(path.clone()));
        } else if let Some(addr) = address(dial.origin(0)) {
            if policy.families.contains(addr.ip()) {
                dial.race.begin(&[addr]);
            } else {
                dial.stage = Stage::Failed(DialError::Family);
            }
        } else {
            dial.stage = Stage::look_up(0);
        }
        dial.settle(now);
        dial
    }

    /// Traces every event and every change of [`next`](Self::next) from now on. For a complete
    /// recording, call this before the first event.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
        self.note_beginning();
        self.say();
    }

    /// Returns the last lines of the trace, if it [keeps](Trace::keeping) them.
    pub fn recent_trace(&self) -> Option<&Recent> {
        self.trace.recent()
    }

    pub(crate) fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Returns what the driver must do.
    pub fn next(&self) -> Next<'_> {
        if let Some(attempt) = self.race.unwanted() {
            return Next::Abandon { attempt };
        }
        match &self.stage {
            Stage::Resolve { of, state: LookUp::Due, .. } => {
                let origin = self.origin(*of);
                Next::Resolve { host: origin.look_up_name(), port: origin.port() }
            }
            Stage::Resolve { .. } => Next::Wait,
            Stage::Connect => match self.race.offered() {
                Some((attempt, addr)) => Next::Connect { attempt, addr },
                None => Next::Wait,
            },
            Stage::Exchange(_) => Next::Exchange,
            Stage::Tls { .. } => {
                // The server name has no final dot (RFC 6066 section 3).
                let host = self.origin(self.stop).host_unbracketed();
                let name = host.strip_suffix('.').unwrap_or(host);
                Next::StartTls { tls: self.tls(self.stop), name }
            }
            Stage::Ready => match self.race.winner() {
                Some(attempt) => Next::Ready { attempt },
                None => Next::Wait,
            },
            Stage::Failed(why) => Next::Failed(*why),
        }
    }

    /// Returns the key of the connection. [`Key::local`] is the address to connect from.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns whether a look-up runs or is about to begin.
    pub fn is_resolving(&self) -> bool {
        matches!(self.stage, Stage::Resolve { .. })
    }

    /// Returns the attempt whose socket is the connection, as soon as it is connected. `None` after
    /// a failure: its socket is then abandoned like the others.
    pub fn winner(&self) -> Option<u8> {
        self.race.winner()
    }

    /// Returns the response of an HTTP proxy that refused the tunnel, once the dial has failed for
    /// it.
    pub fn proxy_response(&self) -> Option<&ProxyResponse> {
        self.refusal.as_deref()
    }

    /// Takes the response of [`proxy_response`](Self::proxy_response).
    pub(crate) fn take_proxy_response(&mut self) -> Option<Box<ProxyResponse>> {
        self.refusal.take()
    }

    /// Sets when the waiting call gives up; `None` for never. The dial does not end then. The time
    /// until then limits the share of each address, if it is shorter than the rest of the connect
    /// timeout. Call this before an attempt begins.
    pub fn needed_by(&mut self, at: Option<Instant>, now: Instant) {
        if at == self.needed_by {
            return;
        }
        (self.needed_by, self.missed) = (at, false);
        self.trace.event(now, Input::NeededBy(at));
        self.settle(now);
    }

    /// Answers [`Next::Resolve`]: the look-up has begun.
    pub fn resolving(&mut self, now: Instant) {
        self.trace.event(now, Input::Resolving);
        self.look_up_is(
            |state| match state {
                LookUp::Due => Some(LookUp::Running),
                LookUp::Queued => Some(LookUp::Begun),
                LookUp::Running | LookUp::Begun => None,
            },
            now,
        );
        self.settle(now);
    }

    /// Answers [`Next::Resolve`]: the look-up waits for a thread of the resolver. Call
    /// [`resolving`](Self::resolving) when it begins.
    pub fn resolve_queued(&mut self, now: Instant) {
        self.trace.event(now, Input::ResolveQueued);
        self.look_up_is(
            |state| match state {
                LookUp::Due | LookUp::Running => Some(LookUp::Queued),
                LookUp::Queued | LookUp::Begun => None,
            },
            now,
        );
        self.settle(now);
    }

    /// Answers [`Next::Resolve`]: the look-up failed. [`ResolveKind::NotFound`] is the same as
    /// [`resolved`](Self::resolved) without addresses: the dial fails with [`DialError::Name`].
    pub fn resolve_failed(&mut self, why: ResolveKind, now: Instant) {
        self.trace.event(now, Input::ResolveFailed(why));
        if let Stage::Resolve { .. } = self.stage {
            let unknown = why == ResolveKind::NotFound;
            self.fail(if unknown { DialError::Name } else { DialError::Resolve(why) });
        }
        self.settle(now);
    }

    /// Returns the name and port whose cached DNS answer should be dropped: one of its addresses
    /// has failed or timed out. Returns it once for each such failure. Ask after each event, and
    /// when the dial is abandoned.
    pub fn stale_answer(&mut self, now: Instant) -> Option<(&str, u16)> {
        if !self.missed && self.needed_by.is_some_and(|at| at <= now) {
            self.missed = true;
            self.race.run_out();
        }
        let doubted = self.race.take_doubt()
            && self.key.unix().is_none()
            && address(self.origin(0)).is_none();
        doubted.then(|| (self.origin(0).look_up_name(), self.origin(0).port()))
    }

    /// Answers [`Next::Resolve`]: the look-up is done. `addrs` are in the resolver's order, and may
    /// be empty. The first 16 different ones that the policy permits are tried.
    pub fn resolved(&mut self, addrs: &[SocketAddr], now: Instant) {
        self.trace.event(now, Input::Resolved(addrs.into()));
        match (&self.stage, self.permitted(addrs)) {
            (Stage::Resolve { .. }, Err(why)) => self.fail(why),
            (Stage::Resolve { of: 0, .. }, Ok(addrs)) if !addrs.is_empty() => {
                self.race.begin(&addrs);
                self.stage = Stage::Connect;
            }
            (Stage::Resolve { of: 0, .. }, Ok(_)) => self.fail(DialError::Name),
            (Stage::Resolve { .. }, Ok(addrs)) => self.ask_proxy(&addrs, now),
            (
                Stage::Connect
                | Stage::Exchange(_)
                | Stage::Tls { .. }
                | Stage::Ready
                | Stage::Failed(_),
                _,
            ) => {}
        }
        self.settle(now);
    }

    /// Answers [`Next::Connect`]: the attempt has begun.
    pub fn connecting(&mut self, attempt: u8, now: Instant) {
        self.trace.event(now, Input::Connecting(attempt));
        if let Stage::Connect = self.stage {
            self.connect.run(now);
        }
        let needed_by = self.needed_by.filter(|_| !mutated(Mutation::DeadAddress));
        let until = self.connect.until.into_iter().chain(needed_by).min();
        if let (Some(timings), Some(addr)) = (&mut self.timings, self.race.addr(attempt)) {
            timings.connecting(attempt, addr.tcp(), now);
        }
        self.race.connecting(attempt, now, until);
        self.settle(now);
    }

    /// Reports that an attempt is connected. The first one wins.
    pub fn connected(&mut self, attempt: u8, now: Instant) {
        self.trace.event(now, Input::Connected(attempt));
        if self.race.connected(attempt) == Standing::Won {
            self.connect_ended(attempt, Connected::Won, now);
            self.connect.run(now);
            self.reached(now);
        }
        self.settle(now);
    }

    /// Reports that an attempt has failed and its socket is closed. Ignored for the winner: report
    /// its failure with [`lost`](Self::lost) or [`tls_failed`](Self::tls_failed).
    pub fn connect_failed(&mut self, attempt: u8, why: IoKind, now: Instant) {
        self.trace.event(now, Input::ConnectFailed(attempt, why));
        let standing = self.race.failed(attempt, why);
        self.connect_ended(attempt, Connected::Failed(why), now);
        self.judge(standing);
        self.settle(now);
    }

    /// Answers [`Next::Abandon`]: the attempt's socket is closed.
    pub fn abandoned(&mut self, attempt: u8) {
        self.trace.event(self.now, Input::Abandoned(attempt));
        let standing = self.race.abandoned(attempt);
        self.connect_ended(attempt, Connected::Abandoned, self.now);
        self.judge(standing);
        self.settle(self.now);
    }

    /// Appends the bytes to write to a proxy, each once.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        if let Stage::Exchange(tunnel) = &mut self.stage {
            let before = out.len();
            tunnel.poll_transmit(out);
            if out.len() > before {
                self.trace.event(self.now, Input::Writable);
                self.trace.action(self.now, format_args!("transmit {}", out.len() - before));
            }
        }
    }

    /// Parses bytes from a proxy. Returns how many it consumed. Put the others in front of the next
    /// input; once [`Next::Exchange`] is over, they are the first input of the TLS handshake. If no
    /// TLS handshake follows, bytes that are left over are an error.
    ///
    /// An HTTP response that refuses the tunnel is read on, until its body ends or
    /// [`PROXY_BODY_BYTES_MAX`](crate::limits::PROXY_BODY_BYTES_MAX) bytes of it have come, but no
    /// longer than [`PROXY_BODY_WAIT`](crate::limits::PROXY_BODY_WAIT). Then the dial fails, and
    /// [`proxy_response`](Self::proxy_response) returns it.
    #[must_use = "what it did not take belongs in front of what is read next"]
    pub fn receive(&mut self, input: &[u8], now: Instant) -> usize {
        let (mut taken, exchanged) = (0, matches!(self.stage, Stage::Exchange(_)));
        let mut heard = self.trace.records().then(|| Heard::open(input, self.known));
        while let Stage::Exchange(tunnel) = &mut self.stage {
            let rest = input.get(taken..).unwrap_or_default();
            let ahead = heard.as_ref().map(|_| tunnel.hear(rest));
            let answer = tunnel.receive(rest, now);
            if let (Some(heard), Some(ahead)) = (&mut heard, ahead) {
                let len = match answer {
                    Ok((len, Answer::Stands | Answer::Refused(_))) => Some(len),
                    Ok((_, Answer::Partial)) => None,
                    Err(_) => tunnel.refused_within(),
                };
                heard.extend(&ahead, len);
            }
            match answer {
                Ok((len, Answer::Partial)) => {
                    taken += len;
                    break;
                }
                Ok((len, Answer::Stands)) => {
                    taken += len;
                    self.stop += 1;
                    self.reached(now);
                }
                Ok((len, Answer::Refused(why))) => {
                    taken += len;
                    self.refuse(why);
                }
                Err(why) => self.fail(why),
            }
        }
        // HTTP without TLS comes next, and a server must not send bytes before a request.
        if exchanged && matches!(self.stage, Stage::Ready) && taken < input.len() {
            self.fail(DialError::ProxyProtocol);
        }
        self.note_input(input, taken, heard, now);
        self.settle(now);
        taken
    }

    /// Answers [`Next::StartTls`]: the handshake is done. `session` describes its outcome for the
    /// trace, as `TLSv1.3 X25519MLKEM768 resumed verified`. It may be empty, and decides nothing.
    /// Of it, at most 8 words are traced, of at most 40 visible ASCII characters each.
    pub fn tls_up(&mut self, session: &str, now: Instant) {
        self.trace.event(now, Input::TlsUp(Described(session)));
        if let Stage::Tls { .. } = self.stage {
            self.secured(now);
        }
        self.settle(now);
    }

    /// Answers [`Next::StartTls`]: the handshake failed.
    pub fn tls_failed(&mut self, why: TlsKind, now: Instant) {
        self.trace.event(now, Input::TlsFailed(why));
        if let Stage::Tls { .. } = self.stage {
            self.handshake_failed(why);
        }
        self.settle(now);
    }

    /// Reports that the peer closed the connection, or a read or write failed, after TCP was
    /// connected. Pass all earlier input to [`receive`](Self::receive) first.
    pub fn lost(&mut self, why: IoKind, now: Instant) {
        self.trace.event(now, Input::Lost(why));
        match self.stage {
            Stage::Tls { .. } => self.handshake_failed(TlsKind::Lost(why)),
            Stage::Exchange(ref tunnel) => match tunnel.refused() {
                Some((refused, _)) => self.refuse(refused),
                None => self.fail(DialError::ProxyLost(why)),
            },
            Stage::Resolve { of: 1.., .. } => self.fail(DialError::ProxyLost(why)),
            Stage::Resolve { of: 0, .. } | Stage::Connect | Stage::Ready | Stage::Failed(_) => {}
        }
        self.settle(now);
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), and the kind of deadline. The
    /// time to try the next address counts as [`Deadline::Connect`].
    pub fn poll_timeout(&self) -> Option<(Instant, Deadline)> {
        let go_on = match self.stage {
            Stage::Connect => self.race.poll_timeout().map(|at| (at, Deadline::Connect)),
            Stage::Resolve { .. }
            | Stage::Exchange(_)
            | Stage::Tls { .. }
            | Stage::Ready
            | Stage::Failed(_) => None,
        };
        sooner(self.deadline(), go_on)
    }

    /// Handles the passing of time. Does nothing before the time of
    /// [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|(at, _)| now < at) {
            return;
        }
        self.trace.event(now, Input::Timeout);
        let refused =
            if let Stage::Exchange(tunnel) = &self.stage { tunnel.refused() } else { None };
        match (self.deadline(), refused) {
            // The response that was waited for says more than the deadline.
            (Some(_), Some((why, _))) => self.refuse(why),
            (Some((at, which)), None) if at <= now => {
                self.race.run_out();
                self.fail(DialError::Timeout(which));
            }
            (Some(_) | None, _) => self.race.handle_timeout(now),
        }
        self.settle(now);
    }

    /// Continues once bytes can flow to and from `stop`, over TCP or a tunnel.
    fn reached(&mut self, now: Instant) {
        if self.wants_tls(self.stop) {
            self.connect.stop(now);
            let until = self.policy.tls_timeout.map(|timeout| now.after(timeout));
            self.stage = Stage::Tls { until };
        } else {
            self.secured(now);
        }
    }

    /// Continues once `stop` can be spoken to: HTTP to the peer, or a tunnel request to a proxy.
    fn secured(&mut self, now: Instant) {
        let next = self.stop + 1;
        match self.key.hops().get(self.stop) {
            None => self.stage = Stage::Ready,
            Some(hop) if takes_address_only(hop.kind()) && literal(self.origin(next)).is_none() => {
                self.connect.stop(now);
                self.stage = Stage::look_up(next);
            }
            Some(_) => self.ask_proxy(&[], now),
        }
    }

    /// Begins the exchange with the proxy at `stop`. `addrs` are the looked-up addresses of the
    /// next stop.
    fn ask_proxy(&mut self, addrs: &[SocketAddr], now: Instant) {
        let Some(hop) = self.key.hops().get(self.stop) else { return };
        let target = self.origin(self.stop + 1);
        let mut ips = addrs.iter().map(|addr| addr.ip().to_canonical());
        let addr = literal(target)
            .or_else(|| ips.find(|ip| ip.is_ipv4() || hop.kind() != HopKind::Socks4));
        if addr.is_none() && takes_address_only(hop.kind()) {
            return self.fail(DialError::Name);
        }
        match Tunnel::begin(hop, target, addr, self.policy.limits) {
            Ok(tunnel) => {
                self.stage = Stage::Exchange(tunnel);
                self.connect.run(now);
            }
            Err(why) => self.fail(why),
        }
    }

    /// Moves the look-up to the state that `moved` returns, and restarts its deadline; does nothing
    /// on `None`.
    fn look_up_is(&mut self, moved: impl Fn(LookUp) -> Option<LookUp>, now: Instant) {
        if let Stage::Resolve { state, until, .. } = &mut self.stage
            && let Some(new) = moved(*state)
        {
            *state = new;
            *until = self.policy.resolve_timeout.map(|timeout| now.after(timeout));
        }
    }

    fn judge(&mut self, standing: Standing) {
        if let (Stage::Connect, Standing::Lost(why)) = (&self.stage, standing) {
            self.fail(DialError::Connect(why));
        }
    }

    /// Fails because the proxy has answered the request for a tunnel with another response than a
    /// 2xx.
    fn refuse(&mut self, why: DialError) {
        if let Stage::Exchange(tunnel) = &mut self.stage {
            self.refusal = tunnel.take_response();
        }
        self.fail(why);
    }

    pub(super) fn fail(&mut self, why: DialError) {
        self.race.give_up();
        self.stage = Stage::Failed(why);
    }

    fn deadline(&self) -> Option<(Instant, Deadline)> {
        match self.stage {
            Stage::Resolve { until, state: LookUp::Queued, .. } => {
                until.map(|at| (at, Deadline::Resolver))
            }
            Stage::Resolve { until, .. } => until.map(|at| (at, Deadline::Resolve)),
            Stage::Connect => self.connect.until.map(|at| (at, Deadline::Connect)),
            Stage::Exchange(ref tunnel) => {
                let until = self.connect.until.into_iter();
                let until = until.chain(tunnel.refused().map(|(_, until)| until)).min();
                until.map(|at| (at, Deadline::Connect))
            }
            Stage::Tls { until } => until.map(|at| match self.key.hops().get(self.stop) {
                Some(_) => (at, Deadline::ProxyTls),
                None => (at, Deadline::Tls),
            }),
            Stage::Ready | Stage::Failed(_) => None,
        }
    }

    /// Returns the origin of a stop: a proxy, or the peer after the last one.
    pub(super) fn origin(&self, stop: usize) -> &Origin {
        self.key.hops().get(stop).map_or_else(|| self.key.peer(), Hop::proxy)
    }

    fn wants_tls(&self, stop: usize) -> bool {
        if stop > 0 && mutated(Mutation::PlainTunnel) {
            return false;
        }
        self.origin(stop).scheme() == Scheme::Https
    }

    fn tls(&self, stop: usize) -> TlsId {
        self.key.hops().get(stop).map_or_else(|| self.key.tls(), Hop::tls)
    }

    /// Ends every event: traces `next` if it has changed.
    fn settle(&mut self, now: Instant) {
        self.now = now;
        if self.timings.is_some() {
            self.note_stage();
        }
        let next = (self.next().without_names(), self.stop);
        if next != self.told {
            self.told = next;
            self.say();
        }
    }

    fn say(&mut self) {
        if self.trace.is_on() {
            let mut trace = mem::take(&mut self.trace);
            trace.action(self.now, format_args!("{}", self.next()));
            self.trace = trace;
        }
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dial({}: {})", self.key, self.next())
    }
}
