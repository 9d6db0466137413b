//! Tests a driver with thousands of connections at a time, to a server in another process.
//!
//! ```text
//! cargo run --release -p httpool-mio --example stress -- [CONNECTIONS [REQUESTS]]
//! ```
//!
//! 1. Opens CONNECTIONS connections (10,000), a hundredth of them to each of a hundred addresses.
//!    An idle connection may use at most 1 KiB.
//! 2. Sends REQUESTS requests (200,000), one at a time on each connection. None may fail.
//! 3. Sends a tenth of the requests over a tenth of the connections, to a server that resets a
//!    third of the connections at random moments. Every call must end exactly once.
//!
//! Exits with 1 if a check fails. If the system allows too few file descriptors, it uses fewer
//! connections and prints their number.

#![expect(unsafe_code, reason = "an allocator that counts has to be one")]

mod load;
mod server;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env,
    error::Error,
    fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use httpool_mio::Driver;
use load::Report;
use server::{Script, Server};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ADDRESSES: u8 = 100;
/// The limit on the memory that an idle connection takes in this process, in bytes, including the
/// core's.
const IDLE_MAX: f64 = 1024.0;
/// The number of file descriptors reserved for other uses than connections.
const OTHERS: u64 = 64;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default| args.get(at).map_or(Ok(default), |arg| arg.parse::<usize>());
    if args.first().is_some_and(|arg| arg == "--serve") {
        let seed = number(2, 0)? as u64;
        let resets = (seed > 0).then_some(seed);
        return serve(Script { addresses: ADDRESSES, hold: number(1, 1)?, resets });
    }
    let (wanted, requests) = (number(0, 10_000)?, number(1, 200_000)?);
    let addresses = usize::from(ADDRESSES);
    let connections = wanted.min(allowed()?) / addresses * addresses;
    if connections < wanted {
        eprintln!("\n!! FEWER: descriptors are allowed for {connections} connections\n");
    }
    let good = steady(connections, requests)?
        & resetting(connections.div_ceil(10 * addresses) * addresses, requests / 10)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steady(connections: usize, requests: usize) -> Result<bool, Box<dyn Error>> {
    let (mut child, addresses) = start(connections / usize::from(ADDRESSES), 0)?;
    let mut driver = load::driver(connections, addresses.len())?;
    let (held, resident) = (HELD.load(Relaxed), memory("VmRSS")?);
    let opened = load::open_all(&mut driver, &addresses, connections)?;
    let idle = driver.client().stats().idle;
    println!("{idle} connections open, {:.1} s", opened.elapsed.as_secs_f64());
    let each = |bytes: usize| bytes as f64 / idle as f64;
    let heap = each(HELD.load(Relaxed) - held);
    println!("  idle, each {heap:.0} B of heap");
    println!("  idle, each {:.0} B resident", each(memory("VmRSS")?.saturating_sub(resident)));
    let before = processor_time()?;
    let sent = load::send(&mut driver, &addresses, requests, connections)?;
    let after = each(HELD.load(Relaxed) - held);
    let used = processor_time()? - before;
    let rate = sent.ended as f64 / sent.elapsed.as_secs_f64();
    println!("{} requests, {} failed, {} wrong", sent.ended, sent.failed, sent.wrong);
    println!("  {rate:.0} a second, {:.1} µs of processor each", used / sent.ended as f64 * 1e6);
    println!("  after as many calls at once, each {after:.0} B of heap");
    let peak = memory("VmHWM")?;
    println!("  at most {peak} B resident, each {:.0} B", each(peak.saturating_sub(resident)));
    child.kill()?;
    child.wait()?;
    let small = heap <= IDLE_MAX;
    if !small {
        eprintln!("an idle connection is to cost at most {IDLE_MAX} B");
    }
    Ok(small && idle == connections && whole(&opened, connections) && whole(&sent, requests))
}

fn whole(report: &Report, requests: usize) -> bool {
    (report.ended, report.failed, report.wrong) == (requests, 0, 0)
}

fn resetting(connections: usize, requests: usize) -> Result<bool, Box<dyn Error>> {
    let (mut child, addresses) =
        start(connections / usize::from(ADDRESSES), 0x9e37_79b9_7f4a_7c15)?;
    let mut driver = load::driver(connections, addresses.len())?;
    let opened = load::open_all(&mut driver, &addresses, connections)?;
    let sent = load::send(&mut driver, &addresses, requests, connections)?;
    println!("{connections} connections, a third of which are reset");
    println!("  {} calls ended well, {} failed, {} wrong", sent.ended, sent.failed, sent.wrong);
    child.kill()?;
    child.wait()?;
    Ok(whole(&opened, connections) && settled(&mut driver) && sent.wrong == 0 && sent.failed > 0)
}

/// Returns whether no call, dial or connection in use is left.
fn settled(driver: &mut Driver) -> bool {
    let stats = driver.client().stats();
    (stats.leased, stats.dialing, stats.waiting) == (0, 0, 0)
}

/// Raises the soft limit on file descriptors to the hard limit. Returns the number of connections
/// that it allows.
#[cfg(unix)]
fn allowed() -> io::Result<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    let descriptors = limit.maximum.unwrap_or(u64::MAX).saturating_sub(OTHERS);
    Ok(usize::try_from(descriptors).unwrap_or(usize::MAX))
}

/// Returns no limit: it is not known on this system.
#[cfg(not(unix))]
fn allowed() -> io::Result<usize> {
    Ok(usize::MAX)
}

/// Starts the server in another process. Returns the process and its addresses.
fn start(hold: usize, seed: u64) -> Result<(Child, Vec<SocketAddr>), Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--serve".into(), hold.to_string(), seed.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("it was piped")?).read_line(&mut line)?;
    let addresses = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    Ok((child, addresses))
}

/// Serves until standard input ends, which happens when the parent process ends in any way.
fn serve(script: Script) -> Result<ExitCode, Box<dyn Error>> {
    allowed()?;
    let mut server = Server::new(script)?;
    let addresses = server.addresses()?.iter().map(ToString::to_string).collect::<Vec<_>>();
    println!("{}", addresses.join(" "));
    std::thread::spawn(|| {
        io::stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(0);
    });
    server.run(|| false)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the value of a line of /proc/self/status, in bytes.
fn memory(line: &str) -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|it| it.starts_with(line)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<usize>()? * 1024)
}

/// Returns the processor time that this process has used, in seconds.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let nanos = fs::read_to_string("/proc/self/schedstat")?;
    Ok(nanos.split_whitespace().next().ok_or("no number")?.parse::<f64>()? / 1e9)
}
