//! Generates plans from seeds.

use std::{sync::Arc, time::Duration};

use httpool::{
    call::{
        DrainBytes, DrainTime, MinRate, NoProxy, Policy, Redirect, Retry, Route, Routes, Timeout,
    },
    client::Config,
    dial::Guard,
    error::{IoKind, TlsKind},
    limits::RetryBudget,
    message::{Credentials, Hop, HopKind, Method, Network, Origin, Scheme, Status},
};

use super::{
    Address, BodyPlan, CallPlan, Fault, FaultKind, Finish, Framing, Names, Noise, OriginPlan, Plan,
    Proxy, Random, Reading, Reply, Tls, proxy,
};

mod limits;

/// How hostile a generated world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without faults: every call must succeed.
    Sound,
    /// With faults that all end, and without timeouts: every call must end.
    Patient,
    /// With any fault, also lasting ones, and with timeouts.
    Troubled,
}

impl Kind {
    /// Whether there are faults, and whether some of them last.
    const fn faults(self) -> (bool, bool) {
        (!matches!(self, Self::Sound), matches!(self, Self::Troubled))
    }
}

impl Plan {
    /// Generates a plan from a seed: 3 to 32 calls to 1 to 4 servers. In half of the plans the pool
    /// is smaller than the demand. Most plans have faults and cancelled calls.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let kind = match random.below(16) {
            0 => Kind::Sound,
            1..=5 => Kind::Patient,
            _ => Kind::Troubled,
        };
        // Features added later draw from generators of their own, so that they did not change the
        // existing worlds.
        let later = Random::new(Random::nth(seed, 1));
        let latest = Random::new(Random::nth(seed, 2));
        let preloads = Random::new(Random::nth(seed, 3));
        Grower { random, later, latest, preloads, kind }.plan(seed)
    }

    /// Whether connections to a server, which may be a proxy, carry sessions with the cipher of
    /// [`layer`](crate::layer).
    pub(super) fn has_session(&self, origin: usize) -> bool {
        let it = &self.origins[origin];
        (self.threads || self.sessions) && it.url.starts_with("https:")
    }

    /// Whether the plan is without faults, so that every call must succeed.
    pub(super) fn is_sound(&self) -> bool {
        let up = |it: &OriginPlan| {
            matches!(it.names, Names::Found { .. })
                && matches!(it.tls, Tls::Up { .. })
                && it.addresses.iter().all(|it| matches!(it, Address::Up { .. }))
                && it.idle_max.is_none()
                && (it.requests_max.is_none() || it.announces)
                && matches!(it.proxy, None | Some(Proxy::Passes))
        };
        let calls = |it: &CallPlan| {
            let timeout = &it.policy.timeout;
            let times = [timeout.queue, timeout.write, timeout.first_byte, timeout.stall];
            times.iter().all(Option::is_none)
                && timeout.rate.is_none()
                && timeout.total.is_none()
                && timeout.connect.is_none()
                && it.cancel.is_none()
                && (it.body.len.is_none() || it.body.replayable && it.body.rewinds)
                && it.body.fails_at.is_none()
                && it.replies.iter().all(|reply| !reply.closes_early(it.closes))
                && it.replies.iter().all(|it| matches!(it.finish, Finish::Keep | Finish::Close))
        };
        let dial = &self.config.dial;
        self.faults.is_empty()
            && self.close.is_none()
            && self.clears.is_empty()
            && self.config.pool.retry_budget.is_none()
            && self.config.pool.waiting_max >= self.calls.len()
            && self.config.pool.waiting_per_key_max >= self.calls.len()
            && self.is_sound_when_short()
            && dial.resolve_timeout.is_none()
            && dial.connect_timeout.is_none()
            && dial.tls_timeout.is_none()
            && dial.guard.is_open()
            && self.origins.iter().all(up)
            && self.calls.iter().all(calls)
    }

    /// Whether a call that finds no descriptor gets one in the end. Applications must not keep
    /// sockets that were handed over, and a discarded connection must be closed before another
    /// opens.
    fn is_sound_when_short(&self) -> bool {
        self.descriptors.is_none() || !self.threads && self.calls.iter().all(|it| !it.upgrade)
    }
}

/// Returns the ways through a proxy, which forwards requests or tunnels. Some have an exception.
fn routes(hop: Hop, origins: &[OriginPlan], ways: &mut Random) -> Routes {
    let hop = hop.with_credentials(Credentials::new("u", "p"));
    let https =
        if ways.once_in(2) { Route::tunnel(hop.clone()) } else { Route::forward(hop.clone()) };
    let routes = Routes::default().http(Route::forward(hop)).https(https);
    let host = origins[ways.below(origins.len() as u64) as usize].url.split("//").nth(1);
    match host.filter(|_| ways.once_in(2)) {
        Some(host) => routes.no_proxy(NoProxy::parse(host)),
        None => routes,
    }
}

/// Adds a proxy that passes behind the plan's servers.
fn add_proxy(plan: &mut Plan) -> Origin {
    let nth = plan.origins.len();
    let mut it = OriginPlan::new(&format!("http://10.0.{nth}.1"));
    it.proxy = Some(Proxy::Passes);
    plan.origins.push(it);
    Origin::new(Scheme::Http, &format!("10.0.{nth}.1"), 80)
}

/// Returns a guard that denies the addresses of one server.
fn guard(origin: u64, proxied_names: bool) -> Guard {
    let nth = origin as u16;
    let v4 = Network::new([10, 0, nth as u8, 0].into(), 24);
    let v6 = Network::new([0xfd00, 0, 0, 0, 0, 0, nth, 0].into(), 112);
    let denied = v4.into_iter().chain(v6);
    denied.fold(Guard::new(), Guard::deny).allow_proxied_names(proxied_names)
}

struct Grower {
    random: Random,
    later: Random,
    latest: Random,
    preloads: Random,
    kind: Kind,
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

impl Grower {
    fn plan(mut self, seed: u64) -> Plan {
        let mut plan = Plan::new(self.random.bits());
        plan.sessions = Random::new(Random::nth(seed, 3)).once_in(2);
        plan.noise = self.noise();
        let count = match self.random.below(20) {
            0 => self.random.from(9, 32),
            1..=4 => self.random.from(6, 12),
            _ => self.random.from(3, 6),
        };
        let origins = self.random.from(1, 4).min(count);
        plan.config = self.config(count as usize, seed);
        plan.origins = (0..origins).map(|nth| self.origin(nth)).collect();
        // Draws from a generator of its own, so that the rest of the plan stays the same.
        let mut apart = Random::new(seed ^ 0x6c6f_6f6b_7570);
        for origin in &mut plan.origins {
            let times = [1_000, 20_000, 300_000];
            origin.queued = apart.once_in(5).then(|| micros(apart.pick(&times)));
        }
        let mut layers = Random::new(seed ^ 0x6c61_7965_7273);
        let proxy = self.random.once_in(6).then(|| self.proxy(&mut plan));
        let proxy =
            proxy.map(|it| proxy::maybe_secure(&mut plan, it, &mut layers, self.kind.faults()));
        let mut ways = Random::new(seed ^ 0x0070_726f_7879);
        let forwards = ways.once_in(2) && proxy.is_some();
        let mut strange = Random::new(seed ^ 0x0073_7472_616e_6765);
        let first = (proxy.is_some() && strange.once_in(4)).then(|| add_proxy(&mut plan));
        if let Some(it) = plan.origins.iter_mut().find(|it| it.proxy.is_some()) {
            if forwards {
                it.proxy = Some(Proxy::Passes);
            } else if it.proxy == Some(Proxy::Passes) && self.kind != Kind::Sound {
                it.proxy = Some(proxy::misbehaving(&mut strange));
            }
        }
        let policies: Vec<_> = (0..self.random.from(1, 2))
            .map(|_| {
                let mut policy = self.policy();
                if let Some(proxy) = proxy.as_ref().filter(|_| !self.random.once_in(4)) {
                    let hop = Hop::new(HopKind::Connect, proxy.clone());
                    policy.routes = if forwards {
                        routes(hop, &plan.origins, &mut ways)
                    } else {
                        let hops = proxy::varied(hop, first.as_ref(), &mut strange);
                        let tunnel = Route::Tunnel(hops.into());
                        Routes::default().http(tunnel.clone()).https(tunnel)
                    };
                }
                Arc::new(policy)
            })
            .collect();
        let spread = self.random.pick(&[0, 500, 20_000, 200_000]);
        plan.calls = (0..count)
            .map(|_| {
                let policy = policies[self.random.below(policies.len() as u64) as usize].clone();
                let at = micros(self.random.from(0, spread));
                self.call(origins as usize, policy, at, &plan.noise)
            })
            .collect();
        if self.kind != Kind::Sound {
            for _ in 0..self.random.pick(&[0, 0, 1, 2, 3]) {
                let fault = self.fault(origins);
                plan.faults.push(fault);
            }
            if self.random.once_in(12) {
                plan.close = Some((micros(self.random.from(0, 100_000)), self.random.once_in(2)));
            }
        }
        self.scarcity(&mut plan, seed);
        self.keys(&mut plan, seed);
        Self::own_limits(&mut plan, seed);
        Self::moves(&mut plan, seed);
        if self.kind != Kind::Sound && ways.once_in(if forwards { 2 } else { 8 }) {
            plan.config.dial.guard = guard(ways.below(origins), ways.once_in(2));
        }
        plan
    }

    fn noise(&mut self) -> Noise {
        let least = self.random.from(10, 500);
        let spread = self.random.pick(&[0, 100, 5_000, 20_000]);
        let cuts = self.random.once_in(2);
        let small = cuts && self.random.once_in(8);
        Noise {
            latency_min: micros(least),
            latency_max: micros(least + spread),
            window: self.random.pick(&[64, 300, 1_000, 8_000, 64_000]),
            read_max: if small { 3 } else { self.random.pick(&[50, 500, 16_000]) },
            write_max: if small { 9 } else { self.random.pick(&[50, 500, 16_000]) },
            cuts,
            lazy: self.random.once_in(3),
            stale: self.random.once_in(3),
        }
    }

    fn config(&mut self, calls: usize, seed: u64) -> Config {
        let mut config = Config::default();
        config.seed = seed;
        let random = &mut self.random;
        let pool = &mut config.pool;
        if random.once_in(2) {
            pool.open_max = random.from(1, (calls as u64 / 2).max(1)) as usize;
        } else {
            pool.open_max = calls * 2;
        }
        pool.open_per_key_max = random.pick(&[1, 2, 3, 100, usize::MAX, usize::MAX]);
        pool.idle_per_key_max = random.pick(&[0, 1, 2, 32, 32]);
        pool.dialing_per_key_max = random.pick(&[1, 2, 32, 32]);
        pool.idle_max = micros(random.pick(&[1_000, 30_000, 1_000_000, 60_000_000]));
        pool.probe_after = micros(random.pick(&[0, 0, 1_000, 10_000_000]));
        if random.once_in(8) {
            pool.age_max = Some(micros(random.from(1_000, 100_000)));
        }
        if self.kind != Kind::Sound {
            if random.once_in(10) {
                pool.waiting_max = random.from(1, 4) as usize;
            }
            if random.once_in(10) {
                pool.retry_budget = Some(RetryBudget::new(random.from(0, 100) as u32, 1));
            }
        }
        let dial = &mut config.dial;
        dial.tls_available = true;
        dial.race_after = random.once_in(2).then(|| micros(random.from(10_000, 50_000)));
        let timeout = self.kind == Kind::Troubled;
        let mut time = || timeout.then(|| micros(random.from(5_000, 200_000)));
        dial.resolve_timeout = time();
        dial.connect_timeout = time();
        dial.tls_timeout = time();
        config
    }

    /// Adds a proxy behind the plan's servers.
    fn proxy(&mut self, plan: &mut Plan) -> Origin {
        let origin = add_proxy(plan);
        let Some(it) = plan.origins.last_mut() else { return origin };
        it.addresses = vec![self.address()];
        it.proxy = Some(match self.random.below(16) {
            _ if self.kind == Kind::Sound => Proxy::Passes,
            0 => Proxy::Refuses(self.random.pick(&[407, 502])),
            1 => Proxy::Garbage,
            2 => Proxy::Closes,
            3 | 4 if self.kind == Kind::Troubled => Proxy::Never,
            _ => Proxy::Passes,
        });
        origin
    }

    fn origin(&mut self, nth: u64) -> OriginPlan {
        let secure = self.random.once_in(4);
        let literal = self.random.once_in(3);
        let scheme = if secure { "https" } else { "http" };
        let url = match literal {
            true => format!("{scheme}://10.0.{nth}.1"),
            false => format!("{scheme}://o{nth}.test"),
        };
        let mut origin = OriginPlan::new(&url);
        let delay = self.random.pick(&[0, 100, 3_000, 30_000]);
        origin.names = Names::Found { after: micros(delay) };
        origin.tls = Tls::Up { after: micros(self.random.pick(&[0, 500, 10_000])) };
        let count = if literal { 1 } else { self.random.pick(&[1, 1, 2, 3]) };
        origin.addresses = (0..count).map(|_| self.address()).collect();
        origin.requests_max = self.random.once_in(4).then(|| self.random.from(1, 4) as u32);
        if self.kind == Kind::Sound {
            return origin;
        }
        origin.announces = self.random.once_in(2);
        origin.idle_max = self.random.once_in(4).then(|| micros(self.random.from(0, 20_000)));
        let after = micros(delay);
        match self.random.below(20) {
            0 => origin.names = Names::Missing { after },
            1 if self.kind == Kind::Troubled => origin.names = Names::Never,
            2 | 3 => {
                let why = self.random.pick(&[
                    TlsKind::Issuer,
                    TlsKind::Alert(40),
                    TlsKind::Lost(IoKind::Reset),
                ]);
                origin.tls = Tls::Fails { why, after };
            }
            4 if self.kind == Kind::Troubled => origin.tls = Tls::Never,
            _ => {}
        }
        origin
    }

    fn address(&mut self) -> Address {
        let after = micros(self.random.pick(&[0, 0, 1_000, 40_000]));
        match self.random.below(12) {
            _ if self.kind == Kind::Sound => Address::Up { after },
            0 => {
                let why = self.random.pick(&[
                    IoKind::Refused,
                    IoKind::Unreachable,
                    IoKind::TimedOut,
                    IoKind::Exhausted,
                ]);
                Address::Fails { why, after }
            }
            1 if self.kind == Kind::Troubled => Address::Never,
            _ => Address::Up { after },
        }
    }

    fn policy(&mut self) -> Policy {
        let mut policy = Policy::default();
        let random = &mut self.random;
        let mut retry = Retry::new(random.pick(&[0, 0, 1, 2, 3]) as u32);
        if random.once_in(2) {
            retry.statuses.extend(Status::new(503));
            retry.raise_on_status = random.once_in(2);
        }
        retry.backoff = micros(random.pick(&[0, 0, 1_000, 20_000]));
        retry.backoff_jitter = micros(random.pick(&[0, 1_000]));
        retry.retry_after_max = Duration::from_secs(random.pick(&[0, 1, 10]));
        if random.once_in(16) {
            retry.methods = None;
        }
        policy.retry = retry;
        policy.redirect = match random.below(6) {
            0 => Redirect::none(),
            1 => Redirect::limited(random.from(0, 2) as u32),
            2 => Redirect::urllib3(),
            _ => Redirect::default(),
        };
        policy.redirect.max = policy.redirect.max.or(Some(4));
        policy.redirect.raise = random.once_in(2);
        policy.repeat_unsafe = random.once_in(12);
        policy.show_interim = random.once_in(2);
        policy.drain_bytes_max = DrainBytes(random.pick(&[0, 100, 64_000, 64_000]));
        let timeout = self.kind == Kind::Troubled;
        let mut time = |least, most| timeout.then(|| micros(random.from(least, most)));
        let mut times = Timeout::default();
        times.queue = time(5_000, 400_000);
        times.write = time(5_000, 200_000);
        times.first_byte = time(10_000, 300_000);
        times.stall = time(10_000, 200_000);
        times.total = time(20_000, 1_000_000);
        if random.once_in(2) {
            times.total = None;
        }
        times.expect_continue = micros(random.from(500, 30_000));
        policy.timeout = times;
        let later = &mut self.later;
        policy.drain_time_max = DrainTime(micros(later.pick(&[0, 1_000, 20_000, 500_000])));
        policy.redirect.retry_after_max = Duration::from_secs(later.pick(&[0, 1, 30, 30]));
        policy.retry.respect_retry_after = !later.once_in(16);
        if timeout && later.once_in(6) {
            let window = micros(later.from(5_000, 200_000));
            policy.timeout.rate = Some(MinRate::new(later.pick(&[0, 100, 3_000, 100_000]), window));
        }
        policy.preload = self.preloads.once_in(4);
        if timeout && self.latest.once_in(4) {
            policy.timeout.connect = Some(micros(self.latest.from(2_000, 300_000)));
        }
        policy
    }

    fn call(
        &mut self,
        origins: usize,
        policy: Arc<Policy>,
        at: Duration,
        noise: &Noise,
    ) -> CallPlan {
        let mut call = CallPlan::get(self.random.below(origins as u64) as usize, policy);
        call.at = at;
        call.method = match self.random.below(20) {
            0 => Method::HEAD,
            1 => Method::OPTIONS,
            2 | 3 => Method::DELETE,
            4 | 5 => Method::PUT,
            6..=10 => Method::POST,
            _ => Method::GET,
        };
        let sends = matches!(call.method.as_str(), "POST" | "PUT");
        if if sends { !self.random.once_in(4) } else { self.random.once_in(20) } {
            call.body = self.body(noise);
            call.expect = self.random.once_in(6);
        }
        call.credentials = self.random.once_in(3);
        call.upgrade = self.random.once_in(24);
        call.closes = self.random.once_in(24);
        if self.kind != Kind::Sound {
            let most = self.random.pick(&[0, 3_000, 100_000]);
            call.cancel = self.random.once_in(8).then(|| micros(self.random.from(0, most)));
        }
        call.replies = self.replies(&call, origins, noise);
        self.reading(&mut call);
        call
    }

    fn reading(&mut self, call: &mut CallPlan) {
        let longest = call.replies.iter().map(|it| it.len).max().unwrap_or(0);
        let mut at = self.random.below(u64::from(longest) + 1) as u32;
        if self.random.once_in(4) {
            let time = micros(self.random.pick(&[100, 5_000, 300_000]));
            call.reading.push((at, Reading::Pause(time)));
            at += self.random.below(100) as u32;
        }
        match self.random.below(16) {
            0 => call.reading.push((at, Reading::Discard)),
            1 if self.kind != Kind::Sound => call.reading.push((at, Reading::Cancel)),
            2 if self.kind != Kind::Sound => call.reading.push((at, Reading::Refuse)),
            _ => {}
        }
    }

    fn body(&mut self, noise: &Noise) -> BodyPlan {
        let most = if noise.write_max < 10 { 60 } else { self.random.pick(&[20, 400, 3_000]) };
        let mut body = BodyPlan::of(self.random.from(0, most) as u32);
        body.known = self.random.once_in(2);
        body.piece = self.random.pick(&[10, 100, 1_000, 100_000]).max(most / 20) as u32;
        body.gap = self.random.once_in(4).then(|| micros(self.random.pick(&[10, 2_000, 20_000])));
        if self.kind != Kind::Sound {
            body.replayable = !self.random.once_in(3);
            body.rewinds = !self.random.once_in(12);
            let len = u64::from(body.len.unwrap_or(0));
            body.fails_at = self.random.once_in(20).then(|| self.random.below(len + 1) as u32);
        }
        body
    }

    fn replies(&mut self, call: &CallPlan, origins: usize, noise: &Noise) -> Vec<Reply> {
        let count = self.random.pick(&[1, 1, 1, 2, 3]);
        let mut replies: Vec<_> = (0..count).map(|_| self.reply(call, origins, noise)).collect();
        if count > 1 && !self.random.once_in(4) {
            replies.push(Reply::new(200));
        }
        replies
    }

    fn reply(&mut self, call: &CallPlan, origins: usize, noise: &Noise) -> Reply {
        let mut reply = Reply::new(200);
        let most = if noise.read_max < 10 { 40 } else { self.random.pick(&[0, 30, 600, 3_000]) };
        reply.len = self.random.from(0, most) as u32;
        reply.after = micros(self.random.pick(&[0, 0, 200, 5_000, 50_000]));
        reply.interim = if self.random.once_in(8) { self.random.from(1, 3) as u8 } else { 0 };
        reply.continues = !self.random.once_in(4);
        reply.framing = match self.random.below(8) {
            0 => Framing::Close,
            1 => Framing::Old,
            2..=4 => Framing::Chunked,
            _ => Framing::Length,
        };
        match self.random.below(16) {
            0 | 1 => {
                reply.status = self.random.pick(&[301, 302, 303, 307, 308]);
                reply.redirect = Some(self.random.below(origins as u64) as usize);
            }
            2 => {
                reply.status = self.random.pick(&[503, 503, 429]);
                reply.retry_after = self.random.once_in(2).then(|| self.random.below(3) as u32);
            }
            3 => (reply.status, reply.early) = (self.random.pick(&[413, 413, 200]), true),
            4 => {
                reply.status = self.random.pick(&[204, 304, 404]);
                if call.expect && reply.status == 404 {
                    (reply.status, reply.early) = (417, true);
                }
            }
            5 => (reply.status, reply.early) = (self.random.pick(&[200, 200, 413]), true),
            _ => {}
        }
        if call.upgrade && !self.random.once_in(4) {
            reply = Reply { status: 101, redirect: None, early: false, ..reply };
        }
        if self.random.once_in(8) {
            let pause = self.random.pick(&[50, 2_000, 30_000]);
            reply.drip = Some((self.random.from(20, 200) as u32, micros(pause)));
        }
        reply.finish = self.finish();
        self.slower(&mut reply);
        reply
    }

    /// Makes a reply slow: a redirect with Retry-After, or a body or chunk framing sent in drips.
    fn slower(&mut self, reply: &mut Reply) {
        let later = &mut self.later;
        if reply.redirect.is_some() && later.once_in(4) {
            reply.retry_after = Some(later.below(3) as u32);
        }
        if reply.status == 101 || !later.once_in(12) {
            return;
        }
        reply.len = later.from(30, 200) as u32;
        let pause = micros(later.pick(&[1_000, 20_000, 100_000, 400_000]));
        reply.slow = Some((later.from(1, 4) as u32, pause));
        if later.once_in(2) {
            reply.framing = Framing::Chunked;
            reply.padding = later.from(20, 150) as u32;
        }
    }

    fn finish(&mut self) -> Finish {
        let hundredths = self.random.below(100) as u8;
        let lasting = self.kind == Kind::Troubled;
        match self.random.below(100) {
            0..=7 => Finish::Close,
            _ if self.kind == Kind::Sound => Finish::Keep,
            8..=11 => Finish::CloseUnannounced,
            12..=15 => Finish::Second,
            16..=17 => Finish::Garbage,
            18..=22 => Finish::Die,
            23..=25 => Finish::DieReset,
            26..=28 if lasting => Finish::Silent,
            29..=31 => Finish::Cut(hundredths),
            32..=34 => Finish::CutReset(hundredths),
            35..=37 if lasting => Finish::Stall(hundredths),
            38 => Finish::Malformed,
            _ => Finish::Keep,
        }
    }

    fn fault(&mut self, origins: u64) -> Fault {
        let random = &mut self.random;
        let heals = match self.kind {
            Kind::Troubled if random.once_in(2) => None,
            _ => Some(micros(random.from(1_000, 50_000))),
        };
        let kind = match random.below(6) {
            0 => FaultKind::Reset,
            1 => FaultKind::HalfClose,
            2 => FaultKind::Hole(heals),
            3 => FaultKind::Deaf(heals),
            _ => FaultKind::Chatter,
        };
        Fault {
            origin: random.below(origins) as usize,
            conn: random.pick(&[0, 0, 0, 1, 1, 2, 3]),
            kind,
            after: micros(random.pick(&[0, 300, 2_000, 10_000, 40_000])),
        }
    }
}
