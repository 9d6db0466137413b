//! The retries and redirects of urllib3's own tests.

use super::*;
use crate::error::TlsKind;

const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
const REFUSED: Unavailable = Unavailable::Dial(DialError::Connect(IoKind::Refused));

fn with(retry: Retry) -> Policy {
    let mut policy = Policy::default();
    policy.retry = retry;
    policy
}

/// Lets opening a connection fail, until that is the failure of the call. Returns how often it was
/// tried.
fn dials(world: &mut World) -> usize {
    for tries in 1.. {
        world.call.lease_failed(REFUSED, world.now);
        if world.call.next() != Next::Checkout {
            assert_eq!(world.failed().cause, Cause::Unavailable(REFUSED));
            return tries;
        }
    }
    unreachable!("a bound is set")
}

#[test]
fn a_failed_handshake_counts_as_other_if_another_could_succeed() {
    for (why, retry, tries) in [
        (TlsKind::Protocol, Retry::new(3), 4),
        (TlsKind::Lost(IoKind::Reset), Retry::new(3).connect(0).other(1), 2),
        (TlsKind::Protocol, Retry::new(3).connect(0).other(0), 1),
        (TlsKind::Issuer, Retry::new(3), 1),
        (TlsKind::Name, Retry::new(3), 1),
        (TlsKind::Pin, Retry::new(3), 1),
    ] {
        let mut world = World::get(with(retry));
        let failure = Unavailable::Dial(DialError::Tls(why));
        let mut tried = 0;
        while world.call.next() == Next::Checkout {
            world.call.lease_failed(failure, world.now);
            tried += 1;
        }
        assert_eq!((world.failed().cause, tried), (Cause::Unavailable(failure), tries), "{why:?}");
    }
}

/// Lets the server close each connection when it has the request, until that is the failure of the
/// call. Returns how often the request was sent.
fn sends(world: &mut World) -> usize {
    for tries in 1.. {
        world.lease(false).written().eof(true);
        if world.call.next() != Next::Checkout {
            assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
            return tries;
        }
    }
    unreachable!("a bound is set")
}

#[test]
fn the_lower_of_the_total_and_the_own_counter_counts() {
    for (retry, tries) in [
        (Retry::new(2).connect(3), 3),
        (Retry::new(3).connect(2), 3),
        (Retry::default().total(None).connect(2), 3),
        (Retry::new(0), 1),
        (Retry::new(3).connect(0), 1),
        // A failure of another kind does not count.
        (Retry::new(3).read(0).redirect(0).status(0).other(0), 4),
    ] {
        assert_eq!(dials(&mut World::get(with(retry.clone()))), tries, "{retry:?}");
    }
    for (retry, tries) in [
        (Retry::new(3).read(2), 3),
        (Retry::new(2).read(3), 3),
        (Retry::new(3).read(0), 1),
        (Retry::default().total(None).connect(2).read(20), 21),
        (Retry::new(3).connect(0).other(0), 4),
    ] {
        assert_eq!(sends(&mut World::get(with(retry.clone()))), tries, "{retry:?}");
    }
}

#[test]
fn a_dead_connection_leaves_the_failure_of_a_post_as_it_is() {
    let request = Request::post("http://a/1").build().unwrap();
    let mut world = World::new(request, with(Retry::new(3)));
    assert_eq!(sends(&mut world), 1);
    assert!(world.call.history().is_empty());
    let any = with(Retry::new(3).any_method());
    let request = Request::post("http://a/1").build().unwrap();
    assert_eq!(sends(&mut World::new(request, any)), 4);
}

#[test]
fn a_status_is_retried_if_its_number_and_the_method_are_listed() {
    let teapot = b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n";
    let listed = || Retry::new(1).on_statuses([418]);
    for (method, retry, retried) in [
        ("GET", listed(), true),
        ("OPTIONS", listed(), true),
        ("GET", Retry::new(1), false),
        ("GET", Retry::new(1).on_statuses(400..418), false),
        ("GET", Retry::new(1).on_statuses(400..419), true),
        ("GET", Retry::new(1).on_statuses(Vec::<Status>::new()).read(1), false),
        ("POST", listed(), false),
        ("GET", listed().methods([Method::POST]), false),
        ("POST", listed().methods([Method::POST]), true),
        ("POST", listed().any_method(), true),
        ("GET", listed().read(0), true),
        ("GET", Retry::default().total(None).status(1).on_statuses([418]), true),
    ] {
        let request = Request::builder(Method::new(method).unwrap(), "http://a/1");
        let mut world = World::new(request.build().unwrap(), with(retry.clone()));
        world.lease(false).written().says(teapot);
        if !retried {
            assert_eq!(world.told, ["head 418", "end"], "{method} {retry:?}");
            continue;
        }
        world.lease(false).written().says(OK);
        assert_eq!(world.told, ["head 200", "data hi", "end"], "{method} {retry:?}");
        assert_eq!(world.call.history()[0].status.unwrap(), 418);
    }
}

#[test]
fn one_status_more_than_the_counter_allows_is_an_error_that_names_it() {
    let retry = Retry::new(10).status(2).on_statuses([503]);
    let mut world = World::get(with(retry));
    for _ in 0..3 {
        world.lease(false).written().says(BUSY);
    }
    assert_eq!(world.failed().cause, Cause::Status(503));
    assert!(world.failed().to_string().contains("503"), "{}", world.failed());
    assert_eq!(world.call.history().len(), 2);
}

/// Lets the pause before the next attempt pass, and returns its length.
fn pause(world: &mut World) -> Duration {
    if world.call.next() != Next::Wait {
        return Duration::ZERO;
    }
    let pause = world.call.poll_timeout().unwrap().0.since(world.now);
    world.after(pause);
    pause
}

/// The pauses after each of `count` answers with 503, in milliseconds.
fn pauses(retry: Retry, count: usize) -> Vec<u128> {
    let mut world = World::get(with(retry.on_statuses([503])));
    let mut pauses = Vec::new();
    for _ in 0..count {
        world.lease(false).written().says(BUSY);
        pauses.push(pause(&mut world).as_millis());
    }
    pauses
}

#[test]
fn pauses_are_those_of_urllib3_up_to_its_longest() {
    let fifth = || Retry::new(100).backoff(Duration::from_millis(200));
    let mut expected = vec![0];
    expected.extend((1..=9).map(|n| 200 << n));
    expected.extend([120_000, 120_000]);
    assert_eq!(pauses(fifth(), 12), expected);
    assert_eq!(pauses(fifth().backoff_max(seconds(1)), 5), [0, 400, 800, 1_000, 1_000]);
    assert_eq!(pauses(Retry::new(100), 4), [0; 4]);
}

#[test]
fn jitter_is_added_below_the_longest_pause_and_never_to_the_first() {
    let base = [0, 400, 800, 1_600, 3_200, 5_000, 5_000];
    let jittered = Retry::new(100)
        .backoff(Duration::from_millis(200))
        .backoff_jitter(Duration::from_millis(400))
        .backoff_max(seconds(5));
    let seen = pauses(jittered.clone(), base.len());
    for (pause, base) in seen.iter().zip(base) {
        let most = if base == 0 { 0 } else { (base + 400).min(5_000) };
        assert!((base..=most).contains(pause), "{seen:?}");
    }
    assert_ne!(seen, base, "some jitter");
    assert_eq!(seen, pauses(jittered, base.len()), "the seed decides");
}

#[test]
fn a_redirect_begins_the_pauses_anew() {
    let retry = Retry::new(100).backoff(seconds(1)).on_statuses([503]);
    let mut world = World::get(with(retry));
    let mut seen = Vec::new();
    for answer in [BUSY, BUSY, &redirect(302, "/2"), BUSY, BUSY, BUSY] {
        world.lease(false).written().says(answer);
        seen.push(pause(&mut world).as_secs());
    }
    assert_eq!(seen, [0, 2, 0, 0, 2, 4]);
}

/// How long a call pauses after a 503 with this field, in seconds; `None` if it does not pause.
fn asked(value: &str, change: impl FnOnce(&mut Retry)) -> Option<u64> {
    let mut retry = Retry::new(3).on_statuses([503]);
    change(&mut retry);
    let mut world = World::get(with(retry));
    world.call.set_wall_clock(seconds(1_567_000_000));
    world.lease(false).written();
    let answer = format!("HTTP/1.1 503 B\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
    world.says(answer.as_bytes());
    let pause = pause(&mut world).as_secs();
    (pause > 0).then_some(pause)
}

#[test]
fn retry_after_has_seconds_or_one_of_three_dates() {
    for (value, pause) in [
        ("3600", Some(3_600)),
        ("\t42 ", Some(42)),
        ("0", None),
        // 1,567,000,000 is Wed, 28 Aug 2019 13:46:40 GMT.
        ("Wed, 28 Aug 2019 14:46:40 GMT", Some(3_600)),
        ("Wednesday, 28-Aug-19 14:46:40 GMT", Some(3_600)),
        ("Wed Aug 28 14:46:40 2019", Some(3_600)),
        ("Wed, 28 Aug 2019 12:46:40 GMT", None),
        ("Wed Aug 28 12:46:40 2019", None),
        // No value of Retry-After. urllib3 raises InvalidHeader, and this client goes on.
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("\u{b2}", None),
        ("", None),
        // Not longer than retry_after_max.
        ("99999999", Some(21_600)),
    ] {
        assert_eq!(asked(value, |_| {}), pause, "{value:?}");
    }
    assert_eq!(asked("3600", |retry| retry.retry_after_max = seconds(1)), Some(1));
    assert_eq!(asked("3600", |retry| retry.respect_retry_after = false), None);
}

#[test]
fn three_statuses_with_retry_after_are_retried_unlisted() {
    for (status, retried) in [(413, true), (429, true), (503, true), (418, false), (500, false)] {
        for retry in [Retry::new(1), Retry::default()] {
            let allowed = retry.total == Some(1);
            let mut world = World::get(with(retry));
            world.lease(false).written();
            let head =
                format!("HTTP/1.1 {status} N\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
            world.says(head.as_bytes());
            assert_eq!(world.call.next() == Next::Wait, retried && allowed, "{status}");
        }
    }
}

#[test]
fn the_history_has_every_redirect_in_order_and_none_where_none_is_followed() {
    let chain = [(303, "/b"), (302, "/c"), (301, "/d"), (307, "/e"), (302, "/f")];
    let mut world = World::get(Policy::default());
    for (status, to) in chain {
        world.lease(false).written().says(&redirect(status, to));
    }
    world.lease(false).written().says(OK);
    let history = world.call.history().iter();
    let seen: Vec<_> =
        history.map(|at| (at.status.unwrap().as_u16(), at.url.path(), at.cause)).collect();
    let paths = ["/1", "/b", "/c", "/d", "/e"];
    let expected: Vec<_> =
        chain.iter().zip(paths).map(|((status, _), path)| (*status, path, None)).collect();
    assert_eq!(seen, expected);
    assert_eq!(world.call.request().url().path(), "/f");

    let mut policy = Policy::default();
    policy.redirect = Redirect::none();
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(303, "/b"));
    assert!(world.call.history().is_empty());
}

#[test]
fn redirects_count_for_the_retries_of_urllib3() {
    let counting = |retry: Retry, raise| {
        let mut policy = with(retry.count_redirects(true));
        policy.redirect = Redirect::urllib3().raise(raise);
        policy
    };
    for (retry, hops) in [
        (Retry::new(0), 0),
        (Retry::new(1), 1),
        (Retry::new(2), 2),
        (Retry::new(10).redirect(1), 1),
        (Retry::default().total(None).redirect(1), 1),
    ] {
        for raise in [true, false] {
            let mut world = World::get(counting(retry.clone(), raise));
            for _ in 0..=hops {
                world.lease(false).written().says(&redirect(303, "/2"));
            }
            if raise {
                assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::TooMany));
            } else {
                assert_eq!(world.told, ["head 303", "data bye", "end"], "{retry:?}");
            }
        }
    }
}

#[test]
fn fields_to_strip_are_named_in_any_case_and_may_be_none() {
    let request = || {
        Request::get("http://a/1")
            .header("authorization", "a")
            .header("COOKIE", "c")
            .header("Proxy-Authorization", "p")
            .header("x-API-secret", "s")
            .build()
            .unwrap()
    };
    let every = ["authorization", "cookie", "x-api-secret"];
    let urllib3 = Redirect::urllib3();
    for (rules, kept) in [
        (urllib3.clone(), &every[2..]),
        (urllib3.clone().strip_only(Vec::<&str>::new()), &every[..]),
        (urllib3.strip_only(["X-API-Secret"]), &every[..2]),
    ] {
        let mut policy = Policy::default();
        policy.redirect = rules;
        let mut world = World::new(request(), policy);
        world.lease(false).written().says(&redirect(302, "http://b/2"));
        let head = world.lease(false).head().to_lowercase();
        for name in every {
            assert_eq!(head.contains(name), kept.contains(&name), "{name} in {head}");
        }
    }
}

#[test]
fn another_attempt_is_chunked_as_the_first_was() {
    let request = || {
        let body = BodyLength::Unknown { replayable: true };
        Request::put("http://a/1").body(body).build().unwrap()
    };
    for (answer, eof) in [
        (&b"HTTP/1.1 429 Later\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"[..], false),
        (b"HTTP/1.1 301 Moved\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", false),
        // Not a version of HTTP that there is.
        (b"HTTP/0.5 200 OK\r\n\r\n", false),
        (b"", true),
    ] {
        let mut world = World::new(request(), with(Retry::new(1)));
        world.lease(false);
        assert!(world.head().contains("Transfer-Encoding: chunked\r\n"));
        world.written().body(3);
        if eof {
            world.eof(true)
        } else {
            world.says(answer)
        };
        assert_eq!(world.call.next(), Next::Rewind, "{}", answer.escape_ascii());
        world.call.rewound(world.now);
        world.lease(false);
        let head = world.head();
        assert_eq!(head.matches("Transfer-Encoding: chunked\r\n").count(), 1, "{head}");
        world.written().body(3).says(OK);
        assert_eq!(world.told, ["head 200", "data hi", "end"]);
    }
}

#[test]
fn a_retry_goes_on_although_the_body_of_the_answer_before_is_cut() {
    let mut world = World::get(with(Retry::new(1).on_statuses([404])));
    world.lease(false).written();
    world.says(b"HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\nhe").eof(true);
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
    world.lease(false).written().says(OK);
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
}

#[test]
fn a_see_other_takes_body_and_the_fields_about_it_away() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::urllib3();
    for body in
        [BodyLength::Known { len: 3, replayable: false }, BodyLength::Unknown { replayable: false }]
    {
        let request = Request::post("http://a/1")
            .header("Content-Type", "text/plain")
            .header("Content-Encoding", "gzip")
            .header("X-Kept", "1")
            .body(body);
        let mut world = World::new(request.build().unwrap(), policy.clone());
        world.lease(false).written().body(3).says(&redirect(303, "/2"));
        let head = world.lease(false).head();
        assert_eq!(head, "GET /2 HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\n\r\n", "{body:?}");
    }
}

#[test]
fn a_location_with_another_scheme_is_an_error_that_names_it() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(&redirect(303, "unknown://a/"));
    assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::Scheme));
    assert_eq!(world.call.refused_redirect(), Some("unknown://a/"));
}

#[test]
fn one_budget_counts_the_redirects_over_all_hosts() {
    let mut policy = with(Retry::new(2).count_redirects(true));
    policy.redirect = Redirect::urllib3();
    let mut world = World::get(policy);
    for hop in 0..3 {
        world.lease(false).written().says(&redirect(302, &format!("http://b{hop}/")));
    }
    assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::TooMany));
    assert_eq!(world.call.history().len(), 2);
}

/// The examples of RFC 3986 5.4.1 and 5.4.2 that are `http`, and what servers write beside them.
#[test]
fn a_location_is_resolved_against_the_url_of_the_request() {
    for (location, url) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        (";x", "http://a/b/c/;x"),
        ("g;x=1/../y", "http://a/b/c/y"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("HTTP://B:80/x", "http://b/x"),
        ("https://b:443", "https://b/"),
        ("//b:81/x", "http://b:81/x"),
        ("/a b", "http://a/a%20b"),
        ("/\u{fc}?\u{fc}", "http://a/%C3%BC?%C3%BC"),
        ("/%2e%2E/x%2fy", "http://a/x%2fy"),
        ("/x?u=http://c/", "http://a/x?u=http://c/"),
    ] {
        let request = Request::get("http://a/b/c/d;p?q").build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written().says(&redirect(302, location));
        assert_eq!(world.call.next(), Next::Checkout, "{location}");
        assert_eq!(world.call.request().url().as_str(), url, "{location}");
    }
    // Bytes that are no UTF-8 are percent-encoded one by one.
    let mut world = World::get(Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 302 R\r\nLocation: /\xfc\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.call.request().url().as_str(), "http://a/%FC");
}
