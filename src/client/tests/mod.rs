//! Tests of the client against scripted peers, with a small driver that records its actions.

mod bodies;
mod connect;
mod ends;
mod look_ups;
mod routes;
mod sockets;

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{Action, Client, Config, Event, Reason, Step, Transmit};
use crate::{
    call::Policy,
    error::{Cause, IoKind},
    h1::Eof,
    id::{CallId, ConnId, SocketId},
    message::{BodyLength, Request},
    time::{Deadline, Instant},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A client with a driver that records actions, application events and written bytes.
struct World {
    client: Client,
    now: Instant,
    /// The actions in their order, as text.
    actions: Vec<String>,
    told: Vec<String>,
    wire: BTreeMap<SocketId, Vec<u8>>,
    /// Connects without an outcome yet.
    connecting: Vec<SocketId>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        Self {
            client: Client::new(config),
            now: Instant::from_nanos(0),
            actions: Vec::new(),
            told: Vec::new(),
            wire: BTreeMap::new(),
            connecting: Vec::new(),
        }
    }

    fn request(&mut self, request: Request, policy: Policy) -> CallId {
        let call = self.client.request(request, Arc::new(policy), self.now);
        self.settle();
        call
    }

    fn get(&mut self, url: &str) -> CallId {
        self.request(Request::get(url).build().unwrap(), Policy::default())
    }

    /// Performs the client's actions. Sockets accept all bytes at once.
    fn settle(&mut self) -> &mut Self {
        while let Some(action) = self.client.poll_action() {
            self.actions.push(action.to_string());
            match action {
                Action::Connect { socket, .. } => self.connecting.push(socket),
                Action::Transmit { socket, .. } => self.transmit(socket),
                Action::Failed { call, failure } => {
                    self.told.push(format!("{call} failed: {}", failure.cause));
                }
                Action::Restart { call } => self.told.push(format!("{call} restart")),
                Action::End { call, .. } => self.told.push(format!("{call} end")),
                Action::HandOver { call, .. } => self.told.push(format!("{call} switched")),
                Action::Close { socket, .. } => self.connecting.retain(|it| *it != socket),
                Action::Resolve { .. }
                | Action::CancelResolve { .. }
                | Action::LookUp { .. }
                | Action::StartTls { .. }
                | Action::BodyDone { .. }
                | Action::Refresh { .. }
                | Action::CheckBody { .. }
                | Action::Rewind { .. } => {}
            }
            self.check();
        }
        self.check();
        self
    }

    fn transmit(&mut self, socket: SocketId) {
        let mut out = Vec::new();
        let _ = self.client.poll_transmit(socket, &mut out);
        self.client.handle_written(socket, out.len(), self.now);
        self.wire.entry(socket).or_default().append(&mut out);
    }

    /// Lets all pending connects succeed.
    fn connect(&mut self) -> &mut Self {
        for socket in core::mem::take(&mut self.connecting) {
            self.client.handle_connected(socket, Ok(()), self.now);
            self.settle();
        }
        self
    }

    /// Passes bytes from the peer, and returns those that were not consumed.
    fn says<'i>(&mut self, socket: SocketId, input: &'i [u8]) -> &'i [u8] {
        let mut rest = input;
        loop {
            let (taken, step) = self.client.receive(socket, rest, self.now);
            rest = &rest[taken..];
            let event = match step {
                Step::NeedInput => break,
                Step::Skipped => continue,
                Step::Event(event) => event,
            };
            match event {
                Event::Interim(call, head) => {
                    self.told.push(format!("{call} interim {}", head.status()));
                }
                Event::Head(call, head) => self.told.push(format!("{call} head {}", head.status())),
                Event::Data(call, data) => {
                    self.told.push(format!("{call} data {}", String::from_utf8_lossy(data)));
                }
                Event::End(call, _) => self.told.push(format!("{call} end")),
            }
            self.check();
        }
        self.settle();
        rest
    }

    fn eof(&mut self, socket: SocketId) -> &mut Self {
        if let Some(Event::End(call, _)) = self.client.handle_eof(socket, Eof::Clean, self.now) {
            self.told.push(format!("{call} end"));
        }
        self.settle()
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.after(time);
        self.client.handle_timeout(self.now);
        self.settle()
    }

    fn socket(&self, call: CallId) -> SocketId {
        self.client.socket(call).unwrap()
    }

    /// Returns the bytes written to a connection since the last look.
    fn written(&mut self, socket: SocketId) -> String {
        String::from_utf8(self.wire.remove(&socket).unwrap_or_default()).unwrap()
    }

    /// Returns the actions since the last look.
    fn done(&mut self) -> Vec<String> {
        core::mem::take(&mut self.actions)
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }

    fn why(&self, call: CallId) -> String {
        self.client.why(call).unwrap().to_string()
    }

    fn check(&self) {
        if let Err(why) = self.client.check() {
            panic!("{why}");
        }
    }
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
