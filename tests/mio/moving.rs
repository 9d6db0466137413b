//! Tests names that move while connections to them are open. Linux has all of 127.0.0.0/8.
#![cfg(target_os = "linux")]

use httpool_mio::Driver;

use crate::{World, support::moving::Moving};

fn world(moving: &Moving) -> World {
    World::with(Driver::builder().pool(Moving::limits()).resolver(moving.names.clone()))
}

fn get(world: &mut World, moving: &Moving) -> String {
    world.fetch(&moving.url("/")).unwrap().text()
}

#[test]
fn a_client_under_load_follows_a_name_that_moves() {
    let moving = Moving::new();
    let mut world = world(&moving);
    let held = world.get(&moving.url("/held"));
    while !moving.holds() {
        assert_eq!(get(&mut world, &moving), "old");
    }
    moving.names.move_on();
    while get(&mut world, &moving) == "old" {}
    for _ in 0..10 {
        assert_eq!(get(&mut world, &moving), "new");
    }
    assert_eq!((moving.old.accepted(), world.stats().leased), (2, 1), "one is still in use");
    world.until(|_| moving.closed() == 1);
    moving.let_go();
    assert_eq!(world.driver.fetch(held).unwrap().text(), "held");
    world.until(|_| moving.closed() == 2);
    assert_eq!(get(&mut world, &moving), "new");
    assert_eq!((moving.old.accepted(), moving.new.accepted()), (2, 1));
}

/// Nothing but the loop's own turns asks for the look-up.
#[test]
fn an_idle_connection_is_closed_once_its_name_has_moved() {
    let moving = Moving::new();
    let mut world = world(&moving);
    assert_eq!(get(&mut world, &moving), "old");
    moving.names.move_on();
    world.until(|_| moving.closed() == 1);
    assert_eq!(world.stats().open, 0);
}

#[test]
fn a_look_up_that_fails_leaves_connections_as_they_are() {
    let moving = Moving::new();
    let mut world = world(&moving);
    assert_eq!(get(&mut world, &moving), "old");
    moving.names.fail();
    world.until(|_| moving.names.asked() == 4);
    assert_eq!(get(&mut world, &moving), "old");
    assert_eq!(moving.old.accepted(), 1);
}
