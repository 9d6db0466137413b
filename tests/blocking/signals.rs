//! Tests calls whose waits are interrupted all the time. On Linux, stopping and continuing a
//! process ends a wait for a socket with a timeout, even without a signal handler. So the call runs
//! in a process of its own, which is stopped and continued until the call has ended.
#![cfg(target_os = "linux")]

use std::{
    env,
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use httpool_blocking::{
    Client,
    httpool::{call::Policy, error::Cause, time::Deadline},
};
use rustix::process::{Pid, Signal, kill_process};

use super::{cause, support::Server};

const URL: &str = "HTTPOOL_TEST_SIGNALS_URL";

/// The other process's part. Does nothing when run as a test.
#[test]
fn a_call_with_a_deadline() {
    let Ok(url) = env::var(URL) else { return };
    let mut policy = Policy::default();
    policy.timeout.total = Some(Duration::from_millis(300));
    let client = Client::builder().policy(policy).build();
    // The response never begins, or never ends.
    let error = match client.get(&url).send() {
        Ok(response) => response.bytes().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Total));
}

fn in_a_process_of_its_own(url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["signals::a_call_with_a_deadline", "--exact"])
        .env(URL, url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_deadline_is_kept_though_signals_interrupt_every_wait() {
    let (asked, wait_until_asked) = mpsc::channel();
    let asked = Mutex::new(asked);
    let server = Server::start(move |peer| {
        let head = peer.head().unwrap();
        if head.contains("/begins") {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf");
        }
        asked.lock().unwrap().send(()).ok();
        peer.until_closed();
    });
    for path in ["/", "/begins"] {
        let mut child = in_a_process_of_its_own(&server.url(path));
        let pid = Pid::from_child(&child);
        wait_until_asked.recv().unwrap();
        // Interrupts more often than any timeout of the socket passes, and for far longer than the
        // deadline.
        let ended = (0..2_000).find_map(|_| {
            for signal in [Signal::STOP, Signal::CONT] {
                kill_process(pid, signal).unwrap();
                thread::sleep(Duration::from_millis(3));
            }
            child.try_wait().unwrap()
        });
        if ended.is_none() {
            child.kill().unwrap();
        }
        assert!(ended.is_some_and(|status| status.success()), "{path}: {ended:?}");
    }
}
