//! The state of a mock: rules, hosts, requests, misses, and the clock.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use httpool_blocking::{
    PeerAddr,
    httpool::time::Instant,
    net::{Conn, Net},
};

use crate::{
    clock::Clock,
    conn::MockConn,
    forward::Forward,
    received::Received,
    recording::Recording,
    redact::Redact,
    reply::Reply,
    rule::{Rule, times},
};

/// The first address that a host gets. No packet is sent to it. It is globally routable, so that a
/// client that dials only such addresses works.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([9, 0, 0, 1]);

#[derive(Debug, Default)]
pub(crate) struct State {
    inner: Mutex<Inner>,
    pub(crate) clock: Clock,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) rules: Vec<Rule>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) received: Vec<Received>,
    pub(crate) recording: Recording,
    misses: Vec<Miss>,
    /// The host of each address that was given out, counted from the first address.
    hosts: Vec<String>,
    pub(crate) unknown: BTreeMap<String, u64>,
    pub(crate) forward: Option<(Forward, Redact)>,
}

/// An origin whose connections are refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) times: Option<u64>,
    pub(crate) used: u64,
}

/// A request that no rule matched, and how often it came in a row.
#[derive(Debug)]
struct Miss {
    report: String,
    times: u64,
}

/// How a request is answered.
pub(crate) enum Answer {
    Reply(Reply),
    /// The request is sent to the real server.
    Forward(Forward, Redact, Received),
    Miss(String),
}

impl State {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answer(&self, request: Received) -> Answer {
        let mut inner = self.lock();
        inner.received.push(request.clone());
        if let Some(rule) = inner.rules.iter_mut().find(|rule| rule.matches(&request)) {
            return Answer::Reply(rule.take());
        }
        if let Some((forward, redact)) = inner.forward.clone() {
            return Answer::Forward(forward, redact, request);
        }
        let nearest = inner.nearest(&request);
        inner.miss(format!("{request}\n{nearest}"));
        Answer::Miss(format!("no rule of the mock matched this request\n{nearest}"))
    }

    /// Records a request that cannot be read.
    pub(crate) fn unreadable(&self, why: &str) -> String {
        let report = format!("the mock cannot read the request: {why}");
        self.lock().miss(report.clone());
        report
    }
}

impl Inner {
    fn miss(&mut self, report: String) {
        match self.misses.last_mut() {
            Some(last) if last.report == report => last.times += 1,
            _ => self.misses.push(Miss { report, times: 1 }),
        }
    }

    /// Says why no rule matched: shows the nearest one and each difference.
    fn nearest(&self, request: &Received) -> String {
        let near = self.rules.iter().map(|rule| (rule, rule.distance(request)));
        match near.min_by_key(|(_, (weight, _))| *weight) {
            None => "    the mock has no rules".into(),
            Some((rule, (_, differences))) => {
                format!("    nearest rule: {rule}\n      {}", differences.join("\n      "))
            }
        }
    }

    /// Says what was not used as often as demanded.
    pub(crate) fn unused(&self) -> Vec<String> {
        let rules = self.rules.iter().map(|it| unused(it, it.demanded(), it.used));
        let refusals = self.refusals.iter().map(|it| {
            let what = format!("refuse connections to {}:{}", it.host, it.port);
            unused(&what, it.times, it.used)
        });
        let hosts = self.unknown.iter();
        let hosts =
            hosts.map(|(host, used)| unused(&format!("the unknown host {host}"), None, *used));
        rules.chain(refusals).chain(hosts).flatten().collect()
    }

    /// Says which requests matched no rule, and why.
    pub(crate) fn unmatched(&self) -> Vec<String> {
        let text = |miss: &Miss| match miss.times {
            1 => miss.report.clone(),
            number => format!("{}\n    it came {}", miss.report, times(number)),
        };
        self.misses.iter().map(text).collect()
    }

    /// Reports what was not used, and what was not matched. `None` if there is nothing.
    pub(crate) fn report(&self) -> Option<String> {
        let mut text = String::new();
        for (title, found) in [
            ("not used as often as demanded:", self.unused()),
            ("requests that matched no rule:", self.unmatched()),
        ] {
            if !found.is_empty() {
                text = format!("{text}{title}\n  {}\n", found.join("\n  "));
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn host_of(&self, to: SocketAddr) -> String {
        let SocketAddr::V4(v4) = to else { return to.ip().to_string() };
        let number = u32::from(*v4.ip()).checked_sub(FIRST_ADDRESS);
        let host = number.and_then(|number| self.hosts.get(usize::try_from(number).ok()?));
        host.cloned().unwrap_or_else(|| v4.ip().to_string())
    }
}

fn unused(what: &dyn fmt::Display, demanded: Option<u64>, used: u64) -> Option<String> {
    let wanted = match demanded {
        Some(demanded) if used < demanded => times(demanded),
        None if used == 0 => "at least once".into(),
        _ => return None,
    };
    let used = if used == 0 { "never".into() } else { times(used) };
    Some(format!("{what}\n    used {used}, demanded {wanted}"))
}

/// The network of a mock's clients.
#[derive(Debug)]
pub(crate) struct MockNet(pub(crate) Arc<State>);

impl Net for MockNet {
    fn now(&self, system: Instant) -> Instant {
        system.after(self.0.clock.read())
    }

    fn pause(&self, time: Duration) {
        self.0.clock.wait(time, &AtomicBool::new(false));
    }

    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut inner = self.0.lock();
        if let Some(used) = inner.unknown.get_mut(host) {
            *used += 1;
            let why = format!("the mock knows no host {host}");
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let known = inner.hosts.iter().position(|known| known == host);
        let number = known.unwrap_or_else(|| {
            inner.hosts.push(host.to_owned());
            inner.hosts.len() - 1
        });
        let number = u32::try_from(number).map_err(io::Error::other)?;
        Ok(vec![(Ipv4Addr::from(FIRST_ADDRESS + number), port).into()])
    }

    fn connect(&self, to: &PeerAddr) -> io::Result<Arc<dyn Conn>> {
        Ok(Arc::new(self.open(to)?))
    }
}

impl MockNet {
    pub(crate) fn open(&self, to: &PeerAddr) -> io::Result<MockConn> {
        let Some(addr) = to.tcp() else {
            let why = "the mock has no Unix domain sockets";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        };
        let mut inner = self.0.lock();
        let (host, port) = (inner.host_of(addr), addr.port());
        let refuses = |it: &&mut Refusal| {
            it.host == host && it.port == port && it.times.is_none_or(|times| it.used < times)
        };
        if let Some(refusal) = inner.refusals.iter_mut().find(refuses) {
            refusal.used += 1;
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        drop(inner);
        let host = if addr.is_ipv6() { format!("[{host}]") } else { host };
        Ok(MockConn::new(self.0.clone(), format!("{host}:{port}")))
    }
}
