//! Tells a call what it was told, over a connection in the state that it was given then.

use super::{
    Malformed, Told,
    input::{Held, Input},
    line::number,
};
use crate::{
    call::{Beginning, Call, Next, Policy, Shape, read_request_line},
    h1::Connection,
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
pub(super) struct Player {
    draft: Draft,
    running: Option<Running>,
    input: Input,
}

/// What a call is to be made of.
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

impl Player {
    /// Says whether a call begins.
    pub(super) fn told(
        &mut self,
        told: &Told<'_>,
        trace: impl Fn() -> Trace,
        held: &mut Held,
    ) -> Result<bool, Malformed> {
        if told.verb == "call" {
            self.input.clear(held);
            *self = Self::default();
        }
        if self.running.is_some() {
            return self.tell(told, held).map(|()| false);
        }
        if told.verb != "begin" {
            return self.draft.read(told).map(|()| false);
        }
        let Draft { beginning, policy, line, fields } = core::mem::take(&mut self.draft);
        let request = build(line.ok_or(Malformed::Beginning)?, fields)?;
        let began = Instant::default().after(beginning.began);
        let mut call = Call::new(request, Arc::new(policy), beginning.seed, began);
        if let Some(wall) = beginning.wall_at_epoch {
            call.set_wall_clock(wall);
        }
        call.set_trace(trace(), told.at);
        let conn = Connection::new(MessageLimits::default());
        self.running = Some(Running { call, conn, out: Vec::new() });
        Ok(true)
    }

    pub(super) fn trace(&mut self) -> Option<&mut Trace> {
        self.running.as_mut().map(|running| running.call.trace_mut())
    }

    fn tell(&mut self, told: &Told<'_>, held: &mut Held) -> Result<(), Malformed> {
        let running = self.running.as_mut().ok_or(Malformed::Beginning)?;
        match told.verb {
            "bytes" => {
                let Running { call, conn, .. } = running;
                let (taken, _) = call.receive(conn, self.input.hear(told.rest, held)?, told.at);
                self.input.take(taken, held);
                Ok(())
            }
            "leased" => {
                self.input.clear(held);
                running.lease(told)
            }
            "released" => {
                self.input.clear(held);
                running.tell(told).ok_or(Malformed::Event)
            }
            _ => running.tell(told).ok_or(Malformed::Event),
        }
    }
}

impl Draft {
    fn read(&mut self, told: &Told<'_>) -> Result<(), Malformed> {
        let Policy { redirect, retry, timeout, routes, .. } = &mut self.policy;
        let read = match told.verb {
            "call" => read_settings(told.rest, &mut self.beginning),
            "redirect" => read_settings(told.rest, redirect),
            "retry" => read_settings(told.rest, retry),
            "timeout" => read_settings(told.rest, timeout),
            "routes" => read_settings(told.rest, routes),
            "policy" => read_settings(told.rest, &mut self.policy),
            "request" => {
                let (method, url, settings) =
                    read_request_line(told.rest).ok_or(Malformed::Request)?;
                let mut shape = Shape::default();
                let read = read_settings(settings, &mut shape);
                self.line = Some((method, url.to_string(), shape));
                read
            }
            "field" => {
                let (name, value) = told.rest.split_once(": ").ok_or(Malformed::Request)?;
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
    /// A connection as good as the one that was leased: `spent` is one on which no request may begin.
    fn lease(&mut self, told: &Told<'_>) -> Result<(), Malformed> {
        let (word, rest) = told.rest.split_once(' ').unwrap_or((told.rest, ""));
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
                // Idle, it takes note of the end and is of no more use.
                let _ = self.conn.receive_eof(true);
            }
        }
        self.out.clear();
        self.call.start(&mut self.conn, reused, told.at, &mut self.out);
        Ok(())
    }

    fn tell(&mut self, told: &Told<'_>) -> Option<()> {
        let Self { call, conn, .. } = self;
        let Told { at, verb, rest } = *told;
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
            "rewound" => call.rewound(rest.parse().ok()?, at),
            "body-failed" => call.body_failed(at),
            "written" => call.written(number(rest)?, at),
            "write-failed" => call.write_failed(parse_io_kind(rest)?, at),
            "eof" => {
                let _ = call.receive_eof(conn, rest.parse().ok()?, at);
            }
            "pause" => call.pause(rest.parse().ok()?, at),
            "discard" => {
                call.discard(at);
            }
            "timeout" => call.handle_timeout(at),
            "cancel" => call.cancel(at),
            "released" => {
                // How much was left makes no difference, but whether anything was.
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
