//! Tests of names that are looked up again.

use super::*;
use crate::id::LookUpId;

fn addrs(last: u8) -> [core::net::SocketAddr; 1] {
    [([192, 0, 2, last], 80).into()]
}

/// Opens a connection to a name at an address, and lets it serve one call.
fn served(world: &mut World, last: u8) -> SocketId {
    let call = world.get("http://a/");
    let conn = world.client.dial_of(call).unwrap();
    world.client.handle_resolved(conn, &addrs(last), world.now);
    world.settle().connect();
    let socket = world.socket(call);
    world.says(socket, OK);
    world.done();
    socket
}

#[test]
fn a_name_that_has_moved_gets_new_connections_although_the_old_ones_are_busy() {
    let mut world = World::with(|config| config.pool.look_up_every = Some(seconds(30)));
    let idle = served(&mut world, 1);
    let busy = world.get("http://a/1");
    assert_eq!(world.client.poll_timeout().map(|(at, _)| at), Some(world.now.after(seconds(30))));
    world.done();
    world.after(seconds(30));
    assert_eq!(world.done(), ["look-up l0.0 a:80"]);
    let look_up = LookUpId::from_bits(0);
    world.client.handle_looked_up(LookUpId::from_bits(7 << 32), &addrs(2), world.now);
    world.client.handle_looked_up(look_up, &addrs(2), world.now);
    world.settle();
    assert!(world.done().is_empty(), "its exchange goes on");
    world.says(idle, OK);
    assert_eq!(world.told().last().unwrap(), &format!("{busy} end"));
    assert_eq!(world.done(), ["close s0.0 address-gone"]);
    served(&mut world, 2);
    assert_eq!(world.client.stats().idle, 1);
    world.client.handle_looked_up(look_up, &addrs(3), world.now);
    world.settle();
    assert_eq!(world.client.stats().idle, 1, "a second answer to one look-up is none");
    world.after(seconds(30));
    world.client.handle_looked_up(LookUpId::from_bits(1 << 32), &[], world.now);
    assert_eq!(world.client.stats().idle, 1, "a failed look-up changes nothing");
}
