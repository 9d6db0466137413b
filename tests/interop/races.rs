//! Races of addresses against real black holes, in a network namespace: packets to some addresses
//! vanish, as behind a broken route.
//!
//! The test runs itself again within a namespace that `unshare` makes. Its interface `hole0` is a
//! tun device that nothing reads. The kernel counts the connections that are begun there, so each
//! case knows how many sockets it took.

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, TcpListener},
    process::Command,
    thread,
    time::Duration,
};

use httpool::{
    call::Timings,
    dial::{Connected, StepKind},
};
use httpool_blocking::{DialPolicy, Error, ErrorKind};

/// Set within the namespace.
const WITHIN: &str = "HTTPOOL_IN_NAMESPACE";
const SET_UP: &str = "ip link set lo up \
    && { ip tuntap add dev hole0 mode tun || ip link add hole0 type dummy; } \
    && ip link set hole0 up \
    && ip -6 address add 2001:db8::1/64 dev hole0 nodad \
    && ip address add 198.51.100.1/24 dev hole0";
/// Addresses behind the black hole.
const HOLES: [&str; 3] = ["2001:db8::2", "2001:db8::3", "2001:db8::4"];
const HOLES_V4: [&str; 2] = ["198.51.100.2", "198.51.100.3"];
const DELAY: Duration = Duration::from_millis(60);
/// Longer than any race that somebody wins, on a machine however busy.
const CONNECT: Duration = Duration::from_secs(30);

#[test]
fn a_black_hole_costs_an_attempt_and_leaves_no_socket() {
    let namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", script]);
        command
    };
    let set_up = namespace(SET_UP).output();
    if !set_up.as_ref().is_ok_and(|done| done.status.success()) {
        let why = set_up.map(|done| String::from_utf8_lossy(&done.stderr).trim().to_owned());
        eprintln!("!! NOT RUN: no network namespace with a black hole can be made here: {why:?}");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let status = namespace(&format!("{SET_UP} && exec \"$0\" \"$@\""))
        .arg(program)
        .args(["races::within_a_namespace", "--exact", "--ignored", "--nocapture"])
        .env(WITHIN, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "the test above runs it within a namespace"]
fn within_a_namespace() {
    if std::env::var_os(WITHIN).is_none() {
        eprintln!("!! NOT RUN: this is no namespace with a black hole");
        return;
    }
    for driver in [Driver { name: "blocking", get: blocking }, Driver { name: "mio", get: mio }] {
        // IPv6 is dead, and IPv4 works.
        driver.wins(&[HOLES[0], "127.0.0.1"], &[HOLES[0], "127.0.0.1"]);
        // However many addresses are dead, the families take turns.
        let many = [HOLES[0], HOLES[1], HOLES[2], "127.0.0.1"];
        driver.wins(&many, &[HOLES[0], "127.0.0.1"]);
        // IPv4 is dead, and IPv6 is first.
        driver.wins(&["::1", HOLES_V4[0]], &["::1"]);
        // One address of IPv6 is dead, and another works.
        driver.wins(&[HOLES[0], "::1"], &[HOLES[0], "::1"]);
        driver.wins(
            &[HOLES_V4[0], HOLES_V4[1], "127.0.0.1"],
            &[HOLES_V4[0], HOLES_V4[1], "127.0.0.1"],
        );
        for _ in 0..20 {
            driver.wins(&[HOLES[1], "127.0.0.1"], &[HOLES[1], "127.0.0.1"]);
        }
        driver.loses(&[HOLES[0], HOLES_V4[0], HOLES[1]]);
    }
}

struct Driver {
    name: &'static str,
    get: fn(&[IpAddr], u16, DialPolicy) -> Result<Timings, Error>,
}

impl Driver {
    /// Gets a resource from the first of `addresses` that is alive. `tried` are those that a
    /// connection is begun to first, in this order; the last of them is alive.
    fn wins(&self, addresses: &[&str], tried: &[&str]) {
        let port = serve();
        let (outcome, opened) = self.race(addresses, port, CONNECT);
        let timings = outcome.unwrap();
        self.check(&timings, tried, opened);
        for (at, attempt) in attempts(&timings).iter().enumerate() {
            let wins = at + 1 == tried.len();
            let expected = if wins { Connected::Won } else { Connected::Abandoned };
            assert_eq!(attempt.outcome, expected, "{attempt:?}");
        }
    }

    /// Gets nothing: all `addresses` are dead.
    fn loses(&self, addresses: &[&str]) {
        let connect = DELAY * 10;
        let (outcome, opened) = self.race(addresses, 80, connect);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectTimeout, "{error}");
        let timings = error.timings().unwrap();
        self.check(timings, addresses, opened);
        assert!(attempts(timings).iter().all(|it| it.outcome == Connected::Abandoned));
    }

    fn race(
        &self,
        addresses: &[&str],
        port: u16,
        connect: Duration,
    ) -> (Result<Timings, Error>, u64) {
        let mut policy = DialPolicy::default();
        (policy.race_after, policy.connect_timeout) = (Some(DELAY), Some(connect));
        let addresses: Vec<IpAddr> = addresses.iter().map(|addr| addr.parse().unwrap()).collect();
        let before = opened_so_far();
        let outcome = (self.get)(&addresses, port, policy);
        (outcome, opened_so_far() - before)
    }

    /// Checks the attempts, and that each took one socket, of which none is left.
    fn check(&self, timings: &Timings, tried: &[&str], opened: u64) {
        let attempts = attempts(timings);
        let took: Vec<_> = attempts.iter().map(|it| (it.ended - it.began).as_millis()).collect();
        let whole = timings.ended.unwrap_or_default();
        println!("{}: {tried:?}: {took:?} ms, {whole:?} in all", self.name);
        let order: Vec<_> = attempts.iter().map(|it| it.addr.to_string()).collect();
        // If this machine is busy for longer than the delay, one more attempt begins behind them.
        assert_eq!(order[..tried.len().min(order.len())], *tried);
        for pair in attempts.windows(2) {
            assert!(pair[1].began >= pair[0].began + DELAY, "{pair:?}");
        }
        assert_eq!(opened, order.len() as u64, "a connection begun for each attempt");
        assert_eq!(half_open(), 0, "those that lost are closed");
    }
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    addr: IpAddr,
    outcome: Connected,
    began: Duration,
    ended: Duration,
}

fn attempts(timings: &Timings) -> Vec<Attempt> {
    let steps = timings.attempts.iter().flat_map(|it| &it.dials).flat_map(|(_, it)| &it.steps);
    let attempt = |step: &httpool::dial::Step| {
        let StepKind::Connect { addr, outcome, .. } = step.kind else { return None };
        let (began, ended) = (step.began, step.ended.unwrap());
        Some(Attempt { addr: addr.unwrap().ip(), outcome: outcome.unwrap(), began, ended })
    };
    steps.filter_map(attempt).collect()
}

/// Answers one request on a port of both loopback addresses.
fn serve() -> u16 {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        if let Ok(1..) = tcp.read(&mut [0; 4_096]) {
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        }
    });
    port
}

/// Returns how many connections this namespace has begun: `ActiveOpens` of RFC 4022.
fn opened_so_far() -> u64 {
    let counts = fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = counts.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(values.split(' '));
    both.find(|(name, _)| *name == "ActiveOpens").unwrap().1.parse().unwrap()
}

/// Returns how many sockets of this namespace wait for the answer to their SYN.
fn half_open() -> usize {
    const SYN_SENT: &str = "02";
    let of = |file: &str| {
        let table = fs::read_to_string(file).unwrap();
        let states = table.lines().filter_map(|line| line.split_whitespace().nth(3));
        states.filter(|state| *state == SYN_SENT).count()
    };
    of("/proc/net/tcp") + of("/proc/net/tcp6")
}

/// Sets a builder of either driver up.
macro_rules! racing {
    ($builder:expr, $addresses:expr, $port:expr, $policy:expr) => {{
        let mut builder = $builder.timings(true).dial($policy);
        for address in $addresses {
            builder = builder.resolve_to("race.test", $port, *address);
        }
        builder
    }};
}

fn blocking(addresses: &[IpAddr], port: u16, policy: DialPolicy) -> Result<Timings, Error> {
    let client = racing!(httpool_blocking::Client::builder(), addresses, port, policy).build();
    let response = client.get(&format!("http://race.test:{port}/")).send()?;
    let timings = response.timings().unwrap().clone();
    assert_eq!(response.text()?, "hi");
    Ok(timings)
}

fn mio(addresses: &[IpAddr], port: u16, policy: DialPolicy) -> Result<Timings, Error> {
    let builder = racing!(httpool_mio::Driver::builder(), addresses, port, policy);
    let mut driver = builder.build().unwrap();
    let call = driver.client().get(&format!("http://race.test:{port}/")).send()?;
    let response = driver.fetch(call)?;
    let timings = response.timings().unwrap().clone();
    assert_eq!(response.text(), "hi");
    Ok(timings)
}
