//! The wait for a connection, when many threads share few: 64 threads, `maxsize=4, block=true`,
//! 20,000 requests to a server on the loopback interface that takes the same time for each.
//!
//! `cargo bench --bench fairness` prints the mean, the 99th percentile and the longest wait, with
//! the ratio of the longest to the ideal: in the order of asking, a thread waits while the 15
//! threads before it on its connection are served. The same load runs over a pool like that of
//! urllib3, a stack of connections with a condition variable, which promises no order. `--quick`
//! sends 640 requests.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use httpool_blocking::{
    Client,
    urllib3::{HttpConnectionPool, PoolOptions, RequestMethods},
};

const THREADS: usize = 64;
const CONNECTIONS: usize = 4;
/// The time that the server takes for a request.
const SERVICE: Duration = Duration::from_micros(500);
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One request: how long it waited for a connection, and how long it had one.
#[derive(Clone, Copy)]
struct Sample {
    wait: Duration,
    held: Duration,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let requests = if quick { 640 } else { 20_000 };
    let addr = serve()?;
    println!("{THREADS} threads, {CONNECTIONS} connections, {requests} requests of {SERVICE:?}");
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "ideal", "mean", "p99", "longest", "ratio"
    );
    let engine = Client::builder().timings(true);
    let options = PoolOptions::new().maxsize(CONNECTIONS).block(true).engine(engine);
    let pool = HttpConnectionPool::with(&addr.ip().to_string(), addr.port(), options)?;
    report("httpool", load(requests, || over_pool(&pool)));
    let stack = Stack::open(addr)?;
    report("stack and condition", load(requests, || stack.request()));
    Ok(())
}

/// Starts a server that answers each request after [`SERVICE`]. It runs until the process ends.
fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for mut tcp in listener.incoming().map_while(Result::ok) {
            tcp.set_nodelay(true).ok();
            thread::spawn(move || {
                let mut head = [0; 4_096];
                // Each request comes in one piece.
                while let Ok(1..) = tcp.read(&mut head) {
                    thread::sleep(SERVICE);
                    if tcp.write_all(RESPONSE).is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok(addr)
}

/// Has all threads send requests until there are `requests`. A thread asks again at once.
fn load(requests: usize, request: impl Fn() -> Sample + Sync) -> Vec<Sample> {
    let (begun, request) = (AtomicUsize::new(0), &request);
    let begun = &begun;
    thread::scope(|scope| {
        let work = || {
            let mut samples = Vec::new();
            while begun.fetch_add(1, Relaxed) < requests {
                samples.push(request());
            }
            samples
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("no request fails"));
        joined.flatten().collect()
    })
}

fn over_pool(pool: &HttpConnectionPool) -> Sample {
    let response = pool.urlopen("GET", "/").send().expect("the server answers");
    let timings = response.timings().expect("they are collected");
    let wait = timings.attempts[0].leased.unwrap_or_default();
    Sample { wait, held: timings.ended.unwrap_or_default().saturating_sub(wait) }
}

/// A pool that promises no order: whoever finds a connection takes it.
struct Stack {
    idle: Mutex<Vec<TcpStream>>,
    came_back: Condvar,
}

impl Stack {
    fn open(addr: SocketAddr) -> std::io::Result<Self> {
        let connect = |_| {
            let tcp = TcpStream::connect(addr)?;
            tcp.set_nodelay(true)?;
            Ok(tcp)
        };
        let idle = (0..CONNECTIONS).map(connect).collect::<std::io::Result<_>>()?;
        Ok(Self { idle: Mutex::new(idle), came_back: Condvar::new() })
    }

    fn request(&self) -> Sample {
        let asked = Instant::now();
        let idle = self.idle.lock().expect("no thread panics");
        let none = |idle: &mut Vec<TcpStream>| idle.is_empty();
        let mut idle = self.came_back.wait_while(idle, none).expect("no thread panics");
        let mut tcp = idle.pop().expect("one was waited for");
        drop(idle);
        let granted = Instant::now();
        tcp.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the server reads");
        let mut response = [0; RESPONSE.len()];
        tcp.read_exact(&mut response).expect("the server answers");
        let held = granted.elapsed();
        self.idle.lock().expect("no thread panics").push(tcp);
        self.came_back.notify_one();
        Sample { wait: granted - asked, held }
    }
}

/// Prints the waits of a run.
fn report(name: &str, mut samples: Vec<Sample>) {
    let mean = |of: fn(&Sample) -> Duration| {
        samples.iter().map(of).sum::<Duration>() / samples.len().max(1) as u32
    };
    let ideal = mean(|it| it.held) * (THREADS / CONNECTIONS - 1) as u32;
    let mean = mean(|it| it.wait);
    samples.sort_unstable_by_key(|it| it.wait);
    let at = |part: usize| samples[(samples.len() * part / 100).min(samples.len() - 1)].wait;
    let (p99, longest) = (at(99), at(100));
    let times = [ideal, mean, p99, longest].map(|it| it.as_secs_f64() * 1e3);
    let [ideal, mean, p99, longest] = times;
    let ratio = longest / ideal;
    println!(
        "{name:<24} {ideal:>6.2} ms {mean:>6.2} ms {p99:>6.2} ms {longest:>6.2} ms {ratio:>9.2}"
    );
}
