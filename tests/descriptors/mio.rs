//! The mio driver with too few descriptors.

use std::{error::Error as _, io, time::Duration};

use httpool_mio::{
    Driver, Output,
    httpool::{
        call::{Policy, Timeout},
        error::{Cause, DialError, IoKind, Reached, Unavailable},
        time::Deadline,
    },
    mio::Events,
};

use crate::{
    scarce::{Scarce, take_all},
    servers::{LONG, Servers},
};

#[test]
fn idle_connections_are_closed_for_new_ones() {
    for host in ["127.0.0.1", "localhost"] {
        let (scarce, servers) = (Scarce::alone(), Servers::start(60));
        let mut driver = Driver::new().unwrap();
        scarce.limit(40);
        for nth in 0..60 {
            let call = driver.client().get(&servers.url(nth, host, "/")).send().unwrap();
            let response = driver.fetch(call).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(response.body(), b"ok");
        }
        let stats = driver.client().stats();
        assert!((8..40).contains(&stats.idle), "{stats:?}");
    }
}

#[test]
fn calls_wait_for_connections_in_use() {
    let (scarce, servers) = (Scarce::alone(), Servers::start(60));
    let mut driver = Driver::new().unwrap();
    scarce.limit(40);
    let calls: Vec<_> = (0..240)
        .map(|nth| driver.client().get(&servers.url(nth % 60, "127.0.0.1", "/")).send().unwrap())
        .collect();
    for call in calls {
        let response = driver.fetch(call).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(response.body(), b"ok");
    }
}

#[test]
fn a_call_waits_under_the_deadline_of_the_queue() {
    let (scarce, servers) = (Scarce::alone(), Servers::start(2));
    let mut policy = Policy::default();
    policy.timeout.queue = Some(Duration::from_millis(50));
    let mut driver = Driver::builder().policy(policy).build().unwrap();
    let held = driver.client().get(&servers.url(0, "127.0.0.1", "/long")).send().unwrap();
    let (mut events, mut body) = (Events::with_capacity(8), 0);
    // Receives the head, then pauses.
    while body == 0 {
        let turned = driver.turn(&mut events, None, |client, output| {
            if let Output::Data(_, data) = output {
                body += data.len();
                client.pause(held);
            }
        });
        turned.unwrap();
    }
    scarce.limit(64);
    let all = take_all();
    let other = servers.url(1, "127.0.0.1", "/");
    let call = driver.client().get(&other).send().unwrap();
    let error = driver.fetch(call).unwrap_err();
    assert_eq!(error.as_failure().unwrap().cause, Cause::Timeout(Deadline::Queue), "{error}");
    // The connection in use is returned, which makes room.
    let mut ended = Vec::new();
    driver.client().resume(held);
    // On a busy machine this takes longer than the short deadline.
    let call = driver.client().get(&other).timeouts(Timeout::default()).send().unwrap();
    driver
        .run(|_, output| match output {
            Output::Data(of, data) if of == held => body += data.len(),
            Output::Data(_, data) => assert_eq!(data, b"ok"),
            Output::End(of, _) => ended.push(of),
            Output::Failed(_, why) => panic!("{why}"),
            _ => {}
        })
        .unwrap();
    assert_eq!((body, ended), (LONG, vec![held, call]));
    drop(all);
}

#[test]
fn with_nothing_open_a_call_fails_at_once() {
    let (scarce, servers) = (Scarce::alone(), Servers::start(1));
    let mut driver = Driver::new().unwrap();
    let url = servers.url(0, "127.0.0.1", "/");
    scarce.limit(64);
    let all = take_all();
    let call = driver.client().get(&url).send().unwrap();
    let error = driver.fetch(call).unwrap_err();
    drop(all);
    let failure = error.as_failure().unwrap();
    let exhausted = DialError::Connect(IoKind::Exhausted);
    assert_eq!(failure.cause, Cause::Unavailable(Unavailable::Dial(exhausted)));
    assert_eq!(failure.reached, Reached::Nothing);
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    let call = driver.client().get(&url).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().body(), b"ok");
}
