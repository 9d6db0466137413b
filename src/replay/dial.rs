//! Replays a dial.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::{
    Event, Malformed,
    input::{Held, Input},
    line::number,
};
use crate::{
    dial::{Dial, DialPolicy},
    message::Key,
    time::Instant,
    trace::{Trace, Value, parse_io_kind, parse_resolve_kind, parse_tls_kind, read_settings},
};

#[derive(Default)]
pub(super) struct Replayer {
    policy: DialPolicy,
    dial: Option<Dial>,
    input: Input,
    out: Vec<u8>,
}

impl Replayer {
    /// Feeds an event to the dial. Returns whether a dial began with it.
    pub(super) fn feed(
        &mut self,
        event: &Event<'_>,
        trace: impl Fn() -> Trace,
        held: &mut Held,
    ) -> Result<bool, Malformed> {
        match event.verb {
            "policy" => {
                self.input.clear(held);
                *self = Self::default();
                read_settings(event.rest, &mut self.policy).ok_or(Malformed::Setting)?;
                return Ok(false);
            }
            "dial" => {
                let key = Key::read(event.rest).ok_or(Malformed::Setting)?;
                let mut dial = Dial::new(&key, &self.policy, event.at);
                dial.set_trace(trace());
                self.dial = Some(dial);
                return Ok(true);
            }
            _ => {}
        }
        let dial = self.dial.as_mut().ok_or(Malformed::Beginning)?;
        if event.verb == "received" {
            let taken = dial.receive(self.input.present(event.rest, held)?, event.at);
            self.input.take(taken, held);
        } else {
            apply(dial, &mut self.out, event).ok_or(Malformed::Event)?;
        }
        Ok(false)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        self.dial.as_mut().map(Dial::trace_mut)
    }
}

fn apply(dial: &mut Dial, out: &mut Vec<u8>, event: &Event<'_>) -> Option<()> {
    let Event { at, verb, rest } = *event;
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
