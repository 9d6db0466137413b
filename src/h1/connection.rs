//! The two halves together.

use alloc::vec::Vec;

use super::{
    Event, Framing, Reuse,
    chunked::Chunked,
    encode,
    framing::{Asked, BodyEnd, body_end},
    head::{Found, HeadProgress, Parsed},
    state::{Ahead, Receive, Send, State},
};
use crate::{
    error::{Bound, Misuse, Violation},
    limits::MessageLimits,
    message::{Body, BodyLeft, Fields, Request},
};

/// The protocol state of one HTTP/1.1 connection: no buffer, under 64 bytes, and it never allocates.
///
/// ```
/// use httpool::{
///     h1::{Connection, Event, Reuse},
///     limits::MessageLimits,
///     message::{BodyLeft, Request},
/// };
///
/// let mut conn = Connection::new(MessageLimits::default());
/// let mut out = Vec::new();
/// conn.send_request(&Request::get("http://a/x").build()?, false, &mut out)?;
/// assert_eq!(out, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
///
/// // Events borrow from the input; what is not taken is presented again.
/// let input = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// let (taken, Event::NeedInput) = conn.receive(&input[..20])? else { panic!() };
/// assert_eq!(taken, 0);
/// let (taken, Event::Head(head)) = conn.receive(input)? else { panic!() };
/// assert_eq!(head.status(), 200);
/// assert_eq!(conn.body_ahead(), BodyLeft::Bytes(5));
/// let (_, Event::Data(b"hello")) = conn.receive(&input[taken..])? else { panic!() };
/// let (0, Event::End(_)) = conn.receive(b"")? else { panic!() };
///
/// assert_eq!(conn.reuse(), Reuse::Ready);
/// conn.start_next_cycle()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    limits: MessageLimits,
    state: State,
    asked: Asked,
    /// 1xx heads before this response.
    interim: u8,
    outgoing: Outgoing,
    incoming: Incoming,
}

const _: () = assert!(size_of::<Connection>() <= 64, "an idle connection is small");

/// How the body being sent is framed.
#[derive(Debug, Clone, Copy)]
enum Outgoing {
    /// As it is; so much of it is left.
    Length(u64),
    Chunked,
}

/// What part of a response comes next.
#[derive(Debug, Clone, Copy)]
enum Incoming {
    Head(HeadProgress),
    /// So much of the body is left.
    Length(u64),
    Chunked(Chunked),
    /// Everything until the connection closes is body.
    Close,
}

impl Connection {
    /// A connection on which nothing has been sent.
    pub const fn new(limits: MessageLimits) -> Self {
        Self {
            limits,
            state: State::START,
            asked: Asked { head: false, connect: false, upgrade: false },
            interim: 0,
            outgoing: Outgoing::Length(0),
            incoming: Incoming::Head(HeadProgress::START),
        }
    }

    /// Begins a request: appends its head to `out`, whole. `to_proxy`: its target in absolute form, for
    /// a proxy that forwards (RFC 9112 3.2.2).
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`] where another exchange is under way, or the connection has become one that
    /// may not be used again.
    pub fn send_request(
        &mut self,
        request: &Request,
        to_proxy: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        let body = request.body();
        self.state.begin(!body.is_empty(), request.expects_continue(), request.asks_close())?;
        self.outgoing = match body {
            Body::Empty => Outgoing::Length(0),
            Body::Known { len, .. } => Outgoing::Length(len),
            Body::Unknown { .. } => Outgoing::Chunked,
        };
        self.asked = Asked::by(request);
        self.interim = 0;
        self.incoming = Incoming::Head(HeadProgress::START);
        request.write_head(to_proxy, out);
        Ok(())
    }

    /// Frames `len` bytes of body that the caller writes itself, uncopied; `last`: the body ends with
    /// them. A body of known length ends with its last byte whether that is said or not. An empty piece
    /// is no piece, except that it can be the last one.
    ///
    /// # Errors
    /// [`Misuse::BodyLength`] where this is more than was declared, or the last of less;
    /// [`Misuse::OutOfTurn`] where no body may be sent now. Nothing has changed then.
    pub fn send_body(&mut self, len: usize, last: bool) -> Result<Framing, Misuse> {
        match (self.state.send(), self.outgoing) {
            (Send::Body, Outgoing::Length(left)) => {
                let left = left.checked_sub(len as u64).ok_or(Misuse::BodyLength)?;
                if last && left > 0 {
                    return Err(Misuse::BodyLength);
                }
                self.outgoing = Outgoing::Length(left);
                if left == 0 {
                    self.state.body_sent();
                }
                Ok(Framing::NONE)
            }
            (Send::Body, Outgoing::Chunked) => {
                if last {
                    self.state.body_sent();
                }
                Ok(Framing::chunk(len, last))
            }
            (Send::Done, _) if len == 0 => Ok(Framing::NONE),
            (Send::Idle | Send::Held | Send::Done | Send::Aborted, _) => Err(Misuse::OutOfTurn),
        }
    }

    /// Ends a chunked body with trailer fields: appends the last chunk and them to `out`. Announce them
    /// with a Trailer field in the request (RFC 9110 6.6.2).
    ///
    /// # Errors
    /// [`Misuse::Trailer`] where one is malformed or may not stand there, [`Misuse::OutOfTurn`] where no
    /// chunked body is being sent. Nothing has changed then, and nothing was appended.
    pub fn send_trailers(
        &mut self,
        trailers: &[(&str, &[u8])],
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        match (self.state.send(), self.outgoing) {
            (Send::Body, Outgoing::Chunked) => {
                encode::last_chunk(trailers, out)?;
                self.state.body_sent();
                Ok(())
            }
            _ => Err(Misuse::OutOfTurn),
        }
    }

    /// How much body may be sent now: what is left of a known length, [`BodyLeft::Unknown`] if it is
    /// chunked. `None` where none may be: there is no body, it has been sent, it is given up, the
    /// response has ended the sending (a status of 400 or more, `Connection: close`, or the end of
    /// the peer's side), or it is held back for a 100 (Continue). Any other response lets it go on
    /// (RFC 9110 7.5).
    pub fn body_to_send(&self) -> Option<BodyLeft> {
        match (self.state.send(), self.outgoing) {
            (Send::Body, Outgoing::Length(left)) => Some(BodyLeft::Bytes(left)),
            (Send::Body, Outgoing::Chunked) => Some(BodyLeft::Unknown),
            (Send::Idle | Send::Held | Send::Done | Send::Aborted, _) => None,
        }
    }

    /// The 100 (Continue) has been waited for long enough: the body may go out (RFC 9110 10.1.1).
    pub fn continue_now(&mut self) {
        self.state.release_body();
    }

    /// Whether the body is held back for a 100 (Continue).
    pub fn awaits_continue(&self) -> bool {
        self.state.send() == Send::Held
    }

    /// Whether the final head has said that no more of the request's body is needed: by a status of 400
    /// or more, or by `Connection: close`.
    pub(crate) const fn needs_no_more_body(&self) -> bool {
        self.state.enough()
    }

    /// Whether the request has been sent to its end, as far as this machine framed it.
    pub fn request_sent(&self) -> bool {
        self.state.send() == Send::Done
    }

    /// The body will not be sent to its end. The response may still be read, and the connection never
    /// used again. Says nothing where the request has been sent already.
    pub fn stop_sending(&mut self) {
        self.state.abort_sending();
    }

    /// Reads from the front of `input`; says how much it took. Call again with the rest until
    /// [`Event::NeedInput`], keep what is then left, and begin the next input with it.
    ///
    /// Input that comes where no response is due is taken and dropped, and makes the connection
    /// [`CloseReason::Unsolicited`](super::CloseReason::Unsolicited). After a switch of protocols nothing is taken.
    ///
    /// # Errors
    /// What the peer did wrong. It stays: every later call says the same.
    pub fn receive<'i>(&mut self, input: &'i [u8]) -> Result<(usize, Event<'i>), Violation> {
        let result = match self.state.receive() {
            Receive::Head | Receive::Body => self.receive_response(input),
            Receive::Idle | Receive::Done if !input.is_empty() => {
                self.state.unsolicited();
                Ok((input.len(), Event::Skipped))
            }
            Receive::Idle | Receive::Done | Receive::Switched => Ok((0, Event::NeedInput)),
            Receive::Failed(why) => Err(why),
        };
        result.inspect_err(|&why| self.state.fail(why))
    }

    /// The peer has closed its side: cleanly, or (`clean` false) by a reset, or without the
    /// close_notify of TLS (RFC 9112 9.8). What came before must have been given to
    /// [`receive`](Self::receive) already.
    ///
    /// # Errors
    /// [`Violation::Truncated`] where that is inside a response.
    pub fn receive_eof(&mut self, clean: bool) -> Result<Event<'static>, Violation> {
        match (self.state.receive(), self.incoming) {
            (Receive::Failed(why), _) => Err(why),
            (Receive::Idle | Receive::Done, _) => {
                self.state.closed();
                Ok(Event::NeedInput)
            }
            (Receive::Switched, _) => Ok(Event::NeedInput),
            (Receive::Body, Incoming::Length(0)) => {
                self.state.closed();
                Ok(self.end(Fields::EMPTY))
            }
            (Receive::Body, Incoming::Close) if clean => {
                self.state.closed();
                Ok(self.end(Fields::EMPTY))
            }
            (Receive::Head | Receive::Body, _) => {
                self.state.fail(Violation::Truncated);
                Err(Violation::Truncated)
            }
        }
    }

    /// Whether reading more could be of use now: a response is due, or in the middle. False also where
    /// a driver watches an idle connection for the end, and hands in what it finds there.
    pub fn wants_input(&self) -> bool {
        matches!(self.state.receive(), Receive::Head | Receive::Body)
    }

    /// So many of the next bytes are body and nothing else: a driver may read them to where they are
    /// wanted, then pass that slice to [`receive`](Self::receive), which gives it back as
    /// [`Event::Data`]. None in heads and chunk framing; [`BodyLeft::Unknown`], which is all of them,
    /// in a body that ends with the connection.
    pub fn body_ahead(&self) -> BodyLeft {
        match (self.state.receive(), &self.incoming) {
            (Receive::Body, Incoming::Length(left)) => BodyLeft::Bytes(*left),
            (Receive::Body, Incoming::Chunked(chunked)) => BodyLeft::Bytes(chunked.data_ahead()),
            (Receive::Body, Incoming::Close) => BodyLeft::Unknown,
            _ => BodyLeft::NONE,
        }
    }

    /// Whether the connection may serve another request, and if never, why.
    pub fn reuse(&self) -> Reuse {
        self.state.reuse()
    }

    /// Makes a [`Reuse::Ready`] connection ready for the next request.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`] where it is not.
    pub fn start_next_cycle(&mut self) -> Result<(), Misuse> {
        self.state.next_cycle()
    }

    /// Another in the same state, to find out what would happen.
    pub(crate) const fn twin(&self) -> Self {
        Self { ..*self }
    }

    /// Whether a head comes next.
    pub(crate) fn awaits_head(&self) -> bool {
        matches!(self.state.receive(), Receive::Head)
    }

    /// Whether a request may begin; `reused`: after [`start_next_cycle`](Self::start_next_cycle).
    pub(crate) fn may_begin(&self, reused: bool) -> bool {
        self.reuse() == Reuse::Ready && (reused || matches!(self.state.send(), Send::Idle))
    }

    pub(crate) const fn limits(&self) -> &MessageLimits {
        &self.limits
    }

    fn receive_response<'i>(&mut self, input: &'i [u8]) -> Result<(usize, Event<'i>), Violation> {
        match &mut self.incoming {
            Incoming::Head(progress) => match progress.parse(input, &self.limits)? {
                Found::Whole(parsed) => Ok((parsed.taken, self.take_head(&parsed)?)),
                Found::Partial(0) => Ok((0, Event::NeedInput)),
                Found::Partial(taken) => Ok((taken, Event::Skipped)),
            },
            Incoming::Length(0) => Ok((0, self.end(Fields::EMPTY))),
            _ if input.is_empty() => Ok((0, Event::NeedInput)),
            Incoming::Length(left) => {
                let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= len as u64;
                Ok((len, Event::Data(&input[..len])))
            }
            Incoming::Chunked(chunked) => match chunked.decode(input, &self.limits)? {
                (taken, Event::End(trailers)) => Ok((taken, self.end(trailers))),
                other => Ok(other),
            },
            Incoming::Close => Ok((input.len(), Event::Data(input))),
        }
    }

    fn take_head<'i>(&mut self, parsed: &Parsed<'i>) -> Result<Event<'i>, Violation> {
        let Parsed { head, framing, .. } = parsed;
        let status = head.status();
        if status.is_informational() && status != 101 {
            if self.interim == self.limits.interim_max {
                return Err(Violation::TooLarge(Bound::Interim));
            }
            self.interim += 1;
            if status == 100 {
                self.state.release_body();
            }
            self.incoming = Incoming::Head(HeadProgress::START);
            return Ok(Event::Interim(*head));
        }
        let (incoming, ahead) = match body_end(self.asked, status, head.minor_version(), framing)? {
            BodyEnd::Length(len) => (Incoming::Length(len), Ahead::Delimited),
            BodyEnd::Chunked => (Incoming::Chunked(Chunked::START), Ahead::Delimited),
            BodyEnd::Close => (Incoming::Close, Ahead::UntilClose),
            BodyEnd::Switch => (Incoming::Length(0), Ahead::Switch),
        };
        self.incoming = incoming;
        let enough = status.as_u16() >= 400 || framing.says_close();
        self.state.head_received(ahead, framing.persists(head.minor_version()), enough);
        Ok(Event::Head(*head))
    }

    fn end<'i>(&mut self, trailers: Fields<'i>) -> Event<'i> {
        self.state.response_ended();
        Event::End(trailers)
    }
}
