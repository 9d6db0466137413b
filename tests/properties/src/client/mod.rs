//! Checks many calls over many connections, under any script of inputs.

use core::time::Duration;
use std::sync::Arc;

use httpool::{
    call::{Policy, Redirect, Retry, Route},
    client::Config,
    limits::RetryBudget,
    message::{BodyLength, Hop, HopKind, Method, Origin, Request, Scheme, Status},
};
use quickcheck::{Arbitrary, Gen};

use self::{
    bench::Bench,
    both::{Both, Lines},
    machines::Facade,
};
use super::{
    parts::Parts,
    source::{Source, random_bytes, shorter},
};

mod bench;
mod both;
mod exhaustive;
mod honest;
mod machines;

pub use exhaustive::{Small, every_order};
pub(super) use machines::{Act, BodyWanted, Input, Machines, Said};

/// Gives [`httpool::client::Client`] any inputs in any order, also stale and repeated ones, and any
/// number of them before it drains the actions. The invariants hold after every step. Every call
/// ends exactly once, and has no events afterwards. Every socket is closed exactly once.
/// Everything ends once the driver behaves.
pub fn client_script(data: &[u8]) {
    ClientScript::decode(&mut Source::new(data)).hold();
}

/// Compares [`httpool::client::Client`] with a second, simple composition of the same machines. The
/// same script must give the same actions, the same events, and the same trace lines of each
/// machine.
pub fn client_vs_parts(data: &[u8]) {
    ClientScript::decode(&mut Source::new(data)).hold_to_parts();
}

/// Settings, events, and the peers' behaviour at the end.
#[derive(Debug, Clone)]
pub struct ClientScript {
    setting: Setting,
    stop: Stop,
    events: Vec<Event>,
}

/// The settings of a whole script.
#[derive(Debug, Clone)]
struct Setting {
    config: Config,
    policy: Policy,
    /// Whether actions are performed after each event, not only when the script says so.
    eager: bool,
    /// Whether stale ids are passed in.
    stale: bool,
}

/// How the peers behave once the script is over.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Answers,
    Silent,
    Refuses,
}

/// A request: its server, its method and its body.
#[derive(Debug, Clone, Copy)]
struct Ask {
    whom: u8,
    method: u8,
    body: u8,
    how: u8,
}

/// An event. Its numbers choose among ids: low ones among those that are valid, high ones among all
/// that ever were.
#[derive(Debug, Clone, Copy)]
enum Event {
    Request(Ask),
    Cancel(u8),
    Discard(u8),
    Pause(u8, bool),
    BodyReady(u8),
    BodyFailed(u8),
    BodyUsed(u8),
    BodyUnusable(u8),
    Rewound(u8, bool),
    /// The second number is the number of addresses.
    Resolved(u8, u8),
    Connected {
        n: u8,
        why: u8,
        done: bool,
    },
    Tls(u8, bool),
    Transmit(u8),
    SendBody {
        n: u8,
        len: u8,
        last: bool,
    },
    Written(u8, u8),
    WriteFailed(u8),
    Says {
        n: u8,
        piece: u8,
        cut: u8,
    },
    Eof(u8, bool),
    Late,
    Pass(u8),
    Jump(u8),
    Drain,
    Honest(u8),
    Stale(u8, u64),
    Close,
    CloseNow,
}

impl ClientScript {
    /// Decodes the settings, the end, the weight of each kind of event, and then events.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let setting = Setting::decode(source);
        let stop = source.pick(&[Stop::Answers, Stop::Silent, Stop::Refuses]);
        let weights = source.swarm([
            40, 6, 4, 6, 4, 1, 6, 8, 10, 6, 16, 6, 14, 4, 24, 8, 6, 6, 2, 12, 80, 8, 4, 2, 1, 1,
        ]);
        let mut events = Vec::new();
        while !source.is_empty() && events.len() < 300 {
            events.push(Event::decode(source, &weights));
        }
        Self { setting, stop, events }
    }

    /// Panics if the client breaks the property.
    pub fn hold(&self) {
        let client = Facade::new(self.setting.config.clone(), None);
        self.run(Bench::new(client, self.setting.clone()));
    }

    /// Panics if the two compositions differ.
    pub fn hold_to_parts(&self) {
        let (ones, others) = (Arc::new(Lines::default()), Arc::new(Lines::default()));
        let both = Both {
            one: Facade::new(self.setting.config.clone(), Some(ones.clone())),
            other: Parts::new(self.setting.config.clone(), Some(others.clone())),
            traces: Some((ones, others)),
        };
        self.run(Bench::new(both, self.setting.clone()));
    }

    /// Panics if a stale id has an effect.
    pub fn hold_to_twin(&self) {
        let twins = Both {
            one: Facade::new(self.setting.config.clone(), None),
            other: Facade::new(self.setting.config.clone(), None),
            traces: None,
        };
        let setting = Setting { stale: true, ..self.setting.clone() };
        self.run(Bench::new(twins, setting));
    }

    fn run<M: Machines>(&self, mut bench: Bench<M>) {
        for event in &self.events {
            bench.happen(*event);
        }
        bench.finish(self.stop);
    }
}

impl Setting {
    fn decode(source: &mut Source<'_>) -> Self {
        let mut config = Config::default();
        config.pool.open_max = 1 + source.below(4);
        config.pool.open_per_key_max = 1 + source.below(3);
        config.pool.idle_per_key_max = source.below(3);
        config.pool.waiting_max = 1 + source.below(8);
        config.pool.idle_max = Duration::from_millis(500);
        config.pool.probe_after = Duration::from_millis(3);
        if source.chance(64) {
            config.pool.age_max = Some(Duration::from_secs(2));
        }
        if source.chance(80) {
            config.pool.look_up_every = Some(Duration::from_millis(100));
        }
        if source.chance(64) {
            config.pool.retry_budget = Some(RetryBudget::new(20, 2));
        }
        config.dial.tls_available = !source.chance(20);
        if source.flag() {
            config.dial.race_after = Some(Duration::from_millis(50));
        }
        config.seed = 3;
        let (policy, eager) = (policy(source), source.flag());
        Self { config, policy, eager, stale: false }
    }

    fn request(&self, ask: Ask) -> (Request, Arc<Policy>) {
        const METHODS: [Method; 5] =
            [Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::CONNECT];
        let whom =
            ["http://10.0.0.1/x", "http://10.0.0.2/", "http://name.test/", "https://10.0.0.1/"];
        let method = METHODS[usize::from(ask.method) % METHODS.len()].clone();
        let replayable = ask.how & 1 > 0;
        let body = match ask.body % 4 {
            _ if method == Method::CONNECT => BodyLength::Empty,
            0 | 1 => BodyLength::Empty,
            2 => BodyLength::Known { len: u64::from(ask.body >> 2 & 7), replayable },
            _ => BodyLength::Unknown { replayable },
        };
        let mut request = Request::builder(method, whom[usize::from(ask.whom) % whom.len()])
            .body(body)
            .expect_continue(ask.how & 6 == 6)
            .decode(ask.how & 32 > 0);
        if ask.how & 24 == 24 {
            request = request.header("Upgrade", "x");
        }
        let mut policy = self.policy.clone();
        if ask.how & 224 == 224 {
            // The route leads through a proxy.
            let proxy = Origin::new(Scheme::Http, "10.0.0.9", 3128);
            policy.routes.http = Route::Tunnel([Hop::new(HopKind::Connect, proxy)].into());
        }
        (request.build().expect("nothing is wrong with it"), Arc::new(policy))
    }
}

fn policy(source: &mut Source<'_>) -> Policy {
    let mut policy = Policy::default();
    policy.retry = Retry::new(source.below(4) as u32);
    policy.retry.statuses = Status::new(503).into_iter().collect();
    policy.retry.backoff = Duration::from_millis(source.pick(&[0, 10, 100]));
    policy.retry.backoff_jitter = Duration::from_millis(source.pick(&[0, 7]));
    policy.redirect = source.pick(&[Redirect::default(), Redirect::limited(1), Redirect::none()]);
    policy.show_interim = source.flag();
    policy.preload = source.flag();
    policy.drain_bytes_max.0 = source.pick(&[64 * 1024, 4, 0]);
    policy.timeout.total = source.pick(&[None, None, Some(Duration::from_secs(90))]);
    policy.timeout.connect = source.pick(&[None, None, Some(Duration::from_secs(4))]);
    policy
}

impl Event {
    fn decode(source: &mut Source<'_>, weights: &[u16]) -> Self {
        let kind = source.weighted(weights);
        let n = source.byte();
        match kind {
            0 => Self::Request(Ask {
                whom: n,
                method: source.byte(),
                body: source.byte(),
                how: source.byte(),
            }),
            1 => Self::Cancel(n),
            2 => Self::Discard(n),
            3 => Self::Pause(n, source.flag()),
            4 => Self::BodyReady(n),
            5 => Self::BodyFailed(n),
            6 => Self::Rewound(n, !source.chance(50)),
            7 => Self::Resolved(n, source.byte()),
            8 => Self::Connected { n, why: source.byte(), done: !source.chance(60) },
            9 => Self::Tls(n, !source.chance(40)),
            10 => Self::Transmit(n),
            11 => Self::SendBody { n, len: source.byte() % 8, last: source.flag() },
            12 => Self::Written(n, source.byte()),
            13 => Self::WriteFailed(n),
            14 => Self::Says { n, piece: source.byte(), cut: source.byte() },
            15 => Self::Eof(n, source.flag()),
            16 => Self::Late,
            17 => Self::Pass(n),
            18 => Self::Jump(n),
            19 => Self::Drain,
            20 => Self::Honest(n),
            21 => Self::Stale(n, u64::from(source.byte() % 8) << 32 | u64::from(source.byte() % 8)),
            22 => Self::BodyUsed(n),
            23 => Self::BodyUnusable(n),
            24 => Self::Close,
            _ => Self::CloseNow,
        }
    }
}

impl Arbitrary for ClientScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.events)
    }
}
