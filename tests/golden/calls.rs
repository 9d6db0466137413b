//! Golden traces of calls.

use core::time::Duration;

use httpool::{
    call::{Next, Policy},
    limits::PoolLimits,
    message::{BodyLength, Request},
};

use super::{golden, story::Story};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn get() -> Request {
    Request::get("http://127.0.0.1/x").build().unwrap()
}

fn post(len: u64) -> Request {
    let body = BodyLength::Known { len, replayable: true };
    Request::post("http://127.0.0.1/x").body(body).build().unwrap()
}

#[test]
fn reuse() {
    let mut story = Story::new();
    let mut first = story.begin(get(), Policy::default());
    story.connect(&mut first);
    story.send(&mut first, "");
    story.pass(20);
    story.hear(&mut first, HELLO);
    story.end(first);
    story.pass(100);
    let mut second = story.begin(get(), Policy::default());
    story.send(&mut second, "");
    story.pass(20);
    // The head arrives before the body.
    let (head, body) = HELLO.split_at(HELLO.len() - 5);
    story.hear(&mut second, head);
    story.pass(1);
    story.hear(&mut second, body);
    story.end(second);
    golden("reuse", &story);
}

#[test]
fn stale() {
    let mut story = Story::new();
    let mut first = story.begin(get(), Policy::default());
    story.connect(&mut first);
    story.send(&mut first, "");
    story.hear(&mut first, HELLO);
    story.end(first);
    story.pass(1_000);
    let mut second = story.begin(get(), Policy::default());
    story.send(&mut second, "");
    story.pass(1);
    story.hear_the_end(&mut second);
    story.release(&mut second);
    story.checkout(&mut second);
    story.connect(&mut second);
    story.send(&mut second, "");
    story.hear(&mut second, HELLO);
    story.end(second);
    golden("stale", &story);
}

#[test]
fn redirect_with_a_body() {
    let mut story = Story::new();
    let mut call = story.begin(post(9), Policy::default());
    story.connect(&mut call);
    story.send(&mut call, "some body");
    story.pass(20);
    story.hear(
        &mut call,
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /y\r\nContent-Length: 4\r\n\r\ngone",
    );
    story.release(&mut call);
    story.rewind(&mut call);
    story.checkout(&mut call);
    story.send(&mut call, "some body");
    story.pass(20);
    story.hear(&mut call, HELLO);
    story.end(call);
    golden("redirect", &story);
}

#[test]
fn line() {
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    let mut story = Story::within(limits);
    let mut first = story.begin(get(), Policy::default());
    story.connect(&mut first);
    story.send(&mut first, "");
    story.pass(5);
    let mut second = story.begin(get(), Policy::default());
    story.pass(5);
    story.hear(&mut first, HELLO);
    story.end(first);
    story.claim(&mut second);
    story.send(&mut second, "");
    story.hear(&mut second, HELLO);
    story.end(second);
    golden("line", &story);
}

/// Makes one call for each deadline, each on a connection of its own: in line, for writing, for a
/// 100, for the head, for the body, and for the whole call. It also waits out a backoff, which is
/// no failure.
#[test]
fn timeouts() {
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 1;
    let mut story = Story::within(limits);
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_secs(3_600));

    let mut holds = story.begin(get(), policy.clone());
    story.connect(&mut holds);
    story.send(&mut holds, "");
    let mut queue = story.begin(get(), policy.clone());
    story.wait(&mut queue);
    story.end(queue);
    story.hear(&mut holds, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    story.wait(&mut holds);
    story.end(holds);

    let mut write = story.begin(post(9), policy.clone());
    story.connect(&mut write);
    story.wait(&mut write);
    story.end(write);

    let expecting = Request::post("http://127.0.0.1/x").expect_continue(true);
    let expecting = expecting.body(BodyLength::Known { len: 9, replayable: true }).build().unwrap();
    let mut waits = story.begin(expecting, policy.clone());
    story.connect(&mut waits);
    story.send(&mut waits, "");
    story.wait(&mut waits);
    story.send(&mut waits, "some body");
    story.wait(&mut waits);
    story.end(waits);

    let mut total = policy.clone();
    total.timeout.total = Some(Duration::from_secs(2));
    let mut whole = story.begin(get(), total);
    story.connect(&mut whole);
    story.send(&mut whole, "");
    story.wait(&mut whole);
    story.end(whole);

    policy.retry.total = Some(1);
    let mut again = story.begin(get(), policy);
    story.connect(&mut again);
    story.send(&mut again, "");
    story.hear(&mut again, b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    story.release(&mut again);
    assert_eq!(again.call.next(), Next::Wait);
    story.wait(&mut again);
    story.checkout(&mut again);
    story.send(&mut again, "");
    story.hear(&mut again, HELLO);
    story.end(again);
    golden("timeouts", &story);
}
