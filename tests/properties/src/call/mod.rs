//! Checks a call under any script of a driver's inputs.

use core::time::Duration;

use httpool::{
    call::{Policy, Redirect, Retry},
    message::{BodyLength, Method, Request, Status},
};
use quickcheck::{Arbitrary, Gen};

use self::run::Run;
use super::source::{Source, random_bytes, shorter};

mod run;

pub(super) use run::PIECES;

/// Gives a call any inputs in any order, also stale and repeated ones. It ends within a bound once
/// the driver behaves. Asking twice gives the same answer. An unsafe request is never sent again
/// once a byte of it was written, and neither is a body that cannot be repeated. `reached` agrees
/// with the bytes that were written and received. Each wait has a deadline. At most one response is
/// delivered. Credentials stay with their origin.
pub fn call_script(data: &[u8]) {
    CallScript::decode(&mut Source::new(data)).hold();
}

/// A request, a policy, events, and the peer's behaviour at the end.
#[derive(Debug, Clone)]
pub struct CallScript {
    method: Method,
    body: BodyLength,
    expect_continue: bool,
    upgrade: bool,
    decode: bool,
    policy: Policy,
    end: End,
    events: Vec<Event>,
}

/// How the peer behaves once the script is over.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It answers.
    Answers,
    /// It never answers.
    Silent,
    /// It refuses connections.
    Refuses,
    /// It closes each connection.
    Closes,
}

/// An input of a driver, correct or not.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The requested action is done.
    Honest(u8),
    /// A connection comes: new, reused, or (wrongly) in the middle of an exchange.
    Start(u8),
    LeaseFailed(u8),
    Dialing(bool),
    Written(u8),
    WriteFailed,
    /// The peer sends a piece of [`run::PIECES`], or the beginning of it.
    Says {
        piece: u8,
        cut: u8,
    },
    Eof(bool),
    SendBody {
        len: u8,
        last: bool,
    },
    Rewound(bool),
    BodyFailed,
    BodyUsed,
    BodyUnusable,
    Pause(bool),
    Discard,
    Released,
    /// The next deadline passes.
    Late,
    /// Time passes, perhaps without a deadline.
    Pass(u8),
    Cancel,
}

impl CallScript {
    /// Decodes the request and the policy, the end, the weight of each kind of event, and then
    /// events.
    pub fn decode(source: &mut Source<'_>) -> Self {
        const METHODS: [Method; 6] =
            [Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::PATCH, Method::CONNECT];
        let method = source.pick(&METHODS);
        let replayable = source.flag();
        let body = match source.below(4) {
            _ if method == Method::CONNECT => BodyLength::Empty,
            0 => BodyLength::Empty,
            1 | 2 => BodyLength::Known { len: source.below(8) as u64, replayable },
            _ => BodyLength::Unknown { replayable },
        };
        let (expect_continue, upgrade) = (source.chance(60), source.chance(40));
        let decode = source.flag();
        let policy = policy(source);
        let end = source.pick(&[End::Answers, End::Silent, End::Refuses, End::Closes]);
        let weights = source.swarm([40, 14, 3, 3, 12, 4, 24, 6, 10, 4, 1, 3, 2, 8, 3, 4, 3, 1, 1]);
        let mut events = Vec::new();
        while !source.is_empty() && events.len() < 300 {
            events.push(Event::decode(source, &weights));
        }
        Self { method, body, expect_continue, upgrade, decode, policy, end, events }
    }

    /// Panics if the call breaks the property.
    pub fn hold(&self) {
        let mut run = Run::new(self);
        for event in &self.events {
            run.happen(*event);
        }
        run.finish(self.end);
    }

    fn request(&self) -> Request {
        let mut request = Request::builder(self.method.clone(), "http://a/1")
            .body(self.body)
            .expect_continue(self.expect_continue)
            .decode(self.decode);
        for (name, value) in run::SECRETS {
            request = request.header(name, value);
        }
        if self.upgrade {
            request = request.header("Upgrade", "x");
        }
        request.build().expect("nothing is wrong with it")
    }
}

fn policy(source: &mut Source<'_>) -> Policy {
    let mut policy = Policy::default();
    policy.retry = Retry::new(source.below(4) as u32);
    policy.retry.statuses = source
        .pick(&[vec![], vec![503], vec![503, 500, 404]])
        .into_iter()
        .filter_map(Status::new)
        .collect();
    policy.retry.backoff = Duration::from_millis(source.pick(&[0, 0, 10]));
    policy.retry.raise_on_status = source.flag();
    if source.chance(30) {
        policy.retry.methods = None;
    }
    policy.redirect = source.pick(&[
        Redirect::default(),
        Redirect::limited(2),
        Redirect::none(),
        Redirect::limited(0),
    ]);
    policy.redirect.raise = source.flag();
    policy.repeat_unsafe = source.chance(30);
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
            0 => Self::Honest(n),
            1 => Self::Start(n),
            2 => Self::LeaseFailed(n),
            3 => Self::Dialing(n & 1 == 1),
            4 => Self::Written(n),
            5 => Self::WriteFailed,
            6 => Self::Says { piece: n, cut: source.byte() },
            7 => Self::Eof(n & 1 == 0),
            8 => Self::SendBody { len: n % 8, last: n & 8 > 0 },
            9 => Self::Rewound(n < 200),
            10 => Self::BodyFailed,
            11 => Self::Pause(n & 1 == 0),
            12 => Self::Discard,
            13 => Self::Released,
            14 => Self::Late,
            15 => Self::Pass(n),
            16 => Self::BodyUsed,
            17 => Self::BodyUnusable,
            _ => Self::Cancel,
        }
    }
}

impl Arbitrary for CallScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.events)
    }
}
