//! The blocking driver with too few descriptors.

use std::{error::Error as _, io, thread, time::Duration};

use httpool_blocking::{
    Client, Error,
    httpool::{
        call::Policy,
        error::{Cause, DialError, IoKind, Reached, Unavailable},
        time::Deadline,
    },
};

use crate::{
    scarce::{Scarce, take_all},
    servers::{LONG, Servers},
};

fn get(client: &Client, url: &str) -> Result<String, Error> {
    client.get(url).send()?.text()
}

#[test]
fn idle_connections_are_closed_for_new_ones() {
    for host in ["127.0.0.1", "localhost"] {
        let (scarce, servers, client) = (Scarce::alone(), Servers::start(60), Client::new());
        scarce.limit(40);
        for nth in 0..60 {
            let url = servers.url(nth, host, "/");
            assert_eq!(get(&client, &url).unwrap_or_else(|why| panic!("{why}")), "ok");
        }
        assert!((8..40).contains(&client.stats().idle), "{:?}", client.stats());
    }
}

#[test]
fn threads_wait_for_connections_in_use() {
    let (scarce, servers, client) = (Scarce::alone(), Servers::start(30), Client::new());
    scarce.limit(40);
    thread::scope(|scope| {
        for first in 0..8 {
            let (servers, client) = (&servers, &client);
            scope.spawn(move || {
                for nth in (0..120).map(|nth| (nth * 7 + first) % 30) {
                    let url = servers.url(nth, "127.0.0.1", "/");
                    assert_eq!(get(client, &url).unwrap_or_else(|why| panic!("{why}")), "ok");
                }
            });
        }
    });
}

#[test]
fn a_call_waits_under_the_deadline_of_the_queue() {
    let (scarce, servers) = (Scarce::alone(), Servers::start(2));
    let mut policy = Policy::default();
    policy.timeout.queue = Some(Duration::from_millis(50));
    let client = Client::builder().policy(policy).build();
    let held = client.get(&servers.url(0, "127.0.0.1", "/long")).send().unwrap();
    scarce.limit(64);
    let all = take_all();
    let other = servers.url(1, "127.0.0.1", "/");
    let error = get(&client, &other).unwrap_err();
    assert_eq!(error.as_failure().unwrap().cause, Cause::Timeout(Deadline::Queue), "{error}");
    // The connection in use is returned, which makes room.
    assert_eq!(held.bytes().unwrap().len(), LONG);
    assert_eq!(get(&client, &other).unwrap(), "ok");
    drop(all);
}

#[test]
fn with_nothing_open_a_call_fails_at_once() {
    let (scarce, servers, client) = (Scarce::alone(), Servers::start(1), Client::new());
    let url = servers.url(0, "127.0.0.1", "/");
    scarce.limit(64);
    let all = take_all();
    let error = get(&client, &url).unwrap_err();
    drop(all);
    let failure = error.as_failure().unwrap();
    let exhausted = DialError::Connect(IoKind::Exhausted);
    assert_eq!(failure.cause, Cause::Unavailable(Unavailable::Dial(exhausted)));
    assert_eq!(failure.reached, Reached::Nothing);
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    assert_eq!(get(&client, &url).unwrap(), "ok");
}
