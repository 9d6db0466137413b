//! The number of descriptors that a client uses. A program of its own, because descriptors belong
//! to the process.

#![cfg(all(target_os = "linux", not(httpool_std_only)))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    thread,
};

use httpool_blocking::{
    Cancel, Client, PoolLimits,
    httpool::{
        call::{Policy, Route},
        message::{Hop, HopKind, Origin, Scheme},
        trace::{Line, Sink},
    },
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Held by each test, so that only one counts descriptors at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn read_head(mut tcp: &TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && tcp.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
}

/// Starts a proxy that accepts `calls` connections and reads a CONNECT from each. Returns its port,
/// and a channel that gets all the connections at once. The test answers them.
fn proxy(calls: usize) -> (u16, Receiver<Vec<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (all, wait_for_all) = mpsc::channel();
    thread::spawn(move || {
        let asked = (0..calls).map(|_| {
            let (tcp, _) = listener.accept().unwrap();
            read_head(&tcp);
            tcp
        });
        all.send(asked.collect()).unwrap();
    });
    (port, wait_for_all)
}

/// Every thread waits in its dial, where a bell must wake it.
#[test]
fn many_threads_that_dial_take_a_descriptor_each_and_few_for_all() {
    const CALLS: usize = 64;
    let _alone = ALONE.lock().unwrap();
    let (port, wait_for_all) = proxy(CALLS);
    let mut policy = Policy::default();
    let origin = Origin::new(Scheme::Http, "127.0.0.1", port);
    policy.routes.http = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    let mut limits = PoolLimits::default();
    limits.dialing_per_key_max = CALLS;
    let client = Client::builder().policy(policy).pool(limits).build();
    let before = descriptors();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let cancel = Cancel::new();
                scope.spawn(|| {
                    let response = client.get("http://name.test/").cancel(&cancel).send();
                    (response, cancel).0.unwrap()
                })
            })
            .collect();
        let peers = wait_for_all.recv().unwrap();
        // The proxy's end of each connection is in this process as well.
        let dialing = descriptors() - before - 2 * CALLS;
        assert!(dialing <= 16, "{dialing} more for {CALLS} threads that dial");
        for mut tcp in &peers {
            tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        }
        for mut tcp in &peers {
            read_head(tcp);
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        }
        let responses: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        let exchanging = descriptors() - before - 2 * CALLS;
        assert!(exchanging <= 16, "{exchanging} more for {CALLS} that can be cancelled");
        drop(responses);
    });
    drop(client);
    assert!(descriptors() <= before, "none is left");
}

/// A trace sink that closes its files when a connection is open, and so frees descriptors.
struct Relief(Mutex<Vec<File>>);

impl Sink for Relief {
    fn line(&self, line: &Line<'_>) {
        if line.to_string().contains("< connected") {
            self.0.lock().unwrap().clear();
        }
    }
}

#[test]
fn a_thread_dials_with_the_last_descriptor_there_is() {
    let _alone = ALONE.lock().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..before }).unwrap();
    let mut all = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    all.pop();
    let relief = Arc::new(Relief(Mutex::new(all)));
    let client = Client::builder().trace(relief.clone()).build();
    let answer = thread::scope(|scope| {
        let call = scope.spawn(|| client.get(&url).send().unwrap().text().unwrap());
        while !relief.0.lock().unwrap().is_empty() && !call.is_finished() {
            thread::yield_now();
        }
        if !call.is_finished() {
            let (mut tcp, _) = listener.accept().unwrap();
            read_head(&tcp);
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
        call.join()
    });
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(answer.unwrap(), "ok");
}
