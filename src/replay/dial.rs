//! Tells a dial what it was told.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{
    Malformed, Told,
    input::{Held, Input},
    line::number,
};
use crate::{
    dial::{Dial, Policy},
    message::Key,
    time::Instant,
    trace::{Trace, Value, parse_io_kind, parse_resolve_kind, parse_tls_kind, read_settings},
};

#[derive(Default)]
pub(super) struct Player {
    policy: Policy,
    dial: Option<Dial>,
    input: Input,
    out: Vec<u8>,
}

impl Player {
    /// Says whether a dial begins.
    pub(super) fn told(
        &mut self,
        told: &Told<'_>,
        trace: impl Fn() -> Trace,
        held: &mut Held,
    ) -> Result<bool, Malformed> {
        match told.verb {
            "policy" => {
                self.input.clear(held);
                *self = Self::default();
                read_settings(told.rest, &mut self.policy).ok_or(Malformed::Setting)?;
                return Ok(false);
            }
            "dial" => {
                let key = Key::read(told.rest).ok_or(Malformed::Setting)?;
                let mut dial = Dial::new(&key, &self.policy, told.at);
                dial.set_trace(trace());
                self.dial = Some(dial);
                return Ok(true);
            }
            _ => {}
        }
        let dial = self.dial.as_mut().ok_or(Malformed::Beginning)?;
        if told.verb == "received" {
            let taken = dial.receive(self.input.hear(told.rest, held)?, told.at);
            self.input.take(taken, held);
        } else {
            tell(dial, &mut self.out, told).ok_or(Malformed::Event)?;
        }
        Ok(false)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        self.dial.as_mut().map(Dial::trace_mut)
    }
}

fn tell(dial: &mut Dial, out: &mut Vec<u8>, told: &Told<'_>) -> Option<()> {
    let Told { at, verb, rest } = *told;
    match verb {
        "resolving" => dial.resolving(at),
        "resolve-queued" => dial.resolve_queued(at),
        "resolve-failed" => dial.resolve_failed(parse_resolve_kind(rest)?, at),
        "needed-by" if rest == "none" => dial.needed_by(None, at),
        "needed-by" => dial.needed_by(Some(Instant::from_nanos(number(rest)?)), at),
        "resolved" => dial.resolved(&addresses(rest)?, at),
        "connecting" => dial.connecting(number(rest)?, at),
        "connected" => dial.connected(number(rest)?, at),
        "connect-failed" => {
            let (attempt, why) = rest.split_once(' ')?;
            dial.connect_failed(number(attempt)?, parse_io_kind(why)?, at);
        }
        "abandoned" => dial.abandoned(number(rest)?),
        "writable" => {
            out.clear();
            dial.poll_transmit(out);
        }
        "tls-up" => dial.tls_up(at),
        "tls-failed" => dial.tls_failed(parse_tls_kind(rest)?, at),
        "lost" => dial.lost(parse_io_kind(rest)?, at),
        "timeout" => dial.handle_timeout(at),
        _ => return None,
    }
    Some(())
}

fn addresses(words: &str) -> Option<Vec<SocketAddr>> {
    if words == "nothing" {
        return Some(Vec::new());
    }
    words.split(' ').map(|word| word.parse().ok()).collect()
}
