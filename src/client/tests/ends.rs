//! Tests of calls that end early, and of the state that they leave.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::trace::{Line, Sink};

#[test]
fn a_cancelled_call_says_nothing_more() {
    // The stages are: in the queue, dialing, waiting for the head, reading the body.
    for stage in 0..4 {
        let mut world = World::with(|config| config.pool.open_per_key_max = 1);
        let other = (stage == 0).then(|| world.get("http://127.0.0.1/0"));
        let call = world.get("http://127.0.0.1/1");
        if stage > 1 {
            world.connect();
        }
        if stage > 2 {
            let socket = world.socket(call);
            world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        }
        world.told();
        world.client.cancel(call, world.now);
        assert_eq!(world.client.why(call), None);
        assert!(world.client.call(call).is_none());
        world.settle();
        assert_eq!(world.client.calls(), usize::from(other.is_some()));
        if let Some(other) = other {
            world.connect();
            let socket = world.socket(other);
            world.says(socket, OK);
            assert_eq!(world.told().len(), 3);
        } else {
            assert_eq!((world.told().len(), world.client.stats().open), (0, 0), "{stage}");
        }
    }
}

/// The end of the call is queued when the application cancels the call.
#[test]
fn a_call_that_is_given_up_after_its_end_says_nothing_more() {
    let mut world = World::with(|config| {
        config.pool.waiting_max = 1;
        config.pool.open_max = 1;
    });
    let get = |path: &str| {
        let url = format!("http://127.0.0.1{path}");
        Request::get(&url).header("Upgrade", "x").build().unwrap()
    };
    let switched = world.request(get("/1"), Policy::default());
    // The queue has no room for this call.
    let refused = world.client.request(get("/2"), Arc::default(), world.now);
    world.client.cancel(refused, world.now);
    world.settle();
    assert_eq!((world.told().len(), world.client.calls()), (0, 1));

    world.connect();
    let socket = world.socket(switched);
    world.done();
    let input = b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw";
    let (_, event) = world.client.receive(socket, input, world.now);
    assert!(matches!(event, Step::Event(Event::Head(..))));
    world.client.cancel(switched, world.now);
    world.settle();
    assert_eq!(world.done(), ["close s0.0 unfinished"]);
    assert_eq!((world.told().len(), world.client.stats().open), (0, 0));
}

#[test]
fn a_paused_response_that_is_discarded_is_read_on() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    world.client.pause(call, world.now);
    world.client.discard(call, world.now);
    world.settle();
    assert!(world.client.wants_input(socket));
    world.says(socket, b"cd");
    assert_eq!(world.client.stats().idle, 1);
}

#[test]
fn a_discarded_response_gives_its_connection_back() {
    let mut world = World::new();
    let call = world.get("http://127.0.0.1/");
    world.connect();
    let socket = world.socket(call);
    world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    world.client.discard(call, world.now);
    world.settle();
    assert!(world.client.call(call).is_none());
    world.told();
    world.says(socket, b"cd");
    assert_eq!((world.told().len(), world.client.stats().idle), (0, 1));
    // Before the head, discarding cancels the call.
    let call = world.get("http://127.0.0.1/");
    world.client.discard(call, world.now);
    world.settle();
    assert_eq!((world.client.calls(), world.client.stats().open), (0, 0));
}

#[test]
fn a_switched_connection_is_handed_over_with_its_rest() {
    let mut world = World::new();
    let request = Request::get("http://127.0.0.1/").header("Upgrade", "x").build().unwrap();
    let call = world.request(request, Policy::default());
    world.connect();
    let socket = world.socket(call);
    world.done();
    let input = b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw";
    assert_eq!(world.says(socket, input), b"raw");
    assert_eq!(world.told(), ["a0.0 head 101", "a0.0 switched"]);
    assert_eq!(world.done(), ["hand-over s0.0 a0.0"]);
    assert_eq!((world.client.calls(), world.client.stats().open), (0, 0));
}

#[test]
fn a_graceful_close_lets_calls_with_a_connection_end() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let first = world.get("http://127.0.0.1/1");
    world.get("http://127.0.0.1/2");
    world.connect();
    let socket = world.socket(first);
    world.client.close(world.now);
    world.settle();
    assert_eq!(
        world.told(),
        [
            "a1.0 failed: the pool, or its part for this host, was closed: a closed client sends nothing more"
        ]
    );
    world.says(socket, OK);
    assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok", "a0.0 end"]);
    assert_eq!(world.client.stats().open, 0);
    world.get("http://127.0.0.1/3");
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_closed_key_fails_its_waiting_calls_and_lets_the_others_end() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let first = world.get("http://127.0.0.1/1");
    world.get("http://127.0.0.1/2");
    let other = world.get("http://127.0.0.2/3");
    world.connect();
    let (socket, of_other) = (world.socket(first), world.socket(other));
    let key = world.client.call(first).unwrap().key().clone();
    world.client.close_key(&key, world.now);
    world.settle();
    let told = world.told();
    assert!(matches!(&told[..], [one] if one.starts_with("a1.0 failed: ")), "{told:?}");
    world.says(socket, OK);
    world.says(of_other, OK);
    assert_eq!(world.told().len(), 6);
    // That of the other key is kept.
    assert_eq!((world.client.stats().open, world.client.stats().idle), (1, 1));
    let again = world.get("http://127.0.0.1/4");
    world.connect();
    assert_ne!(world.socket(again), socket);
}

#[test]
fn a_retired_connection_is_closed_after_its_call_and_calls_go_on() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let first = world.get("http://127.0.0.1/1");
    let second = world.get("http://127.0.0.1/2");
    let other = world.get("http://127.0.0.2/3");
    world.connect();
    let socket = world.socket(first);
    world.says(world.socket(other), OK);
    world.told();
    assert_eq!(world.client.stats().idle, 1);
    world.client.retire(world.now);
    world.settle();
    assert_eq!((world.client.stats().idle, world.told().len()), (0, 0));
    world.says(socket, OK);
    world.connect();
    assert_eq!(world.told(), ["a0.0 head 200", "a0.0 data ok", "a0.0 end"]);
    assert_ne!(world.socket(second), socket);
    world.says(world.socket(second), OK);
    assert_eq!(world.client.stats().idle, 1);
}

#[test]
fn an_immediate_close_ends_everything_and_tells() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 2);
    let first = world.get("http://127.0.0.1/1");
    world.connect();
    world.says(world.socket(first), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    world.get("http://127.0.0.1/2");
    world.get("http://127.0.0.1/3");
    world.told();
    world.client.close_now(world.now);
    world.settle();
    assert_eq!(world.told().len(), 3);
    assert_eq!((world.client.calls(), world.client.stats().open), (0, 0));
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn a_lost_connection_is_told_how_far_the_request_had_got() {
    let mut world = World::new();
    let call = world.client.request(
        Request::post("http://127.0.0.1/").build().unwrap(),
        Arc::default(),
        world.now,
    );
    world.settle().connect();
    let socket = world.socket(call);
    let _ = world.client.handle_eof(socket, Eof::Broken, world.now);
    let mut actions = core::iter::from_fn(|| world.client.poll_action());
    assert!(matches!(actions.next(), Some(Action::Close { .. })));
    let Some(Action::Failed { failure, .. }) = actions.next() else { panic!() };
    assert_eq!(failure.cause, Cause::Lost(IoKind::Reset));
    assert_eq!(failure.reached, crate::error::Reached::Sent);
    // The ended call still answers until the next action is asked for.
    assert!(world.client.call(call).is_some());
    assert_eq!(world.client.poll_action(), None);
    assert!(world.client.call(call).is_none());
}

#[test]
fn inputs_may_pile_up_before_a_drain() {
    let mut world = World::new();
    let calls: Vec<_> = (0..3)
        .map(|n| {
            let request = Request::get(&format!("http://127.0.0.1/{n}")).build().unwrap();
            world.client.request(request, Arc::default(), world.now)
        })
        .collect();
    world.client.cancel(calls[1], world.now);
    for bits in 0..3 {
        world.client.handle_connected(SocketId::from_bits(bits), Ok(()), world.now);
    }
    // Two connections are in use; the third dial was abandoned with its call.
    world.settle();
    assert_eq!(world.client.stats().leased, 2);
    let conns = [world.socket(calls[0]), world.socket(calls[2])];
    for socket in conns {
        world.says(socket, OK);
    }
    assert_eq!(world.told().len(), 6);
    assert_eq!(vec![world.client.calls(), world.client.stats().idle], [0, 2]);
}

/// The timer entry of the first call is older than its last read, so it comes up early.
#[test]
fn deadlines_pass_in_their_order_however_late_the_driver_is() {
    let mut world = World::with(|config| config.pool.open_per_key_max = 1);
    let reading = world.get("http://127.0.0.1/1");
    world.connect();
    let socket = world.socket(reading);
    world.says(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    world.after(seconds(1));
    let waiting = world.get("http://127.0.0.1/2");
    world.after(seconds(30));
    world.says(socket, b"ab");
    world.told();
    // The waiting call fails after 61 seconds, the reading one after 91.
    world.after(seconds(100));
    assert_eq!(
        world.told(),
        [
            format!("{waiting} failed: {}", Cause::Timeout(Deadline::Queue)),
            format!("{reading} failed: {}", Cause::Timeout(Deadline::Stall)),
        ]
    );
}

#[test]
fn closing_says_nothing_to_a_call_that_has_ended() {
    /// Counts the trace lines that say that a call was cancelled, and that it failed.
    #[derive(Default)]
    struct Count([AtomicUsize; 2]);
    impl Sink for Count {
        fn line(&self, line: &Line<'_>) {
            for (count, word) in self.0.iter().zip(["< cancel", "> failed"]) {
                if line.to_string().contains(word) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
    let count = Arc::new(Count::default());
    let mut world = World::new();
    world.client.set_trace(count.clone());
    // In the queue: closing the pool fails the call, so it is not cancelled as well.
    world.get("http://127.0.0.1/");
    world.client.close_now(world.now);
    assert_eq!(count.0.each_ref().map(|it| it.load(Ordering::Relaxed)), [0, 1]);
}
