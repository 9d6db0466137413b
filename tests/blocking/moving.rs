//! Tests names that move while connections to them are open. Linux has all of 127.0.0.0/8.
#![cfg(target_os = "linux")]

use std::thread;

use httpool_blocking::Client;

use crate::support::{moving::Moving, until};

fn client(moving: &Moving) -> Client {
    Client::builder().pool(Moving::limits()).resolver(moving.names.clone()).build()
}

fn get(client: &Client, moving: &Moving) -> String {
    client.get(&moving.url("/")).send().unwrap().text().unwrap()
}

#[test]
fn a_client_under_load_follows_a_name_that_moves() {
    let moving = Moving::new();
    let client = client(&moving);
    let held = client.get(&moving.url("/held")).send().unwrap();
    assert_eq!(get(&client, &moving), "old");
    moving.names.move_on();
    while get(&client, &moving) == "old" {}
    for _ in 0..10 {
        assert_eq!(get(&client, &moving), "new");
    }
    assert_eq!((moving.old.accepted(), client.stats().leased), (2, 1), "one is still in use");
    until(|| moving.closed() == 1);
    moving.let_go();
    assert_eq!(held.text().unwrap(), "held");
    until(|| moving.closed() == 2);
    assert_eq!(get(&client, &moving), "new");
    assert_eq!((moving.old.accepted(), moving.new.accepted()), (2, 1));
}

#[test]
fn a_look_up_that_fails_leaves_connections_as_they_are() {
    let moving = Moving::new();
    let client = client(&moving);
    assert_eq!(get(&client, &moving), "old");
    moving.names.fail();
    while moving.names.asked() < 4 {
        assert_eq!(get(&client, &moving), "old");
    }
    assert_eq!(moving.old.accepted(), 1);
}

#[test]
fn without_the_limit_a_name_is_looked_up_once() {
    let moving = Moving::new();
    let client = Client::builder().resolver(moving.names.clone()).build();
    for _ in 0..100 {
        assert_eq!(get(&client, &moving), "old");
        moving.names.move_on();
    }
    assert_eq!((moving.names.asked(), moving.old.accepted()), (1, 1));
}

#[test]
fn a_look_up_that_hangs_keeps_no_client_alive() {
    let moving = Moving::new();
    let client = client(&moving);
    assert_eq!(get(&client, &moving), "old");
    moving.names.hang_during(|| {
        while moving.names.asked() < 2 {
            assert_eq!(get(&client, &moving), "old");
        }
        drop(client);
        until(|| moving.closed() == 1);
    });
}

#[test]
fn many_threads_follow_a_name_that_moves() {
    let moving = Moving::new();
    let client = client(&moving);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while get(&client, &moving) == "old" {
                    moving.names.move_on();
                }
            });
        }
    });
    until(|| moving.closed() == moving.old.accepted());
    assert_eq!(get(&client, &moving), "new");
}
