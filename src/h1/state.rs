//! The joint rules: what the progress of each half means for the other, and for the connection.
//!
//! Which pairs there are, and whether the connection may be used again if nothing else forbids it:
//!
//! ```text
//!  sending ╲ receiving   Idle    Head    Body    Done    Switched  Failed
//!  Idle                  ready
//!  Held                          not yet
//!  Body                          not yet not yet not yet never
//!  Done                          not yet not yet ready   never     never
//!  Aborted                       never   never   never   never     never
//! ```
//!
//! 1. A request begins only where both halves are idle and nothing forbids it.
//! 2. A final head with a status of 400 or more, or with `Connection: close`, ends the sending: the
//!    server needs no more of the body (RFC 9110 7.5, RFC 9112 9.6). So does the end of the peer's
//!    side. After any other head the sending goes on to the end of the body, unless the caller stops
//!    it. An HTTP/1.0 head without the option does not end it: the peer will close, but has not said
//!    that it needs no more.
//! 3. The same head releases or ends a body that is held back for a 100 (Continue): a server that
//!    answers without it and does not close goes on reading (RFC 9110 10.1.1).
//! 4. A violation ends both halves, and stays.
//! 5. Whatever forbids reuse forbids it for good. The first reason is kept; a switch and a violation
//!    come before it.

use crate::error::{Misuse, Violation};

/// Whether a connection may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers decide by it and must see every case")]
pub enum Reuse {
    /// An exchange is under way.
    NotYet,
    /// The next request may begin.
    Ready,
    /// No other request may be sent.
    Never(CloseReason),
}

/// Why a connection is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// `Connection: close` in the response, HTTP/1.0 without keep-alive, or the peer closed.
    PeerAsked,
    /// `Connection: close` in the request.
    WeAsked,
    /// The body ended with the connection.
    CloseDelimited,
    /// Bytes came that nothing asked for.
    Unsolicited,
    /// The request's body was not sent to its end.
    RequestUnfinished,
    /// The response's body was not read to its end. A connection does not find this out by itself:
    /// it is for whoever gives up reading.
    ResponseUnfinished,
    /// The peer broke the protocol.
    Violation,
    /// 101, or a 2xx to CONNECT: all input from there on is another protocol's, and is left to the
    /// caller.
    Switched,
}

/// The half that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Send {
    Idle,
    Held,
    Body,
    Done,
    Aborted,
}

/// The half that receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receive {
    Idle,
    Head,
    Body,
    Done,
    Switched,
    Failed(Violation),
}

/// What is known of a response's end once its head is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The body says where it ends, or there is none.
    Delimited,
    /// The body ends with the connection.
    UntilClose,
    /// There is no body, and HTTP ends here.
    Switch,
}

/// Both halves, and what forbids another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    send: Send,
    receive: Receive,
    never: Option<CloseReason>,
    /// The final head has said that no more of the body is needed.
    enough: bool,
}

impl State {
    pub(super) const START: Self =
        Self { send: Send::Idle, receive: Receive::Idle, never: None, enough: false };

    pub(super) const fn send(&self) -> Send {
        self.send
    }

    pub(super) const fn receive(&self) -> Receive {
        self.receive
    }

    pub(super) const fn enough(&self) -> bool {
        self.enough
    }

    pub(super) const fn reuse(&self) -> Reuse {
        match (self.never, self.send, self.receive) {
            (Some(reason), _, _) => Reuse::Never(reason),
            (None, Send::Idle, Receive::Idle) | (None, Send::Done, Receive::Done) => Reuse::Ready,
            (None, _, _) => Reuse::NotYet,
        }
    }

    /// A request with a `body` begins; `held`: the body waits for a 100 (Continue).
    pub(super) fn begin(&mut self, body: bool, held: bool, close: bool) -> Result<(), Misuse> {
        if self.send != Send::Idle || self.never.is_some() {
            return Err(Misuse::OutOfTurn);
        }
        self.send = match (body, held) {
            (false, _) => Send::Done,
            (true, true) => Send::Held,
            (true, false) => Send::Body,
        };
        self.receive = Receive::Head;
        if close {
            self.forbid(CloseReason::WeAsked);
        }
        Ok(())
    }

    /// A 100 came, or has been waited for long enough.
    pub(super) fn release_body(&mut self) {
        if self.send == Send::Held {
            self.send = Send::Body;
        }
    }

    /// The body has been sent to its end.
    pub(super) fn body_sent(&mut self) {
        if self.send == Send::Body {
            self.send = Send::Done;
        }
    }

    /// The body will not be sent to its end.
    pub(super) fn abort_sending(&mut self) {
        if matches!(self.send, Send::Held | Send::Body) {
            self.send = Send::Aborted;
            self.forbid(CloseReason::RequestUnfinished);
        }
    }

    /// The final head came. `persists`: the peer keeps the connection open. `enough`: it needs no
    /// more of the body.
    pub(super) fn head_received(&mut self, ahead: Ahead, persists: bool, enough: bool) {
        if !persists {
            self.forbid(CloseReason::PeerAsked);
        }
        self.enough = enough;
        if enough || ahead == Ahead::Switch && self.send == Send::Held {
            self.abort_sending();
        } else {
            self.release_body();
        }
        self.receive = match ahead {
            Ahead::Delimited => Receive::Body,
            Ahead::UntilClose => {
                self.forbid(CloseReason::CloseDelimited);
                Receive::Body
            }
            Ahead::Switch => {
                self.never = Some(CloseReason::Switched);
                Receive::Switched
            }
        };
    }

    /// The response has been read to its end.
    pub(super) fn response_ended(&mut self) {
        if self.receive == Receive::Body {
            self.receive = Receive::Done;
        }
    }

    /// Bytes came outside any response.
    pub(super) fn unsolicited(&mut self) {
        self.forbid(CloseReason::Unsolicited);
    }

    /// The peer closed its side, outside any response or at the end of one.
    pub(super) fn closed(&mut self) {
        self.forbid(CloseReason::PeerAsked);
        self.abort_sending();
    }

    /// The peer broke the protocol.
    pub(super) fn fail(&mut self, why: Violation) {
        self.abort_sending();
        self.receive = Receive::Failed(why);
        self.never = Some(CloseReason::Violation);
    }

    pub(super) fn next_cycle(&mut self) -> Result<(), Misuse> {
        match self.reuse() {
            Reuse::Ready => {
                *self = Self::START;
                Ok(())
            }
            Reuse::NotYet | Reuse::Never(_) => Err(Misuse::OutOfTurn),
        }
    }

    fn forbid(&mut self, reason: CloseReason) {
        if self.never.is_none() {
            self.never = Some(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Everything that can happen to a [`State`], in the way that [`Connection`](super::super::Connection)
    /// lets it happen.
    #[derive(Debug, Clone, Copy)]
    enum Input {
        Begin { body: bool, held: bool, close: bool },
        ReleaseBody,
        BodySent,
        AbortSending,
        HeadReceived { ahead: Ahead, persists: bool, enough: bool },
        ResponseEnded,
        Unsolicited,
        Closed,
        Fail,
        NextCycle,
    }

    fn all_inputs() -> Vec<Input> {
        let both = [false, true];
        let mut all = Vec::from([
            Input::ReleaseBody,
            Input::BodySent,
            Input::AbortSending,
            Input::ResponseEnded,
            Input::Unsolicited,
            Input::Closed,
            Input::Fail,
            Input::NextCycle,
        ]);
        for (body, held, close) in [0, 1, 2, 3, 4, 5, 6, 7].map(|n| (n & 1 > 0, n & 2 > 0, n > 3)) {
            all.push(Input::Begin { body, held, close });
        }
        for ahead in [Ahead::Delimited, Ahead::UntilClose, Ahead::Switch] {
            for persists in both {
                all.extend(both.map(|enough| Input::HeadReceived { ahead, persists, enough }));
            }
        }
        all
    }

    /// The state after `input`, or `None` where the connection cannot come to give it.
    fn after(mut state: State, input: Input) -> Option<State> {
        let responding = matches!(state.receive, Receive::Head | Receive::Body);
        match input {
            Input::Begin { body, held, close } => {
                let allowed = state.reuse() == Reuse::Ready && state.send == Send::Idle;
                assert_eq!(state.begin(body, held, close).is_ok(), allowed, "{state:?}");
            }
            Input::ReleaseBody => state.release_body(),
            Input::BodySent => state.body_sent(),
            Input::AbortSending => state.abort_sending(),
            Input::HeadReceived { ahead, persists, enough } if state.receive == Receive::Head => {
                state.head_received(ahead, persists, enough);
            }
            Input::ResponseEnded => state.response_ended(),
            Input::Unsolicited if matches!(state.receive, Receive::Idle | Receive::Done) => {
                state.unsolicited();
            }
            Input::Closed if !responding => state.closed(),
            Input::Fail if responding => state.fail(Violation::Chunk),
            Input::NextCycle => {
                let allowed = state.reuse() == Reuse::Ready;
                assert_eq!(state.next_cycle().is_ok(), allowed, "{state:?}");
            }
            Input::HeadReceived { .. } | Input::Unsolicited | Input::Closed | Input::Fail => {
                return None;
            }
        }
        Some(state)
    }

    fn reachable() -> Vec<State> {
        let mut states = Vec::from([State::START]);
        let mut next = 0;
        while let Some(&state) = states.get(next) {
            next += 1;
            for input in all_inputs() {
                if let Some(state) = after(state, input)
                    && !states.contains(&state)
                {
                    states.push(state);
                }
            }
        }
        states
    }

    #[test]
    fn the_table_in_the_docs_is_the_machine() {
        let columns = [
            Receive::Idle,
            Receive::Head,
            Receive::Body,
            Receive::Done,
            Receive::Switched,
            Receive::Failed(Violation::Chunk),
        ];
        let table = [
            (Send::Idle, ["ready", "", "", "", "", ""]),
            (Send::Held, ["", "not yet", "", "", "", ""]),
            (Send::Body, ["", "not yet", "not yet", "not yet", "never", ""]),
            (Send::Done, ["", "not yet", "not yet", "ready", "never", "never"]),
            (Send::Aborted, ["", "never", "never", "never", "never", "never"]),
        ];
        let states = reachable();
        for (send, row) in table {
            for (receive, said) in columns.into_iter().zip(row) {
                let mut here = states.iter().filter(|s| (s.send, s.receive) == (send, receive));
                // With the least reason against reuse that this pair can have.
                let best = here.clone().find(|s| s.never.is_none()).or_else(|| here.next());
                let is = match best.map(State::reuse) {
                    None => "",
                    Some(Reuse::NotYet) => "not yet",
                    Some(Reuse::Ready) => "ready",
                    Some(Reuse::Never(_)) => "never",
                };
                assert_eq!(is, said, "{send:?} {receive:?}");
            }
        }
    }

    #[test]
    fn a_head_ends_the_sending_or_lets_the_whole_body_go() {
        for state in reachable().into_iter().filter(|it| it.receive == Receive::Head) {
            for input in all_inputs() {
                let Input::HeadReceived { ahead, enough, .. } = input else { continue };
                let Some(next) = after(state, input) else { continue };
                let unsent = matches!(state.send, Send::Held | Send::Body);
                let expected = match state.send {
                    Send::Held if ahead == Ahead::Switch => Send::Aborted,
                    _ if unsent && enough => Send::Aborted,
                    Send::Held => Send::Body,
                    Send::Idle | Send::Body | Send::Done | Send::Aborted => state.send,
                };
                assert_eq!((next.send, next.enough), (expected, enough), "{state:?} {input:?}");
            }
        }
    }

    #[test]
    fn never_is_for_good_and_ready_needs_both_halves() {
        for state in reachable() {
            if state.reuse() == Reuse::Ready {
                let halves = (state.send, state.receive);
                assert!(
                    halves == (Send::Idle, Receive::Idle) || halves == (Send::Done, Receive::Done)
                );
            }
            for input in all_inputs() {
                let Some(next) = after(state, input) else { continue };
                if let Reuse::Never(was) = state.reuse() {
                    let Reuse::Never(is) = next.reuse() else { panic!("{state:?} {input:?}") };
                    assert!(
                        is == was || [CloseReason::Switched, CloseReason::Violation].contains(&is),
                        "{state:?} {input:?}"
                    );
                }
                if let Receive::Failed(_) = state.receive {
                    assert_eq!(next.receive, state.receive, "{input:?}");
                }
            }
        }
    }
}
