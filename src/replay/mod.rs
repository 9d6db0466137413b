//! Replays a recording: feeds its events to new machines, and checks that they decide the same
//! actions.
//!
//! Any driver can record, by giving its machines a [`Recorder`](crate::trace::Recorder) as the sink
//! of their [`Trace`]. [`check`] builds each machine from its recorded settings, feeds it the
//! recorded events, and compares each action that it decides with the recorded one, byte for byte.
//!
//! # The format
//!
//! A recording is ASCII text. The first line is the [version](VERSION). The second says which parts
//! are kept instead of [redacted](crate::trace::Redaction). Empty lines and lines that begin with
//! `#` are ignored. Every other line is an event (`<`) that a machine received, or an action (`>`)
//! that it decided:
//!
//! ```text
//! httpool-record 1
//! kept secrets=false queries=false bodies=false fields=-
//! 0.000031500 r0 < written 34
//! │           │  │ └ the event: a word and its arguments
//! │           │  └ event (<) or action (>)
//! │           └ the machine: pool, or a call (r) or a dial (d) and its number
//! └ seconds since the driver's epoch, with nine digits
//! ```
//!
//! The lines of each machine are in their order in time, with its actions behind the event that led
//! to them. There is no order between machines: the lines of each replay by themselves.
//!
//! The first lines of a machine hold its settings. A pool has `limits`. A dial has its `policy`,
//! and `dial` with its key. A call has `call` (when it began, and its seed), its policy in several
//! lines, the `request`, a `field` line for each field, and `begin`. Settings are `name=value`
//! words. A missing one has its default; an unknown one is an error.
//!
//! Bytes are written as text. The escapes are `\r`, `\n`, `\t`, `\\` and `\x80` as in Rust, and
//! `\{`. `{5}` stands for five bytes of a body with any contents. Input is recorded once, when it
//! is first presented: in `bytes 60 ...`, the call was given 60 bytes, and the text has those among
//! them that are new. Bytes that the machine did not inspect are not recorded; filler replaces them
//! on replay. An incomplete field line is recorded only at its end, because it may hold a secret.
//!
//! A pool numbers its keys (`key 0 ...`, then `checkout 0`), because two keys that differ only in
//! their credentials would look alike when redacted.
//!
//! # Redaction
//!
//! The bytes of a body become a count. Each byte of a secret, and of a value in the query or
//! fragment of a URL, becomes a `*`, or another byte that is percent-encoded and compared like the
//! original. Lengths, the names in a query, and everything that decisions depend on are kept. On
//! replay the machine is fed stars and filler, and its actions are redacted in the same way. So a
//! redacted recording replays as well as a complete one.
//!
//! # Example
//!
//! ```
//! let recording = "\
//! httpool-record 1
//! kept secrets=false queries=false bodies=false fields=-
//! 0.000000000 r0 < call began=0 seed=1 wall=none
//! 0.000000000 r0 < redirect follow=false
//! 0.000000000 r0 < request GET http://example.com/ body=none
//! 0.000000000 r0 < field Cookie: ********
//! 0.000000000 r0 < begin
//! 0.000000000 r0 > checkout http://example.com
//! 0.001000000 r0 < leased fresh head=65536 fields=256 interim=32 overhead=16384
//! 0.001000000 r0 > out GET / HTTP/1.1\\r\\nHost: example.com\\r\\nCookie:*********\\r\\n\\r\\n
//! 0.001000000 r0 > exchange
//! 0.001000000 r0 < written 55
//! 0.020000000 r0 < bytes 43 HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n{5}
//! 0.020000000 r0 > head 200
//! 0.020000000 r0 < bytes 5
//! 0.020000000 r0 > data 5 B
//! 0.020000000 r0 < bytes 0
//! 0.020000000 r0 > end
//! 0.020000000 r0 > release
//! 0.020000000 r0 < released 0
//! 0.020000000 r0 > kept
//! 0.020000000 r0 > done
//! ";
//! let summary = httpool::replay::check(recording)?;
//! assert_eq!((summary.calls, summary.actions), (1, 9));
//!
//! // Had the call decided otherwise, the difference is shown.
//! let other = recording.replace("data 5 B", "data 4 B");
//! let Err(httpool::replay::Error::Differs(difference)) = httpool::replay::check(&other) else {
//!     panic!("it differs");
//! };
//! assert_eq!(difference.line, 16);
//! assert_eq!(difference.got.as_deref(), Some("0.020000000 r0 > data 5 B"));
//! # Ok::<(), httpool::replay::Error>(())
//! ```

mod call;
mod dial;
mod error;
mod input;
mod line;
mod pool;

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    string::String,
};

pub use error::{Difference, Error, Malformed};

use crate::{
    time::Instant,
    trace::{Kind, Redaction, Trace, Who, read_settings},
};
use input::Held;

/// The first line of a recording. The number changes whenever older recordings can no longer be
/// read.
pub const VERSION: &str = "httpool-record 1";

/// The contents of a recording that replayed without a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// The number of events.
    pub events: usize,
    /// The number of actions.
    pub actions: usize,
    /// The number of pools.
    pub pools: usize,
    /// The number of calls.
    pub calls: usize,
    /// The number of dials.
    pub dials: usize,
}

/// Replays a recording. It never panics. Its memory is limited by the length of the recording, plus
/// 16 MiB for input that a recording states by its length alone.
///
/// # Errors
/// The first line that cannot be parsed, or the first difference between the recorded actions and
/// those decided now.
pub fn check(recording: &str) -> Result<Summary, Error> {
    let mut lines = (1..).zip(recording.lines());
    let redaction = read_header(&mut lines)?;
    let mut replay = Replay {
        redaction,
        machines: BTreeMap::new(),
        held: Held::default(),
        summary: Summary::default(),
    };
    let mut last = 2;
    for (number, line) in lines {
        last = number;
        if !line.is_empty() && !line.starts_with('#') {
            replay.line(number, line)?;
        }
    }
    replay.end(last + 1)
}

fn read_header<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> Result<Redaction, Error> {
    match lines.next() {
        Some((_, VERSION)) => {}
        _ => return Err(Malformed::Version.at(1)),
    }
    // A recording without this setting is older than the redaction of queries.
    let mut redaction = Redaction { queries: true, ..Redaction::default() };
    let kept = lines.next().and_then(|(_, line)| line.strip_prefix("kept "));
    kept.and_then(|kept| read_settings(kept, &mut redaction))
        .ok_or_else(|| Malformed::Setting.at(2))?;
    Ok(redaction)
}

struct Replay {
    redaction: Redaction,
    machines: BTreeMap<Who, Machine>,
    /// The input that the machines have not consumed.
    held: Held,
    summary: Summary,
}

/// A machine that is being replayed.
struct Machine {
    replayer: Replayer,
    /// The actions that it has decided and that the recording has not listed yet.
    decided: VecDeque<String>,
}

enum Replayer {
    Pool(Box<pool::Replayer>),
    Call(Box<call::Replayer>),
    Dial(Box<dial::Replayer>),
}

impl Replay {
    fn line(&mut self, number: usize, text: &str) -> Result<(), Error> {
        let line = line::read(text).ok_or_else(|| Malformed::Line.at(number))?;
        match line.kind {
            Kind::Event => {
                self.summary.events += 1;
                self.event(&line).map_err(|why| match why {
                    Refused::Malformed(why) => why.at(number),
                    Refused::Undecided(got) => Difference::new(number, None, Some(got)).into(),
                })
            }
            Kind::Action => {
                self.summary.actions += 1;
                let machine = self.machines.get_mut(&line.who);
                let got = machine.and_then(|machine| machine.decided.pop_front());
                if got.as_deref() == Some(text) {
                    return Ok(());
                }
                Err(Difference::new(number, Some(text.into()), got).into())
            }
        }
    }

    fn event(&mut self, line: &line::Line<'_>) -> Result<(), Refused> {
        let Self { redaction, machines, held, summary } = self;
        let machine = machines.entry(line.who).or_insert_with(|| Machine {
            replayer: Replayer::new(line.who),
            decided: VecDeque::new(),
        });
        if let Some(got) = machine.decided.pop_front() {
            return Err(Refused::Undecided(got));
        }
        let trace = || Trace::rehearsing(line.who, redaction.clone());
        let (verb, rest) = line.text.split_once(' ').unwrap_or((line.text, ""));
        let event = Event { at: line.at, verb, rest };
        match &mut machine.replayer {
            Replayer::Pool(pool) => summary.pools += usize::from(pool.feed(&event, trace)?),
            Replayer::Call(call) => summary.calls += usize::from(call.feed(&event, trace, held)?),
            Replayer::Dial(dial) => summary.dials += usize::from(dial.feed(&event, trace, held)?),
        }
        let trace = match &mut machine.replayer {
            Replayer::Pool(pool) => pool.trace(),
            Replayer::Call(call) => call.trace(),
            Replayer::Dial(dial) => dial.trace(),
        };
        machine.decided = trace.map(Trace::rehearsed).unwrap_or_default().into();
        Ok(())
    }

    /// Checks that all decided actions are in the recording. `number` is that of the line after its
    /// last one.
    fn end(self, number: usize) -> Result<Summary, Error> {
        let left = self.machines.into_values().find_map(|mut it| it.decided.pop_front());
        match left {
            Some(got) => Err(Difference::new(number, None, Some(got)).into()),
            None => Ok(self.summary),
        }
    }
}

impl Replayer {
    fn new(who: Who) -> Self {
        match who {
            Who::Pool => Self::Pool(Box::default()),
            Who::Call(_) => Self::Call(Box::default()),
            Who::Dial(_) => Self::Dial(Box::default()),
        }
    }
}

/// A recorded event.
struct Event<'t> {
    at: Instant,
    verb: &'t str,
    rest: &'t str,
}

/// The reason why an event was not fed to its machine.
enum Refused {
    Malformed(Malformed),
    /// The machine had decided an action that is not in the recording.
    Undecided(String),
}

impl From<Malformed> for Refused {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}
