//! The stages of a dial, and all transitions between them.

use alloc::vec::Vec;
use core::{
    fmt, mem,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use super::{
    Next, Policy,
    race::{Race, Standing},
    tunnel::{Tunnel, takes_address_only},
};
use crate::{
    error::{DialError, IoKind, ResolveKind, TlsKind},
    message::{Hop, HopKind, Key, Origin, Scheme, TlsId},
    mutation::{Mutation, mutated},
    time::{Deadline, Instant, sooner},
    trace::{Heard, Kind, Named, Recent, Trace},
};

/// One connection's way from a key to ready. See the [module](super) for how it is driven.
pub struct Dial {
    pub(super) key: Key,
    pub(super) policy: Policy,
    stage: Stage,
    /// The stop that is being reached, or that bytes get to already.
    stop: usize,
    race: Race,
    connect: Clock,
    /// When whoever waits for the connection gives up, and whether it has been too late for them.
    needed_by: Option<Instant>,
    missed: bool,
    pub(super) trace: Trace,
    /// How much of the input that was not taken a recording knows already.
    pub(super) known: usize,
    /// The time of the last event, and what was to be done after it.
    pub(super) now: Instant,
    told: (Next<'static>, usize),
}

enum Stage {
    /// Looking up the name of stop `of`.
    Resolve {
        of: usize,
        state: LookUp,
        until: Option<Instant>,
    },
    /// Connecting to the first stop.
    Connect,
    /// Asking the proxy at `stop` for the next stop.
    Exchange(Tunnel),
    /// Shaking hands with `stop`.
    Tls {
        until: Option<Instant>,
    },
    Ready,
    Failed(DialError),
}

/// How far a look-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookUp {
    /// The driver is to begin it.
    Due,
    /// It runs, or will be said to wait.
    Running,
    /// It waits for a thread of the resolver's.
    Queued,
    /// It runs, and has waited.
    Begun,
}

impl Stage {
    const fn look_up(of: usize) -> Self {
        Self::Resolve { of, state: LookUp::Due, until: None }
    }
}

impl Dial {
    /// A dial about to begin. One that needs TLS fails here if there is none.
    pub fn new(key: &Key, policy: &Policy, now: Instant) -> Self {
        let mut dial = Self {
            key: key.clone(),
            policy: *policy,
            stage: Stage::Connect,
            stop: 0,
            race: Race::new(policy.race_after),
            connect: Clock::new(policy.connect_timeout),
            needed_by: None,
            missed: false,
            trace: Trace::OFF,
            known: 0,
            now,
            told: (Next::Wait, 0),
        };
        let needs_tls = (0..=key.hops().len()).any(|stop| dial.wants_tls(stop));
        if needs_tls && !policy.tls_available {
            dial.stage = Stage::Failed(DialError::Tls(TlsKind::Unavailable));
        } else if let Some(addr) = address(dial.origin(0)) {
            dial.race.begin(&[addr]);
        } else {
            dial.stage = Stage::look_up(0);
        }
        dial.settle(now);
        dial
    }

    /// Writes a line for every event and every change of [`next`](Self::next) from now on. A recording
    /// is whole only if this comes before the first of them.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = trace;
        self.note_beginning();
        self.say();
    }

    /// The last lines of the trace, if it [keeps](Trace::keeping) them.
    pub fn recent_trace(&self) -> Option<&Recent> {
        self.trace.recent()
    }

    pub(crate) fn trace_mut(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// What the driver must do.
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
                // RFC 6066 section 3: the name without the dot that may end it.
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

    /// Where to; [`Key::local`] says from which address to connect.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether a look-up is under way, or about to begin.
    pub fn is_resolving(&self) -> bool {
        matches!(self.stage, Stage::Resolve { .. })
    }

    /// The attempt whose socket is the connection, from the moment it won. After a failure there is
    /// none: it is abandoned like the others.
    pub fn winner(&self) -> Option<u8> {
        self.race.winner()
    }

    /// When whoever waits for the connection gives up; `None`: never. It is no deadline of the dial,
    /// but an address's share of the time is taken from what is left until then, if that is less
    /// than is left for connecting. Said before an attempt begins.
    pub fn needed_by(&mut self, at: Option<Instant>, now: Instant) {
        if at == self.needed_by {
            return;
        }
        (self.needed_by, self.missed) = (at, false);
        match at {
            Some(at) => self.trace.event_as(
                now,
                format_args!("needed by {at}"),
                format_args!("needed-by {}", at.as_nanos()),
            ),
            None => self.trace.event(now, format_args!("needed-by none")),
        }
        self.settle(now);
    }

    /// Answers [`Next::Resolve`]: the look-up has begun.
    pub fn resolving(&mut self, now: Instant) {
        self.trace.event(now, format_args!("resolving"));
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

    /// Answers [`Next::Resolve`]: the look-up waits for a thread of the resolver's. When it begins,
    /// [`resolving`](Self::resolving) says so.
    pub fn resolve_queued(&mut self, now: Instant) {
        self.trace.event(now, format_args!("resolve-queued"));
        self.look_up_is(
            |state| match state {
                LookUp::Due | LookUp::Running => Some(LookUp::Queued),
                LookUp::Queued | LookUp::Begun => None,
            },
            now,
        );
        self.settle(now);
    }

    /// The name was not looked up, or the look-up broke. That there is no such name is an answer:
    /// [`resolved`](Self::resolved) with no addresses.
    pub fn resolve_failed(&mut self, why: ResolveKind, now: Instant) {
        self.trace.event(now, format_args!("resolve-failed {}", Named(why)));
        if let Stage::Resolve { .. } = self.stage {
            self.fail(DialError::Resolve(why));
        }
        self.settle(now);
    }

    /// Whether an answer that is kept for a name should not be given again, and which: once after
    /// an address of it has refused a connection, or has not answered in its time. Asked after each
    /// event, and once more when the dial is given up.
    pub fn stale_answer(&mut self, now: Instant) -> Option<(&str, u16)> {
        if !self.missed && self.needed_by.is_some_and(|at| at <= now) {
            self.missed = true;
            self.race.run_out();
        }
        let doubted = self.race.take_doubt() && address(self.origin(0)).is_none();
        doubted.then(|| (self.origin(0).look_up_name(), self.origin(0).port()))
    }

    /// The look-up has ended, with addresses in the resolver's order, or none. The first 16 that
    /// differ are tried.
    pub fn resolved(&mut self, addrs: &[SocketAddr], now: Instant) {
        self.trace.event(now, format_args!("resolved {}", List(addrs)));
        match self.stage {
            Stage::Resolve { of: 0, .. } if !addrs.is_empty() => {
                self.race.begin(addrs);
                self.stage = Stage::Connect;
            }
            Stage::Resolve { of: 0, .. } => self.fail(DialError::Name),
            Stage::Resolve { .. } => self.ask_proxy(addrs, now),
            Stage::Connect
            | Stage::Exchange(_)
            | Stage::Tls { .. }
            | Stage::Ready
            | Stage::Failed(_) => {}
        }
        self.settle(now);
    }

    /// Answers [`Next::Connect`]: the attempt has begun.
    pub fn connecting(&mut self, attempt: u8, now: Instant) {
        self.trace.event(now, format_args!("connecting {attempt}"));
        if let Stage::Connect = self.stage {
            self.connect.run(now);
        }
        let needed_by = self.needed_by.filter(|_| !mutated(Mutation::DeadAddress));
        let until = self.connect.until.into_iter().chain(needed_by).min();
        self.race.connecting(attempt, now, until);
        self.settle(now);
    }

    /// The attempt has a connection; the first to have one wins.
    pub fn connected(&mut self, attempt: u8, now: Instant) {
        self.trace.event(now, format_args!("connected {attempt}"));
        if self.race.connected(attempt) == Standing::Won {
            self.connect.run(now);
            self.reached(now);
        }
        self.settle(now);
    }

    /// The attempt has failed, and its socket is closed. Of the winner it says nothing: that is
    /// [`lost`](Self::lost), or a handshake that failed.
    pub fn connect_failed(&mut self, attempt: u8, why: IoKind, now: Instant) {
        self.trace.event(now, format_args!("connect-failed {attempt} {}", Named(why)));
        let standing = self.race.failed(attempt, why);
        self.judge(standing);
        self.settle(now);
    }

    /// Answers [`Next::Abandon`]: the attempt's socket is closed.
    pub fn abandoned(&mut self, attempt: u8) {
        self.trace.event(self.now, format_args!("abandoned {attempt}"));
        let standing = self.race.abandoned(attempt);
        self.judge(standing);
        self.settle(self.now);
    }

    /// Appends what is to be written to a proxy, each byte once.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        if let Stage::Exchange(tunnel) = &mut self.stage {
            let before = out.len();
            tunnel.poll_transmit(out);
            if out.len() > before {
                self.trace.record(self.now, Kind::Event, |_, f| f.write_str("writable"));
                self.trace.action(self.now, format_args!("transmit {}", out.len() - before));
            }
        }
    }

    /// Bytes from a proxy; says how many it took. What it leaves belongs in front of what is read
    /// next, and once there is nothing more to [exchange](Next::Exchange) to the TLS handshake that
    /// comes then. Where none comes, something left is an error: nobody was asked for it.
    #[must_use = "what it did not take belongs in front of what is read next"]
    pub fn receive(&mut self, input: &[u8], now: Instant) -> usize {
        let (mut taken, exchanged) = (0, matches!(self.stage, Stage::Exchange(_)));
        let mut heard = self.trace.records().then(|| Heard::open(input, self.known));
        while let Stage::Exchange(tunnel) = &mut self.stage {
            let rest = input.get(taken..).unwrap_or_default();
            let ahead = heard.as_ref().map(|_| tunnel.hear(rest));
            let answer = tunnel.receive(rest);
            if let (Some(heard), Some(ahead)) = (&mut heard, ahead) {
                let len = match answer {
                    Ok((len, true)) => Some(len),
                    Ok((_, false)) => None,
                    Err(_) => tunnel.refused_within(),
                };
                heard.extend(&ahead, len);
            }
            match answer {
                Ok((len, stands)) => {
                    taken += len;
                    if !stands {
                        break;
                    }
                    self.stop += 1;
                    self.reached(now);
                }
                Err(why) => self.fail(why),
            }
        }
        // Plain HTTP is next, and there a peer does not speak before it is asked.
        if exchanged && matches!(self.stage, Stage::Ready) && taken < input.len() {
            self.fail(DialError::ProxyProtocol);
        }
        self.note_input(input, taken, heard, now);
        self.settle(now);
        taken
    }

    /// Answers [`Next::StartTls`]: the handshake is done.
    pub fn tls_up(&mut self, now: Instant) {
        self.trace.event(now, format_args!("tls-up"));
        if let Stage::Tls { .. } = self.stage {
            self.secured(now);
        }
        self.settle(now);
    }

    /// Answers [`Next::StartTls`]: the handshake failed.
    pub fn tls_failed(&mut self, why: TlsKind, now: Instant) {
        self.trace.event(now, format_args!("tls-failed {}", Named(why)));
        if let Stage::Tls { .. } = self.stage {
            self.fail(DialError::Tls(why));
        }
        self.settle(now);
    }

    /// The peer has closed, or reading or writing failed, after TCP was up. What had been read
    /// before belongs to [`receive`](Self::receive) first.
    pub fn lost(&mut self, why: IoKind, now: Instant) {
        self.trace.event(now, format_args!("lost {}", Named(why)));
        match self.stage {
            Stage::Tls { .. } => self.fail(DialError::Tls(TlsKind::Lost(why))),
            Stage::Exchange(_) | Stage::Resolve { of: 1.., .. } => {
                self.fail(DialError::ProxyLost(why));
            }
            Stage::Resolve { of: 0, .. } | Stage::Connect | Stage::Ready | Stage::Failed(_) => {}
        }
        self.settle(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for what. A wake-up that only
    /// brings the next address its turn counts as [`Deadline::Connect`].
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

    /// Time has passed. Nothing happens before [`poll_timeout`](Self::poll_timeout) says so.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|(at, _)| now < at) {
            return;
        }
        self.trace.event(now, format_args!("timeout"));
        match self.deadline() {
            Some((at, which)) if at <= now => {
                self.race.run_out();
                self.fail(DialError::Timeout(which));
            }
            Some(_) | None => self.race.handle_timeout(now),
        }
        self.settle(now);
    }

    /// Bytes get to `stop` and back: TCP, or a tunnel, stands.
    fn reached(&mut self, now: Instant) {
        if self.wants_tls(self.stop) {
            self.connect.stop(now);
            let until = self.policy.tls_timeout.map(|timeout| now.after(timeout));
            self.stage = Stage::Tls { until };
        } else {
            self.secured(now);
        }
    }

    /// `stop` may be spoken to: the peer by HTTP, a proxy about the next stop.
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

    /// Begins the exchange with the proxy at `stop`. `addrs`: what a look-up of the next stop gave.
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

    /// Moves a look-up on, if it moves, and begins its clock anew.
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

    fn fail(&mut self, why: DialError) {
        self.race.give_up();
        self.stage = Stage::Failed(why);
    }

    fn deadline(&self) -> Option<(Instant, Deadline)> {
        match self.stage {
            Stage::Resolve { until, state: LookUp::Queued, .. } => {
                until.map(|at| (at, Deadline::Resolver))
            }
            Stage::Resolve { until, .. } => until.map(|at| (at, Deadline::Resolve)),
            Stage::Connect | Stage::Exchange(_) => {
                self.connect.until.map(|at| (at, Deadline::Connect))
            }
            Stage::Tls { until } => until.map(|at| (at, Deadline::Tls)),
            Stage::Ready | Stage::Failed(_) => None,
        }
    }

    /// Who is at a stop: the proxies in turn, and behind them the peer.
    fn origin(&self, stop: usize) -> &Origin {
        self.key.hops().get(stop).map_or_else(|| self.key.peer(), Hop::proxy)
    }

    fn wants_tls(&self, stop: usize) -> bool {
        self.origin(stop).scheme() == Scheme::Https
    }

    fn tls(&self, stop: usize) -> TlsId {
        self.key.hops().get(stop).map_or_else(|| self.key.tls(), Hop::tls)
    }

    /// Ends every event: what is to be done now is told to the trace if it is something else.
    fn settle(&mut self, now: Instant) {
        self.now = now;
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

/// A span of time that is used up in pieces.
struct Clock {
    left: Option<Duration>,
    until: Option<Instant>,
}

impl Clock {
    fn new(left: Option<Duration>) -> Self {
        Self { left, until: None }
    }

    fn run(&mut self, now: Instant) {
        if self.until.is_none() {
            self.until = self.left.map(|left| now.after(left));
        }
    }

    fn stop(&mut self, now: Instant) {
        if let Some(until) = self.until.take() {
            self.left = Some(until.since(now));
        }
    }
}

fn literal(origin: &Origin) -> Option<IpAddr> {
    origin.host_unbracketed().parse().ok()
}

/// Where to connect, if no look-up is needed: an address without a zone id, or with one that is a
/// number (RFC 4007 section 11.2). Another zone id is looked up as a part of the name.
fn address(origin: &Origin) -> Option<SocketAddr> {
    let (ip, port) = (literal(origin)?, origin.port());
    match (ip, origin.zone()) {
        (IpAddr::V6(ip), Some(zone)) => {
            Some(SocketAddrV6::new(ip, port, 0, zone.parse().ok()?).into())
        }
        _ => Some(SocketAddr::new(ip, port)),
    }
}

struct List<'a>(&'a [SocketAddr]);

/// Addresses, or `nothing`.
impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nothing"),
            [first, rest @ ..] => {
                write!(f, "{first}")?;
                rest.iter().try_for_each(|addr| write!(f, " {addr}"))
            }
        }
    }
}
