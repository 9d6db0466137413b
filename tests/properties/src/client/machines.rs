//! A common interface of compositions of the machines. Calls are known by number.

use core::net::{IpAddr, SocketAddr};
use std::{collections::BTreeMap, sync::Arc};

use httpool::{
    call::Policy,
    client::{self, Client, Closed, Config, Transmit},
    error::{Failure, IoKind, ResolveKind, TlsKind},
    id::{CallId, ConnId},
    message::{BodyLeft, Request, TlsId},
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
    Rewound(usize, bool),
    Close,
    CloseNow,
    Resolved(ConnId, Vec<SocketAddr>),
    ResolveQueued(ConnId),
    Resolving(ConnId),
    ResolveFailed(ConnId, ResolveKind),
    Connected(ConnId, u8, Result<(), IoKind>),
    Tls(ConnId, Result<(), TlsKind>),
    Written(ConnId, usize),
    WriteFailed(ConnId, IoKind),
    Timeout,
}

/// An action, to be performed once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    Resolve { conn: ConnId, host: String, port: u16 },
    Connect { conn: ConnId, attempt: u8, addr: SocketAddr, local: Option<IpAddr> },
    Refresh { host: String, port: u16 },
    Abandon { conn: ConnId, attempt: u8 },
    StartTls { conn: ConnId, tls: TlsId, name: String },
    Transmit { conn: ConnId, probe: bool },
    Close { conn: ConnId, why: Closed },
    HandOver { conn: ConnId, call: usize },
    Rewind { call: usize },
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

    fn receive(&mut self, conn: ConnId, input: &[u8], now: Instant) -> (usize, Said);

    fn eof(&mut self, conn: ConnId, clean: bool, now: Instant) -> Said;

    /// Returns the prefix and the suffix that frame a piece of body.
    fn send_body(
        &mut self,
        call: usize,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<(Vec<u8>, Vec<u8>)>;

    fn poll_action(&mut self) -> Option<Act>;

    fn poll_transmit(&mut self, conn: ConnId, out: &mut Vec<u8>) -> BodyWanted;

    fn poll_timeout(&self) -> Option<Instant>;

    fn wants_input(&self, conn: ConnId) -> bool;

    fn body_ahead(&self, conn: ConnId) -> BodyLeft;

    fn sends(&self, conn: ConnId) -> bool;

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
            client::Event::NeedInput => Said::NeedInput,
            client::Event::Skipped => Said::Skipped,
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
            Input::Pause(call, paused) => client.pause(name(call), *paused, now),
            Input::BodyReady(call) => client.body_ready(name(call)),
            Input::BodyFailed(call) => client.body_failed(name(call), now),
            Input::Rewound(call, done) => client.rewound(name(call), *done, now),
            Input::Close => client.close(now),
            Input::CloseNow => client.close_now(now),
            Input::Resolved(conn, addrs) => client.handle_resolved(*conn, addrs, now),
            Input::ResolveQueued(conn) => client.handle_resolve_queued(*conn, now),
            Input::Resolving(conn) => client.handle_resolving(*conn, now),
            Input::ResolveFailed(conn, why) => client.handle_resolve_failed(*conn, *why, now),
            Input::Connected(conn, attempt, done) => {
                client.handle_connected(*conn, *attempt, *done, now);
            }
            Input::Tls(conn, done) => client.handle_tls(*conn, *done, now),
            Input::Written(conn, bytes) => client.handle_written(*conn, *bytes, now),
            Input::WriteFailed(conn, why) => client.handle_write_failed(*conn, *why, now),
            Input::Timeout => client.handle_timeout(now),
        }
    }

    fn receive(&mut self, conn: ConnId, input: &[u8], now: Instant) -> (usize, Said) {
        let (taken, event) = self.client.receive(conn, input, now);
        (taken, self.said(event))
    }

    fn eof(&mut self, conn: ConnId, clean: bool, now: Instant) -> Said {
        let event = self.client.handle_eof(conn, clean, now);
        self.said(event)
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
            client::Action::Connect { conn, attempt, addr, local } => {
                Act::Connect { conn, attempt, addr, local }
            }
            client::Action::Refresh { host, port } => Act::Refresh { host, port },
            client::Action::Abandon { conn, attempt } => Act::Abandon { conn, attempt },
            client::Action::StartTls { conn, tls, name } => Act::StartTls { conn, tls, name },
            client::Action::Transmit { conn, probe } => Act::Transmit { conn, probe },
            client::Action::Close { conn, why } => Act::Close { conn, why },
            client::Action::HandOver { conn, call } => {
                Act::HandOver { conn, call: self.number(call) }
            }
            client::Action::Rewind { call } => Act::Rewind { call: self.number(call) },
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

    fn poll_transmit(&mut self, conn: ConnId, out: &mut Vec<u8>) -> BodyWanted {
        match self.client.poll_transmit(conn, out) {
            Transmit::Nothing => None,
            Transmit::Body { call, max } => Some((self.number(call), max)),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout().map(|(at, _)| at)
    }

    fn wants_input(&self, conn: ConnId) -> bool {
        self.client.wants_input(conn)
    }

    fn body_ahead(&self, conn: ConnId) -> BodyLeft {
        self.client.body_ahead(conn)
    }

    fn sends(&self, conn: ConnId) -> bool {
        self.client.sends(conn)
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
        let client = &mut self.client;
        match what % 16 {
            0 => client.cancel(call, now),
            1 => client.discard(call, now),
            2 => client.pause(call, true, now),
            3 => client.body_ready(call),
            4 => client.body_failed(call, now),
            5 => client.rewound(call, false, now),
            6 => assert!(client.send_body(call, 3, true, now).is_none()),
            7 => {
                client.handle_resolved(conn, &[], now);
                client.handle_resolve_failed(conn, ResolveKind::Exhausted, now);
            }
            8 => client.handle_connected(conn, 0, Err(IoKind::Refused), now),
            9 => client.handle_tls(conn, Ok(()), now),
            10 => client.handle_written(conn, 1, now),
            11 => client.handle_write_failed(conn, IoKind::Reset, now),
            12 => assert_eq!(client.receive(conn, b"HTTP/1.1", now).0, 0),
            13 => assert!(matches!(client.handle_eof(conn, true, now), client::Event::NeedInput)),
            14 => assert!(client.call(call).is_none() && client.why(call).is_none()),
            _ => {
                let mut out = Vec::new();
                assert_eq!(client.poll_transmit(conn, &mut out), Transmit::Nothing);
                assert!(out.is_empty());
            }
        }
    }
}
