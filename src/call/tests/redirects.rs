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
fn credentials_and_host_stay_with_their_origin() {
    let request = Request::get("http://a/1")
        .basic_auth("u", "p")
        .field("Cookie", "c")
        .field("X-Api-Key", "k")
        .field("X-Other", "o")
        .field("Host", "virtual.test")
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
    world.call.rewound(true, world.now);
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
