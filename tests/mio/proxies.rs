//! Tests forward proxies, tunnels for `http`, exceptions, the environment, and the guard.

use std::{
    env,
    process::{Command, Stdio},
};

use httpool_mio::{DialPolicy, Driver, Error, Guard, Policy, httpool::error::Cause};

use super::{
    World, cause,
    support::proxies::{self, Heads},
};

fn get(policy: Policy, dial: DialPolicy, url: &str) -> Result<String, Cause> {
    let mut world = World::with(Driver::builder().policy(policy).dial(dial));
    match world.fetch(url) {
        Ok(response) => Ok(response.text()),
        Err(error) => Err(cause(&error)),
    }
}

fn fail(policy: Policy, url: &str) -> Error {
    World::with(Driver::builder().policy(policy)).fetch(url).unwrap_err()
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
fn the_builder_sets_proxy_exceptions_and_guard() {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let builder = Driver::builder().proxy(&proxy.url("u:p")).unwrap().no_proxy("127.0.0.1");
    let mut world = World::with(builder);
    assert_eq!(world.fetch(&origin.server.url("/")).unwrap().text(), "origin");
    assert_eq!(world.fetch("http://a.test/").unwrap().text(), "http://a.test/");
    assert_eq!(world.fetch("http://b.test/").unwrap().text(), "http://b.test/");
    assert_eq!(proxy.server.accepted(), 1);
    let mut world = World::with(Driver::builder().guard(Guard::global()));
    assert!(world.fetch(&origin.server.url("/")).is_err());
}

const URL: &str = "HTTPOOL_TEST_PROXIES_URL";

/// The other process's part. Does nothing when run as a test.
#[test]
fn gets_with_the_proxies_of_the_environment() {
    let Ok(url) = env::var(URL) else { return };
    let mut world = World::with(Driver::builder().proxies_from_env().unwrap());
    for (url, body) in [("http://a.test/", "http://a.test/"), (&*url, "origin")] {
        assert_eq!(world.fetch(url).unwrap().text(), body);
    }
    let unasked = World::new().fetch("http://a.test/");
    assert!(unasked.is_err(), "the environment was read although nobody asked");
}

/// The other process's part, with a variable that is no proxy. Does nothing when run as a test.
#[test]
fn refuses_a_variable_that_is_no_proxy() {
    if env::var_os(URL).is_some() {
        let error = Driver::builder().proxies_from_env().err().unwrap().to_string();
        assert!(error.contains("http_proxy"), "{error}");
    }
}

/// Runs a test in another process, with the variables of its environment. Those that this process
/// may have do not reach it.
fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let mut other = Command::new(env::current_exe().unwrap());
    for scheme in ["http", "https", "all", "no"].map(|scheme| format!("{scheme}_proxy")) {
        other.env_remove(scheme.to_uppercase()).env_remove(scheme);
    }
    other.env_remove("REQUEST_METHOD").envs(variables.iter().copied());
    let ran = other.args([&format!("proxies::{test}"), "--exact"]).stderr(Stdio::null()).output();
    let ran = ran.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_environment_is_read_when_it_is_asked_for() {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let (to, url) = (proxy.url("me:secret"), origin.server.url("/"));
    let variables = [(URL, &*url), ("http_proxy", &*to), ("no_proxy", "127.0.0.1")];
    in_environment("gets_with_the_proxies_of_the_environment", &variables);
    assert_eq!((proxy.server.requests(), origin.server.requests()), (1, 1));
    assert!(proxy.heads()[0].contains("Proxy-Authorization: Basic bWU6c2VjcmV0"));
    let variables = [(URL, &*url), ("http_proxy", "ftp://proxy")];
    in_environment("refuses_a_variable_that_is_no_proxy", &variables);
}
