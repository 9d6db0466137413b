//! The rules of [`Retry`], each with the behaviour of urllib3's that it follows.

use super::super::retry::{Again, Left, retry_after};
use super::*;
use crate::{error::TlsKind, message::Fields};

const LOST: Cause = Cause::Lost(IoKind::Eof);

#[test]
fn pauses_double_from_the_second_failure_on() {
    let retry =
        Retry::new(10).backoff(Duration::from_millis(100)).backoff_max(Duration::from_millis(700));
    let mut left = Left::all_of(&retry);
    let pauses: Vec<_> = (0..5)
        .map(|_| {
            assert_eq!(left.after_failure(&retry, LOST, true, &Method::GET), Again::Yes);
            left.pause(&retry, 0).as_millis()
        })
        .collect();
    assert_eq!(pauses, [0, 200, 400, 700, 700]);
}

#[test]
fn the_total_and_the_own_counter_both_bind() {
    let retry = Retry::new(3).read(1);
    let mut left = Left::all_of(&retry);
    assert_eq!(left.after_failure(&retry, LOST, true, &Method::GET), Again::Yes);
    assert_eq!(left.after_failure(&retry, LOST, true, &Method::GET), Again::Spent);
    let dial = Cause::Unavailable(Unavailable::Dial(DialError::Name));
    assert_eq!(left.after_failure(&retry, dial, false, &Method::POST), Again::Yes);
    assert_eq!(left.after_failure(&retry, dial, false, &Method::POST), Again::Yes);
    assert_eq!(left.after_failure(&retry, dial, false, &Method::POST), Again::Spent);
}

#[test]
fn what_the_server_may_have_seen_is_repeated_for_allowed_methods_only() {
    let retry = Retry::new(3);
    let mut left = Left::all_of(&retry);
    assert_eq!(left.after_failure(&retry, LOST, true, &Method::POST), Again::No);
    assert_eq!(left.after_failure(&retry, LOST, false, &Method::POST), Again::Yes);
}

#[test]
fn a_tls_failure_is_retried_only_if_another_attempt_could_succeed() {
    use TlsKind as T;
    let retry = Retry::new(3);
    let again = |why| {
        let again = |why| {
            let cause = Cause::Unavailable(Unavailable::Dial(why));
            Left::all_of(&retry).after_failure(&retry, cause, false, &Method::GET) == Again::Yes
        };
        let answer = again(DialError::Tls(why));
        assert_eq!(again(DialError::ProxyTls(why)), answer, "the same for a proxy");
        answer
    };
    for why in [T::Alert(80), T::Protocol, T::Lost(IoKind::Reset)] {
        assert!(again(why) && !why.is_permanent(), "{why:?}");
    }
    let permanent = [
        T::Expired,
        T::NotYetValid,
        T::Name,
        T::Issuer,
        T::Revoked,
        T::Purpose,
        T::Chain,
        T::Signature,
        T::Pin,
        T::ClientCertificateRequired,
        T::ClientCertificateRefused,
        T::Version,
        T::Parameters,
        T::Alpn,
        T::PlainHttp,
        T::NotTls,
        T::Config,
        T::Unavailable,
    ];
    for why in permanent {
        assert!(!again(why) && why.is_permanent(), "{why:?}");
    }
}

#[test]
fn spent_attempts_hand_over_or_raise() {
    let status = Status::new(503).unwrap();
    let mut retry = Retry::new(0);
    let mut left = Left::all_of(&retry);
    assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::No);
    retry.statuses.push(status);
    assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::Spent);
    retry.raise_on_status = false;
    assert_eq!(left.after_status(&retry, status, true, &Method::GET), Again::No);
}

#[test]
fn setters_take_values_and_options() {
    let mut expected = Retry::new(2);
    expected.total = None;
    expected.connect = Some(5);
    expected.methods = Some(vec![Method::GET]);
    expected.statuses = vec![Status::TOO_MANY_REQUESTS];
    let chained = Retry::new(2).total(None).connect(5).methods([Method::GET]);
    assert_eq!(chained.on_statuses([429, 42, 1_000]), expected, "no response has 42 or 1000");
    assert_eq!(Retry::new(2).any_method().methods, None);
}

#[test]
fn retry_after_in_seconds_and_as_a_date() {
    let after = |lines: &[u8], wall| {
        retry_after(&Fields::from_validated(lines), wall).map(|pause| pause.as_secs())
    };
    assert_eq!(after(b"Retry-After: 7\r\n", None), Some(7));
    assert_eq!(after(b"Retry-After: 99999999999999999999\r\n", None), Some(u64::MAX));
    let date = b"Retry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\n";
    assert_eq!(after(date, None), None);
    assert_eq!(after(date, Some(50)), Some(10));
    assert_eq!(after(date, Some(70)), Some(0));
    let own =
        b"Retry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\nDate: Thu, 01 Jan 1970 00:00:20 GMT\r\n";
    assert_eq!(after(own, Some(50)), Some(40));
    assert_eq!(after(b"Retry-After: soon\r\n", Some(50)), None);
}

fn dial(why: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(why))
}

/// Returns what follows each of these failures of a GET that was sent.
fn after<const N: usize>(retry: &Retry, causes: [Cause; N]) -> [Again; N] {
    let mut left = Left::all_of(retry);
    causes.map(|cause| {
        let sent = !matches!(cause, Cause::Unavailable(_));
        left.after_failure(retry, cause, sent, &Method::GET)
    })
}

const REFUSED: Cause = Cause::Unavailable(Unavailable::Dial(DialError::Connect(IoKind::Refused)));

#[test]
fn the_lower_of_total_and_a_counter_of_its_own_decides() {
    use Again::{Spent, Yes};
    let retry = Retry::new(2).connect(3);
    assert_eq!(after(&retry, [REFUSED; 3]), [Yes, Yes, Spent]);
    let retry = Retry::new(3).connect(2);
    assert_eq!(after(&retry, [REFUSED; 3]), [Yes, Yes, Spent]);
    let retry = Retry::new(3).read(2);
    assert_eq!(after(&retry, [LOST; 3]), [Yes, Yes, Spent]);
}

#[test]
fn without_a_total_only_the_counters_of_their_own_decide() {
    use Again::{Spent, Yes};
    let retry = Retry::new(0).total(None).connect(2);
    assert_eq!(after(&retry, [REFUSED; 3]), [Yes, Yes, Spent]);
    assert_eq!(after(&retry, [LOST; 20]), [Yes; 20]);
    assert_eq!(after(&retry.read(0), [LOST]), [Spent]);
}

#[test]
fn a_counter_of_zero_is_spent_by_the_first_failure_and_not_before() {
    assert_eq!(after(&Retry::new(0), [LOST]), [Again::Spent]);
    assert_eq!(after(&Retry::new(5).read(0), [REFUSED, LOST]), [Again::Yes, Again::Spent]);
}

#[test]
fn disabled_retries_report_the_failure_as_it_is() {
    assert_eq!(after(&Retry::off(), [LOST, REFUSED]), [Again::No; 2]);
    assert_eq!(after(&Retry::new(9).connect_disabled(true), [REFUSED]), [Again::No]);
    assert_eq!(after(&Retry::new(9).read_disabled(true), [LOST]), [Again::No]);
}

#[test]
fn numbers_and_truth_values_are_converted_as_urllib3_does() {
    let of = |retry: Retry| (retry.total, retry.count_redirects, retry.disabled);
    assert_eq!(of(Retry::urllib3()), (Some(3), true, false));
    assert_eq!(of(Retry::from(None)), (Some(3), true, false));
    assert_eq!(of(Retry::from(Some(10))), (Some(10), true, false));
    assert_eq!(of(Retry::from(0)), (Some(0), true, false));
    assert_eq!(of(Retry::from(true)), (Some(1), true, false), "True is 1");
    assert_eq!(of(Retry::from(false)), (Some(0), true, true));
    let Retry { connect, read, redirect, status, other, .. } = Retry::default();
    assert_eq!([connect, read, redirect, status, other], [None; 5]);
}

#[test]
fn a_failure_of_tls_or_of_a_proxy_counts_as_other_and_not_as_connect() {
    let retry = Retry::new(9).connect(0).other(1);
    for why in [
        DialError::Tls(TlsKind::Alert(80)),
        DialError::ProxyRefused(502),
        DialError::ProxyLost(IoKind::Eof),
        DialError::ProxyProtocol,
    ] {
        assert_eq!(after(&retry, [dial(why); 2]), [Again::Yes, Again::Spent], "{why:?}");
    }
    for why in [DialError::Name, DialError::Timeout(Deadline::Connect)] {
        assert_eq!(after(&retry, [dial(why)]), [Again::Spent], "{why:?}");
    }
}

#[test]
fn a_proxy_that_demands_credentials_is_never_asked_again() {
    for why in [DialError::ProxyLogin(407), DialError::ProxyCredentials] {
        assert_eq!(after(&Retry::new(9), [dial(why)]), [Again::No], "{why:?}");
    }
}

#[test]
fn a_refused_client_certificate_is_not_shown_again() {
    let refused = Cause::Tls(TlsKind::ClientCertificateRefused);
    assert_eq!(after(&Retry::new(9), [refused]), [Again::No]);
    assert_eq!(
        after(&Retry::new(1), [Cause::Tls(TlsKind::Alert(80)); 2]),
        [Again::Yes, Again::Spent]
    );
}

#[test]
fn a_counter_of_statuses_bounds_them_alone() {
    let retry = Retry::new(9).status(2).on_statuses([400]);
    let mut left = Left::all_of(&retry);
    let bad = Status::new(400).unwrap();
    let all = [(); 3].map(|()| left.after_status(&retry, bad, false, &Method::GET));
    assert_eq!(all, [Again::Yes, Again::Yes, Again::Spent]);
    assert_eq!(left.after_failure(&retry, LOST, true, &Method::GET), Again::Yes);
}

#[test]
fn statuses_are_retried_for_allowed_methods_and_for_all_without_a_list() {
    let busy = Status::SERVICE_UNAVAILABLE;
    let follows = |retry: &Retry, status, method| {
        Left::all_of(retry).after_status(retry, status, false, &method)
    };
    let retry = Retry::new(1).on_statuses(500..600);
    assert_eq!(follows(&retry, busy, Method::GET), Again::Yes);
    assert_eq!(follows(&retry, Status::new(418).unwrap(), Method::GET), Again::No);
    assert_eq!(follows(&retry, busy, Method::POST), Again::No);
    assert_eq!(follows(&retry.clone().any_method(), busy, Method::POST), Again::Yes);
    assert_eq!(follows(&retry.methods([Method::POST]), busy, Method::POST), Again::Yes);
    assert_eq!(follows(&Retry::new(1).any_method(), busy, Method::POST), Again::No);
}

#[test]
fn the_last_attempt_of_a_status_with_retry_after_is_returned_and_not_raised() {
    let retry = Retry::urllib3();
    let mut left = Left::all_of(&retry);
    let busy = Status::SERVICE_UNAVAILABLE;
    let all = [(); 4].map(|()| left.after_status(&retry, busy, true, &Method::GET));
    assert_eq!(all, [Again::Yes, Again::Yes, Again::Yes, Again::No]);
    let deaf = Retry::urllib3().respect_retry_after(false);
    let again = Left::all_of(&deaf).after_status(&deaf, busy, true, &Method::GET);
    assert_eq!((again, deaf.concerns(busy)), (Again::No, false));
}

#[test]
fn pauses_are_0_and_then_double_up_to_120_seconds() {
    let pauses = |retry: &Retry, random| {
        let mut left = Left::all_of(retry);
        [(); 12].map(|()| {
            let _ = left.after_failure(retry, LOST, true, &Method::GET);
            left.pause(retry, random).as_millis()
        })
    };
    let retry = Retry::new(100).backoff(Duration::from_millis(200));
    let expected = [0, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400];
    assert_eq!(pauses(&retry, 7)[..10], expected);
    assert_eq!(pauses(&retry, 7)[10..], [120_000, 120_000]);
    let short = retry.backoff_max(seconds(1));
    assert_eq!(pauses(&short, 7)[..5], [0, 400, 800, 1_000, 1_000]);
    let jitter = short.backoff_jitter(Duration::from_millis(400));
    assert_eq!(pauses(&jitter, u32::MAX / 2)[..4], [0, 599, 999, 1_000], "before the cap");
    assert_eq!(pauses(&Retry::new(100), 7), [0; 12]);
}

#[test]
fn a_redirect_begins_the_pauses_anew() {
    let retry = Retry::new(10).backoff(seconds(1));
    let mut left = Left::all_of(&retry);
    for _ in 0..2 {
        let _ = left.after_failure(&retry, LOST, true, &Method::GET);
    }
    assert_eq!(left.pause(&retry, 0), seconds(2));
    assert!(left.after_redirect(&retry));
    let _ = left.after_failure(&retry, LOST, true, &Method::GET);
    assert_eq!(left.pause(&retry, 0), seconds(0));
}

#[test]
fn redirects_and_failures_share_one_total() {
    let mut policy = Policy::default();
    policy.retry = Retry::urllib3();
    policy.redirect = Redirect::urllib3();
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(302, "/2"));
    world.lease(false).written().eof(true);
    world.lease(false).written().says(&redirect(302, "/3"));
    world.lease(false).written().says(&redirect(302, "/4"));
    assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::TooMany));
    assert!(world.call.retries_spent());
    let urls: Vec<_> = world.call.history().iter().map(|entry| entry.url.path()).collect();
    assert_eq!(urls, ["/1", "/2", "/2"]);
}

#[test]
fn one_redirect_too_many_is_raised_or_returned() {
    for raise in [true, false] {
        let mut policy = Policy::default();
        policy.retry = Retry::urllib3().redirect(0);
        policy.redirect = Redirect::urllib3().raise(raise);
        let mut world = World::get(policy);
        world.lease(false).written().says(&redirect(302, "/2"));
        let next = world.call.next();
        assert_eq!(matches!(next, Next::Failed(_)), raise, "{next:?}");
    }
}

#[test]
fn the_fields_that_other_origins_do_not_see_are_those_of_a_list_in_any_case() {
    let mut names: Vec<_> = Redirect::urllib3().strip;
    names.sort();
    assert_eq!(names, ["authorization", "cookie", "proxy-authorization"]);
    let mut policy = Policy::default();
    policy.redirect = Redirect::urllib3().strip_only(["X-API-Secret"]);
    let request = Request::get("http://a/1").header("x-api-secret", "s").header("Cookie", "c=1");
    let mut world = World::new(request.build().unwrap(), policy);
    world.lease(false).written().says(&redirect(302, "http://b/"));
    world.lease(false);
    assert!(world.head().contains("Cookie: c=1") && !world.head().contains("x-api-secret"));
}

#[test]
fn a_malformed_retry_after_is_ignored() {
    for bad in ["-1", "+1", "1.0", "\u{b2}", "", "soon"] {
        let line = format!("Retry-After: {bad}\r\n");
        assert_eq!(retry_after(&Fields::from_validated(line.as_bytes()), Some(0)), None, "{bad}");
        let mut world = World::get(retrying(1));
        world.lease(false).written();
        world.says(format!("HTTP/1.1 503 B\r\n{line}Content-Length: 0\r\n\r\n").as_bytes());
        assert_eq!(world.call.next(), Next::Checkout, "{bad}: retried after the backoff");
    }
    for (good, seconds) in [("0", 0), ("1000", 1_000), ("\t42 ", 42)] {
        let line = format!("Retry-After: {good}\r\n");
        let pause = retry_after(&Fields::from_validated(line.as_bytes()), None);
        assert_eq!(pause, Some(Duration::from_secs(seconds)));
    }
}

#[test]
fn a_retry_after_in_any_form_of_date_is_waited_for_and_one_in_the_past_is_not() {
    // One minute before these dates.
    let wall = Some(1_559_563_384);
    for (date, pause) in [
        ("Mon, 03 Jun 2019 12:04:04 GMT", 60),
        ("Monday, 03-Jun-19 12:04:04 GMT", 60),
        ("Mon Jun  3 12:04:04 2019", 60),
        ("Mon, 03 Jun 2019 11:30:12 GMT", 0),
        ("Monday, 03-Jun-19 11:30:12 GMT", 0),
        ("Mon Jun  3 11:30:12 2019", 0),
    ] {
        let line = format!("Retry-After: {date}\r\n");
        let found = retry_after(&Fields::from_validated(line.as_bytes()), wall);
        assert_eq!(found, Some(seconds(pause)), "{date}");
    }
}

#[test]
fn a_long_retry_after_is_cut_to_the_bound() {
    assert_eq!(Retry::default().retry_after_max, seconds(21_600));
    for (max, waits) in [(1, 1), (100, 30)] {
        let mut policy = retrying(1);
        policy.retry.retry_after_max = seconds(max);
        let mut world = World::get(policy);
        world.lease(false).written();
        world.says(b"HTTP/1.1 503 B\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(world.call.poll_timeout().unwrap().0, world.now.after(seconds(waits)));
    }
}

#[test]
fn a_redirect_waits_for_retry_after_only_if_the_policy_respects_it() {
    for respects in [true, false] {
        let mut policy = Policy::default();
        policy.retry.respect_retry_after = respects;
        let mut world = World::get(policy);
        world
            .lease(false)
            .written()
            .says(b"HTTP/1.1 302 R\r\nLocation: /2\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
        let expected = if respects { Next::Wait } else { Next::Checkout };
        assert_eq!(world.call.next(), expected);
    }
}

#[test]
fn each_ended_attempt_is_one_entry_of_the_history() {
    let mut policy = retrying(5);
    policy.retry.methods = None;
    let mut world = World::new(post(true), policy);
    world.call.lease_failed(Unavailable::Dial(DialError::Name), world.now);
    world.lease(false).written().body(3);
    world.says(b"HTTP/1.1 503 B\r\nContent-Length: 0\r\n\r\n");
    world.call.rewound(world.now);
    world.lease(false).written().body(3).says(&redirect(303, "/2"));
    let history = world.call.history();
    let entries = history
        .iter()
        .map(|it| (it.method.as_str(), it.url.path(), it.status.map(|it| it.as_u16()), it.cause));
    assert_eq!(
        entries.collect::<Vec<_>>(),
        [
            ("POST", "/1", None, Some(dial(DialError::Name))),
            ("POST", "/1", Some(503), None),
            ("POST", "/1", Some(303), None),
        ]
    );
}

#[test]
fn the_messages_of_spent_retries_name_their_reason() {
    let says = |cause: Cause| cause.to_string();
    assert!(
        says(Cause::Status(500)).contains("no retry is left, and the last response has status 500")
    );
    assert!(says(Cause::Redirect(RedirectError::TooMany)).contains("redirect"));
    assert!(says(REFUSED).contains("refused"));
}

#[test]
fn the_debug_text_of_a_retry_has_its_counters() {
    let text = format!("{:?}", Retry::urllib3().connect(1).read(2).redirect(3).status(4).other(5));
    for part in ["total: Some(3)", "connect: Some(1)", "read: Some(2)", "redirect: Some(3)"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains("status: Some(4)") && text.contains("other: Some(5)"), "{text}");
}
