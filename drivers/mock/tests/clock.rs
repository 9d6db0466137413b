//! Threads share the clock of a mock.

use std::{
    thread,
    time::{Duration, Instant},
};

use httpool_blocking::{Cancel, Client, Error, Timeout};
use httpool_mock::Mock;

const URL: &str = "http://api.example/";
const SECOND: Duration = Duration::from_secs(1);

fn client(mock: &Mock) -> Client {
    let timeout = Timeout::default().first_byte(None).stall(None);
    mock.client_with(Client::builder().timeouts(timeout).timings(true))
}

#[test]
fn two_threads_with_delays_come_back_in_the_order_of_the_clock() {
    let mock = Mock::new();
    let (slow, fast) = ("http://api.example/slow", "http://api.example/fast");
    mock.on("GET", slow).reply(200).after(3000 * SECOND);
    mock.on("GET", fast).reply(200).after(1000 * SECOND);
    let client = client(&mock);
    // The time in which the call itself saw its response.
    let call = |url: &'static str| {
        let client = &client;
        move || client.get(url).send().unwrap().timings().unwrap().ended.unwrap()
    };
    thread::scope(|scope| {
        let held = mock.hold_clock();
        let slow = scope.spawn(call(slow));
        held.wait_for(1);
        let fast = scope.spawn(call(fast));
        held.wait_for(2);
        assert_eq!(mock.elapsed(), Duration::ZERO, "the clock is held");
        drop(held);
        let (slow, fast) = (slow.join().unwrap(), fast.join().unwrap());
        assert!(fast >= 1000 * SECOND && fast < 3000 * SECOND, "{fast:?}");
        assert!(slow >= 3000 * SECOND, "{slow:?}");
    });
    assert_eq!(mock.elapsed(), 3000 * SECOND, "the waits are not added up");
    mock.verify();
}

#[test]
fn many_threads_that_wait_all_come_back() {
    let (mock, begun) = (Mock::new(), Instant::now());
    for seconds in 0..8 {
        let rule = mock.on("GET", &format!("{URL}{seconds}"));
        rule.reply(200).after(1000 * seconds * SECOND).times(100);
    }
    let client = client(&mock);
    thread::scope(|scope| {
        for number in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for turn in 0..100 {
                    client.get(&format!("{URL}{}", (number + turn) % 8)).send().unwrap();
                }
            });
        }
    });
    let all = 350_000 * SECOND;
    assert!((all..=8 * all).contains(&mock.elapsed()), "{:?}", mock.elapsed());
    assert!(begun.elapsed() < all, "nobody waited");
    mock.verify();
}

#[test]
fn a_cancelled_call_ends_while_the_clock_is_held() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).after(SECOND);
    let (client, cancel) = (client(&mock), Cancel::new());
    let held = mock.hold_clock();
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| client.get(URL).cancel(&cancel).send().map(drop));
        held.wait_for(1);
        cancel.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert!(Error::is_cancelled(&error), "{error}");
    assert_eq!(mock.elapsed(), Duration::ZERO);
}

#[test]
fn the_thread_that_holds_the_clock_does_not_wait_for_itself() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).after(SECOND);
    let held = mock.hold_clock();
    client(&mock).get(URL).send().unwrap();
    assert_eq!(mock.elapsed(), SECOND);
    drop(held);
}
