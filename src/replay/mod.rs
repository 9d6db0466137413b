//! Feeds a recording to the machines, which must decide the same again.
//!
//! Any driver can record: it gives a [`Recorder`](crate::trace::Recorder) to its machines as their
//! [`Trace`]. [`check`] builds each machine anew from what the recording says of it, tells it what it
//! was told then, and compares each line that it now decides with the one that is recorded, byte for
//! byte.
//!
//! # The format
//!
//! Text in ASCII. The first line is the [version](VERSION), the second says what was kept and not
//! [redacted](crate::trace::Redaction); empty lines, and those that begin with `#`, are nothing. Every
//! other line is an event (`<`) that a machine was told, or an action (`>`) that it decided:
//!
//! ```text
//! httpool-record 1
//! kept secrets=false queries=false bodies=false fields=-
//! 0.000031500 r0 < written 34
//! │           │  │ └ what, a word and its arguments
//! │           │  └ told, or decided
//! │           └ which machine: pool, or a call (r) or a dial (d) and its number
//! └ seconds since the driver's epoch, with nine digits
//! ```
//!
//! Each machine's lines stand in the order in which they happened, its actions behind the event that
//! brought them about. Between machines there is no order: the lines of one replay by themselves.
//!
//! A machine begins with what it was made of: a pool with `limits`; a dial with its `policy`, and `dial`
//! and its key; a call with `call` (when it began, and its seed), its policy in several lines, the
//! `request`, a `field` line for each, and `begin`. Settings are `name=value` words. One that is
//! missing has its default; one that is unknown is an error.
//!
//! Bytes are text in which `\r`, `\n`, `\t`, `\\`, `\{` and `\x80` stand for what they do in Rust, and
//! `{5}` for five bytes of a body, whatever they were. Input is recorded once, when it is first
//! presented: `bytes 60 ` is followed by what is new among the 60 bytes that the call was given. What
//! the machine did not look into is not recorded; filler stands for it. Of a field line that is not
//! whole yet nothing is recorded before its end, as it might hold a secret.
//!
//! Two of the pool's keys that differ only in credentials would look alike: the pool's lines number
//! them (`key 0 ...`, then `checkout 0`).
//!
//! # Redaction
//!
//! A body's bytes become a count; each byte of a secret, and of a value in the query or fragment of a
//! URL, becomes a `*`, or another byte that is encoded and compared as the one it stands for. Lengths,
//! the names in a query, and whatever decisions are made by, stay. On replay the machine is given stars and filler, and what it decides is redacted in
//! the same way, so a redacted recording replays as well as a whole one.
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

/// The first line of a recording. Its number changes when recordings that were made before cannot be
/// understood any more.
pub const VERSION: &str = "httpool-record 1";

/// What a recording held that replayed without a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Lines of what machines were told.
    pub events: usize,
    /// Lines of what they decided.
    pub actions: usize,
    /// Pools.
    pub pools: usize,
    /// Calls.
    pub calls: usize,
    /// Dials.
    pub dials: usize,
}

/// Replays a recording. It never panics, and its memory is bound by the length of the recording and
/// 16 MiB for input, which a recording can state by its length alone.
///
/// # Errors
/// The first line that cannot be understood, or the first difference between what was decided and
/// what is decided now.
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
    // A recording that does not say so is older than the redaction of queries.
    let mut redaction = Redaction { queries: true, ..Redaction::default() };
    let kept = lines.next().and_then(|(_, line)| line.strip_prefix("kept "));
    kept.and_then(|kept| read_settings(kept, &mut redaction))
        .ok_or_else(|| Malformed::Setting.at(2))?;
    Ok(redaction)
}

struct Replay {
    redaction: Redaction,
    machines: BTreeMap<Who, Machine>,
    /// Input that the machines have not taken.
    held: Held,
    summary: Summary,
}

/// A machine that is being replayed.
struct Machine {
    player: Player,
    /// What it has decided, as far as the recording has not said so yet.
    decided: VecDeque<String>,
}

enum Player {
    Pool(Box<pool::Player>),
    Call(Box<call::Player>),
    Dial(Box<dial::Player>),
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
        let machine = machines
            .entry(line.who)
            .or_insert_with(|| Machine { player: Player::new(line.who), decided: VecDeque::new() });
        if let Some(got) = machine.decided.pop_front() {
            return Err(Refused::Undecided(got));
        }
        let trace = || Trace::rehearsing(line.who, redaction.clone());
        let (verb, rest) = line.text.split_once(' ').unwrap_or((line.text, ""));
        let told = Told { at: line.at, verb, rest };
        match &mut machine.player {
            Player::Pool(pool) => summary.pools += usize::from(pool.told(&told, trace)?),
            Player::Call(call) => summary.calls += usize::from(call.told(&told, trace, held)?),
            Player::Dial(dial) => summary.dials += usize::from(dial.told(&told, trace, held)?),
        }
        let trace = match &mut machine.player {
            Player::Pool(pool) => pool.trace(),
            Player::Call(call) => call.trace(),
            Player::Dial(dial) => dial.trace(),
        };
        machine.decided = trace.map(Trace::rehearsed).unwrap_or_default().into();
        Ok(())
    }

    /// Whether all that was decided is in the recording; `number`: that of the line behind its last.
    fn end(self, number: usize) -> Result<Summary, Error> {
        let left = self.machines.into_values().find_map(|mut it| it.decided.pop_front());
        match left {
            Some(got) => Err(Difference::new(number, None, Some(got)).into()),
            None => Ok(self.summary),
        }
    }
}

impl Player {
    fn new(who: Who) -> Self {
        match who {
            Who::Pool => Self::Pool(Box::default()),
            Who::Call(_) => Self::Call(Box::default()),
            Who::Dial(_) => Self::Dial(Box::default()),
        }
    }
}

/// An event.
struct Told<'t> {
    at: Instant,
    verb: &'t str,
    rest: &'t str,
}

/// Why an event was not told.
enum Refused {
    Malformed(Malformed),
    /// The machine had decided something that is not in the recording.
    Undecided(String),
}

impl From<Malformed> for Refused {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}
