//! Tests forward proxies, tunnels for `http`, exceptions, and the guard.

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
