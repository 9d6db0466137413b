//! The world without the client: what every driver in it shares.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use httpool::{id::ConnId, message::Url};

use super::{
    Plan,
    cases::{Case, Why},
    net::Net,
    server::Servers,
    stage::{Event, Stage},
};

pub(super) struct Base<'p> {
    pub(super) plan: &'p Plan,
    pub(super) stage: Stage,
    pub(super) net: Net,
    pub(super) servers: Servers,
    pub(super) cases: Vec<Case>,
    /// By the number of the connection: whose it is, and the how-manieth attempt.
    pub(super) owners: Vec<(ConnId, u8)>,
    pub(super) why: Why,
    /// Host and port of each server.
    hosts: Vec<(String, u16)>,
}

impl<'p> Base<'p> {
    pub(super) fn new(plan: &'p Plan, logs: bool) -> Self {
        let host = |url: &str| {
            let url = Url::parse(url).ok();
            let port = url.as_ref().and_then(Url::port_or_known_default);
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            (host.to_owned(), port.unwrap_or(0))
        };
        Self {
            plan,
            stage: Stage::new(plan.seed, plan.noise, logs),
            net: Net::default(),
            servers: Servers::new(plan),
            cases: plan.calls.iter().map(|_| Case::default()).collect(),
            owners: Vec::new(),
            why: Why { sound: plan.is_sound(), ..Why::default() },
            hosts: plan.origins.iter().map(|it| host(&it.url)).collect(),
        }
    }

    /// What is between the servers and the network happens here; the rest is the driver's.
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

    /// The server of that name.
    pub(super) fn host(&self, host: &str) -> Option<usize> {
        self.hosts.iter().position(|it| it.0 == host)
    }

    /// All addresses of a server: every other one of the newer family.
    pub(super) fn addresses(&self, origin: usize) -> Vec<SocketAddr> {
        let port = self.hosts[origin].1;
        let address = |nth: usize| {
            let (origin, host) = (origin as u8, nth as u8 + 1);
            let ip: IpAddr = match nth % 2 {
                0 => Ipv4Addr::new(10, 0, origin, host).into(),
                _ => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, origin.into(), host.into()).into(),
            };
            SocketAddr::new(ip, port)
        };
        (0..self.plan.origins[origin].addresses.len()).map(address).collect()
    }

    /// Whose address it is, and which of its.
    pub(super) fn find(&self, addr: SocketAddr) -> Option<(usize, usize)> {
        let (origin, host) = match addr.ip() {
            IpAddr::V4(ip) => (ip.octets()[2].into(), ip.octets()[3].into()),
            IpAddr::V6(ip) => (ip.segments()[6].into(), ip.segments()[7].into()),
        };
        let known: usize = self.plan.origins.get::<usize>(origin)?.addresses.len();
        let nth = usize::checked_sub(host, 1).filter(|nth| *nth < known)?;
        Some((origin, nth))
    }

    /// Whether what ends there stands behind something that nobody asked for.
    pub(super) fn is_poison(&self, sock: u32, end: u32) -> bool {
        self.net.get(sock).poison_at.is_some_and(|at| end > at)
    }
}
