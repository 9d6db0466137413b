//! Tests the timings of a call, as the response and the error have them.

use httpool_mio::{
    Driver,
    httpool::{call::AttemptCause, dial::StepKind},
};

use crate::{
    World,
    support::{Server, ok},
};

#[test]
fn a_response_has_its_timings_only_if_the_driver_collects_them() {
    let server = Server::replying(|request| match request.target() {
        "/old" => b"HTTP/1.1 302 F\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("body"),
    });
    let url = server.url("/old");
    assert!(World::new().fetch(&url).unwrap().timings().is_none());

    let mut world = World::with(Driver::builder().timings(true));
    let response = world.fetch(&url).unwrap();
    let timings = response.timings().unwrap();
    let [first, second] = &timings.attempts[..] else { panic!("{timings:?}") };
    assert_eq!((first.cause, second.cause), (AttemptCause::First, AttemptCause::Redirect));
    let connection = Some(response.connection());
    assert_eq!((first.connection, second.connection), (connection, connection));
    let (_, dial) = &first.dials[0];
    assert!(matches!(dial.steps[0].kind, StepKind::Connect { .. }), "{dial:?}");
    assert_eq!(timings.ended, Some(first.phases().total() + second.phases().total()));
}

#[test]
fn an_error_has_the_timings_of_the_connection_that_was_refused() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut world = World::with(Driver::builder().timings(true));
    let error = world.fetch(&format!("http://{gone}/")).unwrap_err();
    let timings = error.timings().unwrap();
    let (_, dial) = &timings.attempts[0].dials[0];
    assert!(dial.failure.is_some() && timings.ended.is_some(), "{timings:?}");
}
