//! Tests how a name becomes a connection: look-ups, addresses that do not answer, zone ids.

use std::{error::Error as _, net::TcpListener, time::Duration};

use httpool_mio::{
    Driver,
    httpool::{
        call::{Policy, Timeout},
        client::{Opening, Waiting},
        dial,
        error::{Cause, DialError, ResolveKind, Unavailable},
        time::Deadline,
    },
};

use super::{
    World, cause,
    support::{
        Server,
        names::{Keeps, Names},
        ok,
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
    let mut world = World::with(Driver::builder().resolver(names.clone()));
    let url = |host: &str| format!("http://{host}:{}/", server.port());
    let waiting: Vec<_> = (0..20).map(|_| world.get(&url("hangs.test"))).collect();
    let given_up = world.get(&url("hangs.test"));
    world.until(|_| names.asked("hangs.test") == 1);
    assert_eq!(world.fetch(&url("fast.test")).unwrap().text(), "hello");
    // A call that gives up must not end the look-up that the others wait for.
    world.client().cancel(given_up);
    for call in &waiting {
        let why = world.client().why(*call);
        assert!(matches!(why, Some(Waiting::Dial(_, Opening::Name))), "{why:?}");
    }
    names.let_go();
    for call in waiting {
        assert_eq!(world.driver.fetch(call).unwrap().text(), "hello");
    }
    assert_eq!((names.asked("hangs.test"), names.asked("fast.test")), (1, 1));
}

/// Look-ups that hang fill all places. Those that have taken over a second make room for others.
#[test]
fn names_that_hang_make_room_for_others() {
    let (server, names) = (Server::answering("hello"), Names::new());
    let mut world = World::with(Driver::builder().resolver(names.clone()));
    let url = |host: &str| format!("http://{host}:{}/", server.port());
    let waiting: Vec<_> = (0..12).map(|n| world.get(&url(&format!("hangs-{n}.test")))).collect();
    world.until(|_| names.len() >= 8);
    assert_eq!(world.fetch(&url("fast.test")).unwrap().text(), "hello");
    names.let_go();
    for call in waiting {
        assert_eq!(world.driver.fetch(call).unwrap().text(), "hello");
    }
    assert_eq!(names.len(), 13);
}

#[test]
fn an_answer_that_is_kept_is_given_up_when_its_address_fails() {
    let (server, keeps) = (Server::answering("hello"), Keeps::new(NOBODY));
    let mut world = World::with(Driver::builder().resolver(keeps.clone()));
    let url = format!("http://kept.test:{}/", server.port());
    assert!(world.fetch(&url).unwrap_err().is_connect());
    assert_eq!(world.fetch(&url).unwrap().text(), "hello");
    assert_eq!(keeps.refreshed(), [format!("kept.test:{}", server.port())]);
}

#[cfg(target_os = "linux")]
mod silent {
    use httpool_mio::DriverBuilder;

    use super::{super::support::names::Silent, *};

    fn builder(server: &Server, silent: &str) -> DriverBuilder {
        Driver::builder().resolve_to("two.test", server.port(), silent.parse().unwrap()).resolve_to(
            "two.test",
            server.port(),
            [127, 0, 0, 1].into(),
        )
    }

    #[test]
    fn an_address_that_does_not_answer_loses_the_race() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.83", server.port()));
        let mut world = World::with(builder(&server, "127.0.0.83"));
        let url = format!("http://two.test:{}/", server.port());
        for reused in [false, true] {
            let answer = world.fetch(&url).unwrap();
            assert_eq!((answer.reused(), &*answer.text()), (reused, "hello"));
        }
        assert_eq!((world.stats().open, server.accepted()), (1, 1));
        assert!(silent.stays_alone());
    }

    /// The call gives up long before the connect timeout.
    #[test]
    fn an_answer_that_is_kept_is_given_up_when_its_address_does_not_answer() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.86", server.port()));
        let keeps = Keeps::new("127.0.0.86");
        let mut world = World::with(Driver::builder().resolver(keeps.clone()));
        let url = format!("http://kept.test:{}/", server.port());
        let mut policy = Policy::default();
        policy.timeout.total = Some(Duration::from_millis(50));
        let call = world.client().get(&url).policy(policy).send().unwrap();
        assert!(world.driver.fetch(call).unwrap_err().is_timeout());
        assert_eq!(world.fetch(&url).unwrap().text(), "hello");
        assert_eq!(keeps.refreshed(), [format!("kept.test:{}", server.port())]);
        assert!(silent.stays_alone());
    }

    #[test]
    fn an_address_that_does_not_answer_has_its_share_of_the_total_deadline() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.84", server.port()));
        let mut in_turn = dial::DialPolicy::default();
        in_turn.race_after = None;
        // The address's share of the connect timeout is longer than that.
        let mut policy = Policy::default();
        policy.timeout.total = Some(Duration::from_secs(3));
        let builder = builder(&server, "127.0.0.84").dial(in_turn).policy(policy);
        let mut world = World::with(builder);
        let url = format!("http://two.test:{}/", server.port());
        assert_eq!(world.fetch(&url).unwrap().text(), "hello");
        assert_eq!((world.stats().open, server.accepted()), (1, 1));
        assert!(silent.stays_alone());
    }

    /// No other deadline would end the call.
    #[test]
    fn a_call_has_a_connect_timeout_of_its_own() {
        let server = Server::answering("hello");
        let silent = Silent::at(("127.0.0.88", server.port()));
        let endless = dial::DialPolicy::default().connect_timeout(None);
        let mut world = World::with(Driver::builder().dial(endless));
        let timeout = Timeout::default().connect(Duration::from_millis(50));
        let url = format!("http://127.0.0.88:{}/", server.port());
        let call = world.client().get(&url).timeouts(timeout).send().unwrap();
        let error = world.driver.fetch(call).unwrap_err();
        assert_eq!(cause(&error), dialed(DialError::Timeout(Deadline::Connect)));
        assert_eq!(world.stats().open, 0);
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
    let mut world = World::with(Driver::builder().resolve_to_socket("zoned.test", port, scoped));
    let hosts = ["[::1%251]", "[::1%1]", "[::1]", "zoned.test"];
    for host in hosts {
        let answer = world.fetch(&format!("http://{host}:{port}/")).unwrap();
        let sent = if host == "zoned.test" { host } else { "[::1]" };
        assert_eq!(answer.text(), format!("{sent}:{port}"));
    }
    // Both spellings of the zone name one origin. Without the zone it is another one.
    assert_eq!(server.accepted(), 3);
}

#[test]
fn a_zone_id_of_no_interface_says_so() {
    let mut world = World::new();
    let error = world.fetch("http://[fe80::1%25no-such-if]/").unwrap_err();
    assert_eq!(cause(&error), dialed(DialError::Resolve(ResolveKind::Zone)));
    assert!(error.source().unwrap().to_string().contains("no-such-if"));
}
