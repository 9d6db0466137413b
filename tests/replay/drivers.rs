//! Tests recordings of both drivers over real sockets.

use std::{io::Read, net::TcpListener, sync::Arc, thread};

use httpool::{
    call::{Policy, Retry},
    limits::PoolLimits,
    message::Status,
    replay::{self, Summary},
    trace::{Redaction, Sink},
};
use httpool_blocking::{
    Body, Client,
    urllib3::{PoolManager, PoolOptions, RequestMethods},
};
use httpool_mio::Driver;

use crate::{
    Recording,
    support::{Received, Server, ok},
};

const BODY: &str = "a body that nobody else is to read";

fn blocking(sink: Arc<dyn Sink>) -> Client {
    let mut policy = Policy::default();
    policy.retry = Retry::new(2);
    policy.retry.statuses.extend(Status::new(503));
    Client::builder().policy(policy).trace(sink).build()
}

/// Checks that the recording replays and contains no secret. Returns its summary.
fn replayed(recording: &Recording) -> Summary {
    let text = recording.text();
    for secret in ["topsecret", "dG9wc2VjcmV0", "nobody else"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// Starts a server with a response of each framing. Each response names its framing.
fn server() -> Server {
    Server::replying(|request: &Received| match request.target() {
        "/chunked" => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: id=topsecret\r\n\r\n\
             {:x}\r\n{BODY}\r\n0\r\nSet-Cookie: topsecret\r\n\r\n",
            BODY.len()
        )
        .into_bytes(),
        "/next" => {
            let host = request.field("host").unwrap();
            let location = format!("http://us%65r:topsecret@{host}/chunked");
            format!("HTTP/1.1 303 See Other\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
                .into_bytes()
        }
        "/busy" => b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/nonsense" => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec()
        }
        _ => ok(BODY),
    })
}

#[test]
fn the_blocking_driver() {
    let (server, recording) = (server(), Recording::default());
    let client = blocking(recording.sink(Redaction::default()));
    let get = |path: &str| {
        let request = client.get(&server.url(path)).basic_auth("me", "topsecret");
        request.header("X-Api-Key", "topsecret").send()
    };
    assert_eq!(get("/?key=topsecret#topsecret").unwrap().text().unwrap(), BODY);
    assert_eq!(get("/chunked").unwrap().text().unwrap(), BODY);
    assert_eq!(get("/next").unwrap().text().unwrap(), BODY);
    get("/busy").unwrap_err();
    get("/nonsense").unwrap_err();
    let mut first = [0; 3];
    get("/").unwrap().read_exact(&mut first).unwrap();
    let body = Body::reader(std::io::Cursor::new(BODY));
    let response = client.post(&server.url("/")).body(body).expect_continue(true).send().unwrap();
    assert_eq!(response.bytes().unwrap().len(), BODY.len());
    client.close();
    assert!(get("/").is_err());
    let summary = replayed(&recording);
    assert_eq!((summary.pools, summary.calls), (1, 8));
}

#[test]
fn the_blocking_driver_with_many_threads() {
    let (server, recording) = (server(), Recording::default());
    let mut limits = PoolLimits::default();
    limits.open_per_key_max = 2;
    let sink = recording.sink(Redaction::default());
    let client = Client::builder().pool(limits).trace(sink).build();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for path in ["/", "/chunked", "/next"].into_iter().cycle().take(12) {
                    client.get(&server.url(path)).send().unwrap().bytes().unwrap();
                }
            });
        }
    });
    drop(client);
    assert_eq!(replayed(&recording).calls, 96);
}

#[test]
fn pools_that_are_closed_and_literal_targets() {
    let (server, recording) = (server(), Recording::default());
    let engine = Client::builder().trace(recording.sink(Redaction::default()));
    let http = PoolManager::with(1, PoolOptions::new().engine(engine));
    let pool = http.connection_from_url(&server.url("/")).unwrap();
    for target in ["/a/../b?key=topsecret", "/next"] {
        assert_eq!(pool.urlopen("GET", target).send().unwrap().data().unwrap(), BODY.as_bytes());
    }
    http.request("OPTIONS", &server.url("/")).send().unwrap();
    http.clear();
    http.request("GET", &server.url("/")).send().unwrap();
    pool.close();
    assert!(pool.urlopen("GET", "/").send().is_err());
    drop((pool, http));
    let summary = replayed(&recording);
    assert_eq!((summary.pools, summary.calls), (1, 5));
    let text = recording.text();
    for line in ["target /a/../b?key=*********", "watch 0", "close-key 0", "retire", "unwatch 0"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn the_driver_of_an_event_loop() {
    let (server, recording) = (server(), Recording::default());
    let sink = recording.sink(Redaction::default());
    let mut driver = Driver::builder().trace(sink).build().unwrap();
    let calls: Vec<_> = ["/?key=topsecret", "/chunked", "/next", "/", "/nonsense"]
        .iter()
        .map(|path| {
            let url = server.url(path).replace("http://", "http://me:topsecret@");
            driver.client().get(&url).send().unwrap()
        })
        .collect();
    let answers: Vec<_> =
        calls.into_iter().map(|call| driver.fetch(call).map(|answer| answer.text())).collect();
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|a| a == BODY)).count(), 4);
    drop(driver);
    assert_eq!(replayed(&recording).calls, 5);
}

#[test]
fn nothing_is_left_out_where_that_is_wanted() {
    let (server, recording) = (server(), Recording::default());
    let client = blocking(recording.sink(Redaction::none()));
    let url = server.url("/next").replace("http://", "http://me:topsecret@");
    client.get(&url).send().unwrap().text().unwrap();
    drop(client);
    let text = recording.text();
    assert!(text.contains(BODY) && text.contains("us%65r:topsecret@"), "{text}");
    replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
}

#[test]
fn a_failed_call_carries_its_recent_trace() {
    // The port has no listener any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/?key=topsecret");
    let without = Client::new().get(&url).send().unwrap_err();
    assert!(without.trace().is_none());

    let client = Client::builder().recent_trace(64).build();
    let error = client.get(&url).send().unwrap_err();
    let trace = error.trace().unwrap().to_string();
    let told = |words: &str| assert!(trace.lines().any(|line| line.contains(words)), "{trace}");
    told("r0 < request GET http://127.0.0.1");
    told("/?key=********* (");
    told("> connect 0 127.0.0.1");
    told("< connect-failed 0 Refused");
    told("r0 < lease-failed Dial(Connect(Refused))");
    assert!(trace.lines().last().unwrap().contains("r0 > failed: no connection"), "{trace}");

    let few = Client::builder().recent_trace(2).build().get(&url).send().unwrap_err();
    assert_eq!(few.trace().unwrap().lines().len(), 2);

    let mut driver = Driver::builder().recent_trace(8).build().unwrap();
    let call = driver.client().get(&url).send().unwrap();
    let error = driver.fetch(call).unwrap_err();
    let trace = error.trace().unwrap().to_string();
    assert!(trace.lines().last().unwrap().contains("r0 > failed: no connection"), "{trace}");
}
