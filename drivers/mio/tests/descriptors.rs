//! What happens when descriptors run out. In a program of its own: the limit is the process's.

#![cfg(unix)]

use std::{
    error::Error as _,
    fs::File,
    io::{self, Read, Write},
    net::TcpListener,
    thread,
};

use httpool_mio::{
    Driver,
    httpool::error::{Cause, DialError, IoKind, Reached, Unavailable},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_call_that_finds_no_descriptor_fails_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut tcp in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                }
            });
        }
    });
    let mut driver = Driver::new().unwrap();
    let call = driver.client().get(&url).send().unwrap();
    assert_eq!(driver.fetch(call).unwrap().body(), b"ok");

    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..before }).unwrap();
    let mut all = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    // One goes over the connection that is there, the other needs one of its own.
    let calls = [(); 2].map(|()| driver.client().get(&url).send().unwrap());
    let [first, second] = calls.map(|call| driver.fetch(call));
    drop(all);
    setrlimit(Resource::Nofile, before).unwrap();

    assert!(first.unwrap().reused());
    let error = second.unwrap_err();
    let failure = *error.as_failure().unwrap();
    let exhausted = DialError::Connect(IoKind::Exhausted);
    assert_eq!(failure.cause, Cause::Unavailable(Unavailable::Dial(exhausted)));
    assert_eq!(failure.reached, Reached::Nothing);
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));

    // And it goes on when there are some again.
    let calls = [(); 2].map(|()| driver.client().get(&url).send().unwrap());
    for call in calls {
        assert_eq!(driver.fetch(call).unwrap().body(), b"ok");
    }
}
