//! Counts the allocations and the system calls of a warm GET over TLS. A program of its own, because
//! it counts in the whole process.

#![cfg(all(target_os = "linux", not(any(httpool_std_only, httpool_mutations))))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/allocations.rs"]
mod allocations;

use std::{fs, io::Read, net::IpAddr, process::Command};

use allocations::counted;
use httpool_blocking::{Client, Request, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, ONLY_1_2, config, serve_local},
};

/// Returns a client with an open connection, and a request for it.
fn warm(versions: &[&'static rustls::SupportedProtocolVersion]) -> (Client, Request) {
    let root = Authority::new("root");
    let port = serve_local(config(&root.issue(&["a.test"]), versions)).port();
    let client = Client::builder()
        .tls(TlsOptions::new().ca_cert_data(root.pem()))
        .resolve_to("a.test", port, IpAddr::from([127, 0, 0, 1]))
        .build();
    let request = client.get(&format!("https://a.test:{port}/")).build().unwrap();
    for _ in 0..5 {
        get(&client, &request);
    }
    (client, request)
}

fn get(client: &Client, request: &Request) {
    let mut response = client.send(request).unwrap();
    assert!(response.tls().is_some());
    let mut buffer = [0; 100];
    while response.read(&mut buffer).unwrap() > 0 {}
}

/// Those of rustls: one for the record sealed, and one for the record opened.
const ALLOCATIONS_MAX: u64 = 2;

#[test]
fn a_warm_get_makes_two_allocations_at_most() {
    for versions in [BOTH, ONLY_1_2] {
        let (client, request) = warm(versions);
        for _ in 0..10 {
            let made = counted(|| get(&client, &request));
            assert!(made <= ALLOCATIONS_MAX, "{made} allocations");
        }
    }
}

/// Set in the process whose system calls are counted.
const TRACED: &str = "HTTPOOL_TRACED";
const ROUNDS: usize = 100;
/// The system calls of a warm GET: the probe of the idle connection, a write and a read.
const CALLS: usize = 3;

#[test]
fn a_warm_get_makes_three_system_calls() {
    if std::env::var_os(TRACED).is_some() {
        let (client, request) = warm(BOTH);
        let mark = |name| fs::metadata(name).is_err();
        assert!(mark("/httpool-begin"));
        for _ in 0..ROUNDS {
            get(&client, &request);
        }
        assert!(mark("/httpool-end"));
        return;
    }
    let log = std::env::temp_dir().join(format!("httpool-calls-{}", std::process::id()));
    let traced = Command::new("strace")
        .args(["-f", "-o", log.to_str().unwrap()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_warm_get_makes_three_system_calls"])
        .env(TRACED, "1")
        .output();
    let lines = fs::read_to_string(&log).unwrap_or_default();
    fs::remove_file(&log).ok();
    if !traced.is_ok_and(|output| output.status.success()) || !lines.contains("httpool-end") {
        eprintln!("!! NOT RUN: strace cannot be used here, so system calls are not counted");
        return;
    }
    let mut between = lines.lines().skip_while(|line| !line.contains("/httpool-begin"));
    let thread = between.next().unwrap().split(' ').next().unwrap();
    let own = between
        .take_while(|line| !line.contains("/httpool-end"))
        // The second half of a call that was interrupted by another thread's line.
        .filter(|line| line.split(' ').next() == Some(thread) && !line.contains("resumed>"));
    let own: Vec<_> = own.collect();
    // Reading the clock may be a system call, where the system has no quicker way.
    let calls = own.iter().filter(|line| !line.contains("clock_gettime")).count();
    assert_eq!(calls, ROUNDS * CALLS, "{}", own[..own.len().min(12)].join("\n"));
}
