//! Runs a [`Call`]: performs its next step and reports the result, until it ends.

mod decode;
mod give_up;
mod send;

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

use httpool::{
    call::{Call, Next},
    client::Closed,
    error::Failure,
    h1::{CloseReason, Eof, Event},
    id::ConnId,
    message::{BodyLeft, Request},
    pool::{Evicted, Lease},
    time::Instant,
    trace::Who,
};

use httpool_kit::{
    Received, Sessions, eof_after,
    logs::{self, Report},
};

use crate::{
    Body, Error,
    cancel::{Cancel, Watch},
    lease::{self, Leased},
    platform::{Parker, Platform},
    pooled::Pooled,
    scratch::{Buffers, Scratch, Sink},
    shared::Shared,
    wired::Wired,
};

/// A call with its connection and buffers. Both are released on drop, also while unwinding.
#[derive(Debug)]
pub(crate) struct Exchange<P: Platform> {
    shared: Arc<Shared<P>>,
    pub(crate) call: Call,
    /// The time of the last event. The clock is read after each operation that may take time, and
    /// when the application calls again.
    now: Instant,
    held: Option<(Lease, Box<Pooled<P>>)>,
    scratch: Buffers,
    body: Body,
    watch: Watch,
    /// Whether the pool that the call was made with has been closed.
    pub(crate) gate: Option<Arc<AtomicBool>>,
    /// The system's error behind the last failure, if it had one.
    source: Option<io::Error>,
    pub(crate) served: Option<Served>,
    /// The TLS sessions of that connection.
    pub(crate) sessions: Sessions,
    /// The body has failed, and another attempt begins. The owner of the body has not noticed yet.
    restarted: bool,
    report: Report,
}

/// The connection that the last attempt used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) conn: ConnId,
    pub(crate) reused: bool,
}

/// A step of the response that is reported to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The head of the response has arrived.
    Head,
    /// The number of body bytes that were put into the sink.
    Data(usize),
    /// The response has ended. If it is decoded, the call waits for the end of that.
    End,
    /// The head and the body so far must be forgotten, because another attempt begins. It is
    /// reported until [`Exchange::take_restart`].
    Restart,
}

/// The least body left, in bytes, for a read straight into the sink. A shorter body is read into
/// the scratch buffer, because one read then also takes the bytes behind it.
const DIRECT_MIN: usize = 8 * 1024;
/// The most body bytes that one read of a whole body asks for.
const READ_MAX: usize = 256 * 1024;
/// The number of bytes that a read of a whole body asks for in addition. They show what follows the
/// body: the framing of chunks, or unsolicited bytes.
const BEYOND: usize = 64;

impl<P: Platform> Exchange<P> {
    pub(crate) fn new(
        shared: Arc<Shared<P>>,
        request: Request,
        body: Body,
        policy: Arc<httpool::call::Policy>,
        cancel: Option<&Cancel>,
    ) -> Self {
        let (number, now) = (shared.next_call(), shared.now());
        let mut call = Call::new(request, policy, number, now);
        if let Some(at_epoch) = shared.wall_at_epoch {
            call.set_wall_clock(at_epoch);
        }
        call.set_guard(&shared.settings.dial.guard);
        call.set_trace(shared.trace(Who::Call(number)), now);
        if shared.settings.timings {
            call.set_timings();
        }
        let report = Report::begin(&call, number, now);
        Self {
            call,
            now,
            report,
            held: None,
            scratch: Buffers::new(shared.take_scratch()),
            shared,
            body,
            watch: Watch::new(cancel),
            gate: None,
            source: None,
            served: None,
            sessions: Sessions::default(),
            restarted: false,
        }
    }

    pub(crate) fn received(&self) -> &Received {
        &self.scratch.received
    }

    /// Whether the body is a part of its attempt.
    pub(crate) fn preloads(&self) -> bool {
        self.call.policy().preload
    }

    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.shared.settings.body_bytes_max
    }

    /// Returns the length of the body that the application has not read yet, as far as it is known.
    pub(crate) fn body_ahead(&self) -> BodyLeft {
        let read = self.scratch.incoming.body_len() as u64;
        match self.held.as_ref().map_or(BodyLeft::NONE, |(_, pooled)| pooled.h1.body_ahead()) {
            BodyLeft::Bytes(left) => BodyLeft::Bytes(left.saturating_add(read)),
            BodyLeft::Unknown => BodyLeft::Unknown,
        }
    }

    /// Returns how many bytes of the body the application was given, or were decoded for it.
    pub(crate) fn given(&self) -> u64 {
        self.scratch.incoming.given()
    }

    /// Gives the body out chunk by chunk from now on.
    pub(crate) fn split_chunks(&mut self) {
        self.scratch.incoming.split_chunks();
    }

    /// Tells the call that the application has stopped reading (`paused`), or reads again.
    pub(crate) fn pause(&mut self, paused: bool) {
        if self.exchanges() {
            if paused {
                self.call.pause(self.now);
            } else {
                self.tick();
                self.call.resume(self.now);
            }
        }
    }

    /// Moves body that is already buffered into `sink`, as much as it takes. Returns the number of
    /// bytes, or `None` if there were none.
    pub(crate) fn take_body(&mut self, mut sink: Sink<'_>) -> Option<usize> {
        self.scratch.incoming.move_body(&mut sink)
    }

    /// Runs the call until there is progress to report to the application.
    pub(crate) fn run(&mut self, mut sink: Sink<'_>) -> Result<Progress, Error> {
        if let Some(moved) = self.scratch.incoming.move_body(&mut sink) {
            return Ok(Progress::Data(moved));
        }
        loop {
            match self.call.next() {
                _ if self.restarted => return Ok(Progress::Restart),
                Next::Restart => self.restart(),
                Next::Checkout => self.checkout(),
                // The ticket was cancelled when the thread left the line.
                Next::Leave => self.call.left(self.now),
                Next::Rewind => self.rewind(),
                Next::SendBody(max) if self.scratch.outgoing.has_no_piece() => self.next_piece(max),
                Next::SendBody(_) | Next::Exchange => {
                    if !self.call.sends() {
                        self.stop_sending();
                    }
                    let progress = if self.scratch.outgoing.is_empty() && !self.has_sealed() {
                        self.read(&mut sink)
                    } else {
                        self.write(&mut sink)
                    };
                    if let Some(progress) = progress {
                        return Ok(progress);
                    }
                }
                Next::Release => self.release(),
                Next::Wait => self.wait(),
                Next::CheckBody | Next::HandOver | Next::Done => return Ok(Progress::End),
                Next::Failed(why) => return Err(self.error(why)),
            }
        }
    }

    /// Returns whether another attempt has begun since the last call of this.
    pub(crate) fn take_restart(&mut self) -> bool {
        std::mem::take(&mut self.restarted)
    }

    fn restart(&mut self) {
        self.scratch.received.clear();
        self.scratch.incoming.drop_body();
        self.scratch.decoding.end();
        self.restarted = true;
        self.call.restarted(self.now);
    }

    /// Whether the response is complete and the call goes on because the request is still being
    /// sent.
    pub(crate) fn only_sends(&self) -> bool {
        self.exchanges() && self.call.is_answered() && !self.scratch.incoming.has_body()
    }

    /// Parses buffered input, without reading more, to see whether the response has ended. If so,
    /// the connection is released at once. Body that the application has not read stays buffered.
    pub(crate) fn settle(&mut self) {
        if self.exchanges() && self.scratch.incoming.has_news() {
            self.take_input(&mut Sink::Nowhere);
        }
        if matches!(self.call.next(), Next::Release) {
            self.release();
        }
    }

    /// Returns the connection and the unparsed input, if it has switched to another protocol.
    pub(crate) fn hand_over(&mut self) -> Option<(Wired<P::Socket>, Vec<u8>)> {
        if self.call.next() != Next::HandOver {
            return None;
        }
        let (lease, pooled) = self.held.take()?;
        self.watch.leaves();
        self.report.settle(&self.call, self.now);
        logs::closed(lease.conn(), Closed::Used(CloseReason::Switched));
        self.shared.checkin(lease, None, self.now);
        Some((pooled.net, self.scratch.incoming.rest().to_vec()))
    }

    fn checkout(&mut self) {
        self.report.observe(&self.call, self.now);
        let leased = lease::checkout(
            &self.shared,
            &mut self.call,
            (&self.watch, self.gate.as_deref()),
            &mut self.source,
            (&mut self.now, &mut self.scratch.wire),
        );
        if let Some(Leased { lease, mut pooled, reused }) = leased {
            self.source = None;
            self.served = Some(Served { conn: lease.conn(), reused });
            let wire = &pooled.net.wire;
            self.sessions = Sessions::of(&self.call, wire.first_session(), wire.session());
            self.watch.uses(&pooled.net.socket);
            self.scratch.clear();
            let out = self.scratch.outgoing.head();
            self.report.lent(&self.call, (lease.conn(), reused), self.now);
            self.call.lent(lease.conn(), self.now);
            self.call.start(&mut pooled.h1, reused.into(), self.now, out);
            self.held = Some((lease, pooled));
        }
    }

    fn rewind(&mut self) {
        let done = self.body.rewind();
        self.tick();
        if done {
            self.call.rewound(self.now);
        } else {
            self.call.rewind_failed(self.now);
        }
    }

    /// Parses buffered input. If nothing follows from it, reads more, and waits for it.
    fn read(&mut self, sink: &mut Sink<'_>) -> Option<Progress> {
        if self.scratch.incoming.has_news() {
            match self.take_input(sink) {
                Took::Progress(progress) => return Some(progress),
                Took::Changed => return None,
                Took::All => {}
            }
        }
        if self.is_late() {
            self.late();
            return None;
        }
        // After a 100 (Continue) the call sends the body before it reads more.
        if matches!(self.call.next(), Next::SendBody(_)) {
            return None;
        }
        let (_, pooled) = self.held.as_mut()?;
        match self.call.poll_timeout() {
            Some((at, _)) => pooled.bound_reads(at.since(self.now)),
            None => pooled.unbound_reads(),
        }
        let ahead = pooled.h1.body_ahead().within(usize::MAX);
        let direct = ahead >= DIRECT_MIN && self.scratch.incoming.rest().is_empty();
        match sink {
            Sink::Slice(into) if direct => {
                let max = into.len().min(ahead);
                let read = if max < ahead {
                    pooled.net.recv(&mut into[..max])
                } else {
                    // The same read takes the bytes behind the body. Unsolicited bytes must not
                    // stay in the socket for the next request on this connection.
                    pooled.net.recv_beyond(&mut into[..max], self.scratch.incoming.room())
                };
                self.now = self.shared.now();
                match read {
                    Ok(read @ 1..) => {
                        let body = read.min(max);
                        let (_, event) = self.call.receive(&mut pooled.h1, &into[..body], self.now);
                        self.scratch.incoming.put(read - body);
                        self.scratch.incoming.count(body);
                        return matches!(event, Event::Data(_)).then_some(Progress::Data(body));
                    }
                    nothing => self.came(nothing),
                }
            }
            // Bytes beyond the body are framing or unsolicited input. They are moved to the scratch
            // buffer.
            Sink::Vec(onto) if direct => {
                let held = onto.len();
                onto.reserve(ahead.min(READ_MAX) + BEYOND);
                let read = pooled.net.recv_onto(onto);
                self.now = self.shared.now();
                match read {
                    Ok(read @ 1..) => {
                        let (taken, event) =
                            self.call.receive(&mut pooled.h1, &onto[held..], self.now);
                        let data = if let Event::Data(data) = event { data.len() } else { 0 };
                        debug_assert!(data <= taken && taken <= read);
                        self.scratch.incoming.append(&onto[held + taken..]);
                        self.scratch.incoming.renew();
                        self.scratch.incoming.count(data);
                        onto.truncate(held + data);
                        return (data > 0).then_some(Progress::Data(data));
                    }
                    nothing => self.came(nothing),
                }
            }
            _ => {
                let read = pooled.net.recv(self.scratch.incoming.room());
                self.now = self.shared.now();
                self.came(read);
            }
        }
        None
    }

    /// Handles the result of a read into the scratch buffer, or of any read that got no bytes.
    fn came(&mut self, read: io::Result<usize>) {
        let Some((_, pooled)) = &mut self.held else { return };
        match read {
            Ok(read @ 1..) => self.scratch.incoming.put(read),
            Ok(_) => self.ended(Eof::Clean),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                pooled.read_timed_out();
                self.late();
            }
            // A signal came. The deadlines are checked before the next read.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let eof = eof_after(Some(&error));
                self.source = Some(error);
                self.ended(eof);
            }
        }
    }

    fn ended(&mut self, eof: Eof) {
        let Some((_, pooled)) = &mut self.held else { return };
        if self.watch.is_cancelled() {
            self.call.cancel(self.now);
        } else {
            // The event is not needed: `call.next` tells the next step, and a body that ends with
            // the connection has no trailers.
            let _ = self.call.receive_eof(&mut pooled.h1, eof, self.now);
        }
    }

    /// Parses input that was read and not parsed yet.
    fn take_input(&mut self, sink: &mut Sink<'_>) -> Took {
        loop {
            if let Some(moved) = self.scratch.incoming.move_body(sink) {
                return Took::Progress(Progress::Data(moved));
            }
            let Some((_, pooled)) = &mut self.held else { return Took::Changed };
            let Scratch { incoming, received, decoding, .. } = &mut *self.scratch;
            let (taken, event) = self.call.receive(&mut pooled.h1, incoming.rest(), self.now);
            match event {
                Event::NeedInput => {
                    incoming.take_last(taken);
                    return if self.exchanges() { Took::All } else { Took::Changed };
                }
                Event::Skipped => {
                    incoming.take(taken);
                    if !self.exchanges() {
                        return Took::Changed;
                    }
                }
                Event::Interim(head) => {
                    received.put_interim(&head);
                    incoming.take(taken);
                }
                Event::Head(head) => {
                    received.put_head(&head);
                    decoding.begin(&self.call);
                    incoming.take(taken);
                    return Took::Progress(Progress::Head);
                }
                Event::Data(data) => {
                    let len = data.len();
                    incoming.take_body(taken, len);
                }
                Event::End(trailers) => {
                    received.put_trailers(&trailers);
                    incoming.take(taken);
                    return Took::Changed;
                }
            }
        }
    }

    fn exchanges(&self) -> bool {
        matches!(self.call.next(), Next::Exchange | Next::SendBody(_) | Next::CheckBody)
    }

    fn release(&mut self) {
        let Some((lease, mut pooled)) = self.held.take() else { return };
        self.watch.leaves();
        let (mut rest, mut beyond) = (self.scratch.incoming.rest(), [0; 64]);
        if rest.is_empty() {
            // The records behind the response, as far as they have arrived, are unsolicited.
            let opened = pooled.net.recv_opened(&mut beyond);
            rest = &beyond[..opened];
        }
        let keeps = self.call.released(&mut pooled.h1, rest, self.now);
        let why = Closed::after(&pooled.h1, rest);
        self.report.settle(&self.call, self.now);
        pooled.net.write_rest();
        pooled.net.wire.take_back(&mut self.scratch.wire);
        if keeps && pooled.net.wire.is_usable() {
            self.shared.checkin(lease, Some(pooled), self.now);
        } else {
            logs::closed(lease.conn(), if keeps { Closed::Evicted(Evicted::Lost) } else { why });
            pooled.net.close();
            self.shared.checkin(lease, None, self.now);
        }
    }

    /// Waits until the delay before the next attempt has passed. No connection is held.
    fn wait(&mut self) {
        self.report.observe(&self.call, self.now);
        let parker = self.shared.platform.parker();
        parker.reset();
        self.watch.sits(&parker);
        while self.call.next() == Next::Wait {
            self.tick();
            if self.watch.is_cancelled() {
                self.call.cancel(self.now);
            } else {
                match self.call.poll_timeout() {
                    Some((at, _)) if at > self.now => {
                        self.shared.platform.pause(&parker, at.since(self.now));
                    }
                    _ => self.call.handle_timeout(self.now),
                }
            }
        }
        self.watch.leaves();
    }

    /// Whether a deadline has passed. Checked before every wait: a peer that trickles bytes never
    /// lets a wait time out.
    fn is_late(&self) -> bool {
        self.call.poll_timeout().is_some_and(|(at, _)| at <= self.now)
    }

    /// Ends the call if it was cancelled, or if a deadline has passed.
    fn late(&mut self) {
        self.tick();
        if self.watch.is_cancelled() {
            self.call.cancel(self.now);
        }
        self.call.handle_timeout(self.now);
    }

    fn tick(&mut self) {
        self.now = self.shared.now();
    }

    fn error(&mut self, why: Failure) -> Error {
        self.report.settle(&self.call, self.now);
        Error::of_call(&self.call, why, || self.source.take())
    }
}

/// The result of parsing buffered input.
enum Took {
    Progress(Progress),
    /// The next step of the call has changed.
    Changed,
    /// All input was parsed, or the rest is incomplete. More input is needed.
    All,
}

impl<P: Platform> Drop for Exchange<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.abandon();
        }
        if let Some((lease, mut pooled)) = self.held.take() {
            logs::closed(lease.conn(), Closed::Unfinished);
            pooled.net.wire.take_back(&mut self.scratch.wire);
            pooled.net.close();
            self.shared.checkin(lease, None, self.shared.now());
        }
        if let Some(scratch) = self.scratch.take() {
            self.shared.give_scratch(scratch);
        }
    }
}
