//! The rules that connect the two halves of a connection, and decide about its reuse.
//!
//! This table shows the possible pairs of states, and whether the connection can be reused if
//! nothing else forbids it:
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
//! 1. A request can begin only if both halves are idle and nothing forbids reuse.
//! 2. A final head with a status of 400 or more, or with `Connection: close`, ends the sending,
//!    because the server needs no more of the body (RFC 9110 7.5, RFC 9112 9.6). The end of the
//!    peer's side also ends it. After any other head the body is sent to its end, unless the caller
//!    stops it. An HTTP/1.0 head without `close` does not end the sending: the peer will close the
//!    connection, but may still need the body.
//! 3. The final head also ends or releases a body that waits for a 100 (Continue). A server that
//!    answers without a 100 and does not close still reads the body (RFC 9110 10.1.1).
//! 4. A violation ends both halves for good.
//! 5. A reason against reuse is final. The first reason is kept, but a switch of protocols and a
//!    violation replace it.

use crate::error::{Misuse, Violation};

/// Whether a connection can be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers decide by it and must see every case")]
pub enum Reuse {
    /// An exchange is under way.
    NotYet,
    /// The next request can begin.
    Ready,
    /// No other request can be sent.
    Never(CloseReason),
}

/// The reason why a connection is not reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The response has `Connection: close`, it is HTTP/1.0 without keep-alive, or the peer closed.
    PeerAsked,
    /// The request has `Connection: close`.
    WeAsked,
    /// The response's body ended with the connection.
    CloseDelimited,
    /// Bytes arrived that answer no request.
    Unsolicited,
    /// The request's body was not sent to its end.
    RequestUnfinished,
    /// The response's body was not read to its end. The driver reports this reason, as the
    /// connection cannot detect that reading has stopped.
    ResponseUnfinished,
    /// The peer violated HTTP.
    Violation,
    /// The response was a 101, or a 2xx to CONNECT. All further input belongs to another protocol
    /// and is left to the caller.
    Switched,
}

impl CloseReason {
    /// Returns the reason as one word for a log: `peer-asked`, `we-asked`, `close-delimited`,
    /// `unsolicited`, `request-unfinished`, `response-unfinished`, `violation`, `switched`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PeerAsked => "peer-asked",
            Self::WeAsked => "we-asked",
            Self::CloseDelimited => "close-delimited",
            Self::Unsolicited => "unsolicited",
            Self::RequestUnfinished => "request-unfinished",
            Self::ResponseUnfinished => "response-unfinished",
            Self::Violation => "violation",
            Self::Switched => "switched",
        }
    }
}

/// The state of the sending half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Send {
    Idle,
    Held,
    Body,
    Done,
    Aborted,
}

/// The state of the receiving half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receive {
    Idle,
    Head,
    Body,
    Done,
    Switched,
    Failed(Violation),
}

/// The kind of end that a response's head announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The head delimits the body, or excludes one.
    Delimited,
    /// The body ends when the connection closes.
    UntilClose,
    /// There is no body, and another protocol follows.
    Switch,
}

/// The states of both halves, and the reason against reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    send: Send,
    receive: Receive,
    never: Option<CloseReason>,
    /// Whether the final head has shown that the server needs no more of the request's body.
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

    /// Begins a request. `body` says whether it has one; `held`, whether the body waits for a 100
    /// (Continue); `close`, whether the request asks to close the connection.
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

    /// Releases a held body, after a 100 (Continue) or a timeout.
    pub(super) fn release_body(&mut self) {
        if self.send == Send::Held {
            self.send = Send::Body;
        }
    }

    /// Records that the whole body was sent.
    pub(super) fn body_sent(&mut self) {
        if self.send == Send::Body {
            self.send = Send::Done;
        }
    }

    /// Stops sending the body before its end.
    pub(super) fn abort_sending(&mut self) {
        if matches!(self.send, Send::Held | Send::Body) {
            self.send = Send::Aborted;
            self.forbid(CloseReason::RequestUnfinished);
        }
    }

    /// Records the final head. `persists`: the peer keeps the connection open. `enough`: the server
    /// needs no more of the request's body.
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

    /// Records that the whole response was read.
    pub(super) fn response_ended(&mut self) {
        if self.receive == Receive::Body {
            self.receive = Receive::Done;
        }
    }

    /// Records that bytes arrived outside a response.
    pub(super) fn unsolicited(&mut self) {
        self.forbid(CloseReason::Unsolicited);
    }

    /// Records that the peer closed its side, outside a response or at the end of one.
    pub(super) fn closed(&mut self) {
        self.forbid(CloseReason::PeerAsked);
        self.abort_sending();
    }

    /// Records a violation by the peer.
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

    /// Every input of a [`State`], as [`Connection`](super::super::Connection) can make it.
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

    /// Returns the state after `input`, or `None` if the connection cannot make that input in this
    /// state.
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
                // Choose a state of this pair without a reason against reuse, if there is one.
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
