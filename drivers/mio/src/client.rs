//! What a program asks of the loop.

use std::{fmt, mem, sync::Arc, time::Duration};

use httpool::{
    call::{Call, Policy},
    client::{self, Waiting},
    id::{CallId, ConnId},
    message::{Method, Request},
    pool::Stats,
    time::Instant,
};
use httpool_kit::{Clock, Settings};

use crate::{Body, request::RequestBuilder};

/// Begins calls, and stops them. It only notes what is wanted: the loop does it, and tells what comes
/// of it as [`Output`](crate::Output).
///
/// A program gets at it with [`Driver::client`](crate::Driver::client), and inside the closure that
/// outputs are handed to as its first argument. What calls do unless told otherwise: at most 100
/// connections to one origin and 1,000 in all, kept for 60 seconds; 10 seconds for each of a look-up
/// and a connect; 60 seconds in line for a connection, for the head of the response, and for each
/// stall of its body; 30 seconds for each stall of the request; 10 redirects; no retries, but a
/// request that meets a dead idle connection is sent again where that is safe. No environment
/// variable is read.
pub struct Client {
    pub(crate) core: client::Client,
    clock: Clock,
    /// The time while the loop works: it reads the clock once for each socket.
    fixed: Option<Instant>,
    pub(crate) settings: Settings,
    /// Bodies of requests, by the slots of their calls.
    bodies: Vec<Option<(CallId, Body)>>,
    /// Connections that may want to be read again, and nothing has come that says so.
    stirred: Vec<ConnId>,
    /// Something was asked since the loop last looked.
    asked: bool,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        let clock = Clock::start();
        let mut config = client::Config::default();
        config.pool = settings.pool;
        config.pool.own_dials = false;
        config.dial = settings.dial;
        config.messages = settings.messages;
        config.recent_trace = settings.recent_trace;
        config.wall_at_epoch = clock.wall_at_epoch();
        let mut core = client::Client::new(config);
        if let Some(sink) = &settings.sink {
            core.set_trace(sink.clone());
        }
        Self {
            core,
            clock,
            fixed: None,
            settings,
            bodies: Vec::new(),
            stirred: Vec::new(),
            asked: false,
        }
    }

    httpool_kit::client_methods!(self: &mut Self => RequestBuilder<'_>);

    /// Begins a request with any method.
    pub fn request(&mut self, method: Method, url: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, url)
    }

    /// Begins a call with a kept request that has no body: nothing is parsed, and on a warm
    /// connection nothing allocated.
    pub fn send(&mut self, request: &Request) -> CallId {
        self.send_with(request, Body::empty())
    }

    /// Begins a call with a kept request and a body, which must be as long as the request says.
    pub fn send_with(&mut self, request: &Request, body: Body) -> CallId {
        self.begin(request.clone(), body, self.settings.policy.clone())
    }

    /// Gives a call up. Nothing more is heard of it, and its connection, if it has one, is closed.
    pub fn cancel(&mut self, call: CallId) {
        let now = self.now();
        self.core.cancel(call, now);
        self.forget(call);
        self.asked = true;
    }

    /// Leaves the rest of a response whose head has come. Nothing more is heard of it; what is left
    /// of its body is read and dropped within
    /// [`Policy::drain_bytes_max`](httpool::call::Policy::drain_bytes_max) and
    /// [`Policy::drain_time_max`](httpool::call::Policy::drain_time_max), so that the connection can
    /// be kept. A request's body that is still going out goes on to its end, if the response needs
    /// it. Before the head this is [`cancel`](Self::cancel).
    pub fn discard(&mut self, call: CallId) {
        let now = self.now();
        self.stir(call);
        self.core.discard(call, now);
        if !self.core.feeds(call) {
            self.forget(call);
        }
        self.asked = true;
    }

    /// Stops reading a response: nothing is heard of it until [`resume`](Self::resume), but that it
    /// has failed. The server is held back by the connection, and the stall and rate deadlines stand
    /// still.
    /// Before the head, and after the end, it says nothing.
    pub fn pause(&mut self, call: CallId) {
        let now = self.now();
        self.core.pause(call, true, now);
        self.asked = true;
    }

    /// Goes on reading a response.
    pub fn resume(&mut self, call: CallId) {
        let now = self.now();
        self.core.pause(call, false, now);
        self.stir(call);
        self.asked = true;
    }

    /// The reader of a request's body, which had nothing to give, has something again.
    pub fn body_ready(&mut self, call: CallId) {
        self.core.body_ready(call);
        self.asked = true;
    }

    /// Closes what is idle or being opened, and ends calls that are in line with an error, as every
    /// later one. Calls that have a connection go on to their end.
    pub fn close(&mut self) {
        let now = self.now();
        self.core.close(now);
        self.asked = true;
    }

    /// Closes every connection, and ends every call with an error.
    pub fn close_now(&mut self) {
        let now = self.now();
        self.core.close_now(now);
        self.asked = true;
    }

    /// How many calls have not ended. One that was [discarded](Self::discard) counts until its
    /// connection is free.
    pub fn calls(&self) -> usize {
        self.core.calls()
    }

    /// A call's request as it stands (after a redirect, the one that followed it), and the history
    /// of it. `None` once it has ended; while its last output is being handled it is there.
    pub fn call(&self, call: CallId) -> Option<&Call> {
        self.core.call(call)
    }

    /// The connection that a call uses or used last, and whether that had served another before.
    pub fn connection(&self, call: CallId) -> Option<(ConnId, bool)> {
        self.core.connection(call)
    }

    /// What a call is waiting for, to be printed.
    pub fn why(&self, call: CallId) -> Option<Waiting<'_>> {
        self.core.why(call)
    }

    /// How many connections there are, and how many calls wait for one.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    pub(crate) fn begin(&mut self, request: Request, body: Body, policy: Arc<Policy>) -> CallId {
        let now = self.now();
        let call = self.core.request(request, policy, now);
        if !body.is_empty() {
            if self.bodies.len() <= call.index() {
                self.bodies.resize_with(call.index() + 1, || None);
            }
            self.bodies[call.index()] = Some((call, body));
        }
        self.asked = true;
        call
    }

    /// The body of a call's request.
    pub(crate) fn body(&mut self, call: CallId) -> Option<&mut Body> {
        let body = self.bodies.get_mut(call.index())?.as_mut();
        body.filter(|(of, _)| *of == call).map(|(_, body)| body)
    }

    /// A call has ended, or nobody wants to hear of it any more.
    pub(crate) fn forget(&mut self, call: CallId) {
        if let Some(body) = self.bodies.get_mut(call.index())
            && body.as_ref().is_some_and(|(of, _)| *of == call)
        {
            *body = None;
        }
    }

    /// The time, as the core counts it.
    pub(crate) fn now(&self) -> Instant {
        self.fixed.unwrap_or_else(|| self.clock.now())
    }

    /// The loop begins with something else: from now on it is now.
    pub(crate) fn fix_time(&mut self) {
        self.fixed = Some(self.clock.now());
    }

    /// The loop is done.
    pub(crate) fn release_time(&mut self) {
        self.fixed = None;
    }

    /// How long until time alone brings something.
    pub(crate) fn left(&self) -> Option<Duration> {
        if self.asked {
            return Some(Duration::ZERO);
        }
        self.core.poll_timeout().map(|(at, _)| at.since(self.now()))
    }

    /// The loop has looked at what was asked; these are to be read again.
    pub(crate) fn take_stirred(&mut self) -> Vec<ConnId> {
        self.asked = false;
        mem::take(&mut self.stirred)
    }

    fn stir(&mut self, call: CallId) {
        if let Some((conn, _)) = self.core.connection(call) {
            self.stirred.push(conn);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} calls, {:?})", self.calls(), self.stats())
    }
}
