//! The protocol state of a connection, combined from its sending and its receiving half.

use alloc::vec::Vec;

use super::{
    Eof, Event, Framing, Reuse, Target,
    chunked::Chunked,
    encode,
    framing::{Asked, BodyEnd, body_end},
    head::{Found, HeadProgress, Parsed},
    state::{Ahead, Receive, Send, State},
    target::authorization,
};
use crate::{
    error::{Bound, Misuse, Violation},
    limits::MessageLimits,
    message::{BodyLeft, BodyLength, Fields, Hop, Request},
};

/// The protocol state of one HTTP/1.1 connection. It has no buffer, takes under 64 bytes, and never
/// allocates.
///
/// ```
/// use httpool::{
///     h1::{Connection, Event, Reuse, Target},
///     limits::MessageLimits,
///     message::{BodyLeft, Request},
/// };
///
/// let mut conn = Connection::new(MessageLimits::default());
/// let mut out = Vec::new();
/// conn.send_request(&Request::get("http://a/x").build()?, Target::Origin, &mut out)?;
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
    /// The number of 1xx heads before the final one.
    interim: u8,
    outgoing: Outgoing,
    incoming: Incoming,
}

const _: () = assert!(size_of::<Connection>() <= 64, "an idle connection is small");

/// The framing of the request body that is being sent.
#[derive(Debug, Clone, Copy)]
enum Outgoing {
    /// Content-Length; this many bytes are left.
    Length(u64),
    Chunked,
}

/// The part of the response that is expected next.
#[derive(Debug, Clone, Copy)]
enum Incoming {
    Head(HeadProgress),
    /// A body with Content-Length; this many bytes are left.
    Length(u64),
    Chunked(Chunked),
    /// A body that ends when the connection closes.
    Close,
}

impl Connection {
    /// Makes the state of a connection on which nothing has been sent.
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

    /// Begins a request: appends its whole head to `out`.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`] if another exchange is under way, or the connection must not be used
    /// again. [`Misuse::ProxyCredentials`] if the credentials of `target` cannot be sent. Nothing
    /// was appended then, and the state is unchanged.
    pub fn send_request(
        &mut self,
        request: &Request,
        target: Target<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        if let Target::Absolute(proxy) = target {
            return self.send_to_proxy(request, proxy, out);
        }
        self.begin(request)?;
        request.write_head(out);
        Ok(())
    }

    #[cold]
    fn send_to_proxy(
        &mut self,
        request: &Request,
        proxy: Option<&Hop>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misuse> {
        let authorization = proxy.map(|it| authorization(it, request)).transpose()?;
        self.begin(request)?;
        let own = proxy.map(Hop::fields).unwrap_or_default();
        request.write_head_to_proxy(own, out);
        for field in own.iter() {
            encode::field_at_end(field.name(), field.value(), out);
        }
        if let Some(basic) = authorization.flatten() {
            encode::field_at_end("Proxy-Authorization", basic.as_bytes(), out);
        }
        Ok(())
    }

    #[inline]
    fn begin(&mut self, request: &Request) -> Result<(), Misuse> {
        let body = request.body();
        self.state.begin(!body.is_empty(), request.expects_continue(), request.asks_close())?;
        self.outgoing = match body {
            BodyLength::Empty => Outgoing::Length(0),
            BodyLength::Known { len, .. } => Outgoing::Length(len),
            BodyLength::Unknown { .. } => Outgoing::Chunked,
        };
        self.asked = Asked::by(request);
        self.interim = 0;
        self.incoming = Incoming::Head(HeadProgress::START);
        Ok(())
    }

    /// Returns the framing for `len` bytes of body, which the caller writes itself. `last` ends the
    /// body. A body of known length also ends with its last byte. An empty piece adds nothing, but
    /// it can be the last one.
    ///
    /// # Errors
    /// [`Misuse::BodyLength`] if the body becomes longer than declared, or ends before its declared
    /// length. [`Misuse::OutOfTurn`] if no body may be sent now. The state is then unchanged.
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

    /// Ends a chunked body with trailer fields: appends the last chunk and the fields to `out`. The
    /// request should announce them in a Trailer field (RFC 9110 6.6.2).
    ///
    /// # Errors
    /// [`Misuse::Trailer`] if a field is malformed or not allowed in a trailer section.
    /// [`Misuse::OutOfTurn`] if no chunked body is being sent. The state is then unchanged, and
    /// nothing was appended.
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

    /// Returns how much body may be sent now: the rest of a known length, or [`BodyLeft::Unknown`]
    /// if the body is chunked. `None` if there is no body, it has been sent or stopped, it waits
    /// for a 100 (Continue), or the response has ended it (a status of 400 or more, `Connection:
    /// close`, or the end of the peer's side). After any other response the body is sent to its end
    /// (RFC 9110 7.5).
    pub fn body_to_send(&self) -> Option<BodyLeft> {
        match (self.state.send(), self.outgoing) {
            (Send::Body, Outgoing::Length(left)) => Some(BodyLeft::Bytes(left)),
            (Send::Body, Outgoing::Chunked) => Some(BodyLeft::Unknown),
            (Send::Idle | Send::Held | Send::Done | Send::Aborted, _) => None,
        }
    }

    /// Releases a body that waited for a 100 (Continue), once the wait has timed out (RFC 9110
    /// 10.1.1).
    pub fn continue_now(&mut self) {
        self.state.release_body();
    }

    /// Returns whether the body waits for a 100 (Continue).
    pub fn awaits_continue(&self) -> bool {
        self.state.send() == Send::Held
    }

    /// Returns whether the final head has shown that the server needs no more of the request's
    /// body: by a status of 400 or more, or by `Connection: close`.
    pub(crate) const fn needs_no_more_body(&self) -> bool {
        self.state.enough()
    }

    /// Returns whether the whole request has been framed for sending.
    pub fn request_sent(&self) -> bool {
        self.state.send() == Send::Done
    }

    /// Stops sending the body before its end. The response can still be read; the connection cannot
    /// be reused. Does nothing if the request has been sent already.
    pub fn stop_sending(&mut self) {
        self.state.abort_sending();
    }

    /// Parses the front of `input`. Returns how many bytes were consumed, and an event. Call again
    /// with the rest until [`Event::NeedInput`]; then keep the rest and put it in front of the next
    /// input.
    ///
    /// Input outside a response is consumed and dropped, and the connection is closed as
    /// [`CloseReason::Unsolicited`](super::CloseReason::Unsolicited). After a switch of protocols
    /// no input is consumed.
    ///
    /// # Errors
    /// The peer's violation of HTTP. Every later call returns it again.
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

    /// Reports that the peer closed its side. Pass all earlier input to [`receive`](Self::receive)
    /// first.
    ///
    /// # Errors
    /// [`Violation::Truncated`] if a response was not complete.
    pub fn receive_eof(&mut self, eof: Eof) -> Result<Event<'static>, Violation> {
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
            (Receive::Body, Incoming::Close) if eof == Eof::Clean => {
                self.state.closed();
                Ok(self.end(Fields::EMPTY))
            }
            (Receive::Head | Receive::Body, _) => {
                self.state.fail(Violation::Truncated);
                Err(Violation::Truncated)
            }
        }
    }

    /// Reports that the peer closed its side in order, as [`receive_eof`](Self::receive_eof) does.
    /// A body with Content-Length ends here, however much of it is missing.
    pub(crate) fn receive_early_end(&mut self) -> Result<Event<'static>, Violation> {
        if let (Receive::Body, Incoming::Length(left)) = (self.state.receive(), &mut self.incoming)
        {
            *left = 0;
        }
        self.receive_eof(Eof::Clean)
    }

    /// Returns whether a response is due or in progress. False on an idle connection: a driver may
    /// still watch it for its end, and passes on any bytes that arrive.
    pub fn wants_input(&self) -> bool {
        matches!(self.state.receive(), Receive::Head | Receive::Body)
    }

    /// Returns how many of the next bytes are body data only. A driver may read them directly into
    /// their destination, and then pass that slice to [`receive`](Self::receive), which returns it
    /// as [`Event::Data`]. No bytes in heads and chunk framing; [`BodyLeft::Unknown`], which is all
    /// of them, in a body that ends with the connection.
    pub fn body_ahead(&self) -> BodyLeft {
        match (self.state.receive(), &self.incoming) {
            (Receive::Body, Incoming::Length(left)) => BodyLeft::Bytes(*left),
            (Receive::Body, Incoming::Chunked(chunked)) => BodyLeft::Bytes(chunked.data_ahead()),
            (Receive::Body, Incoming::Close) => BodyLeft::Unknown,
            _ => BodyLeft::NONE,
        }
    }

    /// Returns whether the connection can serve another request, or the reason why it never can.
    pub fn reuse(&self) -> Reuse {
        self.state.reuse()
    }

    /// Prepares a [`Reuse::Ready`] connection for the next request.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`] if the connection is not ready.
    pub fn start_next_cycle(&mut self) -> Result<(), Misuse> {
        self.state.next_cycle()
    }

    /// Copies the state, to try an input without changing it.
    pub(crate) const fn twin(&self) -> Self {
        Self { ..*self }
    }

    /// Returns whether a response head is expected next.
    pub(crate) fn awaits_head(&self) -> bool {
        matches!(self.state.receive(), Receive::Head)
    }

    /// Returns whether a request may begin. `reused` stands for a call of
    /// [`start_next_cycle`](Self::start_next_cycle) before it.
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
