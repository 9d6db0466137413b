//! The state of a mock: rules, hosts, requests, misses, and the clock.

use std::{
    collections::BTreeMap,
    fmt::Write,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use httpool_blocking::{
    PeerAddr,
    httpool::time::Instant,
    net::{Conn, Net},
};

use crate::{
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
    /// The nanoseconds that have passed without waiting.
    skipped: AtomicU64,
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

    /// Lets time pass without waiting.
    pub(crate) fn skip(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let add = |skipped: u64| Some(skipped.saturating_add(nanos));
        // The closure never refuses.
        self.skipped.fetch_update(SeqCst, SeqCst, add).ok();
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
        Answer::Miss(format!("no rule of the mock matched this request\n{}", nearest.trim_end()))
    }

    /// Records a request that cannot be read.
    pub(crate) fn unreadable(&self, why: &str) -> String {
        let report = format!("the mock cannot read the request: {why}");
        self.lock().miss(format!("{report}\n"));
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
        let mut text = String::new();
        let near = self.rules.iter().map(|rule| (rule, rule.distance(request)));
        match near.min_by_key(|(_, (weight, _))| *weight) {
            None => text.push_str("    the mock has no rules\n"),
            Some((rule, (_, differences))) => {
                // Writing to a string cannot fail.
                writeln!(text, "    nearest rule: {rule}").ok();
                for difference in differences {
                    writeln!(text, "      {difference}").ok();
                }
            }
        }
        text
    }

    /// Reports what was not used, and what was not matched. `None` if there is nothing.
    pub(crate) fn report(&self) -> Option<String> {
        let mut text = String::new();
        for rule in &self.rules {
            unused(&mut text, &rule.to_string(), rule.demanded(), rule.used);
        }
        for refusal in &self.refusals {
            let what = format!("refuse connections to {}:{}", refusal.host, refusal.port);
            unused(&mut text, &what, refusal.times, refusal.used);
        }
        for (host, used) in &self.unknown {
            unused(&mut text, &format!("the unknown host {host}"), None, *used);
        }
        if !text.is_empty() {
            text.insert_str(0, "not used as often as demanded:\n");
        }
        if !self.misses.is_empty() {
            text.push_str("requests that matched no rule:\n");
        }
        for miss in &self.misses {
            write!(text, "  {}", miss.report).ok();
            if miss.times > 1 {
                writeln!(text, "    it came {}", times(miss.times)).ok();
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

fn unused(text: &mut String, what: &str, demanded: Option<u64>, used: u64) {
    let wanted = match demanded {
        Some(demanded) if used < demanded => times(demanded),
        None if used == 0 => "at least once".into(),
        _ => return,
    };
    let used = if used == 0 { "never".into() } else { times(used) };
    writeln!(text, "  {what}\n    used {used}, demanded {wanted}").ok();
}

/// The network of a mock's clients.
#[derive(Debug)]
pub(crate) struct MockNet(pub(crate) Arc<State>);

impl Net for MockNet {
    fn now(&self, system: Instant) -> Instant {
        system.after(Duration::from_nanos(self.0.skipped.load(SeqCst)))
    }

    fn pause(&self, time: Duration) {
        self.0.skip(time);
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
        Ok(Arc::new(MockConn::new(self.0.clone(), format!("{host}:{port}"))))
    }
}
