//! Tests the timings of a call, as the response and the error have them.

use std::io::Read;

use httpool_blocking::{
    Client,
    httpool::{call::AttemptCause, dial::StepKind},
};

use crate::support::{Server, ok};

fn redirecting() -> Server {
    Server::replying(|request| match request.target() {
        "/old" => b"HTTP/1.1 302 F\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("body"),
    })
}

#[test]
fn a_response_has_its_timings_only_if_the_client_collects_them() {
    let server = redirecting();
    let response = Client::new().get(&server.url("/old")).send().unwrap();
    assert!(response.timings().is_none());

    let client = Client::builder().timings(true).build();
    let mut response = client.get(&server.url("/old")).send().unwrap();
    response.read_to_end(&mut Vec::new()).unwrap();
    let connection = response.connection();
    let timings = response.timings().unwrap();
    let [first, second] = &timings.attempts[..] else { panic!("{timings:?}") };
    assert_eq!((first.cause, second.cause), (AttemptCause::First, AttemptCause::Redirect));
    assert_eq!((first.reused, second.reused), (false, true));
    assert_eq!((first.connection, second.connection), (Some(connection), Some(connection)));
    let (opened, dial) = &first.dials[0];
    assert_eq!(*opened, connection);
    assert!(matches!(dial.steps[0].kind, StepKind::Connect { .. }), "{dial:?}");
    assert_eq!(timings.peer(connection).map(|peer| peer.port()), Some(server.port()));
    let sum = first.phases().total() + second.phases().total();
    assert_eq!(timings.ended, Some(sum), "{timings:?}");
    assert_eq!((second.body_bytes, second.status.unwrap().as_u16()), (4, 200));
}

#[test]
fn an_error_has_the_timings_up_to_the_failure() {
    let server = Server::start(|peer| drop(peer.request()));
    let client = Client::builder().timings(true).build();
    let error = client.get(&server.url("/")).send().unwrap_err();
    let timings = error.timings().unwrap();
    let attempt = &timings.attempts[0];
    assert!(attempt.failure.is_some() && attempt.first_byte.is_none(), "{attempt:?}");
    assert_eq!(timings.ended, Some(attempt.phases().total()));
    let error = Client::new().get(&server.url("/")).send().unwrap_err();
    assert!(error.timings().is_none());
}

#[test]
fn a_connection_that_is_refused_is_in_the_timings_of_the_error() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::builder().timings(true).build();
    let error = client.get(&format!("http://{gone}/")).send().unwrap_err();
    let (_, dial) = &error.timings().unwrap().attempts[0].dials[0];
    assert!(dial.failure.is_some() && dial.steps.len() == 1, "{dial:?}");
}
