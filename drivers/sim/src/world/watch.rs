//! What is looked at while a world runs: the order of the line, poisoned connections, and where
//! calls are.

use httpool::{
    client::{Client, Closed, Opening, Waiting},
    h1::CloseReason,
    id::{CallId, ConnId},
    pool::Evicted,
};

use super::{base::Base, cases::Case, marks::Mark, stage::Stage};

/// A request begins on a connection.
pub(super) fn begins(base: &mut Base, client: &Client, conn: ConnId, sock: u32) {
    let Some(call) = user(client, &base.cases, conn) else { return };
    let it = base.net.get(sock);
    if !it.tainted && it.poison_at.is_some_and(|at| it.shown > at) {
        let words = "is used, and spoke before without being asked";
        base.stage.wrong(|| format!("call {call}: {conn} {words}"));
    }
    let tainted = it.tainted;
    let case = &mut base.cases[call as usize];
    case.tainted |= tainted;
    let Some(own) = case.id.and_then(|id| client.call(id)) else { return };
    let past = own.history().len() as u32;
    let (again, order) = (case.attempts > 0 && case.past == past, case.order);
    if again {
        base.stage.mark(Mark::Again);
    } else if past == 0 {
        let overtaken = base.cases.iter().position(|other| {
            let Some(id) = other.id.filter(|_| other.is_live() && other.order < order) else {
                return false;
            };
            client.connection(id).is_none()
                && client
                    .call(id)
                    .is_some_and(|it| it.history().is_empty() && it.key() == own.key())
        });
        if let Some(other) = overtaken {
            base.stage.wrong(|| format!("call {call} is served before call {other}"));
        }
    }
    let case = &mut base.cases[call as usize];
    (case.attempts, case.past) = (case.attempts + 1, past);
}

/// The call of the plan that uses a connection.
pub(super) fn user(client: &Client, cases: &[Case], conn: ConnId) -> Option<u32> {
    let uses = |case: &Case| {
        let id = case.id.filter(|_| case.is_live())?;
        client.connection(id).filter(|(used, _)| *used == conn)
    };
    // Of those that used it, the one that does: the others are further, or over.
    let mut users = cases.iter().enumerate().filter(|(_, case)| uses(case).is_some());
    let first = users.next()?;
    let of = users.fold(first, |one, other| {
        let exchanging = |case: &Case| {
            let waiting = case.id.and_then(|id| client.why(id));
            !matches!(
                waiting,
                Some(
                    Waiting::Line(_)
                        | Waiting::Dial(..)
                        | Waiting::Pause(_)
                        | Waiting::Rewind
                        | Waiting::Nothing
                )
            )
        };
        if exchanging(other.1) { other } else { one }
    });
    Some(of.0 as u32)
}

/// How a call came to its answer.
pub(super) fn course(stage: &mut Stage, client: &Client, id: CallId) {
    if client.connection(id).is_some_and(|(_, reused)| reused) {
        stage.mark(Mark::Reused);
    }
    let Some(call) = client.call(id) else { return };
    if !call.key().hops().is_empty() {
        stage.mark(Mark::Tunnelled);
    }
    for past in call.history() {
        if past.status.is_some_and(|status| status == 417) {
            stage.mark(Mark::Expectation);
        }
        let redirected = past.status.is_some_and(|status| status.is_redirection());
        stage.mark(if redirected { Mark::Redirected } else { Mark::Retried });
        let elsewhere = past.url.host_str() != call.request().url().host_str();
        if redirected && elsewhere {
            stage.mark(Mark::RedirectedElsewhere);
        }
    }
}

/// Whether the answer of a call has needed less than its whole body.
pub(super) fn taken(stage: &mut Stage, client: &Client, id: CallId) {
    if client.call(id).is_some_and(|call| call.body_taken().is_some()) {
        stage.mark(Mark::BodyTaken);
    }
}

/// Where a call is.
pub(super) fn state(stage: &mut Stage, client: &Client, id: CallId) {
    let Some(waiting) = client.why(id) else { return };
    stage.mark(match waiting {
        Waiting::Line(_) => Mark::Line,
        Waiting::Dial(_, Opening::Name) => Mark::DialName,
        Waiting::Dial(_, Opening::Tls) => Mark::DialTls,
        Waiting::Dial(_, Opening::Proxy) => Mark::DialProxy,
        Waiting::Dial(..) => Mark::DialTcp,
        Waiting::Rewind => Mark::Rewind,
        Waiting::Body => Mark::Body,
        Waiting::Room => Mark::Room,
        Waiting::Continue => Mark::Continue,
        Waiting::Head => Mark::Head,
        Waiting::Data => Mark::Data,
        Waiting::Reader => Mark::Reader,
        Waiting::Pause(_) => Mark::Pause,
        _ => return,
    });
}

pub(super) fn closed(stage: &mut Stage, why: Closed) {
    stage.mark(match why {
        Closed::Used(CloseReason::PeerAsked) => Mark::ClosePeerAsked,
        Closed::Used(CloseReason::WeAsked) => Mark::CloseWeAsked,
        Closed::Used(CloseReason::CloseDelimited) => Mark::CloseDelimited,
        Closed::Used(CloseReason::RequestUnfinished) => Mark::CloseRequestUnfinished,
        Closed::Used(CloseReason::Violation) => Mark::CloseViolation,
        Closed::Evicted(Evicted::Idle) => Mark::CloseIdle,
        Closed::Evicted(Evicted::Age) => Mark::CloseAge,
        Closed::Evicted(Evicted::Surplus) => Mark::CloseSurplus,
        Closed::Evicted(Evicted::MadeRoom) => Mark::CloseMadeRoom,
        Closed::Evicted(Evicted::Lost) => Mark::CloseLost,
        Closed::Evicted(Evicted::Closed) => Mark::CloseClosed,
        Closed::Unfinished => Mark::CloseUnfinished,
        Closed::Abandoned => Mark::CloseAbandoned,
        Closed::Failed => Mark::CloseFailed,
        _ => return,
    });
}
