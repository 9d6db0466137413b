//! The methods for the application.

use alloc::sync::Arc;

use super::{
    Action, Client, Waiting,
    run::{Announced, Running},
};
use crate::{
    call::{Call, Next, Policy},
    error::BodyUnusable,
    id::{CallId, ConnId, SocketId},
    message::{Key, Request},
    pool::Stats,
    time::Instant,
    trace::{Trace, Who},
};

/// # The application calls
///
/// A driver passes them on: they start, control and inspect calls.
impl Client {
    /// Starts a call.
    pub fn request(&mut self, request: Request, policy: Arc<Policy>, now: Instant) -> CallId {
        let number = self.requests;
        self.requests += 1;
        let mut call = Call::new(request, policy, self.seed.wrapping_add(number), now);
        if let Some(at_epoch) = self.wall_at_epoch {
            call.set_wall_clock(at_epoch);
        }
        call.set_guard(&self.dial.guard);
        let who = Who::Call(number);
        call.set_trace(Trace::keeping(self.recent_trace, who, self.sink.clone()), now);
        if self.timings {
            call.set_timings();
        }
        let (index, generation) = self.calls.insert(Running::new(call));
        self.live += 1;
        self.attend(index, now);
        CallId { index, generation }
    }

    /// Cancels a call. Its id is stale at once, and its connection is closed. No further event or
    /// action concerns it, not even one already queued in [`poll_action`](Self::poll_action).
    pub fn cancel(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            running.call.cancel(now);
            self.attend(call.index, now);
        }
    }

    /// Discards the rest of a response after its head. The call's id is stale at once. The rest of
    /// the body is read and dropped, within [`Policy::drain_bytes_max`] and
    /// [`Policy::drain_time_max`], so that the connection can be kept. Before the head this is
    /// [`cancel`](Self::cancel).
    ///
    /// A request body that is still being sent is sent to its end, unless the response ends it. The
    /// driver continues to supply it: [`Transmit::Body`](super::Transmit::Body),
    /// [`send_body`](Self::send_body), [`body_ready`](Self::body_ready) and
    /// [`body_failed`](Self::body_failed) accept the id until [`Action::BodyDone`].
    /// [`feeds`](Self::feeds) tells whether this is the case.
    pub fn discard(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.silence(call) {
            if !running.call.discard(now) {
                running.call.cancel(now);
            }
            running.feeds = running.call.is_sending_body();
            self.attend(call.index, now);
        }
    }

    /// Returns whether the body of a [discarded](Self::discard) call is still being sent.
    pub fn feeds(&self, call: CallId) -> bool {
        self.calls.get(call.index, call.generation).is_some_and(|it| it.feeds && !it.ended)
    }

    /// Pauses reading a response, until [`resume`](Self::resume). Meanwhile its connection wants no
    /// input, and the stall and rate deadlines are suspended. Ignored before the head and after the
    /// end.
    pub fn pause(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.call.pause(now);
            self.attend(call.index, now);
        }
    }

    /// Resumes reading a response that was [paused](Self::pause).
    pub fn resume(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.call.resume(now);
            self.attend(call.index, now);
        }
    }

    /// Reports that the application has body bytes again, after it had none for
    /// [`Transmit::Body`](super::Transmit::Body). An [`Action::Transmit`] follows.
    pub fn body_ready(&mut self, call: CallId) {
        let Some(running) = self.feeding(call) else { return };
        if let (Next::SendBody(_), Some(socket)) = (running.call.next(), running.socket) {
            self.actions.push_back(Action::Transmit { socket, probe: false });
        }
    }

    /// Reports that the application's source of the body failed, so the request cannot be finished.
    pub fn body_failed(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.feeding(call) {
            running.call.body_failed(now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Action::CheckBody`]: the whole body was decoded. See [`Call::body_used`].
    pub fn body_used(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.call.body_used(now);
            self.attend(call.index, now);
        }
    }

    /// Reports that the body of the response cannot be used: see [`Call::body_unusable`].
    /// [`Action::Failed`] follows. Does nothing before the head and after the end of the call.
    pub fn body_unusable(&mut self, call: CallId, why: BodyUnusable, now: Instant) {
        if let Some(running) = self.alive(call) {
            running.call.body_unusable(why, now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Action::Rewind`]: the body can be read from its start again.
    pub fn rewound(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.rewinding(call) {
            running.call.rewound(now);
            self.attend(call.index, now);
        }
    }

    /// Answers [`Action::Rewind`]: the body cannot be read again. The call fails.
    pub fn rewind_failed(&mut self, call: CallId, now: Instant) {
        if let Some(running) = self.rewinding(call) {
            running.call.rewind_failed(now);
            self.attend(call.index, now);
        }
    }

    /// Returns a call that has not ended, after an answer to [`Action::Rewind`].
    fn rewinding(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.alive(call)?;
        if running.announced == Announced::Rewind {
            running.announced = Announced::Nothing;
        }
        Some(running)
    }

    /// Closes idle connections and dials, fails waiting calls, and refuses new ones. Calls with a
    /// connection continue to their end; then their connections are closed.
    pub fn close(&mut self, now: Instant) {
        self.pool.close();
        self.go_on(now);
    }

    /// Closes the connections to one [key](Call::key), as [`close`](Self::close) does for all: idle
    /// ones at once, those in use when their calls end. Fails the calls that wait for one of them.
    /// Later calls get new connections.
    pub fn close_key(&mut self, key: &Key, now: Instant) {
        self.pool.close_key(key, now);
        self.go_on(now);
    }

    /// Closes all idle connections, and each one in use when its call ends (urllib3:
    /// `PoolManager.clear`). Calls go on, also those that wait.
    ///
    /// ```
    /// use httpool::{client::{Client, Config}, time::Instant};
    ///
    /// let mut client = Client::new(Config::default());
    /// client.retire(Instant::from_nanos(0));
    /// assert_eq!(client.stats().idle, 0);
    /// ```
    pub fn retire(&mut self, now: Instant) {
        self.pool.retire(now);
        self.go_on(now);
    }

    /// Closes everything now: each call ends with [`Action::Failed`], each socket with
    /// [`Action::Close`].
    pub fn close_now(&mut self, now: Instant) {
        self.close(now);
        for index in 0..self.calls.bound() {
            if let Some(running) = self.calls.at_mut(index).filter(|it| !it.ended) {
                running.call.cancel(now);
                self.attend(index, now);
            }
        }
    }

    /// Returns the machine of a call, with its current request and its history. `None` for a stale
    /// id; the id of a call that has ended becomes stale at the next
    /// [`poll_action`](Self::poll_action).
    pub fn call(&self, call: CallId) -> Option<&Call> {
        let running = self.calls.get(call.index, call.generation).filter(|it| !it.silent)?;
        Some(&running.call)
    }

    /// Returns the socket that the call uses. `None` while it waits for a connection, and for a
    /// stale id.
    pub fn socket(&self, call: CallId) -> Option<SocketId> {
        self.calls.get(call.index, call.generation)?.socket
    }

    /// Returns the connection that the call uses or used last, and whether it was a reused one; or
    /// a later connection that failed to open for the call.
    pub fn connection(&self, call: CallId) -> Option<(ConnId, bool)> {
        self.calls.get(call.index, call.generation).filter(|it| !it.silent)?.served
    }

    /// Returns what a call is waiting for, as printable text. `None` for a stale id.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use httpool::{client::{Client, Config}, message::Request, time::Instant};
    /// # let now = Instant::from_nanos(0);
    /// let mut client = Client::new(Config::default());
    /// let request = Request::get("http://example.com/").build()?;
    /// let call = client.request(request, Arc::default(), now);
    /// let why = client.why(call).unwrap().to_string();
    /// assert_eq!(why, "a connection to http://example.com, whose name is being looked up");
    /// # Ok::<(), httpool::error::RequestError>(())
    /// ```
    pub fn why(&self, call: CallId) -> Option<Waiting<'_>> {
        let running = self.calls.get(call.index, call.generation).filter(|it| !it.silent)?;
        Some(Waiting::of(self, running))
    }

    /// Returns the number of calls that have not ended.
    pub fn calls(&self) -> usize {
        self.live
    }

    /// Returns the numbers of connections, and of calls that wait for one.
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Returns the numbers for one key.
    pub fn key_stats(&self, key: &Key) -> Stats {
        self.pool.key_stats(key)
    }

    /// Returns the connection that is being opened for a waiting call.
    pub fn dial_of(&self, call: CallId) -> Option<ConnId> {
        let running = self.calls.get(call.index, call.generation)?;
        self.pool.dial_of(running.ticket?)
    }

    /// Stops the events of a call to the application. Returns the call if it has not ended.
    fn silence(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        let ends = !core::mem::replace(&mut running.silent, true) && !running.ended;
        ends.then_some(running)
    }

    fn alive(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        (!running.silent && !running.ended).then_some(running)
    }
}
