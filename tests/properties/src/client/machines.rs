//! A common interface of compositions of the machines. Calls are known by number.

use core::net::{IpAddr, SocketAddr};
use std::{collections::BTreeMap, sync::Arc};

use httpool::{
    call::Policy,
    client::{self, Client, Closed, Config, Transmit},
    error::{BodyUnusable, Failure, IoKind, ResolveKind, TlsKind},
    h1::Eof,
    id::{CallId, ConnId, LookUpId, SocketId},
    message::{BodyLeft, PeerAddr, Request, TlsId},
    pool::Stats,
    time::Instant,
    trace::Sink,
};

use crate::reader::{head_text, text};

/// An input. Calls are numbered from 0, in the order of their requests.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Cancel(usize),
    Discard(usize),
    Pause(usize, bool),
    BodyReady(usize),
    BodyFailed(usize),
    BodyUsed(usize),
    BodyUnusable(usize, BodyUnusable),
    Rewound(usize, bool),
    Close,
    CloseNow,
    Resolved(ConnId, Vec<SocketAddr>),
    LookedUp(LookUpId, Vec<SocketAddr>),
    ResolveQueued(ConnId),
    Resolving(ConnId),
    ResolveFailed(ConnId, ResolveKind),
    Connected(SocketId, Result<(), IoKind>),
    Tls(SocketId, Result<(), TlsKind>),
    Written(SocketId, usize),
    WriteFailed(SocketId, IoKind),
    Timeout,
}

/// An action, to be performed once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    Resolve { conn: ConnId, host: String, port: u16 },
    CancelResolve { conn: ConnId },
    Connect { socket: SocketId, conn: ConnId, addr: PeerAddr, local: Option<IpAddr> },
    LookUp { look_up: LookUpId, host: String, port: u16 },
    Refresh { host: String, port: u16 },
    StartTls { socket: SocketId, tls: TlsId, name: String },
    Transmit { socket: SocketId, probe: bool },
    Close { socket: SocketId, why: Closed },
    HandOver { socket: SocketId, call: usize },
    Rewind { call: usize },
    CheckBody { call: usize },
    Restart { call: usize },
    End { call: usize, trailers: String },
    BodyDone { call: usize },
    Failed { call: usize, failure: Failure },
}

/// An event that an input produced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    NeedInput,
    Skipped,
    Interim(usize, String),
    Head(usize, String),
    Data(usize, Vec<u8>),
    End(usize, String),
}

/// The call that may send body after this output, and how many bytes; `None`: no call.
pub(crate) type BodyWanted = Option<(usize, BodyLeft)>;

/// The machines of many calls, composed in one way or another.
pub(crate) trait Machines {
    /// Starts the next call. Returns its slot. Among calls with the same deadline, the one with the
    /// lowest slot is told first. `None` lets the machines choose the slot.
    fn request(
        &mut self,
        request: &Request,
        policy: &Arc<Policy>,
        slot: Option<u32>,
        now: Instant,
    ) -> u32;

    fn tell(&mut self, input: &Input, now: Instant);

    fn receive(&mut self, socket: SocketId, input: &[u8], now: Instant) -> (usize, Said);

    fn eof(&mut self, socket: SocketId, clean: bool, now: Instant) -> Said;

    /// Returns the prefix and the suffix that frame a piece of body.
    fn send_body(
        &mut self,
        call: usize,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<(Vec<u8>, Vec<u8>)>;

    fn poll_action(&mut self) -> Option<Act>;

    fn poll_transmit(&mut self, socket: SocketId, out: &mut Vec<u8>) -> BodyWanted;

    fn poll_timeout(&self) -> Option<Instant>;

    fn wants_input(&self, socket: SocketId) -> bool;

    fn body_ahead(&self, socket: SocketId) -> BodyLeft;

    fn sends(&self, socket: SocketId) -> bool;

    /// Whether the body of a discarded call is still being sent.
    fn feeds(&self, call: usize) -> bool;

    /// Returns how many calls have not ended.
    fn calls(&self) -> usize;

    fn stats(&self) -> Stats;

    fn check(&self) -> Result<(), String>;

    /// Returns the call that has, or had, the id of these bits.
    fn call_of(&self, bits: u64) -> Option<usize>;

    /// Passes a stale input: the bits are an id that may be valid or not. Some compositions ignore
    /// it.
    fn tell_stale(&mut self, what: u8, bits: u64, now: Instant);
}

/// Implements [`Machines`] with [`Client`].
#[derive(Debug)]
pub(crate) struct Facade {
    client: Client,
    names: Vec<CallId>,
    numbers: BTreeMap<u64, usize>,
}

impl Facade {
    pub(crate) fn new(config: Config, sink: Option<Arc<dyn Sink>>) -> Self {
        let mut client = Client::new(config);
        if let Some(sink) = sink {
            client.set_trace(sink);
        }
        Self { client, names: Vec::new(), numbers: BTreeMap::new() }
    }

    /// Returns a call's id, or an invalid id if there was no such call.
    fn name(&self, number: usize) -> CallId {
        self.names.get(number).copied().unwrap_or(CallId::from_bits(u64::MAX))
    }

    fn number(&self, name: CallId) -> usize {
        *self.numbers.get(&name.to_bits()).expect("only names that were given out are told of")
    }

    fn said(&self, event: client::Event<'_>) -> Said {
        match event {
            client::Event::Interim(call, head) => {
                Said::Interim(self.number(call), head_text(&head))
            }
            client::Event::Head(call, head) => Said::Head(self.number(call), head_text(&head)),
            client::Event::Data(call, data) => Said::Data(self.number(call), data.to_vec()),
            client::Event::End(call, fields) => Said::End(self.number(call), text(&fields)),
        }
    }
}

impl Machines for Facade {
    fn request(
        &mut self,
        request: &Request,
        policy: &Arc<Policy>,
        _slot: Option<u32>,
        now: Instant,
    ) -> u32 {
        let name = self.client.request(request.clone(), policy.clone(), now);
        let number = self.names.len();
        assert_eq!(self.numbers.insert(name.to_bits(), number), None, "{name} given out twice");
        self.names.push(name);
        name.index() as u32
    }

    fn tell(&mut self, input: &Input, now: Instant) {
        let client = &mut self.client;
        let name = |call: &usize| self.names.get(*call).copied().unwrap_or(CallId::from_bits(!0));
        match input {
            Input::Cancel(call) => client.cancel(name(call), now),
            Input::Discard(call) => client.discard(name(call), now),
            Input::Pause(call, true) => client.pause(name(call), now),
            Input::Pause(call, false) => client.resume(name(call), now),
            Input::BodyReady(call) => client.body_ready(name(call)),
            Input::BodyFailed(call) => client.body_failed(name(call), now),
            Input::BodyUsed(call) => client.body_used(name(call), now),
            Input::BodyUnusable(call, why) => client.body_unusable(name(call), *why, now),
            Input::Rewound(call, true) => client.rewound(name(call), now),
            Input::Rewound(call, false) => client.rewind_failed(name(call), now),
            Input::Close => client.close(now),
            Input::CloseNow => client.close_now(now),
            Input::Resolved(conn, addrs) => client.handle_resolved(*conn, addrs, now),
            Input::LookedUp(look_up, addrs) => client.handle_looked_up(*look_up, addrs, now),
            Input::ResolveQueued(conn) => client.handle_resolve_queued(*conn, now),
            Input::Resolving(conn) => client.handle_resolving(*conn, now),
            Input::ResolveFailed(conn, why) => client.handle_resolve_failed(*conn, *why, now),
            Input::Connected(socket, done) => client.handle_connected(*socket, *done, now),
            Input::Tls(socket, done) => client.handle_tls(*socket, done.map(|()| ""), now),
            Input::Written(socket, bytes) => client.handle_written(*socket, *bytes, now),
            Input::WriteFailed(socket, why) => client.handle_write_failed(*socket, *why, now),
            Input::Timeout => client.handle_timeout(now),
        }
    }

    fn receive(&mut self, socket: SocketId, input: &[u8], now: Instant) -> (usize, Said) {
        let (taken, step) = self.client.receive(socket, input, now);
        let said = match step {
            client::Step::NeedInput => Said::NeedInput,
            client::Step::Skipped => Said::Skipped,
            client::Step::Event(event) => self.said(event),
        };
        (taken, said)
    }

    fn eof(&mut self, socket: SocketId, clean: bool, now: Instant) -> Said {
        let event = self.client.handle_eof(socket, clean.into(), now);
        event.map_or(Said::NeedInput, |event| self.said(event))
    }

    fn send_body(
        &mut self,
        call: usize,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let framing = self.client.send_body(self.name(call), len, last, now)?;
        Some((framing.prefix().to_vec(), framing.suffix().to_vec()))
    }

    fn poll_action(&mut self) -> Option<Act> {
        Some(match self.client.poll_action()? {
            client::Action::Resolve { conn, host, port } => Act::Resolve { conn, host, port },
            client::Action::CancelResolve { conn } => Act::CancelResolve { conn },
            client::Action::Connect { socket, conn, addr, local } => {
                Act::Connect { socket, conn, addr, local }
            }
            client::Action::LookUp { look_up, host, port } => Act::LookUp { look_up, host, port },
            client::Action::Refresh { host, port } => Act::Refresh { host, port },
            client::Action::StartTls { socket, tls, name } => Act::StartTls { socket, tls, name },
            client::Action::Transmit { socket, probe } => Act::Transmit { socket, probe },
            client::Action::Close { socket, why } => Act::Close { socket, why },
            client::Action::HandOver { socket, call } => {
                Act::HandOver { socket, call: self.number(call) }
            }
            client::Action::Rewind { call } => Act::Rewind { call: self.number(call) },
            client::Action::Restart { call } => Act::Restart { call: self.number(call) },
            client::Action::CheckBody { call } => Act::CheckBody { call: self.number(call) },
            client::Action::End { call, trailers } => {
                let trailers = format!("{:?}", trailers.fields());
                Act::End { call: self.number(call), trailers }
            }
            client::Action::BodyDone { call } => Act::BodyDone { call: self.number(call) },
            client::Action::Failed { call, failure } => {
                Act::Failed { call: self.number(call), failure }
            }
        })
    }

    fn poll_transmit(&mut self, socket: SocketId, out: &mut Vec<u8>) -> BodyWanted {
        match self.client.poll_transmit(socket, out) {
            Transmit::Nothing => None,
            Transmit::Body { call, max } => Some((self.number(call), max)),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout().map(|(at, _)| at)
    }

    fn wants_input(&self, socket: SocketId) -> bool {
        self.client.wants_input(socket)
    }

    fn body_ahead(&self, socket: SocketId) -> BodyLeft {
        self.client.body_ahead(socket)
    }

    fn sends(&self, socket: SocketId) -> bool {
        self.client.sends(socket)
    }

    fn feeds(&self, call: usize) -> bool {
        self.client.feeds(self.name(call))
    }

    fn calls(&self) -> usize {
        self.client.calls()
    }

    fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// Checks that each call under way can report its wait.
    fn check(&self) -> Result<(), String> {
        for name in &self.names {
            if let Some(why) = self.client.why(*name) {
                assert!(!why.to_string().is_empty());
            }
        }
        self.client.check()
    }

    fn call_of(&self, bits: u64) -> Option<usize> {
        self.numbers.get(&bits).copied()
    }

    fn tell_stale(&mut self, what: u8, bits: u64, now: Instant) {
        let (call, conn) = (CallId::from_bits(bits), ConnId::from_bits(bits));
        let socket = SocketId::from_bits(bits);
        let client = &mut self.client;
        match what % 16 {
            0 => client.cancel(call, now),
            1 => client.discard(call, now),
            2 => client.pause(call, now),
            3 => client.body_ready(call),
            4 if bits & 1 == 0 => client.body_used(call, now),
            4 => client.body_failed(call, now),
            5 => client.rewind_failed(call, now),
            6 => assert!(client.send_body(call, 3, true, now).is_none()),
            // A connection may have these bits too.
            7 if client.has(conn) => {}
            7 => {
                client.handle_resolved(conn, &[], now);
                client.handle_resolve_failed(conn, ResolveKind::Exhausted, now);
            }
            8 => client.handle_connected(socket, Err(IoKind::Refused), now),
            9 => client.handle_tls(socket, Ok(""), now),
            10 => client.handle_written(socket, 1, now),
            11 => client.handle_write_failed(socket, IoKind::Reset, now),
            12 => assert_eq!(client.receive(socket, b"HTTP/1.1", now).0, 0),
            13 => assert!(client.handle_eof(socket, Eof::Clean, now).is_none()),
            14 => assert!(client.call(call).is_none() && client.why(call).is_none()),
            _ => {
                let mut out = Vec::new();
                assert_eq!(client.poll_transmit(socket, &mut out), Transmit::Nothing);
                assert!(out.is_empty());
            }
        }
    }
}
