//! Feeds recorded events to a machine.

use alloc::{boxed::Box, vec::Vec};
use core::mem;

use super::{Malformed, line::Line};
use crate::{
    call::{self, Call, Draft, Undrafted},
    dial::{self, Dial},
    h1::Connection,
    limits::MessageLimits,
    message::Key,
    pool::{self, Pool},
    trace::{Held, Pending, Trace, Unescape, Value, Who, read_settings},
};

/// A machine that is being replayed, or the settings of one that has not begun.
pub(super) enum Machine {
    Pool { pool: Option<Box<Pool<()>>>, keys: Vec<Key> },
    Dial { policy: dial::DialPolicy, dial: Option<Box<Dial>>, pending: Pending },
    Call { draft: Box<Draft>, call: Option<Box<(Call, Connection)>>, pending: Pending },
}

impl Machine {
    pub(super) fn new(who: Who) -> Self {
        let pending = Pending::default();
        match who {
            Who::Pool => Self::Pool { pool: None, keys: Vec::new() },
            Who::Dial(_) => Self::Dial { policy: dial::DialPolicy::default(), dial: None, pending },
            Who::Call(_) => Self::Call { draft: Box::default(), call: None, pending },
        }
    }

    /// Feeds an event to the machine. Returns whether the machine began with it.
    pub(super) fn feed(
        &mut self,
        &Line { at: now, who, text, .. }: &Line<'_>,
        trace: impl Fn() -> Trace,
        held: &mut Held,
    ) -> Result<bool, Malformed> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        if matches!(verb, "limits" | "policy" | "call")
            && !matches!((&*self, verb), (Self::Call { call: None, .. }, "policy"))
        {
            self.end(held);
            *self = Self::new(who);
        }
        match self {
            Self::Pool { pool: pool @ None, .. } => {
                let settings =
                    if verb == "limits" { rest } else { return Err(Malformed::Beginning) };
                let mut setup = pool::Setup::default();
                read_settings(settings, &mut setup).ok_or(Malformed::Setting)?;
                let made = Pool::new(setup.limits, setup.dialing);
                pool.insert(Box::new(made)).set_trace(trace());
                return Ok(true);
            }
            Self::Pool { pool: Some(pool), keys } => {
                let input = pool::Input::read(text).ok_or(Malformed::Event)?;
                input.apply(pool, keys, now)?;
                while pool.poll_action().is_some() {}
            }
            Self::Dial { policy, dial: dial @ None, .. } => match verb {
                "policy" => read_settings(rest, policy).ok_or(Malformed::Setting)?,
                "dial" => {
                    let key = Key::read(rest).ok_or(Malformed::Setting)?;
                    dial.insert(Box::new(Dial::new(&key, policy, now))).set_trace(trace());
                    return Ok(true);
                }
                _ => return Err(Malformed::Beginning),
            },
            Self::Dial { dial: Some(dial), pending, .. } => {
                let input = dial::Input::read(text).ok_or(Malformed::Event)?;
                input.apply(dial, pending, held, now)?;
            }
            Self::Call { draft, call: None, .. } if verb != "begin" => draft.read(text)?,
            Self::Call { draft, call: running @ None, .. } => {
                let call = mem::take(&mut **draft).begin().ok_or(Malformed::Beginning)?;
                let mut call = call.map_err(|_| Malformed::Request)?;
                call.set_trace(trace(), now);
                *running = Some(Box::new((call, Connection::new(MessageLimits::default()))));
                return Ok(true);
            }
            Self::Call { call: Some(running), pending, .. } => {
                let (call, conn) = &mut **running;
                let input = call::Input::read(text).ok_or(Malformed::Event)?;
                input.apply(call, conn, pending, held, now)?;
            }
        }
        Ok(false)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        match self {
            Self::Pool { pool, .. } => pool.as_mut().map(|pool| pool.trace_mut()),
            Self::Dial { dial, .. } => dial.as_mut().map(|dial| dial.trace_mut()),
            Self::Call { call, .. } => call.as_mut().map(|running| running.0.trace_mut()),
        }
    }

    /// Drops the input that the machine has not consumed.
    fn end(&mut self, held: &mut Held) {
        match self {
            Self::Pool { .. } => {}
            Self::Dial { pending, .. } | Self::Call { pending, .. } => pending.clear(held),
        }
    }
}

impl From<Unescape> for Malformed {
    fn from(why: Unescape) -> Self {
        match why {
            Unescape::Malformed => Self::Event,
            Unescape::TooLong => Self::TooLong,
        }
    }
}

impl From<Undrafted> for Malformed {
    fn from(why: Undrafted) -> Self {
        match why {
            Undrafted::Unknown => Self::Beginning,
            Undrafted::Setting => Self::Setting,
            Undrafted::Request => Self::Request,
        }
    }
}
