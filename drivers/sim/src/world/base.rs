//! The parts of a world that both drivers share: everything except the client.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use httpool::{
    error::IoKind,
    message::{PeerAddr, Url},
};

use super::{
    Address, Names, Plan,
    cases::{Case, Why},
    clock::LATE_THREAD,
    marks::Mark,
    net::Net,
    server::Servers,
    stage::{Event, Stage},
};

/// Added to the last part of an address, once the name has moved.
const MOVED: u8 = 100;

pub(super) struct Base {
    pub(super) plan: Arc<Plan>,
    pub(super) stage: Stage,
    pub(super) net: Net,
    pub(super) servers: Servers,
    pub(super) cases: Vec<Case>,
    pub(super) why: Why,
    /// Whether a socket or a look-up failed for want of a descriptor.
    pub(super) ran_short: bool,
    /// The number of look-ups of names with open connections.
    pub(super) look_ups_again: u32,
    /// The host and port of each server.
    hosts: Vec<(String, u16)>,
}

impl Base {
    pub(super) fn new(plan: Plan, logs: bool) -> Self {
        let host = |url: &str| {
            let url = Url::parse(url).ok();
            let port = url.as_ref().and_then(Url::port_or_known_default);
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            (host.to_owned(), port.unwrap_or(0))
        };
        let plan = Arc::new(plan);
        Self {
            stage: Stage::new(plan.seed, plan.noise, logs),
            net: Net::default(),
            servers: Servers::new(&plan),
            cases: plan.calls.iter().map(|_| Case::default()).collect(),
            why: Why { sound: plan.is_sound(), ..Why::default() },
            ran_short: false,
            look_ups_again: 0,
            hosts: plan.origins.iter().map(|it| host(&it.url)).collect(),
            plan,
        }
    }

    /// Handles an event between the servers and the network. Returns any other event, which the
    /// driver must handle.
    pub(super) fn happens(&mut self, event: Event) -> Option<Event> {
        let Self { plan, stage, net, servers, .. } = self;
        match event {
            Event::Arrive { sock, down, upto } => {
                if net.arrive(stage, sock, down, upto) && !down {
                    servers.look(plan, stage, net, sock);
                }
            }
            Event::Fin { sock, down } | Event::Rst { sock, down } => {
                net.arrive_end(stage, sock, down, matches!(event, Event::Rst { .. }));
                if !down {
                    servers.look(plan, stage, net, sock);
                }
            }
            Event::Space { sock } => servers.room(plan, stage, net, sock),
            Event::Server { sock, what, turn } => {
                servers.timer(plan, stage, net, (sock, what, turn));
            }
            other => return Some(other),
        }
        None
    }

    /// Whether the process has no descriptor left for another socket.
    pub(super) fn is_short(&mut self) -> bool {
        let short = self.plan.descriptors.is_some_and(|most| self.net.open() >= most as usize);
        if short {
            self.stage.mark(Mark::FaultShort);
            self.ran_short = true;
        }
        short
    }

    /// Whether a look-up fails for want of a descriptor. Not every look-up needs one.
    pub(super) fn look_up_is_short(&mut self) -> bool {
        self.is_short() && self.stage.random.once_in(2)
    }

    /// Begins a name look-up for connection `conn`. Returns whether the look-up waits for a
    /// resolver thread first.
    pub(super) fn look_up(&mut self, host: &str, conn: u64) -> bool {
        let Some(origin) = self.called(host) else { return false };
        let queued = self.plan.origins[origin].queued;
        if let Some(time) = queued {
            self.stage.plan(time.as_nanos() as u64, Event::Resolving { conn });
        }
        let after = match self.plan.origins[origin].names {
            Names::Found { after } => after,
            Names::Missing { after } => {
                self.stage.mark(Mark::FaultNameMissing);
                after
            }
            Names::Never => {
                self.stage.mark(Mark::FaultNameNever);
                return queued.is_some();
            }
        };
        let event = Event::Resolved { conn, origin: origin as u32 };
        self.stage.plan((queued.unwrap_or_default() + after).as_nanos() as u64, event);
        queued.is_some()
    }

    /// Returns the server with this host.
    pub(super) fn called(&mut self, host: &str) -> Option<usize> {
        let origin = self.hosts.iter().position(|it| it.0 == host);
        if origin.is_none() {
            self.stage.wrong(|| format!("no server is called {host}"));
        }
        origin
    }

    /// Returns the addresses that a look-up of the server's name gives.
    pub(super) fn found(&self, origin: usize) -> Vec<SocketAddr> {
        match self.plan.origins[origin].names {
            Names::Found { .. } => self.addresses(origin, self.has_moved(origin)),
            Names::Missing { .. } | Names::Never => Vec::new(),
        }
    }

    /// Begins to connect a socket to `addr`. Returns the socket's number.
    pub(super) fn connect(&mut self, addr: &PeerAddr) -> Option<u32> {
        let Some(addr) = addr.tcp() else {
            self.stage.wrong(|| format!("{addr} is dialed, which no route names"));
            return None;
        };
        if !self.plan.config.dial.guard.permits(addr.ip()) {
            self.stage.wrong(|| format!("{addr} is dialed, which the guard denies"));
        }
        let Some((origin, address, moved)) = self.find(addr) else {
            self.stage.wrong(|| format!("no server is at {addr}"));
            return None;
        };
        let outcome = match self.plan.origins[origin].addresses[address] {
            Address::Up { after } => {
                let there = self.stage.latency() + self.stage.latency();
                Some((Ok(()), there + after.as_nanos() as u64))
            }
            Address::Fails { why, after } => {
                self.stage.mark(Mark::FaultConnect);
                Some((Err(why), after.as_nanos() as u64))
            }
            Address::Never => {
                self.stage.mark(Mark::FaultConnectNever);
                None
            }
        };
        let sock = self.net.connect(&mut self.stage, origin, outcome);
        self.net.get_mut(sock).old = !moved;
        Some(sock)
    }

    /// Ends an attempt to connect. Returns its result, or `None` if the socket was closed
    /// meanwhile.
    pub(super) fn finish_connect(&mut self, sock: u32) -> Option<Result<(), IoKind>> {
        let done = self.net.finish_connect(sock)?;
        self.ran_short |= done == Err(IoKind::Exhausted);
        if done.is_ok() {
            let origin = self.net.get(sock).origin;
            self.servers.accept(&self.plan, &mut self.stage, sock, origin);
            if self.plan.has_session(origin) {
                let tls = self.plan.origins[origin].tls;
                self.net.secure(&mut self.stage, sock, tls, b"");
            }
        }
        Some(done)
    }

    /// Returns all addresses of a server, IPv6 and IPv4 in turn, before or after its name moved.
    fn addresses(&self, origin: usize, moved: bool) -> Vec<SocketAddr> {
        let port = self.hosts[origin].1;
        let address = |nth: usize| {
            let (origin, host) = (origin as u8, nth as u8 + 1 + if moved { MOVED } else { 0 });
            let ip: IpAddr = match nth % 2 {
                0 => Ipv4Addr::new(10, 0, origin, host).into(),
                _ => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, origin.into(), host.into()).into(),
            };
            SocketAddr::new(ip, port)
        };
        (0..self.plan.origins[origin].addresses.len()).map(address).collect()
    }

    /// Returns the server that has `addr`, the index of that address, and whether its name has moved
    /// there.
    fn find(&self, addr: SocketAddr) -> Option<(usize, usize, bool)> {
        let (origin, host): (usize, usize) = match addr.ip() {
            IpAddr::V4(ip) => (ip.octets()[2].into(), ip.octets()[3].into()),
            IpAddr::V6(ip) => (ip.segments()[6].into(), ip.segments()[7].into()),
        };
        let moved = host > MOVED.into();
        let host = if moved { host - usize::from(MOVED) } else { host };
        let known = self.plan.origins.get(origin)?.addresses.len();
        let nth = host.checked_sub(1).filter(|nth| *nth < known)?;
        Some((origin, nth, moved))
    }

    /// Checks a thread's wait for body bytes, which began at `since`, against the stall deadline.
    /// It skips calls with a request body, because other deadlines run while that is sent.
    pub(super) fn check_read(&mut self, call: u32, since: u64) {
        let script = &self.plan.calls[call as usize];
        let took = u128::from((self.stage.now - since).saturating_sub(LATE_THREAD));
        let stall = script.policy.timeout.stall.filter(|_| script.body.len.is_none());
        if stall.is_some_and(|stall| took > stall.as_nanos()) {
            self.stage.wrong(|| format!("call {call}: one read outlasts the stall deadline"));
        }
    }

    /// Whether the bytes that end at `end` lie after the first unsolicited byte of the connection.
    pub(super) fn is_poison(&self, sock: u32, end: u32) -> bool {
        self.net.get(sock).poison_at.is_some_and(|at| end > at)
    }
}
