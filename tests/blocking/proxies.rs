//! Tests forward proxies, tunnels for `http`, exceptions, the environment, and the guard.

use std::{
    env,
    process::{Command, Stdio},
};

use httpool_blocking::{
    Client, DialPolicy, Error, Guard, InvalidProxy, Policy, httpool::error::Cause,
};

use super::{
    cause,
    support::proxies::{self, Heads, is_for_proxy},
};

fn get(policy: Policy, dial: DialPolicy, url: &str) -> Result<String, Cause> {
    let client = Client::builder().policy(policy).dial(dial).build();
    let body = client.get(url).send().and_then(|response| response.text());
    body.map_err(|error: Error| cause(&error))
}

fn fail(policy: Policy, url: &str) -> Error {
    let client = Client::builder().policy(policy).build();
    client.get(url).send().unwrap_err()
}

#[test]
fn a_refused_tunnel_shows_the_response_of_the_proxy() {
    proxies::a_refused_tunnel_shows_the_response_of_the_proxy(&fail);
}

#[test]
fn a_field_of_the_proxy_replaces_that_of_the_request() {
    proxies::a_field_of_the_proxy_replaces_that_of_the_request(&get);
}

#[test]
fn forwarded_requests_have_the_fields_of_the_proxy() {
    proxies::forwarded_requests_have_the_fields_of_the_proxy(&get);
}

#[test]
fn an_exception_is_reached_directly() {
    proxies::an_exception_is_reached_directly(&get);
}

#[test]
fn a_redirect_to_an_exception_drops_the_fields_of_the_proxy() {
    proxies::a_redirect_to_an_exception_drops_the_fields_of_the_proxy(&get);
}

#[test]
fn a_tunnel_for_http_has_the_fields_of_the_proxy_in_connect_alone() {
    proxies::a_tunnel_for_http_has_the_fields_of_the_proxy_in_connect_alone(&get);
}

#[test]
fn a_407_is_handed_over() {
    proxies::a_407_is_handed_over(&get);
}

#[test]
fn the_guard_refuses_literals_names_and_redirects() {
    proxies::the_guard_refuses_literals_names_and_redirects(&get);
}

#[test]
fn the_guard_judges_what_a_proxy_is_to_reach() {
    proxies::the_guard_judges_what_a_proxy_is_to_reach(&get);
}

#[test]
fn the_guard_judges_the_target_of_a_tunnel() {
    proxies::the_guard_judges_the_target_of_a_tunnel(&get);
}

#[test]
fn requests_to_several_origins_share_a_connection_to_the_proxy() {
    let proxy = Heads::proxy();
    let client = Client::builder().proxy(&proxy.url("me:secret")).unwrap().build();
    for host in ["a", "b", "c"] {
        client.get(&format!("http://{host}.test/")).send().unwrap().text().unwrap();
    }
    assert_eq!((proxy.server.accepted(), proxy.server.requests()), (1, 3));
    let authorized = |head: &String| head.contains("\r\nProxy-Authorization: Basic ");
    assert!(proxy.heads().iter().all(authorized), "{:?}", proxy.heads());
}

#[test]
fn no_proxy_of_the_builder_makes_exceptions() {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let builder = Client::builder().no_proxy("127.0.0.1").proxy(&proxy.url("u:p")).unwrap();
    let client = builder.build();
    assert_eq!(client.get(&origin.server.url("/")).send().unwrap().text().unwrap(), "origin");
    assert_eq!(proxy.server.accepted(), 0);
    let wrong = Client::builder().proxy("ftp://proxy").err();
    assert_eq!(wrong, Some(InvalidProxy::Scheme));
}

#[test]
fn a_request_s_own_policy_may_leave_the_proxy() {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let client = Client::builder().policy(proxy.policy()).build();
    let url = origin.server.url("/");
    assert_eq!(client.get(&url).send().unwrap().text().unwrap(), url);
    assert!(is_for_proxy(&proxy.heads()[0]));
    let direct = client.get(&url).policy(Policy::default()).send().unwrap();
    assert_eq!(direct.text().unwrap(), "origin");
}

#[test]
fn a_refusal_of_the_guard_says_what_to_do() {
    let client = Client::builder().guard(Guard::global()).build();
    let error = client.get("http://169.254.169.254/").send().unwrap_err().to_string();
    assert!(error.contains("169.254.0.0/16") && error.contains("Guard::allow"), "{error}");
}

const URL: &str = "HTTPOOL_TEST_PROXIES_URL";

/// The other process's part. Does nothing when run as a test.
#[test]
fn gets_with_the_proxies_of_the_environment() {
    let Ok(url) = env::var(URL) else { return };
    let client = Client::builder().proxies_from_env().unwrap().build();
    let body = |url: &str| client.get(url).send().unwrap().text().unwrap();
    assert_eq!(body("http://a.test/"), "http://a.test/");
    assert_eq!(body(&url), "origin");
    let unasked = Client::new().get("http://a.test/").send();
    assert!(unasked.is_err(), "the environment was read although nobody asked");
}

#[test]
fn the_environment_is_read_when_it_is_asked_for() {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let status = Command::new(env::current_exe().unwrap())
        .args(["proxies::gets_with_the_proxies_of_the_environment", "--exact"])
        .env(URL, origin.server.url("/"))
        .env("http_proxy", proxy.url("me:secret"))
        .env("no_proxy", "127.0.0.1")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!((proxy.server.requests(), origin.server.requests()), (1, 1));
    assert!(proxy.heads()[0].contains("Proxy-Authorization: Basic bWU6c2VjcmV0"));
}
