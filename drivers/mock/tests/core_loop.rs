//! The core's client talks to a mock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use httpool_blocking::{
    Policy, Retry, Timeout,
    httpool::{
        client::{Action, Client, Config, Event},
        error::Cause,
        id::CallId,
        message::{BodyLength, Request},
    },
};
use httpool_mock::{CoreLoop, Mock, News};

const SECOND: Duration = Duration::from_secs(1);

/// The results of calls, in the order of their ends.
#[derive(Default)]
struct Results {
    bodies: BTreeMap<CallId, Vec<u8>>,
    ends: Vec<(CallId, Result<u64, Cause>)>,
}

impl Results {
    /// Runs all calls. The time of an end is in seconds.
    fn run(&mut self, driver: &mut CoreLoop, client: &mut Client, mock: &Mock) -> Option<String> {
        let run = driver.run(client, |_, news| match news {
            News::Event(Event::Data(call, data)) => {
                self.bodies.entry(call).or_default().extend_from_slice(data);
            }
            News::Event(Event::End(call, _)) | News::Action(Action::End { call, .. }) => {
                self.ends.push((call, Ok(mock.elapsed().as_secs())));
            }
            News::Action(Action::Failed { call, failure }) => {
                self.ends.push((call, Err(failure.cause)));
            }
            _ => {}
        });
        run.err().map(|why| why.to_string())
    }
}

fn begin(client: &mut Client, driver: &CoreLoop, url: &str, policy: Policy) -> CallId {
    let request = Request::get(url).build().unwrap();
    client.request(request, Arc::new(policy), driver.now())
}

#[test]
fn calls_run_at_the_same_time_and_end_in_the_order_of_the_clock() {
    let mock = Mock::new();
    mock.on("GET", "http://slow.example/").reply(200).body("slow").after(3 * SECOND);
    mock.on("GET", "https://fast.example/").reply(200).body("fast").after(SECOND).times(2);
    let mut config = Config::default();
    config.dial.tls_available = true;
    let (mut driver, mut client) = (mock.core_loop(), Client::new(config));
    let mut results = Results::default();
    let slow = begin(&mut client, &driver, "http://slow.example/", Policy::default());
    let fast = begin(&mut client, &driver, "https://fast.example/", Policy::default());
    assert_eq!(results.run(&mut driver, &mut client, &mock), None);
    assert_eq!(results.ends, [(fast, Ok(1)), (slow, Ok(3))]);
    assert_eq!(
        (&results.bodies[&slow][..], &results.bodies[&fast][..]),
        (&b"slow"[..], &b"fast"[..])
    );
    assert_eq!(client.stats().idle, 2);
    let again = begin(&mut client, &driver, "https://fast.example/", Policy::default());
    assert_eq!(results.run(&mut driver, &mut client, &mock), None);
    assert_eq!(results.ends[2], (again, Ok(4)));
    assert_eq!(client.stats().idle, 2, "the connection was used again");
    mock.verify();
}

#[test]
fn a_body_is_sent_again_when_the_call_is_tried_again() {
    let mock = Mock::new();
    let rule = mock.on("PUT", "http://api.example/").with_body("hello");
    rule.reply(503).header("Retry-After", "60").then_reply(200).body("taken");
    let (mut driver, mut client) = (mock.core_loop(), Client::new(Config::default()));
    let body = BodyLength::Known { len: 5, replayable: true };
    let request = Request::put("http://api.example/").body(body).build().unwrap();
    let policy = Policy::default().retry(Retry::new(1).on_statuses([503]));
    let call = client.request(request, Arc::new(policy), driver.now());
    driver.set_body(call, "hello");
    let mut results = Results::default();
    assert_eq!(results.run(&mut driver, &mut client, &mock), None);
    assert_eq!(results.ends, [(call, Ok(60))]);
    mock.verify();
}

#[test]
fn a_miss_fails_the_call_and_the_run_says_why() {
    let mock = Mock::new();
    mock.on("GET", "http://api.example/a").reply(200);
    let (mut driver, mut client) = (mock.core_loop(), Client::new(Config::default()));
    let mut results = Results::default();
    let call = begin(&mut client, &driver, "http://api.example/b", Policy::default());
    let why = results.run(&mut driver, &mut client, &mock).unwrap();
    assert_eq!(
        why,
        "GET http://api.example/b: no rule of the mock matched this request\n    \
         nearest rule: GET http://api.example/a\n      \
         path: the rule has /a, the request /b"
    );
    assert!(matches!(results.ends[..], [(of, Err(Cause::Lost(_)))] if of == call));
    begin(&mut client, &driver, "http://api.example/a", Policy::default());
    assert_eq!(results.run(&mut driver, &mut client, &mock), None, "each miss is told once");
}

#[test]
fn faults_and_deadlines_end_calls_without_waiting() {
    let mock = Mock::new();
    mock.unknown_host("nowhere.example");
    mock.refuse("http://down.example/");
    mock.on("GET", "http://api.example/silent").never_answer();
    mock.on("GET", "http://api.example/cut").reply(200).body("hello").cut_body_after(2);
    let (mut driver, mut client) = (mock.core_loop(), Client::new(Config::default()));
    let mut results = Results::default();
    for url in ["http://nowhere.example/", "http://down.example/", "http://api.example/cut"] {
        begin(&mut client, &driver, url, Policy::default());
    }
    let policy = Policy::default().timeout(Timeout::default().first_byte(1000 * SECOND));
    let silent = begin(&mut client, &driver, "http://api.example/silent", policy);
    assert_eq!(results.run(&mut driver, &mut client, &mock), None);
    assert_eq!(results.ends.len(), 4);
    assert!(matches!(results.ends[3], (of, Err(Cause::Timeout(_))) if of == silent));
    assert!(results.ends.iter().all(|(_, end)| end.is_err()));
    assert_eq!(driver.now().as_nanos(), 1_000_000_000_000);
    mock.verify();
}

#[test]
fn a_run_ends_if_nothing_can_happen() {
    let mock = Mock::new();
    mock.on("GET", "http://api.example/").never_answer();
    let (mut driver, mut client) = (mock.core_loop(), Client::new(Config::default()));
    let mut results = Results::default();
    let timeout = Timeout::default().queue(None).write(None).first_byte(None).stall(None);
    begin(&mut client, &driver, "http://api.example/", Policy::default().timeout(timeout));
    assert_eq!(results.run(&mut driver, &mut client, &mock), None);
    assert_eq!((client.calls(), results.ends.len()), (1, 0), "the call waits for ever");
}
