//! Tests how a name becomes a connection: look-ups, addresses that do not answer, zone ids.

use std::{net::TcpListener, thread, time::Duration};

use httpool_blocking::{
    Cancel, Client,
    httpool::{
        call::{Policy, Timeout},
        dial,
        error::{Cause, DialError, ResolveKind, Unavailable},
        time::Deadline,
    },
};

use super::{
    cause,
    support::{
        Server,
        names::{Keeps, Names},
        ok, until,
    },
};

/// An address without a listener.
const NOBODY: &str = "127.0.0.77";

fn dialed(why: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(why))
}

#[test]
fn a_name_that_hangs_is_looked_up_once_and_keeps_no_other_waiting() {
    let (server, names) = (Server::answering("hello"), Names::new());
    let client = Client::builder().resolver(names.clone()).build();
    let url = |host: &str| format!("http://{host}:{}/", server.port());
    let (slow, cancel) = (url("hangs.test"), Cancel::new());
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..20).map(|_| scope.spawn(|| client.get(&slow).send())).collect();
        let given_up = scope.spawn(|| client.get(&slow).cancel(&cancel).send());
        until(|| names.asked("hangs.test") == 1 && client.stats().dialing == 21);
        assert_eq!(client.get(&url("fast.test")).send().unwrap().text().unwrap(), "hello");
        // A call that gives up must not end the look-up that the others wait for.
        cancel.cancel();
        assert_eq!(cause(&given_up.join().unwrap().unwrap_err()), Cause::Cancelled);
        names.let_go();
        for call in waiting {
            assert_eq!(call.join().unwrap().unwrap().text().unwrap(), "hello");
        }
    });
    assert_eq!((names.asked("hangs.test"), names.asked("fast.test")), (1, 1));
}

/// Look-ups that hang fill all places. Those that have taken over a second make room for others.
#[test]
fn names_that_hang_make_room_for_others() {
    let (server, names) = (Server::answering("hello"), Names::new());
    let client = Client::builder().resolver(names.clone()).build();
    let url = |host: &str| format!("http://{host}:{}/", server.port());
    thread::scope(|scope| {
        for n in 0..12 {
            let (client, slow) = (&client, url(&format!("hangs-{n}.test")));
            scope.spawn(move || client.get(&slow).send().unwrap().text().unwrap());
        }
        until(|| names.len() >= 8);
        assert_eq!(client.get(&url("fast.test")).send().unwrap().text().unwrap(), "hello");
        names.let_go();
    });
    assert_eq!(names.len(), 13);
}

#[test]
fn a_resolver_that_panics_is_told_from_a_name_without_an_address() {
    let client = Client::builder().resolver(Names::new()).build();
    for _ in 0..2 {
        let error = client.get("http://panics.test/").send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Resolve(ResolveKind::Panicked)));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("the resolver panicked"), "{error}");
        assert!(source.contains("told why"), "{source}");
    }
}

#[test]
fn an_answer_that_is_kept_is_given_up_when_its_address_fails() {
    let (server, keeps) = (Server::answering("hello"), Keeps::new(NOBODY));
    let client = Client::builder().resolver(keeps.clone()).build();
    let url = format!("http://kept.test:{}/", server.port());
    assert!(client.get(&url).send().unwrap_err().is_connect());
    assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
    assert_eq!(keeps.refreshed(), [format!("kept.test:{}", server.port())]);
}

#[test]
fn a_refused_address_leads_to_the_next_at_once() {
    let server = Server::answering("hello");
    let mut builder = Client::builder();
    for last in [77, 78, 1] {
        builder = builder.resolve_to("three.test", server.port(), [127, 0, 0, last].into());
    }
    let client = builder.build();
    let url = format!("http://three.test:{}/", server.port());
    assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
}

#[cfg(target_os = "linux")]
mod silent {
    use super::{super::support::names::Silent, *};

    fn builder(server: &Server, silent: &str) -> httpool_blocking::ClientBuilder {
        Client::builder().resolve_to("two.test", server.port(), silent.parse().unwrap()).resolve_to(
            "two.test",
            server.port(),
            [127, 0, 0, 1].into(),
        )
    }

    /// Without `poll(2)` the addresses are tried in turn, which takes half of the connect timeout.
    #[cfg(not(httpool_std_only))]
    #[test]
    fn an_address_that_does_not_answer_loses_the_race() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.81", server.port()));
        let client = builder(&server, "127.0.0.81").build();
        let url = format!("http://two.test:{}/", server.port());
        for reused in [false, true] {
            let response = client.get(&url).send().unwrap();
            assert_eq!(response.reused(), reused);
            assert_eq!(response.text().unwrap(), "hello");
        }
        assert_eq!((client.stats().open, server.accepted()), (1, 1));
        assert!(silent.stays_alone());
    }

    /// The call gives up long before the connect timeout.
    #[test]
    fn an_answer_that_is_kept_is_given_up_when_its_address_does_not_answer() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.85", server.port()));
        let keeps = Keeps::new("127.0.0.85");
        let client = Client::builder().resolver(keeps.clone()).build();
        let url = format!("http://kept.test:{}/", server.port());
        let mut policy = Policy::default();
        policy.timeout.total = Some(Duration::from_millis(50));
        assert!(client.get(&url).policy(policy).send().unwrap_err().is_timeout());
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
        assert_eq!(keeps.refreshed(), [format!("kept.test:{}", server.port())]);
        assert!(silent.stays_alone());
    }

    #[test]
    fn an_address_that_does_not_answer_has_its_share_of_the_total_deadline() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.82", server.port()));
        let mut in_turn = dial::DialPolicy::default();
        in_turn.race_after = None;
        // The address's share of the connect timeout is longer than that.
        let mut policy = Policy::default();
        policy.timeout.total = Some(Duration::from_secs(3));
        let client = builder(&server, "127.0.0.82").dial(in_turn).policy(policy).build();
        let url = format!("http://two.test:{}/", server.port());
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
        assert_eq!((client.stats().open, server.accepted()), (1, 1));
        assert!(silent.stays_alone());
    }

    /// No other deadline would end the call.
    #[test]
    fn a_call_has_a_connect_timeout_of_its_own() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.87", server.port()));
        let endless = dial::DialPolicy::default().connect_timeout(None);
        let client = Client::builder().dial(endless).build();
        let timeout = Timeout::default().connect(Duration::from_millis(50));
        let url = format!("http://127.0.0.87:{}/", server.port());
        let error = client.get(&url).timeouts(timeout).send().unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Timeout(Deadline::Connect)));
        assert_eq!(client.stats().open, 0);
        assert!(silent.stays_alone());
    }
}

#[test]
fn a_zone_id_is_used_to_connect_and_not_sent() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return eprintln!("\n!! SKIPPED: there is no IPv6 here");
    };
    let server = Server::start_on(listener, |peer| {
        while let Some(request) = peer.request() {
            peer.send(ok(request.field("host").unwrap()));
        }
    });
    let port = server.port();
    let scoped = format!("[::1%1]:{port}").parse().unwrap();
    let client = Client::builder().resolve_to_socket("zoned.test", port, scoped).build();
    let hosts = ["[::1%251]", "[::1%1]", "[::1]", "zoned.test"];
    for host in hosts {
        let response = client.get(&format!("http://{host}:{port}/")).send().unwrap();
        let sent = if host == "zoned.test" { host } else { "[::1]" };
        assert_eq!(response.text().unwrap(), format!("{sent}:{port}"));
    }
    // Both spellings of the zone name one origin. Without the zone it is another one.
    assert_eq!(server.accepted(), 3);
}

#[test]
fn a_zone_id_of_no_interface_says_so() {
    let client = Client::new();
    let error = client.get("http://[fe80::1%25no-such-if]/").send().unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Resolve(ResolveKind::Zone)));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("no-such-if"), "{source}");
}
