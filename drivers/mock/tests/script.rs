//! A client talks to a mock by a script of rules.

use std::{
    error::Error as _,
    thread,
    time::{Duration, Instant},
};

use httpool_blocking::{Client, Error, Policy, Redirect, Retry, Timeout};
use httpool_mock::Mock;

const URL: &str = "http://api.example/users";

/// Returns the messages of an error and its sources.
fn messages(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[test]
fn a_rule_answers_and_the_connection_is_kept() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(201).header("X-Id", "7").body("hello").times(2);
    let client = mock.client();
    for reused in [false, true] {
        let response = client.get(URL).send().unwrap();
        assert_eq!((response.status().as_u16(), response.reused()), (201, reused));
        assert_eq!(response.header("X-Id"), Some("7"));
        assert_eq!(response.text().unwrap(), "hello");
    }
    assert_eq!(client.stats().idle, 1);
    mock.verify();
}

#[test]
fn a_request_that_matches_no_rule_fails_and_shows_the_nearest_rule_and_each_difference() {
    let mock = Mock::new();
    mock.on("GET", "http://other.example/").reply(200);
    mock.on("POST", "http://api.example/users?a=1&b=2")
        .with_header("X-Key", "k")
        .with_body("yes")
        .reply(200);
    let client = mock.client();
    let sent = client.post("http://api.example/users?c=3&b=4").header("X-Key", "other").body("no");
    let error = messages(&sent.send().unwrap_err());
    let report = mock.check().unwrap_err();
    for expected in [
        "POST http://api.example/users?c=3&b=4",
        "nearest rule: POST http://api.example/users?a=1&b=2 with X-Key: k",
        "query a: the rule has \"1\", the request has none",
        "query b: the rule has \"2\", the request \"4\"",
        "query c: the rule has none, the request \"3\"",
        "header X-Key: the rule has \"k\", the request \"other\"",
        "body: the rule has \"yes\", the request \"no\"",
    ] {
        assert!(error.contains(expected), "{expected} is not in the error: {error}");
        assert!(report.contains(expected), "{expected} is not in the report: {report}");
    }
    assert!(!report.contains("path:"), "{report}");
}

#[test]
fn the_first_line_of_a_miss_says_that_no_rule_matched_and_the_next_ones_say_why() {
    let mock = Mock::new();
    let expected = "GET http://api.example/users: no rule of the mock matched this request\n    \
                    the mock has no rules";
    assert_eq!(mock.client().get(URL).send().unwrap_err().to_string(), expected);

    mock.on("GET", "http://api.example/user").reply(302).header("Location", "/users");
    let expected = "GET http://api.example/users: no rule of the mock matched this request\n    \
                    nearest rule: GET http://api.example/user\n      \
                    path: the rule has /user, the request /users";
    let client = mock.client_with(Client::builder().redirect(Redirect::limited(3)));
    let redirected = client.get("http://api.example/user").send().unwrap_err();
    assert_eq!(redirected.to_string(), expected);
    let panic = thread::spawn(move || mock.client().get(URL).send().unwrap()).join().unwrap_err();
    let panic = panic.downcast::<String>().unwrap();
    assert_eq!(panic.strip_prefix("called `Result::unwrap()` on an `Err` value: "), Some(expected));
}

#[test]
fn verify_panics_with_the_rules_that_were_not_used() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).times(2);
    mock.on("DELETE", URL).reply(204);
    mock.refuse("https://down.example/");
    mock.unknown_host("nowhere.example");
    mock.client().get(URL).send().unwrap();
    let message =
        *thread::spawn(move || mock.verify()).join().unwrap_err().downcast::<String>().unwrap();
    for expected in [
        "GET http://api.example/users\n    used once, demanded 2 times",
        "DELETE http://api.example/users\n    used never, demanded at least once",
        "refuse connections to down.example:443\n    used never",
        "the unknown host nowhere.example\n    used never",
    ] {
        assert!(message.contains(expected), "{expected} is not in: {message}");
    }
}

#[test]
fn what_was_not_used_and_what_did_not_match_are_lists_and_a_dropped_mock_is_silent() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200);
    mock.client().put(URL).send().unwrap_err();
    let unused = "GET http://api.example/users\n    used never, demanded at least once";
    assert_eq!(mock.unused(), [unused]);
    let unmatched = mock.unmatched();
    assert_eq!(unmatched.len(), 1);
    assert!(unmatched[0].starts_with("PUT http://api.example/users\n    nearest rule: GET"));
    let other = mock.clone();
    let panic = thread::spawn(move || {
        /// Verifies when the test ends.
        struct AtEnd(Mock);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                self.0.verify();
            }
        }
        let _end = AtEnd(other);
        panic!("the test's own failure");
    });
    let message = *panic.join().unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "the test's own failure");
    drop(mock);
}

#[test]
fn a_rule_that_is_used_up_matches_no_more_and_the_next_one_does() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).body("first").times(1);
    mock.on("GET", URL).reply(200).body("second").times(1);
    let client = mock.client();
    assert_eq!(client.get(URL).send().unwrap().text().unwrap(), "first");
    assert_eq!(client.get(URL).send().unwrap().text().unwrap(), "second");
    client.get(URL).send().unwrap_err();
    let report = mock.check().unwrap_err();
    assert!(report.contains("uses: the rule may be used once and was"), "{report}");
}

#[test]
fn replies_follow_in_order_and_redirects_and_retries_run_without_waiting() {
    let mock = Mock::new();
    mock.on("GET", URL)
        .reply(503)
        .header("Retry-After", "3600")
        .then_reply(302)
        .header("Location", "/b");
    mock.on("GET", "http://api.example/b").without_header("X-No").reply(200).body("end");
    let retry = Retry::new(2).on_statuses([503]);
    let builder = Client::builder().retry(retry).redirect(Redirect::limited(3));
    let client = mock.client_with(builder.timeout(Duration::from_secs(7200)));
    let begun = Instant::now();
    assert_eq!(client.get(URL).send().unwrap().text().unwrap(), "end");
    assert!(begun.elapsed() < Duration::from_secs(3600), "the clock of the mock was used");
    mock.verify();
    let urls: Vec<_> = mock.requests().iter().map(ToString::to_string).collect();
    assert_eq!(
        urls,
        [
            "GET http://api.example/users",
            "GET http://api.example/users",
            "GET http://api.example/b"
        ]
    );
}

#[test]
fn the_query_may_have_any_order_and_repeated_names() {
    let mock = Mock::new();
    mock.on("GET", "http://api.example/?a=1&a=2&b=x%20y").reply(200);
    mock.on("GET", "http://api.example/any?z=1").any_query().reply(200);
    let client = mock.client();
    client.get("http://api.example/?b=x+y&a=2&a=1").send().unwrap();
    client.get("http://api.example/any").send().unwrap();
    mock.verify();
}

#[test]
fn a_condition_of_the_tests_own_is_shown_where_it_does_not_hold() {
    let mock = Mock::new();
    let rule = mock.on("GET", "http://api.example/").any_path();
    rule.matching("an even id", |request| request.url.path().ends_with(['0', '2'])).reply(200);
    mock.client().get("http://api.example/items/12").send().unwrap();
    let error = mock.client().get("http://api.example/items/13").send().unwrap_err().to_string();
    for expected in [
        "nearest rule: GET http://api.example/ with any path with an even id",
        "condition: the rule has an even id, the request does not meet it",
    ] {
        assert!(error.contains(expected), "{expected} is not in: {error}");
    }
    assert!(!error.contains("path:"), "{error}");
}

#[test]
fn bodies_of_requests_are_matched_without_their_coding() {
    let mock = Mock::new();
    mock.on("POST", URL).with_any_header("Transfer-Encoding").with_body("streamed").reply(200);
    mock.on("PUT", URL).with_body_containing("\"id\":").reply(200);
    let client = mock.client();
    let reader = std::io::Cursor::new("streamed");
    client.post(URL).body(httpool_blocking::Body::reader(reader)).send().unwrap();
    client.put(URL).expect_continue(true).body("{\"id\":1}").send().unwrap();
    mock.verify();
}

#[test]
fn a_server_that_never_answers_ends_the_call_by_its_deadline_without_waiting() {
    let mock = Mock::new();
    mock.on("GET", URL).never_answer();
    mock.on("POST", URL).reply(200).body("late").after(Duration::from_secs(3000));
    let timeout =
        Timeout::default().total(Duration::from_secs(5000)).first_byte(Duration::from_secs(4000));
    let policy = Policy::default().timeout(timeout);
    let client = mock.client_with(Client::builder().policy(policy));
    let begun = Instant::now();
    let error = client.get(URL).send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(client.post(URL).send().unwrap().text().unwrap(), "late");
    assert!(begun.elapsed() < Duration::from_secs(3000));
    mock.verify();
}

#[test]
fn faults_break_the_call_where_they_say() {
    let mock = Mock::new();
    mock.refuse("http://down.example/").times(1);
    mock.unknown_host("nowhere.example");
    mock.on("GET", "http://down.example/").reply(200);
    mock.on("GET", "http://api.example/close").close();
    mock.on("GET", "http://api.example/cut").reply(200).body("hello").cut_body_after(2);
    mock.on("GET", "http://api.example/stall").reply(200).body("hello").stall_body_after(2);
    let client = mock.client();
    let refused = client.get("http://down.example/").send().unwrap_err();
    assert!(messages(&refused).contains("refused"), "{}", messages(&refused));
    client.get("http://down.example/").send().unwrap();
    let unknown = messages(&client.get("http://nowhere.example/").send().unwrap_err());
    assert!(unknown.contains("nowhere.example"), "{unknown}");
    client.get("http://api.example/close").send().unwrap_err();
    for path in ["cut", "stall"] {
        let mut response = client.get(&format!("http://api.example/{path}")).send().unwrap();
        let mut two = [0; 2];
        std::io::Read::read_exact(&mut response, &mut two).unwrap();
        assert_eq!(&two, b"he");
        let error = response.read_all().unwrap_err();
        assert_eq!(error.is_timeout(), path == "stall", "{error}");
    }
    mock.verify();
}

#[test]
fn https_needs_no_certificate_also_through_a_proxy() {
    let mock = Mock::new();
    mock.on("GET", "https://api.example/a?b=1").reply(200).body("safe").times(2);
    mock.on("GET", "http://plain.example/").reply(200);
    let client = mock.client();
    let response = client.get("https://api.example/a?b=1").send().unwrap();
    assert_eq!(response.tls().unwrap().version, "mock");
    assert_eq!(response.text().unwrap(), "safe");
    let builder = Client::builder().proxy("http://proxy.example:3128").unwrap();
    let client = mock.client_with(builder);
    assert_eq!(client.get("https://api.example/a?b=1").send().unwrap().text().unwrap(), "safe");
    client.get("http://plain.example/").send().unwrap();
    mock.verify();
}

#[test]
fn threads_share_a_mock() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).body("hello").times(200);
    let client = mock.client();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(client.get(URL).send().unwrap().text().unwrap(), "hello");
                }
            });
        }
    });
    mock.verify();
}

#[test]
fn responses_without_a_body_are_framed_right() {
    let mock = Mock::new();
    mock.on("HEAD", URL).reply(200).body("hello");
    mock.on("DELETE", URL).reply(204);
    let client = mock.client();
    assert_eq!(client.head(URL).send().unwrap().content_length(), Some(5));
    assert_eq!(client.delete(URL).send().unwrap().text().unwrap(), "");
    assert_eq!(client.stats().idle, 1, "the connection is kept");
    mock.verify();
}

#[test]
#[should_panic(expected = "the rule's URL \"users\" is not valid")]
fn a_rule_with_a_relative_url_is_refused() {
    Mock::new().on("GET", "users");
}

#[test]
fn a_coded_body_is_decoded_by_the_client() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x10\x36\x05\0\0\0";
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).header("Content-Encoding", "gzip").body(gzip);
    mock.on("PUT", URL)
        .reply(200)
        .header("Transfer-Encoding", "chunked")
        .body("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    let client = mock.client();
    assert_eq!(client.get(URL).send().unwrap().text().unwrap(), "hello");
    assert_eq!(client.put(URL).send().unwrap().text().unwrap(), "hello");
    mock.verify();
}

#[test]
fn a_call_without_a_deadline_fails_if_no_answer_can_come() {
    let mock = Mock::new();
    mock.on("GET", URL).never_answer();
    mock.on("POST", URL).reply(200).body("hello").stall_body_after(1);
    let policy = Policy::default()
        .timeout(Timeout::default().queue(None).write(None).first_byte(None).stall(None));
    let client = mock.client_with(Client::builder().policy(policy));
    for error in [
        client.get(URL).send().map(drop).unwrap_err(),
        client.post(URL).send().unwrap().text().unwrap_err(),
    ] {
        assert!(messages(&error).contains("the call has no deadline"), "{}", messages(&error));
    }
    mock.verify();
}

#[test]
fn a_miss_that_is_retried_is_reported_once_with_its_number() {
    let mock = Mock::new();
    let client = mock.client_with(Client::builder().retry(Retry::new(2)));
    client.get(URL).send().unwrap_err();
    let report = mock.check().unwrap_err();
    assert_eq!(report.matches("GET http://api.example/users").count(), 1, "{report}");
    assert!(report.contains("the mock has no rules\n    it came 3 times"), "{report}");
}

#[test]
fn a_rule_that_must_not_be_used_matches_nothing() {
    let mock = Mock::new();
    mock.on("DELETE", URL).reply(200).times(0);
    mock.verify();
    mock.client().delete(URL).send().unwrap_err();
    assert!(mock.check().unwrap_err().contains("DELETE http://api.example/users"));
}

#[test]
fn an_idle_connection_grows_old_on_the_clock_of_the_mock() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200).then_reply(200).then_reply(200).after(Duration::from_secs(59));
    let mut timeout = Timeout::default();
    timeout = timeout.total(Duration::from_secs(3600));
    let builder = Client::builder().policy(Policy::default().timeout(timeout));
    let client = mock.client_with(builder);
    let other = "http://other.example/";
    mock.on("GET", other).reply(200).after(Duration::from_secs(50)).times(2);
    let reused = |url: &str| client.get(url).send().unwrap().reused();
    assert_eq!([reused(URL), reused(URL)], [false, true]);
    assert_eq!([reused(other), reused(other)], [false, true], "50 seconds each");
    assert!(!reused(URL), "it was idle for over 60 seconds");
    mock.verify();
}

#[test]
fn a_connection_of_a_mock_cannot_become_a_socket() {
    let mock = Mock::new();
    mock.on("GET", URL).reply(200);
    let cancel = httpool_blocking::Cancel::new();
    let client = mock.client();
    let response = client.get(URL).cancel(&cancel).send().unwrap();
    assert!(response.into_switched().is_none(), "there is no socket");
    cancel.cancel();
    client.get(URL).cancel(&cancel).send().unwrap_err();
    assert_eq!(mock.requests().len(), 1, "a cancelled call sends nothing");
}
