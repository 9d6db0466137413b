//! The client of a driver: starts, controls and inspects calls.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt, mem,
    sync::Arc,
    time::Duration,
};

use httpool::{
    call::{Call, Policy},
    client::{self, Waiting},
    error::BodyUnusable,
    id::{CallId, ConnId, SocketId},
    message::Request,
    pool::Stats,
    time::Instant,
};
use httpool_kit::{Clock, Secured, Session, Sessions, Settings};

use crate::{Body, coded::Coded, reports::Reports};

/// Starts, pauses and cancels calls. Its methods do no I/O. The event loop does the I/O, and passes
/// the results to the application as [`Output`](crate::Output)s.
///
/// [`Driver::client`](crate::Driver::client) returns it, and each closure that takes outputs gets
/// it as its first argument.
///
/// The defaults: at most 100 connections to one origin and 1,000 in all; an idle connection is kept
/// for 60 seconds. A look-up and a connect may take 10 seconds each. The wait for a connection, the
/// wait for the head of the response, and each stall of its body may take 60 seconds. Each stall of
/// the request may take 30 seconds. At most 10 redirects are followed. Nothing is retried, except
/// that a request that meets a dead idle connection is sent again where that is safe. Servers of
/// `https` URLs are verified against the authorities that this system trusts: see
/// [`tls`](crate::tls). No environment variable is read but `SSL_CERT_FILE` and `SSL_CERT_DIR`, at
/// the first such connection.
pub struct Client {
    pub(crate) core: client::Client,
    clock: Clock,
    /// The current time while the loop runs. The clock is read once for each socket.
    fixed: Option<Instant>,
    pub(crate) settings: Settings,
    #[cfg(feature = "tls")]
    tls: httpool_tls::ClientTls,
    /// The request bodies, by the slots of their calls.
    bodies: Vec<Option<(CallId, Body)>>,
    /// Sockets to read again although no event reports them as readable.
    resumed: Vec<SocketId>,
    /// Whether a method was called that the loop has yet to act on.
    asked: bool,
    /// The TLS sessions of the open connections: the one whose handshake was first, and the one
    /// whose handshake was last.
    sessions: BTreeMap<ConnId, (Arc<Session>, Arc<Session>)>,
    pub(crate) coded: Coded,
    pub(crate) reports: Reports,
}

impl Client {
    pub(crate) fn new(
        mut settings: Settings,
        #[cfg(feature = "tls")] tls: httpool_tls::ClientTls,
    ) -> Self {
        settings.derive();
        let clock = Clock::start();
        let mut config = client::Config::default();
        config.pool = settings.pool;
        config.dial = settings.dial.clone();
        config.messages = settings.messages;
        config.recent_trace = settings.recent_trace;
        config.timings = settings.timings;
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
            #[cfg(feature = "tls")]
            tls,
            bodies: Vec::new(),
            resumed: Vec::new(),
            asked: false,
            sessions: BTreeMap::new(),
            coded: Coded::default(),
            reports: Reports::default(),
        }
    }

    /// Starts a call with a prebuilt request that has no body. Nothing is parsed, and on a warm
    /// connection nothing is allocated.
    pub fn send(&mut self, request: &Request) -> CallId {
        self.send_with(request, Body::empty())
    }

    /// Starts a call with a prebuilt request and a body. The body must have the length that the
    /// request declares.
    pub fn send_with(&mut self, request: &Request, body: Body) -> CallId {
        self.begin(request.clone(), body, self.settings.policy.clone())
    }

    #[cfg(feature = "tls")]
    httpool_tls::client_methods!(tls);

    /// Cancels a call. No further output concerns it. Its connection, if it has one, is closed.
    pub fn cancel(&mut self, call: CallId) {
        let now = self.now();
        self.report_given_up(call, false);
        self.core.cancel(call, now);
        self.forget(call);
        self.asked = true;
    }

    /// Discards the rest of a response after its head. No further output concerns the call. The
    /// rest of the body is read and dropped within
    /// [`Policy::drain_bytes_max`](httpool::call::Policy::drain_bytes_max) and
    /// [`Policy::drain_time_max`](httpool::call::Policy::drain_time_max), so that the connection
    /// can be kept. A request body that is still being sent is sent to its end, unless the response
    /// ends it. Before the head this is [`cancel`](Self::cancel).
    pub fn discard(&mut self, call: CallId) {
        let now = self.now();
        self.read_again(call);
        self.report_given_up(call, true);
        self.core.discard(call, now);
        if !self.core.feeds(call) {
            self.forget(call);
        }
        self.asked = true;
    }

    /// Pauses reading a response. Until [`resume`](Self::resume) the only output of the call is a
    /// failure. TCP flow control stops the server, and the stall and rate deadlines are suspended.
    /// Ignored before the head and after the end.
    pub fn pause(&mut self, call: CallId) {
        let now = self.now();
        self.core.pause(call, now);
        self.asked = true;
    }

    /// Resumes reading a response.
    pub fn resume(&mut self, call: CallId) {
        let now = self.now();
        self.core.resume(call, now);
        self.coded.go_on_later(call, self.core.socket(call));
        self.read_again(call);
        self.asked = true;
    }

    /// Reports that the reader of a request body has bytes again, after it returned
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock).
    pub fn body_ready(&mut self, call: CallId) {
        self.core.body_ready(call);
        self.asked = true;
    }

    /// Closes idle connections and dials. Calls that wait for a connection fail, and so does every
    /// later call. Calls with a connection continue to their end.
    pub fn close(&mut self) {
        let now = self.now();
        self.core.close(now);
        self.asked = true;
    }

    /// Closes every connection. Every call fails.
    pub fn close_now(&mut self) {
        let now = self.now();
        self.core.close_now(now);
        self.asked = true;
    }

    /// Returns the number of calls that have not ended. A [discarded](Self::discard) call counts
    /// until its connection is free.
    pub fn calls(&self) -> usize {
        self.core.calls()
    }

    /// Returns a call: its current request (after a redirect, the request to the new URL) and its
    /// history. `None` once the call has ended, except while the application handles its last
    /// output.
    pub fn call(&self, call: CallId) -> Option<&Call> {
        self.core.call(call)
    }

    /// Returns the connection that a call uses or last used, and whether it was reused: whether it
    /// had served another request before.
    pub fn connection(&self, call: CallId) -> Option<(ConnId, bool)> {
        self.core.connection(call)
    }

    /// Returns what the TLS handshake with the origin agreed on, for the connection that a call
    /// uses. `None` without TLS, if a proxy forwards the request, and once the connection is
    /// closed.
    pub fn tls(&self, call: CallId) -> Option<&Session> {
        let (_, last) = self.both_sessions(call)?;
        Some(&**last).filter(|_| self.core.call(call).is_some_and(|it| Secured::of(it).origin))
    }

    /// Returns what the TLS handshake with the proxy agreed on, as [`tls`](Self::tls) does: with
    /// the nearest one, if there are several. `None` without a proxy, and without TLS to it.
    pub fn proxy_tls(&self, call: CallId) -> Option<&Session> {
        let (first, _) = self.both_sessions(call)?;
        Some(&**first).filter(|_| self.core.call(call).is_some_and(|it| Secured::of(it).proxy))
    }

    pub(crate) fn sessions(&self, call: CallId) -> Sessions {
        let Some((first, last)) = self.both_sessions(call).cloned() else {
            return Sessions::default();
        };
        let call = self.core.call(call);
        call.map_or_else(Sessions::default, |call| Sessions::of(call, Some(first), Some(last)))
    }

    fn both_sessions(&self, call: CallId) -> Option<&(Arc<Session>, Arc<Session>)> {
        let (conn, _) = self.connection(call)?;
        self.sessions.get(&conn)
    }

    /// Keeps the session of a connection whose handshake is done. That of a proxy comes before that
    /// of the origin behind it.
    pub(crate) fn secured(&mut self, conn: ConnId, session: Arc<Session>) {
        match self.sessions.entry(conn) {
            Entry::Occupied(mut both) => both.get_mut().1 = session,
            Entry::Vacant(none) => {
                none.insert((session.clone(), session));
            }
        }
    }

    /// Drops the session of a connection that is closed.
    pub(crate) fn unsecured(&mut self, conn: ConnId) {
        self.sessions.remove(&conn);
    }

    /// Fails a call whose response the application cannot use, after its head: its body is longer
    /// than `max` bytes. [`Output::Failed`](crate::Output::Failed) follows, and the connection is
    /// closed.
    pub fn refuse_body(&mut self, call: CallId, max: u64) {
        let now = self.now();
        self.core.body_unusable(call, BodyUnusable::TooLong { max }, now);
        self.asked = true;
    }

    /// Returns the event that a call waits for. It can be printed.
    pub fn why(&self, call: CallId) -> Option<Waiting<'_>> {
        self.core.why(call)
    }

    /// Returns the numbers of connections and of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    pub(crate) fn begin(&mut self, request: Request, body: Body, policy: Arc<Policy>) -> CallId {
        let now = self.now();
        let call = self.core.request(request, policy, now);
        self.report_begin(call);
        if !body.is_empty() {
            if self.bodies.len() <= call.index() {
                self.bodies.resize_with(call.index() + 1, || None);
            }
            self.bodies[call.index()] = Some((call, body));
        }
        self.asked = true;
        call
    }

    /// Returns the body of a call's request.
    pub(crate) fn body(&mut self, call: CallId) -> Option<&mut Body> {
        let body = self.bodies.get_mut(call.index())?.as_mut();
        body.filter(|(of, _)| *of == call).map(|(_, body)| body)
    }

    /// Drops the bodies of a call that has ended or was cancelled.
    pub(crate) fn forget(&mut self, call: CallId) {
        self.coded.forget(call);
        if let Some(body) = self.bodies.get_mut(call.index())
            && body.as_ref().is_some_and(|(of, _)| *of == call)
        {
            *body = None;
        }
    }

    /// Returns the current time, on the core's clock.
    pub(crate) fn now(&self) -> Instant {
        self.fixed.unwrap_or_else(|| self.clock.now())
    }

    /// Reads the clock. [`now`](Self::now) returns this time until the next reading.
    pub(crate) fn fix_time(&mut self) {
        self.fixed = Some(self.clock.now());
    }

    /// Lets [`now`](Self::now) read the clock again, after the loop has run.
    pub(crate) fn release_time(&mut self) {
        self.fixed = None;
    }

    /// Returns the time until the next deadline. Zero if a method was called that the loop has yet
    /// to act on.
    pub(crate) fn left(&self) -> Option<Duration> {
        if self.asked || self.coded.is_behind() {
            return Some(Duration::ZERO);
        }
        self.core.poll_timeout().map(|(at, _)| at.since(self.now()))
    }

    /// Clears the mark that a method was called. Returns the sockets to read again.
    pub(crate) fn take_resumed(&mut self) -> Vec<SocketId> {
        self.asked = false;
        mem::take(&mut self.resumed)
    }

    pub(crate) fn read_again(&mut self, call: CallId) {
        self.resumed.extend(self.core.socket(call));
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} calls, {:?})", self.calls(), self.stats())
    }
}
