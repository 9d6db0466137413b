//! Tests bodies that are a part of their attempt, and bodies that are not.

use std::time::Duration;

use httpool_mio::{Driver, ErrorKind, Retry, Timeout};

use crate::{World, support::cut};

#[test]
fn a_preloaded_body_that_fails_is_asked_for_again() {
    for (name, bad) in cut::failing() {
        let server = cut::server(bad, 2, name == "stalled");
        let stall = Timeout::default().stall(Duration::from_millis(50));
        let settings = Driver::builder().timeouts(stall).retry(Retry::new(2)).preload(true);
        let mut world = World::with(settings);
        let response = world.fetch(&server.url("/")).unwrap();
        let causes = response.history().iter().map(|entry| entry.cause.is_some());
        assert_eq!(causes.collect::<Vec<_>>(), [true, true], "{name}");
        assert_eq!((response.header("x-try"), response.body()), (None, &b"whole"[..]), "{name}");
        assert_eq!((server.requests(), world.stats().idle), (3, 1), "{name}");
    }
}

#[test]
fn an_application_is_told_to_forget_the_part_of_a_body() {
    let (_, bad) = cut::failing().into_iter().next().unwrap();
    let (server, mut world) = (cut::server(bad, 1, false), World::new());
    let get = world.client().get(&server.url("/")).retry(Retry::new(1)).preload(true);
    get.send().unwrap();
    world.until_told("end");
    assert_eq!(world.told, ["head 200", "restart", "head 200", "end"]);
    assert_eq!(world.body, b"whole");
}

#[test]
fn a_streamed_body_and_a_post_are_not_asked_for_again() {
    for streamed in [true, false] {
        let (_, bad) = cut::failing().into_iter().next().unwrap();
        let (server, mut world) = (cut::server(bad, 1, false), World::new());
        let url = server.url("/");
        let call = if streamed {
            world.client().get(&url).retry(Retry::new(3)).send().unwrap()
        } else {
            let post = world.client().post(&url).retry(Retry::new(3)).preload(true);
            post.body("once").send().unwrap()
        };
        let error = world.driver.fetch(call).unwrap_err();
        assert_eq!((error.kind(), error.is_max_retry()), (ErrorKind::IncompleteRead, false));
        assert_eq!(server.requests(), 1);
    }
}
