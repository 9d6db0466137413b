//! Tests the decoding of response bodies.

use std::sync::{Mutex, mpsc};

use httpool_mio::{
    Driver, Output, Responses,
    httpool::{
        content::accept_encoding,
        error::{BodyUnusable, Cause, Reached},
    },
};

use crate::{
    World, cause,
    support::{
        Received, Server,
        coded::{answering, broken, chunked, coded, flushed, gzip, hello, usable},
    },
};

#[test]
fn each_coding_is_decoded_and_other_bodies_come_as_they_are_over_one_connection() {
    let cases = usable();
    let server = answering(cases.iter().map(|case| case.answer.clone()).collect());
    let mut world = World::new();
    for (at, case) in cases.iter().enumerate() {
        let answer = world.fetch(&server.url(&format!("/{at}"))).unwrap();
        assert_eq!(answer.body(), case.body, "{}", case.name);
        assert_eq!(world.stats().idle, 1, "{}", case.name);
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_that_cannot_be_decoded_is_an_error_that_says_where_and_closes_its_connection() {
    let cases = broken();
    let server = answering(cases.iter().map(|case| case.answer.clone()).collect());
    let mut world = World::new();
    for (at, case) in cases.iter().enumerate() {
        let error = world.fetch(&server.url(&format!("/{at}"))).unwrap_err();
        assert!(error.to_string().contains(case.says), "{}: {error}", case.name);
        assert!(error.as_decode_error().is_some(), "{}", case.name);
        assert_eq!(error.reached(), Reached::Answered);
        assert_eq!(error.head().unwrap().status(), 200);
        assert_eq!(world.stats().open, 0, "{}", case.name);
    }
    assert_eq!(server.accepted(), cases.len());
}

#[test]
fn without_decoding_the_body_comes_as_the_server_sent_it_and_no_coding_is_asked_for() {
    let server = Server::replying(|request: &Received| {
        let field = request.field("accept-encoding").unwrap_or("none");
        coded("gzip", &gzip(field.as_bytes()))
    });
    let (url, mut driver) = (server.url("/"), Driver::new().unwrap());
    let call = driver.client().get(&url).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().text(), accept_encoding().unwrap());
    let call = driver.client().get(&url).decode(false).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().bytes(), gzip(b"none"));
    let call = driver.client().get(&url).header("Range", "bytes=0-5").send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().text(), "none");
    let mut raw = Driver::builder().decode(false).build().unwrap();
    let call = raw.client().get(&url).send().unwrap();
    assert_eq!(raw.fetch(call).unwrap().bytes(), gzip(b"none"));
}

#[test]
fn the_limit_counts_decoded_bytes() {
    let twice = gzip(&gzip(&vec![0; 10_000_000]));
    let fits = coded("gzip", &gzip(&[b'a'; 1000]));
    let server = answering(vec![
        fits,
        coded("gzip", &gzip(&[b'a'; 1001])),
        chunked("gzip, gzip", &twice, 7),
    ]);
    let mut driver = Driver::builder().body_bytes_max(1000).build().unwrap();
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().body().len(), 1000);
    for at in ["/1", "/2"] {
        let call = driver.client().get(&server.url(at)).send().unwrap();
        let error = driver.fetch(call).unwrap_err();
        assert_eq!(cause(&error), Cause::BodyUnusable(BodyUnusable::TooLong { max: 1000 }));
        assert!(error.is_body_too_large() && error.head().is_some());
        assert_eq!(driver.client().stats().open, 0);
    }
}

#[test]
fn ten_megabytes_in_a_few_bytes_come_in_pieces_of_bounded_length_and_other_calls_have_their_turns()
{
    let server = answering(vec![
        coded("gzip, gzip", &gzip(&gzip(&vec![0; 10_000_000]))),
        coded("gzip", &hello("gzip")),
    ]);
    let mut driver = Driver::new().unwrap();
    let long = driver.client().get(&server.url("/0")).send().unwrap();
    let (mut read, mut begun, mut small, mut small_ended_at) = (0, false, None, None);
    driver
        .run(|client, output| match output {
            Output::Data(call, data) if call == long => {
                assert!(data.len() <= 64 * 1024 && data.iter().all(|byte| *byte == 0));
                read += data.len();
                if !std::mem::replace(&mut begun, true) {
                    small = Some(client.get(&server.url("/1")).send().unwrap());
                }
            }
            Output::End(call, _) if Some(call) == small => small_ended_at = Some(read),
            Output::Failed(_, error) => panic!("{error}"),
            _ => {}
        })
        .unwrap();
    assert_eq!((read, small_ended_at.is_some()), (10_000_000, true));
    assert_eq!(driver.client().stats().idle, 2);
}

#[test]
fn no_piece_comes_while_the_call_is_paused_also_of_bytes_that_were_read_before() {
    let server = answering(vec![coded("gzip", &gzip(&vec![7; 1_000_000]))]);
    let mut driver = Driver::new().unwrap();
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    let mut events = httpool_mio::mio::Events::with_capacity(16);
    let (mut read, mut pieces, mut paused, mut ended) = (0, 0, false, false);
    while !ended {
        if paused {
            paused = false;
            driver.client().resume(call);
        }
        let moment = Some(std::time::Duration::from_millis(1));
        driver
            .turn(&mut events, moment, |client, output| match output {
                Output::Data(_, data) => {
                    assert!(!paused, "paused");
                    (read, pieces, paused) = (read + data.len(), pieces + 1, true);
                    client.pause(call);
                }
                Output::End(..) => {
                    assert!(!paused, "paused");
                    ended = true;
                }
                Output::Failed(_, error) => panic!("{error}"),
                _ => {}
            })
            .unwrap();
    }
    assert_eq!((read, pieces), (1_000_000, 1_000_000_usize.div_ceil(64 * 1024)));
    assert_eq!(driver.client().stats().idle, 1);
}

#[test]
fn what_the_server_flushed_comes_before_more_does() {
    let (seen, next) = mpsc::channel();
    let next = Mutex::new(next);
    let server = Server::start(move |peer| {
        peer.request().unwrap();
        let (blocks, end) = flushed(&[b"one", b"two", b"three"]);
        let len: usize = blocks.iter().chain([&end]).map(Vec::len).sum();
        let fields = format!("Content-Encoding: gzip\r\nContent-Length: {len}\r\n");
        peer.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
        for block in &blocks {
            peer.send(block);
            // Only when the client has this.
            next.lock().unwrap().recv().unwrap();
        }
        peer.send(end);
        peer.until_closed();
    });
    let mut world = World::new();
    world.get(&server.url("/"));
    for so_far in ["one", "onetwo", "onetwothree"] {
        world.until(|world| world.body == so_far.as_bytes());
        seen.send(()).unwrap();
    }
    world.until_told("end");
    assert_eq!(
        (world.told, world.driver.client().stats().idle),
        (vec!["head 200".into(), "end".into()], 1)
    );
}

#[test]
fn a_response_that_is_discarded_is_drained_without_decoding() {
    let server = answering(vec![coded("gzip", b"this is no gzip")]);
    let mut driver = Driver::new().unwrap();
    for _ in 0..2 {
        driver.client().get(&server.url("/0")).send().unwrap();
        driver
            .run(|client, output| match output {
                Output::Head(call, _) => client.discard(call),
                other => panic!("{other:?}"),
            })
            .unwrap();
    }
    assert_eq!((driver.client().stats().idle, server.accepted()), (1, 1));
}

#[test]
fn calls_that_are_cancelled_or_refused_within_a_piece_have_no_other() {
    let server = answering(vec![coded("gzip", &gzip(&vec![0; 1_000_000]))]);
    let mut driver = Driver::new().unwrap();
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    let mut pieces = 0;
    driver
        .run(|client, output| {
            if let Output::Data(..) = output {
                pieces += 1;
                client.cancel(call);
            }
        })
        .unwrap();
    assert_eq!((pieces, driver.client().stats().open), (1, 0));
    let mut whole = Responses::new(10);
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    driver.run(|client, output| whole.put(client, output)).unwrap();
    assert!(whole.take(call).unwrap().unwrap_err().is_body_too_large());
    assert_eq!((whole.len(), driver.client().stats().open), (0, 0));
}

#[test]
fn a_panic_of_the_application_within_a_decoded_piece_fails_that_call_alone() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let server = answering(vec![coded("gzip", &hello("gzip"))]);
    let mut driver = Driver::new().unwrap();
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        driver.run(|_, output| assert!(!matches!(output, Output::Data(..)), "on purpose"))
    }));
    assert!(panicked.is_err());
    let mut failed = None;
    driver
        .run(|_, output| match output {
            Output::Failed(id, error) => failed = Some((id, cause(&error))),
            other => panic!("{other:?}"),
        })
        .unwrap();
    assert_eq!(failed, Some((call, Cause::BodyUnusable(BodyUnusable::Reader))));
    let call = driver.client().get(&server.url("/0")).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().body(), b"hello");
}
