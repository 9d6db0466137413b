//! Tests worlds from seeds, and hand-written worlds with a known result.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use httpool::{
    call::{Policy, Retry, Route, Routes},
    error::{Cause, DialError, IoKind, Reached, Unavailable},
    message::{Hop, HopKind, Method, Origin, Scheme, Status},
    replay,
    time::Deadline,
    trace::{Recorder, Redaction},
};
use httpool_sim::world::{
    Address, BodyPlan, CallPlan, Coverage, Finish, Framing, Names, OriginPlan, Outcome, Plan,
    Proxy, Random, Reading, Reply, record, run, run_threads, shrink, trace,
};

#[test]
fn two_thousand_worlds() {
    let mut coverage = Coverage::default();
    for nth in 0..2_000 {
        let seed = Random::nth(1, nth);
        match run(&Plan::from_seed(seed)) {
            Ok(report) => report.count(&mut coverage),
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    assert_eq!(coverage.worlds(), 2_000);
    assert!(coverage.calls() >= 6_000);
    // Only the worlds of threads have sessions.
    let holes: Vec<_> = coverage.holes().filter(|hole| !hole.contains("session")).collect();
    assert!(holes.len() < 4, "{holes:?}");
}

#[test]
fn the_worlds_of_threads_reach_all_that_sessions_do() {
    let mut coverage = Coverage::default();
    for nth in 0..400 {
        let seed = Random::nth(1, nth);
        match run_threads(&Plan::from_seed(seed)) {
            Ok(report) => report.count(&mut coverage),
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    let holes = coverage.holes().filter(|hole| hole.contains("session") || hole.contains("shake"));
    assert_eq!(holes.collect::<Vec<_>>(), <[&str; 0]>::default());
}

#[test]
fn a_seed_is_a_world_and_its_trace_is_that_world() {
    for seed in 0..100 {
        let plan = Plan::from_seed(seed);
        let (first, second) = (run(&plan).unwrap(), run(&Plan::from_seed(seed)).unwrap());
        assert_eq!(first.hash, second.hash, "seed {seed}");
        let (traced, lines) = trace(&plan);
        assert_eq!(first.hash, traced.unwrap().hash, "seed {seed}, traced");
        assert!(lines.len() > 5, "seed {seed}");
        assert_ne!(first.hash, run(&Plan::from_seed(seed + 1)).unwrap().hash);
    }
}

#[test]
fn what_the_machines_were_told_replays() {
    for nth in 0..60 {
        let plan = Plan::from_seed(Random::nth(2, nth));
        let text = Arc::new(Mutex::new(String::new()));
        let to = text.clone();
        let recorder = Recorder::new(Redaction::default(), move |line| {
            to.lock().unwrap().write_fmt(line).unwrap();
        });
        let recorded = record(&plan, Arc::new(recorder)).unwrap();
        assert_eq!(recorded.hash, run(&plan).unwrap().hash, "a recording changes nothing");
        let text = text.lock().unwrap();
        let summary = replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        assert_eq!(summary.calls, recorded.calls.len());
    }
}

/// Returns a plan of one call to one server without faults.
fn one(replies: Vec<Reply>, policy: Policy) -> Plan {
    let mut plan = Plan::new(1);
    plan.origins = vec![OriginPlan::new("http://a.test")];
    let mut call = CallPlan::get(0, Arc::new(policy));
    call.replies = replies;
    plan.calls = vec![call];
    plan
}

#[test]
fn time_is_virtual_and_exact() {
    let report = run(&one(vec![Reply::new(200).after(Duration::from_secs(7))], Policy::default()));
    let call = report.unwrap().calls[0];
    assert_eq!(call.outcome, Outcome::Response(200));
    // One round trip to connect, one for the request.
    assert_eq!(call.took, Duration::from_millis(7_004));
}

/// Returns a plan of one call to an `https` server, through an `https` proxy.
fn through_two_sessions(reply: Reply) -> Plan {
    let mut policy = Policy::default();
    let proxy = Hop::new(HopKind::Connect, Origin::new(Scheme::Https, "10.0.1.1", 443));
    policy.routes = Routes::default().https(Route::tunnel(proxy));
    let mut plan = one(vec![reply], policy);
    plan.sessions = true;
    plan.config.dial.tls_available = true;
    plan.origins = vec![OriginPlan::new("https://a.test"), OriginPlan::new("https://10.0.1.1")];
    plan.origins[1].proxy = Some(Proxy::Passes);
    plan
}

#[test]
fn a_call_goes_through_a_session_within_another() {
    let plan = through_two_sessions(Reply::new(200));
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        assert_eq!((call.outcome, call.arrivals), (Outcome::Response(200), 1));
        // A round trip for TCP, two for each handshake, one for CONNECT, one for the request.
        assert!(call.took >= Duration::from_millis(14), "{:?}", call.took);
    }
}

/// The oracle checks each of these worlds: without a notice from the origin, the body is cut.
#[test]
fn a_body_ends_with_the_notice_of_the_innermost_session() {
    let mut reply = Reply::new(200).finish(Finish::Cut(90));
    (reply.framing, reply.len) = (Framing::Close, 500);
    let plan = through_two_sessions(reply);
    for run in [run, run_threads] {
        // The seed decides which of the sessions end with notice.
        let is_whole = |seed: &u64| {
            let mut plan = plan.clone();
            plan.seed = *seed;
            let report = run(&plan).unwrap();
            report.calls[0].outcome == Outcome::Response(200)
        };
        let whole = (0..64).filter(is_whole).count();
        assert!((8..56).contains(&whole), "{whole} of 64");
    }
}

#[test]
fn a_deadline_passes_in_its_time() {
    let mut policy = Policy::default();
    policy.timeout.first_byte = Some(Duration::from_secs(3));
    let report = run(&one(vec![Reply::new(200).finish(Finish::Silent)], policy)).unwrap();
    let Outcome::Failed(failure) = report.calls[0].outcome else { panic!() };
    assert_eq!(failure.cause, Cause::Timeout(Deadline::FirstByte));
    assert_eq!(failure.reached, Reached::Sent);
    assert_eq!(report.calls[0].took, Duration::from_millis(3_002));
}

#[test]
fn backoff_doubles_and_attempts_are_counted() {
    let mut policy = Policy::default();
    policy.retry = Retry::new(3);
    policy.retry.statuses.extend(Status::new(500));
    policy.retry.backoff = Duration::from_secs(1);
    policy.retry.raise_on_status = false;
    let report = run(&one(vec![Reply::new(500)], policy)).unwrap();
    assert_eq!(report.calls[0].outcome, Outcome::Response(500));
    assert_eq!(report.calls[0].arrivals, 4);
    // Backoffs of 0, 2 and 4 seconds.
    assert_eq!(report.calls[0].took, Duration::from_millis(6_010));
}

#[test]
fn a_redirect_that_asks_for_a_wait_is_followed_in_its_time() {
    let mut job = Reply::new(303).retry_after(5);
    job.redirect = Some(0);
    let plan = one(vec![job.clone(), job, Reply::new(200)], Policy::default());
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        assert_eq!((call.outcome, call.arrivals), (Outcome::Response(200), 3));
        assert_eq!(call.took, Duration::from_millis(10_008));
    }
}

/// The server sends an unwanted body of 100 bytes, one every 10 seconds.
#[test]
fn an_unwanted_body_costs_half_a_second() {
    let mut drip = Reply::new(302);
    (drip.redirect, drip.len) = (Some(0), 100);
    drip.slow = Some((1, Duration::from_secs(10)));
    let plan = one(vec![drip, Reply::new(200)], Policy::default());
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        assert_eq!((call.outcome, call.arrivals), (Outcome::Response(200), 2));
        // Each of the two requests takes a round trip to connect and one for the exchange.
        assert_eq!(call.took, Duration::from_millis(508));
    }
}

#[test]
fn a_drip_of_framing_does_not_outlast_the_stall_deadline() {
    let mut drip = Reply::new(200);
    (drip.framing, drip.padding) = (Framing::Chunked, 50);
    drip.slow = Some((1, Duration::from_secs(7)));
    let plan = one(vec![drip], Policy::default());
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        let Outcome::Failed(failure) = call.outcome else { panic!("{call:?}") };
        assert_eq!(failure.cause, Cause::Timeout(Deadline::Stall));
        assert_eq!(call.took, Duration::from_millis(60_004));
    }
}

#[test]
fn a_post_is_not_repeated_when_a_server_acted_and_died() {
    let mut policy = Policy::default();
    policy.retry = Retry::new(3);
    let mut plan = one(vec![Reply::new(200).finish(Finish::Die)], policy);
    plan.calls[0].method = Method::POST;
    plan.calls[0].body = BodyPlan::of(100);
    let report = run(&plan).unwrap();
    let Outcome::Failed(failure) = report.calls[0].outcome else { panic!() };
    assert_eq!(failure.cause, Cause::Lost(IoKind::Eof));
    assert_eq!((report.calls[0].arrivals, report.calls[0].effects), (1, 1));
}

#[test]
fn a_second_address_is_tried_when_the_first_swallows_everything() {
    let mut plan = one(vec![Reply::new(200)], Policy::default());
    plan.origins[0].addresses = vec![Address::Never, Address::Up { after: Duration::ZERO }];
    plan.config.dial.connect_timeout = Some(Duration::from_secs(8));
    // By default the addresses race.
    assert_eq!(run(&plan).unwrap().calls[0].took, Duration::from_millis(254));
    plan.config.dial.race_after = None;
    let report = run(&plan).unwrap();
    assert_eq!(report.calls[0].outcome, Outcome::Response(200));
    assert_eq!(report.calls[0].took, Duration::from_millis(4_004));
    // If the call has less time than the connect timeout, the address has half of the call's time.
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_secs(2));
    plan.calls[0].policy = Arc::new(policy);
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        assert_eq!(call.outcome, Outcome::Response(200));
        assert_eq!(call.took.as_millis(), 1_004);
    }
}

/// The time for the look-up begins when the wait for a thread ends.
#[test]
fn a_look_up_that_waits_for_a_thread_has_as_much_time_after_that() {
    let mut plan = one(vec![Reply::new(200)], Policy::default());
    plan.config.dial.resolve_timeout = Some(Duration::from_secs(1));
    plan.origins[0].names = Names::Found { after: Duration::from_millis(900) };
    plan.origins[0].queued = Some(Duration::from_millis(900));
    for run in [run, run_threads] {
        assert_eq!(run(&plan).unwrap().calls[0].outcome, Outcome::Response(200));
    }
    for (queued, after, which) in [(1_100, 0, Deadline::Resolver), (100, 1_100, Deadline::Resolve)]
    {
        plan.origins[0].names = Names::Found { after: Duration::from_millis(after) };
        plan.origins[0].queued = Some(Duration::from_millis(queued));
        for run in [run, run_threads] {
            let Outcome::Failed(failure) = run(&plan).unwrap().calls[0].outcome else { panic!() };
            let late = Unavailable::Dial(DialError::Timeout(which));
            assert_eq!(failure.cause, Cause::Unavailable(late));
        }
    }
}

// ---- Faults that the worlds have found, reduced -----------------------------------------

/// The response was never read on, and its connection was held for ever.
#[test]
fn a_response_that_is_discarded_while_paused_is_read_on() {
    let mut reply = Reply::new(200);
    (reply.len, reply.drip) = (100, Some((20, Duration::from_millis(1))));
    let mut policy = Policy::default();
    policy.timeout.stall = None;
    let mut plan = one(vec![reply], policy);
    plan.calls[0].reading =
        vec![(10, Reading::Pause(Duration::from_secs(1))), (10, Reading::Discard)];
    assert_eq!(run(&plan).unwrap().calls[0].outcome, Outcome::Discarded);
}

/// The failure was reported although the application had cancelled the call at the same moment.
#[test]
fn a_call_that_is_given_up_as_it_fails_says_nothing() {
    let mut plan = one(vec![Reply::new(200)], Policy::default());
    plan.calls = vec![plan.calls[0].clone(), plan.calls[0].clone()];
    plan.calls[1].cancel = Some(Duration::ZERO);
    plan.config.pool.waiting_max = 1;
    plan.config.pool.open_max = 1;
    plan.noise.lazy = true;
    for seed in 0..64 {
        plan.seed = seed;
        let report = run(&plan).unwrap();
        assert_eq!(report.calls[0].outcome, Outcome::Response(200));
        assert_ne!(report.calls[1].outcome, Outcome::Response(200));
    }
}

/// The first bytes of the other protocol were taken for unsolicited bytes on an idle connection.
#[test]
fn another_protocol_loses_no_byte() {
    let mut reply = Reply::new(200);
    reply.status = 101;
    let mut plan = one(vec![reply], Policy::default());
    plan.calls[0].upgrade = true;
    for run in [run, run_threads] {
        assert_eq!(run(&plan).unwrap().calls[0].outcome, Outcome::HandOver);
    }
}

/// The server sends a few bytes all the time, so no single read waits for long.
#[test]
fn a_slow_drip_does_not_outlast_the_total_deadline() {
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_millis(500));
    let mut drip = Reply::new(200);
    (drip.len, drip.drip) = (10_000, Some((10, Duration::from_millis(1))));
    let plan = one(vec![drip], policy);
    for run in [run, run_threads] {
        let call = run(&plan).unwrap().calls[0];
        let Outcome::Failed(failure) = call.outcome else { panic!("{call:?}") };
        assert_eq!(failure.cause, Cause::Timeout(Deadline::Total));
        assert!(call.took < Duration::from_millis(502), "{call:?}");
    }
}

/// The receive timeout of a short wait stayed on the socket, and woke the thread every millisecond.
#[test]
fn a_thread_without_a_deadline_is_not_woken_for_one() {
    let mut policy = Policy::default();
    policy.timeout.stall = None;
    policy.timeout.first_byte = None;
    policy.timeout.expect_continue = Duration::from_millis(3);
    let mut late = Reply::new(200).after(Duration::from_secs(3_000));
    late.continues = false;
    let mut plan = one(vec![late], policy);
    plan.calls[0].method = Method::PUT;
    (plan.calls[0].body, plan.calls[0].expect) = (BodyPlan::of(10), true);
    let report = run_threads(&plan).unwrap();
    assert_eq!(report.calls[0].outcome, Outcome::Response(200));
    assert!(report.steps < 1_000, "{} steps", report.steps);
}

#[test]
fn threads_play_the_same_worlds_each_time() {
    for seed in 0..200 {
        let plan = Plan::from_seed(seed);
        match (run_threads(&plan), run_threads(&plan)) {
            (Ok(first), Ok(second)) => assert_eq!(first.hash, second.hash, "seed {seed}"),
            (Err(violation), _) | (_, Err(violation)) => panic!("seed {seed}: {violation}"),
        }
    }
}

/// The oracle objects to a world in which a call can never end: no deadline, and no answer.
#[test]
fn a_hang_is_found_and_shrunk() {
    let mut policy = Policy::default();
    policy.timeout.first_byte = None;
    let mut plan = Plan::from_seed(5);
    plan.origins = vec![OriginPlan::new("http://a.test")];
    plan.origins[0].names = Names::Found { after: Duration::from_millis(3) };
    let mut silent = CallPlan::get(0, Arc::new(policy));
    silent.replies = vec![Reply::new(200).finish(Finish::Silent)];
    plan.faults.clear();
    plan.close = None;
    plan.config = Default::default();
    plan.calls = (0..5).map(|_| CallPlan::get(0, Arc::default())).collect();
    plan.calls.insert(2, silent);
    let violation = run(&plan).unwrap_err();
    assert!(violation.what.starts_with("call 2 hangs"), "{violation}");
    let (small, violation) = shrink(&plan, run).unwrap();
    assert_eq!(small.calls.len(), 1);
    assert!(violation.what.starts_with("call 0 hangs"), "{violation}");
    let (result, lines) = trace(&small);
    assert!(result.is_err() && lines.iter().any(|line| line.contains("WRONG")));
}
