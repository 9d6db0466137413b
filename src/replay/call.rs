//! Replays a call, over a connection in the state that was recorded.

use super::{
    Event, Malformed,
    input::{Held, Input},
    line::number,
};
use crate::{
    call::{Beginning, Call, Next, Policy, Shape, read_request_line},
    h1::{Connection, Eof},
    limits::MessageLimits,
    message::{Method, Request},
    time::Instant,
    trace::{Trace, parse_io_kind, parse_unavailable, read_settings, unescape},
};
use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

#[derive(Default)]
pub(super) struct Replayer {
    draft: Draft,
    running: Option<Running>,
    input: Input,
}

/// The settings of a call, collected until it begins.
#[derive(Default)]
struct Draft {
    beginning: Beginning,
    policy: Policy,
    line: Option<(Method, String, Shape)>,
    fields: Vec<(String, Vec<u8>)>,
}

struct Running {
    call: Call,
    conn: Connection,
    out: Vec<u8>,
}

impl Replayer {
    /// Feeds an event to the call. Returns whether the call began with it.
    pub(super) fn feed(
        &mut self,
        event: &Event<'_>,
        trace: impl Fn() -> Trace,
        held: &mut Held,
    ) -> Result<bool, Malformed> {
        if event.verb == "call" {
            self.input.clear(held);
            *self = Self::default();
        }
        if self.running.is_some() {
            return self.apply(event, held).map(|()| false);
        }
        if event.verb != "begin" {
            return self.draft.read(event).map(|()| false);
        }
        let Draft { beginning, policy, line, fields } = core::mem::take(&mut self.draft);
        let request = build(line.ok_or(Malformed::Beginning)?, fields)?;
        let began = Instant::default().after(beginning.began);
        let mut call = Call::new(request, Arc::new(policy), beginning.seed, began);
        if let Some(wall) = beginning.wall_at_epoch {
            call.set_wall_clock(wall);
        }
        call.set_trace(trace(), event.at);
        let conn = Connection::new(MessageLimits::default());
        self.running = Some(Running { call, conn, out: Vec::new() });
        Ok(true)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        self.running.as_mut().map(|running| running.call.trace_mut())
    }

    fn apply(&mut self, event: &Event<'_>, held: &mut Held) -> Result<(), Malformed> {
        let running = self.running.as_mut().ok_or(Malformed::Beginning)?;
        match event.verb {
            "bytes" => {
                let Running { call, conn, .. } = running;
                let (taken, _) =
                    call.receive(conn, self.input.present(event.rest, held)?, event.at);
                self.input.take(taken, held);
                Ok(())
            }
            "leased" => {
                self.input.clear(held);
                running.lease(event)
            }
            "released" => {
                self.input.clear(held);
                running.apply(event).ok_or(Malformed::Event)
            }
            _ => running.apply(event).ok_or(Malformed::Event),
        }
    }
}

impl Draft {
    fn read(&mut self, event: &Event<'_>) -> Result<(), Malformed> {
        let Policy { redirect, retry, timeout, routes, .. } = &mut self.policy;
        let read = match event.verb {
            "call" => read_settings(event.rest, &mut self.beginning),
            "redirect" => read_settings(event.rest, redirect),
            "retry" => read_settings(event.rest, retry),
            "timeout" => read_settings(event.rest, timeout),
            "routes" => read_settings(event.rest, routes),
            "policy" => read_settings(event.rest, &mut self.policy),
            "request" => {
                let (method, url, settings) =
                    read_request_line(event.rest).ok_or(Malformed::Request)?;
                let mut shape = Shape::default();
                let read = read_settings(settings, &mut shape);
                self.line = Some((method, url.to_string(), shape));
                read
            }
            "field" => {
                let (name, value) = event.rest.split_once(": ").ok_or(Malformed::Request)?;
                let mut bytes = Vec::new();
                unescape(value, &mut bytes, value.len()).map_err(|_| Malformed::Request)?;
                self.fields.push((name.to_string(), bytes));
                Some(())
            }
            _ => return Err(Malformed::Beginning),
        };
        read.ok_or(Malformed::Setting)
    }
}

impl Running {
    /// Makes a connection in the state of the one that was leased. `spent`: no request may begin on
    /// it.
    fn lease(&mut self, event: &Event<'_>) -> Result<(), Malformed> {
        let (word, rest) = event.rest.split_once(' ').unwrap_or((event.rest, ""));
        let reused = match word {
            "reused" => true,
            "fresh" => false,
            _ => return Err(Malformed::Event),
        };
        let (spent, settings) = match rest.strip_prefix("spent") {
            Some(settings) => (true, settings),
            None => (false, rest),
        };
        let mut limits = MessageLimits::default();
        read_settings(settings, &mut limits).ok_or(Malformed::Setting)?;
        if self.call.next() == Next::Checkout {
            self.conn = Connection::new(limits);
            if spent {
                // An idle connection records the end, and is then unusable.
                let _ = self.conn.receive_eof(Eof::Clean);
            }
        }
        self.out.clear();
        self.call.start(&mut self.conn, reused.into(), event.at, &mut self.out);
        Ok(())
    }

    fn apply(&mut self, event: &Event<'_>) -> Option<()> {
        let Self { call, conn, .. } = self;
        let Event { at, verb, rest } = *event;
        match verb {
            "dialing" => call.dialing(rest.parse().ok()?, at),
            "lease-failed" => call.lease_failed(parse_unavailable(rest)?, at),
            "body" => {
                let (len, last) = match rest.strip_suffix(" last") {
                    Some(len) => (len, true),
                    None => (rest, false),
                };
                let _ = call.send_body(conn, number(len)?, last, at);
            }
            "rewound" => call.rewound(at),
            "rewind-failed" => call.rewind_failed(at),
            "body-failed" => call.body_failed(at),
            "written" => call.written(number(rest)?, at),
            "write-failed" => call.write_failed(parse_io_kind(rest)?, at),
            "eof" => {
                let _ = call.receive_eof(conn, rest.parse::<bool>().ok()?.into(), at);
            }
            "pause" => call.pause(at),
            "resume" => call.resume(at),
            "discard" => {
                call.discard(at);
            }
            "timeout" => call.handle_timeout(at),
            "cancel" => call.cancel(at),
            "released" => {
                // Only whether input was left matters, not how much.
                let rest: &[u8] = if number::<usize>(rest)? > 0 { b"x" } else { b"" };
                let _ = call.released(conn, rest, at);
            }
            _ => return None,
        }
        Some(())
    }
}

fn build(
    (method, url, shape): (Method, String, Shape),
    fields: Vec<(String, Vec<u8>)>,
) -> Result<Request, Malformed> {
    let Shape { body, expects_continue, asterisk } = shape;
    let mut builder = Request::builder(method, &url).body(body).expect_continue(expects_continue);
    if asterisk {
        builder = builder.asterisk();
    }
    for (name, value) in fields {
        builder = builder.field_bytes(&name, &value);
    }
    builder.build().map_err(|_| Malformed::Request)
}
