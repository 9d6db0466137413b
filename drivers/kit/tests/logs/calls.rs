//! The exact sequences of reports.

use std::{
    net::{Shutdown, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use httpool_blocking::{Policy, Retry, Route, Routes, Timeout};
use httpool_mio::{Client, Driver, Output};

use crate::{
    captured::{
        self, begins, captured, closed, delayed, opened, redirected, retried, retried_after,
        reused, through,
    },
    drivers::{End, with_each},
    support::{Server, ok, proxies::Heads, until},
};

const WHOLE: (&str, Option<u16>) = ("complete", Some(200));

fn ends(
    call: &str,
    origin: &str,
    (outcome, status): (&str, Option<u16>),
    error: Option<(&str, &str)>,
    counts: (u32, u32),
) -> String {
    captured::ends(&End { call, origin, outcome, status, error, counts })
}

/// Returns the reports of one call on a connection of its own, which is then closed.
fn alone(origin: &str, end: (&str, Option<u16>), reason: &str) -> [String; 4] {
    let end = ends("r0", origin, end, None, (0, 0));
    [begins("r0", origin), opened("c0.0", origin), end, closed("c0.0", reason)]
}

#[test]
fn a_redirect_a_retry_and_reuse_are_reported_in_their_order() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| {
                let mut busy = true;
                while let Some(request) = peer.request() {
                    if request.target() == "/old" {
                        let head = "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0";
                        peer.send(format!("{head}\r\n\r\n"));
                    } else if std::mem::take(&mut busy) {
                        let head = "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4";
                        peer.send(format!("{head}\r\n\r\nbusy"));
                    } else {
                        peer.answer("new");
                    }
                }
            });
            let origin = server.url("");
            let lines = captured(|| assert_eq!(subject.get(&server.url("/old")), Some(200)));
            let expected = [
                begins("r0", &origin),
                opened("c0.0", &origin),
                redirected("r0", 302, &origin),
                reused("c0.0", "r0"),
                retried_after("r0", 503),
                reused("c0.0", "r0"),
                ends("r0", &origin, WHOLE, None, (1, 1)),
            ];
            assert_eq!(lines, expected);
            let lines = captured(|| assert_eq!(subject.get(&server.url("/new")), Some(200)));
            let end = ends("r1", &origin, WHOLE, None, (0, 0));
            assert_eq!(lines, [begins("r1", &origin), reused("c0.0", "r1"), end]);
        },
    );
}

#[test]
fn a_connection_that_the_server_wants_closed_is_reported_with_that_reason() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::replying(|_| {
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi".to_vec()
            });
            let origin = server.url("");
            let lines = captured(|| assert_eq!(subject.get(&server.url("/")), Some(200)));
            assert_eq!(lines, alone(&origin, WHOLE, "peer-asked"));
        },
    );
}

#[test]
fn a_response_that_is_given_up_is_reported_as_cancelled_and_its_connection_as_unfinished() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
                peer.until_closed();
            });
            let origin = server.url("");
            let lines = captured(|| subject.give_up(&server.url("/")));
            assert_eq!(lines, alone(&origin, ("cancelled", Some(200)), "unfinished"));
        },
    );
}

#[test]
fn an_idle_connection_that_the_server_closes_is_reported_as_lost() {
    with_each(
        |_| {},
        |subject| {
            let ended = Arc::new(AtomicBool::new(false));
            let ends_now = ended.clone();
            let server = Server::start(move |peer| {
                peer.request();
                peer.answer("hi");
                peer.tcp.shutdown(Shutdown::Both).unwrap();
                ends_now.store(true, SeqCst);
            });
            let origin = server.url("");
            let lines = captured(|| {
                subject.get(&server.url("/"));
                until(|| ended.load(SeqCst));
                subject.look();
                subject.get(&server.url("/"));
            });
            let at = |line: &String| lines.iter().position(|it| it == line);
            let lost = at(&closed("c0.0", "lost"));
            assert!(lost > at(&ends("r0", &origin, WHOLE, None, (0, 0))), "{lines:#?}");
            assert!(lost < at(&opened("c0.1", &origin)), "{lines:#?}");
            assert!(at(&ends("r1", &origin, WHOLE, None, (0, 0))).is_some(), "{lines:#?}");
        },
    );
}

#[test]
fn a_connection_beyond_the_limit_of_idle_ones_is_reported_as_surplus() {
    with_each(
        |limits| limits.idle_per_key_max = 0,
        |subject| {
            let server = Server::answering("hi");
            let origin = server.url("");
            let lines = captured(|| assert_eq!(subject.get(&server.url("/")), Some(200)));
            assert_eq!(lines, alone(&origin, WHOLE, "surplus"));
        },
    );
}

#[test]
fn bytes_behind_a_response_are_the_reason_of_the_close() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| {
                peer.request();
                peer.send([ok("hi"), b"more".to_vec()].concat());
                peer.until_closed();
            });
            let lines = captured(|| assert_eq!(subject.get(&server.url("/")), Some(200)));
            assert_eq!(lines.last(), Some(&closed("c0.0", "unsolicited")), "{lines:#?}");
        },
    );
}

#[test]
fn a_lost_connection_is_retried_with_a_warning_and_then_fails_the_call() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| drop(peer.request()));
            let origin = server.url("");
            let lines = captured(|| assert_eq!(subject.get(&server.url("/")), None));
            let lost = "the connection was lost: the peer closed the connection";
            let failure = format!(
                "{lost} (while waiting for the response; the server may have acted on the request)"
            );
            let error = Some(("ProtocolError", failure.as_str()));
            let expected = [
                begins("r0", &origin),
                opened("c0.0", &origin),
                retried("r0", lost),
                closed("c0.0", "violation"),
                opened("c0.1", &origin),
                ends("r0", &origin, ("failed", None), error, (0, 1)),
                closed("c0.1", "violation"),
            ];
            assert_eq!(lines, expected);
        },
    );
}

#[test]
fn a_connection_that_cannot_be_opened_is_a_retry_and_a_failure_and_never_a_connection() {
    with_each(
        |_| {},
        |subject| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            drop(listener);
            let lines = captured(|| assert_eq!(subject.get(&format!("{origin}/")), None));
            let refused =
                "no connection could be opened: the connection was refused: nobody listens there";
            let failure = format!(
                "{refused} (while getting a connection; nothing was sent, so asking again is safe)"
            );
            let error = Some(("NewConnectionError", failure.as_str()));
            let expected = [
                begins("r0", &origin),
                retried("r0", refused),
                ends("r0", &origin, ("failed", None), error, (0, 1)),
            ];
            assert_eq!(lines, expected);
        },
    );
}

#[test]
fn a_pause_before_a_retry_is_reported_when_it_begins() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| drop(peer.request()));
            let mut retry = Retry::new(2);
            retry.backoff = Duration::from_millis(5);
            let policy = Policy::default().retry(retry);
            let url = server.url("/");
            let lines = captured(|| assert_eq!(subject.get_with(&url, &[], Some(policy)), None));
            let retry = retried("r0", "the connection was lost: the peer closed the connection");
            let retries = lines.iter().filter(|line| line.starts_with("WARN"));
            assert_eq!(retries.collect::<Vec<_>>(), [&retry, &delayed(&retry, 10)]);
            let at = |line: &String| lines.iter().position(|it| it == line);
            let later = at(&opened("c0.2", &server.url("")));
            assert!(at(&delayed(&retry, 10)) < later, "{lines:#?}");
        },
    );
}

#[test]
fn a_deadline_that_passes_is_the_reason_of_a_retry_and_of_a_failure() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| peer.until_closed());
            let timeout = Timeout::default().first_byte(Duration::from_millis(20));
            let policy = Policy::default().retry(Retry::new(1)).timeout(timeout);
            let (url, origin) = (server.url("/"), server.url(""));
            let lines = captured(|| assert_eq!(subject.get_with(&url, &[], Some(policy)), None));
            let late = "the first-byte deadline passed";
            assert_eq!(lines[2..4], [retried("r0", late), closed("c0.0", "unfinished")]);
            assert_eq!(lines[4], opened("c0.1", &origin));
            assert!(lines[5].contains("failed") && lines[5].contains(late), "{lines:#?}");
            assert_eq!(lines[6..], [closed("c0.1", "unfinished")]);
        },
    );
}

#[test]
fn a_redirect_to_another_origin_names_that_origin_alone() {
    with_each(
        |_| {},
        |subject| {
            let target = Server::answering("here");
            let server = Heads::redirecting(target.url("/elsewhere")).server;
            let lines = captured(|| assert_eq!(subject.get(&server.url("/")), Some(200)));
            let (from, to) = (server.url(""), target.url(""));
            let expected = [
                begins("r0", &from),
                opened("c0.0", &from),
                redirected("r0", 302, &to),
                opened("c1.0", &to),
                ends("r0", &from, WHOLE, None, (1, 0)),
            ];
            assert_eq!(lines, expected);
        },
    );
}

#[test]
fn a_connection_through_a_proxy_is_reported_with_the_proxy_once_its_tunnel_is_open() {
    with_each(
        |_| {},
        |subject| {
            let proxy = Heads::proxy();
            let tunnel = Routes::default().http(Route::tunnel(proxy.hop()));
            let policy = Policy::default().routes(tunnel);
            let url = "http://origin.test/";
            let lines =
                captured(|| assert_eq!(subject.get_with(url, &[], Some(policy)), Some(200)));
            let opened = opened("c0.0", "http://origin.test");
            let way = through(&opened, &proxy.server.url(""));
            assert_eq!(lines[..2], [begins("r0", "http://origin.test"), way]);
        },
    );
}

#[test]
fn a_connection_that_leaves_http_is_reported_as_switched() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| {
                peer.request();
                let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade";
                peer.send(format!("{head}\r\n\r\n"));
                peer.until_closed();
            });
            let origin = server.url("");
            let lines = captured(|| subject.switch(&server.url("/")));
            assert_eq!(lines, alone(&origin, ("switched", Some(101)), "switched"));
        },
    );
}

#[test]
fn idle_connections_are_reported_when_the_client_is_closed() {
    with_each(
        |_| {},
        |subject| {
            let server = Server::answering("hi");
            subject.get(&server.url("/"));
            assert_eq!(captured(|| subject.close()), [closed("c0.0", "closed")]);
        },
    );
}

#[test]
fn a_call_that_is_dropped_with_its_driver_and_one_that_is_discarded_are_reported_as_that() {
    let server = Server::start(|peer| {
        let request = peer.request().unwrap();
        if request.target() == "/long" {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
        }
        peer.until_closed();
    });
    let origin = server.url("");
    let lines = captured(|| {
        let mut driver = Driver::new().unwrap();
        driver.client().get(&server.url("/")).send().unwrap();
        drop(driver);
        let mut driver = Driver::new().unwrap();
        driver.client().get(&server.url("/long")).send().unwrap();
        let discards = |client: &mut Client, output: Output<'_>| {
            if let Output::Head(call, _) = output {
                client.discard(call);
            }
        };
        driver.run(discards).unwrap();
    });
    let dropped = ends("r0", &origin, ("dropped", None), None, (0, 0));
    let discarded = ends("r0", &origin, ("discarded", Some(200)), None, (0, 0));
    let expected = [
        begins("r0", &origin),
        dropped,
        begins("r0", &origin),
        opened("c0.0", &origin),
        discarded,
        closed("c0.0", "unfinished"),
    ];
    assert_eq!(lines, expected);
}

/// The logger of `log` has one level for all threads of a test.
#[cfg(feature = "tracing")]
#[test]
fn a_subscriber_of_warnings_gets_the_retries_alone() {
    use crate::captured::captured_at;

    with_each(
        |_| {},
        |subject| {
            let server = Server::start(|peer| drop(peer.request()));
            let work = || assert_eq!(subject.get(&server.url("/")), None);
            let lines = captured_at(tracing::Level::WARN, work);
            let retry = retried("r0", "the connection was lost: the peer closed the connection");
            assert_eq!(lines, [retry.replace(" in its call:", "")]);
        },
    );
}
