//! Checks made while a world of the event loop runs: the order of the line, connections with
//! unsolicited bytes, descriptors and deadlines. It also marks the states of calls.

use std::time::Duration;

use httpool::{
    call::{Call, Next},
    client::{Client, Closed, Opening, Waiting},
    error::{Cause, DialError, Failure, IoKind, ResolveKind, Unavailable},
    h1::CloseReason,
    id::{CallId, SocketId},
    pool::Evicted,
};

use super::{Outcome, base::Base, cases::Case, clock::LATE, marks::Mark, stage::Stage};

/// Checks a request that begins on a connection.
pub(super) fn begins(base: &mut Base, client: &Client, socket: SocketId, sock: u32) {
    let Some(call) = user(client, &base.cases, socket) else { return };
    let it = base.net.get(sock);
    if !it.tainted && it.poison_at.is_some_and(|at| it.shown > at) {
        let words = "is used after unsolicited bytes were read on it";
        base.stage.wrong(|| format!("call {call}: {socket} {words}"));
    }
    if it.unusable {
        let words = "is used after a body that its reader could not use";
        base.stage.wrong(|| format!("call {call}: {socket} {words}"));
    }
    let tainted = it.tainted;
    base.check_reuse(sock, call);
    let reused = base.cases[call as usize].id.and_then(|id| client.connection(id));
    if reused.is_some_and(|(_, reused)| reused) {
        let has_news = base.net.readable(sock);
        if has_news && base.plan.config.pool.probe_after.is_zero() {
            let words = "is used again without having been probed";
            base.stage.wrong(|| format!("call {call}: {socket} {words}"));
        }
    }
    if base.net.has_told(sock) {
        let words = "is used after a notice that its session has ended";
        base.stage.wrong(|| format!("call {call}: {socket} {words}"));
    }
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

/// Checks a failed call. A call may fail for want of a descriptor only if no connection is idle,
/// which could be closed for it, and none is in use, which would come back.
pub(super) fn fails(base: &mut Base, client: &Client, call: u32, failure: Failure) {
    let own = base.cases[call as usize].id.and_then(|id| client.call(id));
    base.check_preload(call, failure, own.is_some_and(|own| own.history().is_empty()));
    let short = matches!(
        failure.cause,
        Cause::Unavailable(Unavailable::Dial(
            DialError::Connect(IoKind::Exhausted) | DialError::Resolve(ResolveKind::Exhausted)
        ))
    );
    // A spent retry budget reports the first failure, and reports it late.
    if !short || base.plan.config.pool.retry_budget.is_some() {
        return;
    }
    base.stage.mark(Mark::CauseShort);
    let stats = client.stats();
    if stats.idle + stats.leased > 0 {
        base.stage
            .wrong(|| format!("call {call}: failed for want of a descriptor, with {stats:?}"));
    }
}

/// Checks a call that was refused because the line was full. The line must really be full, and the
/// call must have had to wait in it.
pub(super) fn refused(base: &mut Base, client: &Client, call: u32, id: CallId) {
    let Some(own) = client.call(id) else { return };
    let Next::Failed(Failure { cause: Cause::Unavailable(why), .. }) = own.next() else { return };
    let limits = &base.plan.config.pool;
    let key = own.key();
    let (all, own) = (client.stats(), client.key_stats(key));
    let full = match why {
        Unavailable::LineFull => all.waiting >= limits.waiting_max,
        Unavailable::KeyLineFull => own.waiting >= limits.waiting_per_key_max,
        _ => return,
    };
    // In a shortage of descriptors only the pool knows how much room there is.
    let room = all.idle > 0 || all.open < limits.open_max && !base.ran_short;
    let open_max = key.limits().map_or(limits.open_per_key_max, |own| own.open_max.max(1));
    let own_room = if own.open < open_max { room } else { own.idle > 0 };
    let dials = own_room && own.dialing < limits.dialing_per_key_max && own.waiting <= own.dialing;
    if !full || own.idle > 0 || own.dialing > own.waiting || dials {
        base.stage.wrong(|| format!("call {call}: {why}, with {all:?}, and of its key {own:?}"));
    }
}

/// Checks that the connections of a call's key keep to limits of the key's own.
pub(super) fn limits(stage: &mut Stage, client: &Client, id: CallId) {
    let Some(key) = client.call(id).map(Call::key) else { return };
    let Some(limits) = key.limits() else { return };
    let own = client.key_stats(key);
    if own.open > limits.open_max.max(1) || own.idle > limits.idle_max {
        stage.wrong(|| format!("{key}: {own:?} with {limits:?}"));
    }
}

/// Returns the call of the plan that uses a socket.
pub(super) fn user(client: &Client, cases: &[Case], socket: SocketId) -> Option<u32> {
    let uses = |case: &Case| {
        let id = case.id.filter(|_| case.is_live());
        id.and_then(|id| client.socket(id)) == Some(socket)
    };
    cases.iter().position(uses).map(|call| call as u32)
}

/// Checks that no call outlasts a deadline, and that reading unwanted bodies takes bounded time.
pub(super) fn overdue(base: &mut Base, client: &Client) {
    let Base { plan, stage, cases, .. } = base;
    let slack = if stage.noise.lazy { LATE } else { 0 };
    let now = stage.now;
    let passed = |time: u64, bound: Option<Duration>| {
        bound.is_some_and(|bound| u128::from(time.saturating_sub(slack)) > bound.as_nanos())
    };
    let mut known = 0;
    for (number, (case, script)) in cases.iter_mut().zip(&plan.calls).enumerate() {
        let timeout = &script.policy.timeout;
        let drain = Some(script.policy.drain_time_max.0);
        // For a call with a request body this time begins when that has been sent.
        let drains = script.body.len.is_some() || !passed(now - case.ended, drain);
        if case.outcome == Some(Outcome::Discarded) && drains {
            known += 1;
        }
        let Some(id) = case.id.filter(|_| case.is_live()) else { continue };
        known += 1;
        let (Some(waiting), Some(call)) = (client.why(id), client.call(id)) else { continue };
        if !matches!(waiting, Waiting::Drain) {
            case.drains = None;
        } else if passed(now - *case.drains.get_or_insert(now), drain) {
            stage.wrong(|| format!("call {number}: an unwanted body is read for too long"));
        }
        // A call may get a connection that turns out dead, and come back to the same dial, within
        // one event. It then wants a fresh connection, and its time begins anew.
        let past = (call.history().len(), call.want().fresh);
        let opens = client.dial_of(id).map(|conn| (conn, past));
        case.opens = opens.map(|(conn, past)| match case.opens {
            Some(known @ (same, then, _)) if (same, then) == (conn, past) => known,
            _ => (conn, past, now),
        });
        if case.opens.is_some_and(|(.., since)| passed(now - since, timeout.connect)) {
            stage.wrong(|| format!("call {number}: its connect timeout has passed"));
        }
        // Skips calls that send a body: other deadlines run, and the application may cause the
        // delay.
        if call.is_writing() || script.body.len.is_some() {
            continue;
        }
        let since = now - case.took.max(case.wrote).min(now);
        let late = match waiting {
            Waiting::Head => passed(now - case.wrote, timeout.first_byte),
            Waiting::Data => {
                let window = timeout.rate.filter(|it| it.bytes_per_second > 0).map(|it| it.window);
                passed(since, timeout.stall) || passed(case.in_window(stage), window)
            }
            _ => false,
        };
        if late {
            let what = format!("call {number} waits for {waiting}, and a deadline has passed");
            stage.wrong(|| what);
        }
    }
    let calls = client.calls();
    if calls > known {
        stage.wrong(|| {
            format!("{calls} calls run, but only {known} may: a discarded call has not ended")
        });
    }
}

/// Marks the retries, redirects and reuse that led to a call's answer.
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

/// Marks a call whose answer came before the server had taken its whole body.
pub(super) fn taken(stage: &mut Stage, client: &Client, id: CallId) {
    if client.call(id).is_some_and(|call| call.body_taken().is_some()) {
        stage.mark(Mark::BodyTaken);
    }
}

/// Marks the state of a call.
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
        Waiting::Drain => Mark::Drain,
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
        Closed::Evicted(Evicted::AddressGone) => Mark::CloseAddressGone,
        Closed::Unfinished => Mark::CloseUnfinished,
        Closed::Abandoned => Mark::CloseAbandoned,
        Closed::Failed => Mark::CloseFailed,
        _ => return,
    });
}
