//! Runs a [`Call`]: performs what it says is next, and reports what happened.

use std::{io, sync::Arc, time::Duration};

use httpool::{
    call::{Call, Next},
    error::Failure,
    h1::Event,
    id::ConnId,
    message::{BodyLeft, Request},
    pool::Lease,
    time::Instant,
    trace::Who,
};

use httpool_kit::{Received, io_kind};

use crate::{
    Body, Error,
    cancel::{Cancel, Watch},
    lease::{self, Leased},
    platform::{Platform, Seat, Socket},
    scratch::{Buffers, Scratch},
    shared::Shared,
    warm::Warm,
};

/// A call with all that it uses. Whatever it holds goes back on drop, also while unwinding.
#[derive(Debug)]
pub(crate) struct Exchange<P: Platform> {
    shared: Arc<Shared<P>>,
    pub(crate) call: Call,
    /// The time of the last event. The clock is read after what may have taken time, and when the
    /// application comes back, not for each question.
    now: Instant,
    held: Option<(Lease, Box<Warm<P>>)>,
    scratch: Buffers,
    body: Body,
    watch: Watch,
    /// What the system said, if it was the last to say anything.
    source: Option<io::Error>,
    pub(crate) served: Option<Served>,
}

/// Which connection the last attempt went over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) conn: ConnId,
    pub(crate) reused: bool,
}

/// Where body bytes are to go.
pub(crate) enum Sink<'a> {
    /// There can be none yet, or nobody wants them.
    Nowhere,
    /// Into the caller's buffer, which is not empty.
    Slice(&'a mut [u8]),
    /// Behind what is there.
    Vec(&'a mut Vec<u8>),
}

/// What the application has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The response's head is there.
    Head,
    /// So many bytes of body have gone into the sink.
    Data(usize),
    /// There is no more.
    End,
}

/// So much body ahead is read to where it is wanted; less goes through the scratch buffer, where one
/// read brings what follows it as well.
const DIRECT_MIN: usize = 8 * 1024;
/// The most that is asked for in one read of a whole body.
const READ_MAX: usize = 256 * 1024;
/// So many bytes more, so that the read shows what follows the body: the framing of chunks, or
/// bytes that nobody asked for.
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
        call.set_trace(shared.trace(Who::Call(number)), now);
        Self {
            call,
            now,
            held: None,
            scratch: Buffers::new(shared.take_scratch()),
            shared,
            body,
            watch: Watch::new(cancel),
            source: None,
            served: None,
        }
    }

    pub(crate) fn received(&self) -> &Received {
        &self.scratch.received
    }

    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.shared.settings.body_bytes_max
    }

    /// How much of the response's body the application has not had, as far as that is known.
    pub(crate) fn body_ahead(&self) -> BodyLeft {
        let read = self.scratch.incoming.body_len() as u64;
        match self.held.as_ref().map_or(BodyLeft::NONE, |(_, warm)| warm.h1.body_ahead()) {
            BodyLeft::Bytes(left) => BodyLeft::Bytes(left.saturating_add(read)),
            BodyLeft::Unknown => BodyLeft::Unknown,
        }
    }

    /// The application reads, or does other things.
    pub(crate) fn pause(&mut self, paused: bool) {
        if self.exchanges() {
            if !paused {
                self.tick();
            }
            self.call.pause(paused, self.now);
        }
    }

    /// Body that has been read already, as much of it as the sink takes.
    pub(crate) fn take_body(&mut self, mut sink: Sink<'_>) -> Option<usize> {
        self.scratch.incoming.move_body(&mut sink)
    }

    /// Goes on until there is something to tell.
    pub(crate) fn run(&mut self, mut sink: Sink<'_>) -> Result<Progress, Error> {
        if let Some(moved) = self.scratch.incoming.move_body(&mut sink) {
            return Ok(Progress::Data(moved));
        }
        loop {
            match self.call.next() {
                Next::Checkout => self.checkout(),
                Next::Rewind => self.rewind(),
                Next::SendBody(max) if self.scratch.outgoing.has_no_piece() => self.next_piece(max),
                Next::SendBody(_) | Next::Exchange => {
                    if !self.call.sends() {
                        self.scratch.outgoing.clear();
                    }
                    let progress = if self.scratch.outgoing.is_empty() {
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
                Next::HandOver | Next::Done => return Ok(Progress::End),
                Next::Failed(why) => return Err(self.error(why)),
            }
        }
    }

    /// Whether the response is complete, and the call goes on because the request is still going out.
    pub(crate) fn only_sends(&self) -> bool {
        self.exchanges() && self.call.is_answered() && !self.scratch.incoming.has_body()
    }

    /// Finds out without reading whether the response has ended. If so the connection is given back
    /// at once, also where the application has not read the body yet: that stays in the buffer.
    pub(crate) fn settle(&mut self) {
        if self.exchanges() && self.scratch.incoming.has_news() {
            self.take_input(&mut Sink::Nowhere);
        }
        if matches!(self.call.next(), Next::Release) {
            self.release();
        }
    }

    /// The socket and the input not taken, once another protocol is spoken.
    pub(crate) fn hand_over(&mut self) -> Option<(P::Socket, Vec<u8>)> {
        if self.call.next() != Next::HandOver {
            return None;
        }
        let (lease, warm) = self.held.take()?;
        self.watch.leaves();
        self.shared.checkin(lease, None, self.now);
        Some((warm.socket, self.scratch.incoming.rest().to_vec()))
    }

    /// Takes what is there already of a body that nobody wants, so that the connection may be kept.
    /// Never waits.
    fn abandon(&mut self) {
        if self.exchanges() {
            self.tick();
            self.call.discard(self.now);
        }
        self.scratch.incoming.drop_body();
        while self.exchanges() {
            match self.take_input(&mut Sink::Nowhere) {
                Took::Progress(_) | Took::Changed => continue,
                Took::All => {}
            }
            let Some((_, warm)) = &mut self.held else { break };
            match warm.socket.recv_now(self.scratch.incoming.room()) {
                Ok(read @ 1..) => self.scratch.incoming.put(read),
                _ => self.call.cancel(self.now),
            }
        }
        if matches!(self.call.next(), Next::Release) {
            self.release();
        }
    }

    fn checkout(&mut self) {
        let leased = lease::checkout(
            &self.shared,
            &mut self.call,
            &self.watch,
            &mut self.source,
            &mut self.now,
        );
        if let Some(Leased { lease, mut warm, reused }) = leased {
            self.source = None;
            self.served = Some(Served { conn: lease.conn(), reused });
            self.watch.uses(&warm.socket);
            self.scratch.clear();
            let out = self.scratch.outgoing.head();
            self.call.start(&mut warm.h1, reused, self.now, out);
            self.held = Some((lease, warm));
        }
    }

    fn rewind(&mut self) {
        let done = self.body.rewind();
        self.tick();
        self.call.rewound(done, self.now);
    }

    /// Gets another piece of body from the application.
    fn next_piece(&mut self, max: BodyLeft) {
        let piece = self.body.next(max, self.scratch.outgoing.buffer());
        self.tick();
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return self.late(),
            Err(error) => {
                self.source = Some(error);
                self.call.body_failed(self.now);
                return;
            }
        };
        let (len, last) = piece.extent(max);
        let Some((_, warm)) = &mut self.held else { return };
        let out = &mut self.scratch.outgoing;
        if let Some(framing) = self.call.send_body(&mut warm.h1, len, last, self.now) {
            out.put(piece, &framing);
        }
    }

    /// Writes what is to be written; where the socket is full, waits for either direction.
    fn write(&mut self, sink: &mut Sink<'_>) -> Option<Progress> {
        if self.is_late() {
            self.late();
            return None;
        }
        let (_, warm) = self.held.as_mut()?;
        let sent = if self.scratch.outgoing.has_gone() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            if !self.scratch.outgoing.has_no_piece() {
                warm.bound_unsent(&self.call);
            }
            warm.socket.send_now(&self.scratch.outgoing.slices())
        };
        self.now = self.shared.now();
        match sent {
            Ok(sent) => {
                self.scratch.outgoing.advance(sent);
                let last = self.scratch.outgoing.has_gone();
                if last && warm.bounded && self.call.is_written_late() {
                    self.scratch.outgoing.hold_back(sent);
                } else {
                    self.call.written(sent, self.now);
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // An early answer may have come whole: what follows from it needs no waiting for.
                match self.take_input(sink) {
                    Took::Progress(progress) => return Some(progress),
                    Took::Changed => return None,
                    Took::All => {}
                }
                let (_, warm) = self.held.as_mut()?;
                let left = self.call.poll_timeout().map(|(at, _)| at.since(self.now));
                let waited = warm.socket.wait(true, left);
                self.now = self.shared.now();
                match waited {
                    Ok(ready) if ready.readable => {
                        let read = warm.socket.recv_now(self.scratch.incoming.room());
                        // A lost connection takes output as well. What was read may have come since
                        // the wait, behind the last of the request.
                        if read.is_ok() && !ready.broken && (ready.writable || self.has_left()) {
                            self.wrote_last();
                        }
                        self.came(read);
                        return match self.take_input(sink) {
                            Took::Progress(progress) => Some(progress),
                            Took::Changed | Took::All => None,
                        };
                    }
                    Ok(ready) if ready.writable => self.wrote_last(),
                    Ok(_) => self.late(),
                    Err(error) => self.write_failed(error),
                }
                None
            }
            Err(error) => {
                self.write_failed(error);
                None
            }
        }
    }

    /// Whether the socket takes output again, if something was held back until then.
    fn has_left(&self) -> bool {
        let held = self.held.as_ref().filter(|_| self.scratch.outgoing.holds_back());
        held.is_some_and(|(_, warm)| {
            let ready = warm.socket.wait(true, Some(Duration::ZERO)).unwrap_or_default();
            ready.writable && !ready.broken
        })
    }

    /// The socket takes output: what was held back has gone.
    fn wrote_last(&mut self) {
        let bytes = self.scratch.outgoing.let_go();
        if bytes > 0 {
            self.call.written(bytes, self.now);
        }
    }

    fn write_failed(&mut self, error: io::Error) {
        let why = io_kind(&error);
        self.source = Some(error);
        self.scratch.outgoing.clear();
        self.call.write_failed(why, self.now);
    }

    /// Takes what was read before, else reads, and waits for it.
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
        // A 100 (Continue) among the input asks for the body, and not for more input.
        if matches!(self.call.next(), Next::SendBody(_)) {
            return None;
        }
        let (_, warm) = self.held.as_mut()?;
        match self.call.poll_timeout() {
            Some((at, _)) => warm.bound_reads(at.since(self.now)),
            None => warm.unbound_reads(),
        }
        let ahead = warm.h1.body_ahead().within(usize::MAX);
        let direct = ahead >= DIRECT_MIN && self.scratch.incoming.rest().is_empty();
        match sink {
            Sink::Slice(into) if direct => {
                let max = into.len().min(ahead);
                let read = if max < ahead {
                    warm.socket.recv(&mut into[..max])
                } else {
                    // What follows the body is read by the same call: bytes that nobody asked for
                    // must not stay in the system for the next request on this connection.
                    warm.socket.recv_beyond(&mut into[..max], self.scratch.incoming.room())
                };
                self.now = self.shared.now();
                match read {
                    Ok(read @ 1..) => {
                        let body = read.min(max);
                        let (_, event) = self.call.receive(&mut warm.h1, &into[..body], self.now);
                        self.scratch.incoming.put(read - body);
                        return matches!(event, Event::Data(_)).then_some(Progress::Data(body));
                    }
                    nothing => self.came(nothing),
                }
            }
            // What the body's length is not known to follow is framing, or the next thing: both
            // belong in the scratch buffer.
            Sink::Vec(onto) if direct => {
                let held = onto.len();
                onto.reserve(ahead.min(READ_MAX) + BEYOND);
                let read = warm.socket.recv_onto(onto);
                self.now = self.shared.now();
                match read {
                    Ok(read @ 1..) => {
                        let (taken, event) =
                            self.call.receive(&mut warm.h1, &onto[held..], self.now);
                        let data = if let Event::Data(data) = event { data.len() } else { 0 };
                        debug_assert!(data <= taken && taken <= read);
                        self.scratch.incoming.append(&onto[held + taken..]);
                        self.scratch.incoming.renew();
                        onto.truncate(held + data);
                        return (data > 0).then_some(Progress::Data(data));
                    }
                    nothing => self.came(nothing),
                }
            }
            _ => {
                let read = warm.socket.recv(self.scratch.incoming.room());
                self.now = self.shared.now();
                self.came(read);
            }
        }
        None
    }

    /// What a read into the scratch buffer, or one that brought nothing, came to.
    fn came(&mut self, read: io::Result<usize>) {
        let Some((_, warm)) = &mut self.held else { return };
        match read {
            Ok(read @ 1..) => self.scratch.incoming.put(read),
            Ok(_) => self.ended(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                warm.read_timed_out();
                self.late();
            }
            // By a signal. The deadlines are looked at before it is read again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.source = Some(error);
                self.ended(false);
            }
        }
    }

    fn ended(&mut self, clean: bool) {
        let Some((_, warm)) = &mut self.held else { return };
        if self.watch.is_cancelled() {
            self.call.cancel(self.now);
        } else {
            // The call says what is next. Where a body ends so, there is no trailer.
            let _ = self.call.receive_eof(&mut warm.h1, clean, self.now);
        }
    }

    /// Passes on input that was read and not taken.
    fn take_input(&mut self, sink: &mut Sink<'_>) -> Took {
        loop {
            if let Some(moved) = self.scratch.incoming.move_body(sink) {
                return Took::Progress(Progress::Data(moved));
            }
            let Some((_, warm)) = &mut self.held else { return Took::Changed };
            let Scratch { incoming, received, .. } = &mut *self.scratch;
            let (taken, event) = self.call.receive(&mut warm.h1, incoming.rest(), self.now);
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
        matches!(self.call.next(), Next::Exchange | Next::SendBody(_))
    }

    fn release(&mut self) {
        let Some((lease, mut warm)) = self.held.take() else { return };
        self.watch.leaves();
        let rest = self.scratch.incoming.rest();
        if self.call.released(&mut warm.h1, rest, self.now) {
            self.shared.checkin(lease, Some(warm), self.now);
        } else {
            drop(warm);
            self.shared.checkin(lease, None, self.now);
        }
    }

    /// A pause before another attempt. No connection is held.
    fn wait(&mut self) {
        let seat = self.shared.platform.seat();
        seat.hush();
        self.watch.sits(&seat);
        while self.call.next() == Next::Wait {
            self.tick();
            if self.watch.is_cancelled() {
                self.call.cancel(self.now);
            } else {
                match self.call.poll_timeout() {
                    Some((at, _)) if at > self.now => seat.park(Some(at.since(self.now))),
                    _ => self.call.handle_timeout(self.now),
                }
            }
        }
        self.watch.leaves();
    }

    /// Whether a deadline has passed. A peer that takes or gives a little all the time would hide it:
    /// no wait of ours is then ever long enough to end.
    fn is_late(&self) -> bool {
        self.call.poll_timeout().is_some_and(|(at, _)| at <= self.now)
    }

    /// Time has passed, or somebody has cancelled the call.
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
        Error::of_call(&self.call, why, || self.source.take())
    }
}

/// What the input came to.
enum Took {
    Progress(Progress),
    /// The call wants something else.
    Changed,
    /// All was taken, or more is needed.
    All,
}

impl<P: Platform> Drop for Exchange<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.abandon();
        }
        if let Some((lease, warm)) = self.held.take() {
            drop(warm);
            self.shared.checkin(lease, None, self.shared.now());
        }
        if let Some(scratch) = self.scratch.take() {
            self.shared.give_scratch(scratch);
        }
    }
}
