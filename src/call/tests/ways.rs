//! Ways to an origin: directly, through a proxy that forwards, through a tunnel.

use super::*;
use crate::{
    call::{NoProxy, Route, Routes},
    dial::Guard,
    error::{Denied, TlsKind},
    message::Hop,
};

fn through(proxy: &str) -> Routes {
    Routes::through(Hop::parse(proxy).unwrap())
}

fn policy(routes: Routes) -> Policy {
    Policy::default().routes(routes)
}

#[test]
fn a_forwarded_request_has_its_whole_url_and_the_fields_of_the_proxy() {
    let proxy = Hop::parse("http://me:secret@proxy:3128").unwrap().with_field("X-P", "1").unwrap();
    let request = Request::get("http://u:pw@a:81/1?q#f").build().unwrap();
    let mut world = World::new(request, policy(Routes::through(proxy)));
    assert_eq!(world.call.key().to_string(), "http://proxy:3128");
    world.lease(false);
    assert_eq!(
        world.head(),
        "GET http://a:81/1?q HTTP/1.1\r\nHost: a:81\r\nAuthorization: Basic dTpwdw==\r\nX-P: 1\r\n\
         Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
    );
    world.written().says(OK);
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
}

#[test]
fn a_reused_connection_to_the_proxy_gets_the_credentials_again() {
    let mut world = World::get(policy(through("me:secret@proxy")));
    world.lease(true).written().says(&redirect(302, "/2"));
    world.lease(true);
    assert!(world.head().starts_with("GET http://a/2 "), "{}", world.head());
    assert!(world.head().contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
}

#[test]
fn the_way_is_chosen_anew_for_each_redirect() {
    let routes = through("me:secret@proxy").no_proxy(NoProxy::parse("b"));
    let mut world = World::get(policy(routes));
    for (to, key, line) in [
        ("http://b/", "http://b", "GET / HTTP/1.1\r\n"),
        ("http://c/", "http://proxy", "GET http://c/ HTTP/1.1\r\n"),
        ("https://c/", "https://c via http://proxy", "GET / HTTP/1.1\r\n"),
        ("https://b/", "https://b", "GET / HTTP/1.1\r\n"),
        ("http://a/", "http://proxy", "GET http://a/ HTTP/1.1\r\n"),
    ] {
        world.lease(false).written().says(&redirect(302, to));
        assert_eq!(world.call.key().to_string(), key);
        world.lease(false);
        assert!(world.head().starts_with(line), "{}", world.head());
        let forwarded = key == "http://proxy";
        assert_eq!(world.head().contains("Proxy-Authorization: "), forwarded, "{to}");
        world.written().says(&redirect(302, to));
    }
}

#[test]
fn credentials_for_the_proxy_never_reach_an_origin() {
    for to in ["http://direct/", "https://a/"] {
        for strip in [true, false] {
            let request =
                Request::get("http://a/1").header("Proxy-Authorization", "mine").build().unwrap();
            let mut policy = policy(through("me:secret@proxy").no_proxy(NoProxy::parse("direct")));
            if !strip {
                policy.redirect = Redirect::default().strip_only(["x-none"]);
            }
            let mut world = World::new(request, policy);
            world.lease(false).written();
            assert!(world.head().contains("Proxy-Authorization: mine\r\n"));
            world.says(&redirect(302, to)).lease(false);
            assert!(world.head().starts_with("GET / HTTP/1.1\r\n"), "{}", world.head());
            assert!(!world.head().contains("Proxy-"), "{}", world.head());
        }
    }
    let request = Request::get("http://a/1").header("proxy-authorization", "mine").build().unwrap();
    for routes in [Routes::default(), through("socks5h://proxy")] {
        let mut world = World::new(request.clone(), policy(routes));
        assert_eq!(world.lease(false).head(), "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
}

#[test]
fn an_own_field_for_one_proxy_does_not_reach_another() {
    let routes = Routes::default()
        .http(Route::forward(Hop::parse("one").unwrap()))
        .https(Route::forward(Hop::parse("two").unwrap()));
    let mut policy = policy(routes);
    policy.redirect = Redirect::default().strip_only(["x-none"]);
    let request = Request::get("http://a/").header("Proxy-Authorization", "mine").build().unwrap();
    let mut world = World::new(request, policy);
    world.lease(false).written().says(&redirect(302, "http://b/"));
    assert!(world.lease(false).head().contains("Proxy-Authorization: mine\r\n"));
    world.written().says(&redirect(302, "https://b/"));
    assert_eq!(world.lease(false).head(), "GET https://b/ HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_eq!(world.call.key().to_string(), "http://two");
}

#[test]
fn a_407_of_a_forward_proxy_is_handed_over_and_not_retried() {
    let mut policy = policy(through("proxy"));
    policy.retry = Retry::new(3).on_statuses([407]);
    let mut world = World::get(policy);
    world.lease(false).written();
    world.says(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        (world.told, world.call.next()),
        (vec!["head 407".into(), "end".into()], Next::Done)
    );
}

#[test]
fn a_handshake_with_a_proxy_that_forwards_is_no_failure_of_the_origin() {
    let dial = |why| Unavailable::Dial(why);
    for (url, proxy, seen) in [
        ("http://a/", "https://proxy", DialError::ProxyTls(TlsKind::Issuer)),
        ("https://a/", "https://proxy", DialError::Tls(TlsKind::Issuer)),
    ] {
        let request = Request::get(url).build().unwrap();
        let mut world = World::new(request, policy(through(proxy)));
        world.call.lease_failed(dial(DialError::Tls(TlsKind::Issuer)), world.now);
        assert_eq!(world.failed().cause, Cause::Unavailable(dial(seen)), "{url}");
    }
}

#[test]
fn credentials_that_basic_cannot_carry_fail_the_call() {
    let mut world = World::get(policy(through("u%3A:p@proxy")));
    world.lease(false).release(b"");
    assert!(matches!(world.failed().cause, Cause::Misuse(_)), "{:?}", world.failed());
}

#[test]
fn the_guard_judges_what_a_forward_proxy_is_to_reach() {
    let guard = Guard::global();
    let name = DialError::Denied(Denied::ProxiedName);
    let addr = DialError::Denied(guard.judge([127, 0, 0, 1].into()).unwrap_err());
    let open = guard.clone().allow_proxied_names(true);
    let asked = |url: &str, guard: &Guard| {
        let mut policy = policy(through("proxy").no_proxy(NoProxy::parse("direct")));
        policy.retry = Retry::new(3);
        let mut world = World::new(Request::get(url).build().unwrap(), policy);
        world.call.set_guard(guard);
        world
    };
    let denied = |world: &World, why| {
        assert_eq!(world.failed().cause, Cause::Unavailable(Unavailable::Dial(why)));
    };
    denied(&asked("http://a/", &guard), name);
    denied(&asked("http://127.0.0.1/", &open), addr);
    assert_eq!(asked("http://direct/", &guard).call.next(), Next::Checkout);
    assert_eq!(asked("http://8.8.8.8/", &guard).call.next(), Next::Checkout);

    let mut world = asked("http://a/", &open);
    world.lease(false).written().says(&redirect(302, "http://[::ffff:127.0.0.1]/"));
    denied(&world, addr);
}
