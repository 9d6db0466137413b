//! Redirects: which are followed, and what goes along.

use super::*;

#[test]
fn a_redirect_is_drained_and_followed_on_the_same_connection() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(&redirect(302, "/2"));
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![true]));
    world.lease(false).written().says(OK);
    assert!(world.head().starts_with("GET /2 "));
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
    assert_eq!(world.call.history()[0].status, Status::new(302));
}

#[test]
fn a_long_or_endless_body_of_a_redirect_is_not_read() {
    for framing in ["Content-Length: 9999999", "X: y"] {
        let mut world = World::get(Policy::default());
        world.lease(false).written();
        world.says(format!("HTTP/1.1 302 R\r\nLocation: /2\r\n{framing}\r\n\r\n").as_bytes());
        assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
    }
}

#[test]
fn methods_change_as_on_the_web() {
    for (status, method, after) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let request = Request::builder(Method::new(method).unwrap(), "http://a/1").build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written().says(&redirect(status, "/2"));
        world.lease(false);
        assert!(world.head().starts_with(&format!("{after} /2 ")), "{status} {}", world.head());
    }
}

#[test]
fn a_post_stays_one_after_the_statuses_that_say_so() {
    let kept = [301, 303].map(|status| Status::new(status).unwrap());
    for (status, method, after) in
        [(301, "POST", "POST"), (302, "POST", "GET"), (303, "POST", "POST"), (303, "PUT", "GET")]
    {
        let request = Request::builder(Method::new(method).unwrap(), "http://a/1").build().unwrap();
        let mut policy = Policy::default();
        policy.redirect = Redirect::default().post_stays_after(kept);
        let mut world = World::new(request, policy);
        world.lease(false).written().says(&redirect(status, "/2"));
        world.lease(false);
        assert!(world.head().starts_with(&format!("{after} /2 ")), "{status} {}", world.head());
    }
}

#[test]
fn credentials_and_host_stay_with_their_origin() {
    let request = Request::get("http://a/1")
        .basic_auth("u", "p")
        .header("Cookie", "c")
        .header("X-Api-Key", "k")
        .header("X-Other", "o")
        .header("Host", "virtual.test")
        .build()
        .unwrap();
    let mut world = World::new(request, Policy::default());
    world.lease(false).written().says(&redirect(307, "/same"));
    world.lease(false).written();
    assert!(world.head().contains("Authorization: ") && world.head().contains("virtual.test"));
    world.says(&redirect(307, "http://a:81/other"));
    world.lease(false);
    let head = world.head();
    assert!(head.starts_with("GET /other HTTP/1.1\r\nHost: a:81\r\n"), "{head}");
    assert!(head.contains("X-Other: o"));
    for secret in ["Authorization", "Cookie", "X-Api-Key", "virtual.test"] {
        assert!(!head.contains(secret), "{head}");
    }
}

#[test]
fn a_redirect_inherits_the_fragment_unless_it_has_its_own() {
    for (location, url) in [
        ("/2", "http://a/2#from"),
        ("http://b/?q", "http://b/?q#from"),
        ("/2#to", "http://a/2#to"),
        ("/2#", "http://a/2#"),
        ("#to", "http://a/1?x#to"),
    ] {
        let request = Request::get("http://a/1?x#from").build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written().says(&redirect(302, location));
        world.lease(false);
        assert_eq!(world.call.request().url().as_str(), url, "{location}");
        assert!(!world.head().contains('#'), "{}", world.head());
    }
}

#[test]
fn a_body_that_cannot_be_given_again_costs_no_connection() {
    let mut world = World::new(post(false), Policy::default());
    world.lease(false).written().body(3).says(&redirect(307, "/2"));
    assert_eq!(world.failed().cause, Cause::NotReplayable);
    assert_eq!(world.failed().phase, Phase::Redirect);
    assert_eq!(world.call.refused_redirect(), Some("http://a/2"));

    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written().body(3).says(&redirect(307, "/2"));
    assert_eq!(world.call.next(), Next::Rewind);
    world.call.rewound(world.now);
    world.lease(false).written().body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);
}

#[test]
fn redirects_end_somewhere() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::limited(2);
    let mut world = World::get(policy);
    for _ in 0..3 {
        world.lease(false).written().says(&redirect(302, "/2"));
    }
    assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::TooMany));
    assert_eq!(world.call.refused_redirect(), Some("http://a/2"));
}

#[test]
fn a_redirect_that_cannot_be_followed_says_where_it_leads() {
    let long = alloc::format!("ftp://b/{}", "x".repeat(300));
    let shown = alloc::format!("ftp://b/{}...", "x".repeat(248));
    for (to, why, shown) in [
        ("ftp://b/", RedirectError::Scheme, "ftp://b/"),
        ("http://a:x/", RedirectError::Location, "http://a:x/"),
        ("http://[", RedirectError::Location, "http://["),
        ("http://u:p@[", RedirectError::Location, "http://*:*@["),
        ("ftp://u:p@b/", RedirectError::Scheme, "ftp://*:*@b/"),
        (&long, RedirectError::Scheme, &shown),
    ] {
        let mut world = World::get(Policy::default());
        assert_eq!(world.call.refused_redirect(), None);
        world.lease(false).written().says(&redirect(302, to));
        let failure = world.failed();
        assert_eq!((failure.cause, failure.phase), (Cause::Redirect(why), Phase::Redirect), "{to}");
        assert_eq!(world.call.refused_redirect(), Some(shown));
    }
}

#[test]
fn what_is_no_redirect_is_an_answer() {
    for (status, to) in [(300, "/2"), (304, "/2"), (305, "/2"), (302, "")] {
        let mut world = World::get(Policy::default());
        world.lease(false).written().says(&redirect(status, to));
        assert_eq!(world.told[0], format!("head {status}"));
    }
}

/// A redirect to oneself, as of a job that is not done yet.
fn asks_to_wait(what: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 303 R\r\nLocation: /1\r\n{what}\r\nContent-Length: 0\r\n\r\n");
    head.into_bytes()
}

#[test]
fn a_redirect_with_retry_after_is_waited_for_without_a_connection() {
    for (field, wait) in [
        ("Retry-After: 3", 3),
        ("Retry-After: 30", 30),
        ("Retry-After: Thu, 01 Jan 1970 00:00:25 GMT\r\nDate: Thu, 01 Jan 1970 00:00:20 GMT", 5),
    ] {
        let mut world = World::get(Policy::default());
        world.lease(false).written().says(&asks_to_wait(field));
        assert_eq!((world.call.next(), world.kept.clone()), (Next::Wait, vec![true]));
        let until = world.now.after(seconds(wait));
        assert_eq!(world.call.poll_timeout(), Some((until, Deadline::Backoff)));
        assert_eq!(world.call.history().len(), 1);
        world.after(seconds(wait)).lease(true).written().says(OK);
        assert_eq!((world.call.next(), world.told.len()), (Next::Done, 3));
    }
}

#[test]
fn a_redirect_is_followed_at_once_where_retry_after_says_nothing() {
    let mut disrespectful = Policy::default();
    disrespectful.retry.respect_retry_after = false;
    for (field, policy) in [
        ("Retry-After: 0", Policy::default()),
        ("Retry-After: soon", Policy::default()),
        ("Retry-After: 3", disrespectful),
    ] {
        let mut world = World::get(policy);
        world.lease(false).written().says(&asks_to_wait(field));
        assert_eq!(world.call.next(), Next::Checkout, "{field}");
    }
}

#[test]
fn a_redirect_that_asks_for_too_long_a_wait_is_an_error_that_names_it() {
    let short = |max, total| {
        let mut policy = Policy::default();
        policy.redirect.retry_after_max = seconds(max);
        policy.timeout.total = total;
        policy
    };
    let huge = "99999999999999999999";
    for (asked, policy) in [
        ("31", Policy::default()),
        ("3", short(2, None)),
        (huge, Policy::default()),
        ("5", short(30, Some(seconds(5)))),
    ] {
        let mut world = World::get(policy);
        world.lease(false).written().says(&asks_to_wait(&format!("Retry-After: {asked}")));
        let seconds = asked.parse().unwrap_or(u64::MAX);
        let why = RedirectError::RetryAfter { seconds };
        let failure = world.failed();
        assert_eq!((failure.cause, world.kept.clone()), (Cause::Redirect(why), vec![true]));
        assert!(failure.to_string().contains(&format!("wait {seconds} s")), "{failure}");
    }
}

#[test]
fn a_retry_after_beyond_the_total_ends_the_call_at_once() {
    let mut policy = Policy::default();
    policy.timeout.total = Some(seconds(10));
    let mut world = World::get(policy);
    world.lease(false).written().says(&asks_to_wait("Retry-After: 9"));
    world.after(seconds(9)).lease(true).written().says(&asks_to_wait("Retry-After: 1"));
    let why = RedirectError::RetryAfter { seconds: 1 };
    assert_eq!(world.failed().cause, Cause::Redirect(why));
}

#[test]
fn no_redirect_is_followed_where_none_may_be() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::none();
    let mut world = World::get(policy);
    world.lease(false).written().says(&redirect(302, "/2"));
    assert_eq!(world.told, ["head 302", "data bye", "end"]);
}

#[test]
fn urllib3_keeps_the_method_strips_three_fields_and_counts_by_retry_alone() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::urllib3();
    let request = Request::post("http://a/0").header("Cookie", "c=1").header("X-Api-Key", "k");
    let mut world = World::new(request.header("Authorization", "x").build().unwrap(), policy);
    for hop in 1..=20 {
        world.lease(false).written().says(&redirect(302, &format!("http://b{hop}/")));
        assert_eq!(world.call.next(), Next::Checkout, "after {hop} redirects");
    }
    let head = world.lease(false).head();
    assert!(head.starts_with("POST / HTTP/1.1\r\nHost: b20\r\n"), "{head}");
    assert!(head.contains("X-Api-Key: k\r\n"), "{head}");
    assert!(!head.contains("Cookie") && !head.contains("Authorization"), "{head}");
}

#[test]
fn a_call_tells_the_status_of_a_response_and_the_request_that_a_redirect_leads_to() {
    let mut world = World::get(Policy::default());
    assert_eq!((world.call.status(), world.call.next_request().target()), (None, "/1"));
    world
        .lease(false)
        .written()
        .says(b"HTTP/1.1 302 R\r\nLocation: /2\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.call.next(), Next::Wait);
    assert_eq!(world.call.request().target(), "/1");
    assert_eq!(world.call.next_request().target(), "/2");
    world.after(seconds(3)).lease(false);
    assert_eq!((world.call.status(), world.call.next_request().target()), (None, "/2"));
    world.written().says(OK);
    assert_eq!(world.call.status(), Some(Status::OK));
}
