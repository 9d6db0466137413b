//! Tests that connections that come back are granted in the order of asking.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use httpool_blocking::{
    Client,
    trace::{Line, Sink},
    urllib3::{HttpResponse, PoolOptions, RequestMethods},
};

use super::{pool_for, text};
use crate::support::{Server, ok, until};

/// The tickets in the trace of the pool, which is written under its lock.
#[derive(Default)]
struct Order {
    /// The tickets that were told to wait, in the order of asking.
    asked: Vec<String>,
    /// The tickets that were woken, in the order of the grants.
    granted: Vec<String>,
    dials: usize,
}

#[derive(Default)]
struct Watch(Mutex<Order>);

impl Sink for Watch {
    fn line(&self, line: &Line<'_>) {
        let line = line.to_string();
        let Some((_, action)) = line.split_once("pool > ") else { return };
        let mut order = self.0.lock().unwrap();
        let mut words = action.split(' ');
        match (words.next(), words.next()) {
            (Some("wait"), Some(ticket)) => order.asked.push(ticket.into()),
            (Some("wake"), Some(ticket)) => order.granted.push(ticket.into()),
            (Some("dial"), _) => order.dials += 1,
            _ => {}
        }
    }
}

const THREADS: usize = 64;
const REQUESTS: usize = 20_000;

/// D5: in urllib3 one of the waiting threads can starve while another goes round.
#[test]
fn sixty_four_threads_are_served_in_the_order_in_which_they_asked() {
    let server = Server::replying(|request| match request.target() {
        "/much" => ok(vec![b'x'; 4 << 20]),
        _ => ok("hello"),
    });
    let watch = Arc::new(Watch::default());
    let engine = Client::builder().trace(watch.clone());
    let pool = pool_for(&server, PoolOptions::new().maxsize(4).block(true).engine(engine));
    // Open all four connections first: a thread that dials is served by its own dial.
    let hold = || pool.urlopen("GET", "/much").preload_content(false).send().unwrap();
    let held: Vec<HttpResponse> = (0..4).map(|_| hold()).collect();
    assert_eq!(pool.stats().in_use, 4);
    *watch.0.lock().unwrap() = Order::default();
    let left = AtomicUsize::new(REQUESTS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
                    assert_eq!(text(pool.urlopen("GET", "/").send().unwrap()), "hello");
                }
            });
        }
        until(|| pool.stats().waiting == THREADS);
        for mut response in held {
            assert_eq!(response.data().unwrap().len(), 4 << 20);
        }
    });
    let order = watch.0.lock().unwrap();
    assert_eq!(order.dials, 0);
    assert!(order.asked.len() >= THREADS, "{}", order.asked.len());
    assert!(order.asked == order.granted, "a thread was served before one that asked earlier");
    assert_eq!(pool.stats().num_connections, 4);
    assert_eq!(server.requests(), REQUESTS + 4);
}
