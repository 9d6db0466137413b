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
//! httpool-record 2
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
//! The crate docs list [the inputs](crate#the-inputs) with their arguments.
//!
//! The first lines of a machine hold its settings. A pool has `limits`. A dial has its `policy`,
//! and `dial` with its key. A call has `call` (when it began, its seed, and the kind of its body),
//! its policy in several lines, the `request`, a `field` line for each field, and `begin`. Settings are `name=value`
//! words, with the names of the fields of the types. A missing one has its default; an unknown one is an error.
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
//! httpool-record 2
//! kept secrets=false queries=false bodies=false fields=-
//! 0.000000000 r0 < call began=0.000000000 seed=1 wall_at_epoch=none body=none
//! 0.000000000 r0 < redirect follow=false
//! 0.000000000 r0 < request GET http://example.com/
//! 0.000000000 r0 < field Cookie: ********
//! 0.000000000 r0 < begin
//! 0.000000000 r0 > checkout http://example.com
//! 0.001000000 r0 < connection spent=false head_bytes_max=65536 fields_max=256
//! 0.001000000 r0 < leased fresh
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
//! assert_eq!(difference.line, 17);
//! assert_eq!(difference.got.as_deref(), Some("0.020000000 r0 > data 5 B"));
//! # Ok::<(), httpool::replay::Error>(())
//! ```

mod error;
mod line;
mod machine;

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
};

pub use error::{Difference, Error, Malformed};

use crate::trace::{Held, Kind, Redaction, Trace, Value, Who, read_settings};
use machine::Machine;

/// The first line of a recording. The number changes whenever older recordings can no longer be
/// read.
pub const VERSION: &str = "httpool-record 2";

/// The part of the first line before the number.
const FORMAT: &str = "httpool-record ";

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
    let first = lines.next().map_or("", |(_, line)| line);
    if first != VERSION {
        let version = first.strip_prefix(FORMAT).and_then(u32::read);
        return Err(version.map_or(Malformed::NoRecording, Malformed::Version).at(1));
    }
    let mut redaction = Redaction::default();
    let kept = lines.next().and_then(|(_, line)| line.strip_prefix("kept "));
    kept.and_then(|kept| read_settings(kept, &mut redaction))
        .ok_or_else(|| Malformed::Setting.at(2))?;
    Ok(redaction)
}

struct Replay {
    redaction: Redaction,
    machines: BTreeMap<Who, Replayed>,
    /// The input that the machines have not consumed.
    held: Held,
    summary: Summary,
}

/// A machine that is being replayed.
struct Replayed {
    machine: Machine,
    /// The actions that it has decided and that the recording has not listed yet.
    decided: VecDeque<String>,
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
        let Replayed { machine, decided } = machines.entry(line.who).or_insert_with(|| Replayed {
            machine: Machine::new(line.who),
            decided: VecDeque::new(),
        });
        if let Some(got) = decided.pop_front() {
            return Err(Refused::Undecided(got));
        }
        let trace = || Trace::rehearsing(line.who, redaction.clone());
        let began = usize::from(machine.feed(line, trace, held)?);
        match line.who {
            Who::Pool => summary.pools += began,
            Who::Call(_) => summary.calls += began,
            Who::Dial(_) => summary.dials += began,
        }
        *decided = machine.trace().map(Trace::rehearsed).unwrap_or_default().into();
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
