//! Runs the blocking driver's own code over an in-memory platform with a virtual clock, without
//! sockets, threads or sleep. Checks the rules of the `platform` module: no step is taken under the
//! lock, and no wait is longer than its deadline.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{self, IoSlice},
    mem,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use httpool_blocking::{
    Body, Client, Error,
    httpool::{
        call::Policy,
        error::{Cause, DialError, Unavailable},
        message::{Method, PeerAddr, Request},
        time::{Deadline, Instant},
    },
    platform::{
        ClientOn, Connecting, Lock, LookUp, Parker, Platform, Ready, ResponseOn, Socket, Unpark,
    },
};

/// A platform with one thread and one server.
#[derive(Debug, Clone, Default)]
struct World(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    now: Duration,
    locked: bool,
    unparked: bool,
    /// How long each of these takes; `None`: for ever.
    look_up: Option<Duration>,
    connect: Option<Duration>,
    answer: Option<Duration>,
    /// The number of bytes that a socket takes before it is full for ever.
    room: usize,
    look_ups: u32,
    opened: u32,
    closed: u32,
    sent: Vec<u8>,
    /// The server's output that has not been read, and when it comes.
    input: Option<(Duration, &'static [u8])>,
    /// A signal interrupts every wait that lasts this long.
    signals: Option<Duration>,
    /// How long the server takes to send a 100 (Continue); `None`: it never does.
    goes_on: Option<Duration>,
    /// When the last write was.
    wrote: Duration,
}

const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

impl World {
    fn new() -> Self {
        let world = Self::default();
        world.change(|it| {
            it.look_up = Some(ms(5));
            it.connect = Some(ms(10));
            it.answer = Some(ms(20));
            it.room = usize::MAX;
        });
        world
    }

    fn change(&self, change: impl FnOnce(&mut Inside)) {
        change(&mut self.0.lock().unwrap());
    }

    /// Begins a step at which another platform may switch threads. Fails if the lock is held.
    fn step(&self) -> MutexGuard<'_, Inside> {
        let inside = self.0.lock().unwrap();
        assert!(!inside.locked, "a step under the lock");
        inside
    }

    fn client(&self) -> ClientOn<Self> {
        ClientOn::new(self.clone(), Client::builder().no_default_headers())
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }
}

impl Inside {
    /// Waits as [`pass`](Self::pass) does, unless the thread was woken already.
    fn park(&mut self, event: Option<Duration>, timeout: Option<Duration>) {
        if !mem::take(&mut self.unparked) {
            self.pass(event, timeout);
        }
    }

    /// Advances the time to `event`, or by at most `timeout`. Returns false if a signal came first.
    fn pass(&mut self, event: Option<Duration>, timeout: Option<Duration>) -> bool {
        let late = timeout.map(|timeout| self.now + timeout);
        let until = [event, late].into_iter().flatten().min();
        let until = self.now.max(until.expect("a wait that would never end"));
        let signal = self.signals.map(|after| self.now + after).filter(|at| *at < until);
        self.now = signal.unwrap_or(until);
        signal.is_none()
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Platform for World {
    type Lock<T: Send> = Guarded<T>;
    type Parker = ThreadParker;
    type LookUp = Asked;
    type Connecting = Opening;
    type Socket = Wire;

    fn now(&self) -> Instant {
        Instant::from_nanos(0).after(self.step().now)
    }

    fn wall_at_epoch(&self) -> Option<Duration> {
        None
    }

    fn lock<T: Send>(&self, value: T) -> Guarded<T> {
        Guarded { world: self.clone(), value: Mutex::new(value) }
    }

    fn parker(&self) -> Arc<ThreadParker> {
        Arc::new(ThreadParker(self.clone()))
    }

    fn look_up(&self, host: &str, port: u16, _: &Arc<ThreadParker>) -> io::Result<Asked> {
        assert_eq!((host, port), ("name.test", 80));
        let mut inside = self.step();
        inside.look_ups += 1;
        let at = inside.look_up.map(|takes| inside.now + takes);
        Ok(Asked { world: self.clone(), at })
    }

    fn connect(
        &self,
        to: &PeerAddr,
        _: Option<IpAddr>,
        _: Option<Duration>,
    ) -> io::Result<Opening> {
        assert_eq!(to.tcp(), Some(([127, 0, 0, 1], 80).into()));
        let mut inside = self.step();
        inside.opened += 1;
        let at = inside.connect.map(|takes| inside.now + takes);
        Ok(Opening { wire: Wire(self.clone(), Mutex::default()), at })
    }

    /// Waits for one thing only: the look-up if `attempts` is empty, else the connect.
    fn poll(
        &self,
        _: &ThreadParker,
        attempts: &mut [(u8, Opening)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        assert_eq!(talker, None, "there is no proxy");
        let mut inside = self.step();
        let event = match attempts {
            [] => inside.look_up.map(|_| inside.now + ms(5)),
            _ => attempts.iter().filter_map(|(_, it)| it.at).min(),
        };
        inside.park(event, timeout);
        Ok(Ready::default())
    }
}

#[derive(Debug)]
struct Guarded<T> {
    world: World,
    value: Mutex<T>,
}

impl<T: Send> Lock<T> for Guarded<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.world.step().locked = true;
        let result = work(&mut self.value.lock().unwrap());
        self.world.change(|it| it.locked = false);
        result
    }
}

#[derive(Debug)]
struct ThreadParker(World);

impl Unpark for ThreadParker {
    fn unpark(&self) {
        self.0.change(|it| it.unparked = true);
    }
}

impl Parker for ThreadParker {
    fn park(&self, timeout: Option<Duration>) {
        self.0.step().park(None, timeout);
    }

    fn reset(&self) {
        self.0.change(|it| it.unparked = false);
    }
}

#[derive(Debug)]
struct Asked {
    world: World,
    at: Option<Duration>,
}

impl LookUp for Asked {
    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>> {
        let now = self.world.step().now;
        self.at.is_some_and(|at| at <= now).then(|| Ok(vec![([127, 0, 0, 1], 80).into()]))
    }
}

#[derive(Debug)]
struct Opening {
    wire: Wire,
    at: Option<Duration>,
}

impl Connecting for Opening {
    type Socket = Wire;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        let now = self.wire.0.step().now;
        self.at.take_if(|at| *at <= now).map(|_| Ok(()))
    }

    fn socket(&self) -> &Wire {
        &self.wire
    }

    fn finish(self) -> io::Result<Wire> {
        Ok(self.wire)
    }
}

/// A socket, and its receive timeout.
#[derive(Debug)]
struct Wire(World, Mutex<Option<Duration>>);

impl Socket for Wire {
    type Stream = Self;

    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut inside = self.0.step();
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
        let taken = all.len().min(inside.room);
        assert!(!all.is_empty(), "a write of nothing");
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        inside.room -= taken;
        inside.sent.extend_from_slice(&all[..taken]);
        inside.wrote = inside.now;
        let asks = inside.sent.windows(12).any(|twelve| twelve == b"100-continue");
        let (says, takes) = match inside.sent.ends_with(b"\r\n\r\n") {
            true if asks => (GO_ON, inside.goes_on),
            true => (ANSWER, inside.answer),
            false => (ANSWER, inside.answer.filter(|_| asks)),
        };
        inside.input = takes.map(|takes| (inside.now + takes, says));
        Ok(taken)
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        let timeout = *self.1.lock().unwrap();
        let mut inside = self.0.step();
        let event = inside.input.map(|(at, _)| at);
        if !inside.pass(event, timeout) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        drop(inside);
        self.recv_now(into)
    }

    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        let read = self.recv(into)?;
        let more = if read < into.len() { Ok(0) } else { self.recv_now(beyond) };
        Ok(read + more.unwrap_or(0))
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut inside = self.0.step();
        let now = inside.now;
        let Some((at, bytes)) = inside.input.filter(|(at, _)| *at <= now) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let (here, rest) = bytes.split_at(bytes.len().min(into.len()));
        into[..here.len()].copy_from_slice(here);
        inside.input = Some((at, rest)).filter(|(_, rest)| !rest.is_empty());
        Ok(here.len())
    }

    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        let mut buffer = vec![0; onto.capacity() - onto.len()];
        let read = self.recv(&mut buffer)?;
        onto.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    fn wait(&self, _: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.0.step().pass(None, timeout);
        Ok(Ready::default())
    }

    fn bound_unsent(&self) -> bool {
        let _inside = self.0.step();
        false
    }

    fn is_dead(&self) -> bool {
        self.0.step().input.is_some()
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        assert!(!timeout.is_zero());
        let _inside = self.0.step();
        *self.1.lock().unwrap() = Some(timeout);
        Ok(())
    }

    fn unparker(&self) -> io::Result<Arc<dyn Unpark>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn into_stream(self) -> io::Result<Self> {
        Ok(self)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.0.step().closed += 1;
    }
}

fn send(client: &ClientOn<World>, policy: Policy) -> Result<ResponseOn<World>, Error> {
    let request = Request::builder(Method::GET, "http://name.test/").build().unwrap();
    client.send(request, Body::empty(), policy.into(), None)
}

fn get(client: &ClientOn<World>) -> Result<String, Error> {
    text(send(client, Policy::default())?)
}

fn text(response: ResponseOn<World>) -> Result<String, Error> {
    response.bytes().map(|bytes| String::from_utf8(bytes).unwrap())
}

fn cause(error: &Error) -> Cause {
    error.as_failure().unwrap().cause
}

#[test]
fn a_call_takes_as_long_as_its_world_does() {
    let world = World::new();
    let client = world.client();
    assert_eq!(get(&client).unwrap(), "hello");
    assert_eq!(world.elapsed(), ms(5 + 10 + 20));
    assert_eq!(world.0.lock().unwrap().sent, b"GET / HTTP/1.1\r\nHost: name.test\r\n\r\n");
    // With a warm connection, only the response takes time.
    assert_eq!(get(&client).unwrap(), "hello");
    assert_eq!(world.elapsed(), ms(5 + 10 + 20 + 20));
    assert_eq!((client.stats().open, client.stats().idle), (1, 1));
    drop(client);
    let inside = world.0.lock().unwrap();
    assert_eq!((inside.look_ups, inside.opened, inside.closed), (1, 1, 1));
}

#[test]
fn every_deadline_is_kept_to_the_instant() {
    let dial = |why| Cause::Unavailable(Unavailable::Dial(DialError::Timeout(why)));
    type Change = fn(&mut Inside);
    let cases: [(Change, Cause, Duration); 4] = [
        (|it| it.look_up = None, dial(Deadline::Resolve), ms(10_000)),
        (|it| it.connect = None, dial(Deadline::Connect), ms(5 + 10_000)),
        (|it| it.answer = None, Cause::Timeout(Deadline::FirstByte), ms(5 + 10 + 60_000)),
        (|it| it.room = 9, Cause::Timeout(Deadline::Write), ms(5 + 10 + 30_000)),
    ];
    // Also runs each case with signals that interrupt every wait before its timeout.
    let with_signals = cases.iter().map(|case| (case, Some(ms(7))));
    for ((change, why, after), signals) in cases.iter().map(|case| (case, None)).chain(with_signals)
    {
        let (world, why, after) = (World::new(), *why, *after);
        world.change(change);
        world.change(|it| it.signals = signals);
        let client = world.client();
        assert_eq!(cause(&get(&client).unwrap_err()), why);
        assert_eq!(world.elapsed(), after, "{why:?}");
        assert_eq!(client.stats().open, 0);
        let inside = world.0.lock().unwrap();
        assert_eq!(inside.opened, inside.closed, "{why:?}");
    }
}

/// The socket's receive timeout may be shorter than the time left. The driver then waits again, and
/// takes the response that comes at the end.
#[test]
fn an_answer_that_comes_at_the_last_moment_is_in_time() {
    let world = World::new();
    world.change(|it| it.answer = Some(ms(59_999)));
    assert_eq!(get(&world.client()).unwrap(), "hello");
    assert_eq!(world.elapsed(), ms(5 + 10 + 59_999));
}

#[test]
fn a_total_deadline_is_kept_though_signals_interrupt_every_wait() {
    for signals in [1, 10, 999, 1_000, 1_001] {
        let world = World::new();
        world.change(|it| (it.answer, it.signals) = (None, Some(ms(signals))));
        let mut policy = Policy::default();
        policy.timeout.total = Some(ms(2_000));
        let error = send(&world.client(), policy).unwrap_err();
        assert_eq!(cause(&error), Cause::Timeout(Deadline::Total));
        assert_eq!(world.elapsed(), ms(2_000), "a signal every {signals} ms");
    }
}

#[test]
fn a_held_back_body_leaves_with_the_100_or_with_its_deadline_and_not_with_a_timeout_of_the_socket()
{
    let cases = [(Some(0), 9_000, 0), (Some(3), 9_000, 3), (Some(700), 1_000, 700)];
    let without_100 = [(None, 1, 1), (None, 1_000, 1_000), (None, 9_000, 9_000)];
    for (goes_on, patience, leaves) in cases.into_iter().chain(without_100) {
        for signals in [None, Some(ms(7))] {
            let world = World::new();
            world.change(|it| (it.goes_on, it.signals) = (goes_on.map(ms), signals));
            let mut policy = Policy::default();
            policy.timeout.expect_continue = ms(patience);
            let client = world.client();
            let body = Body::from("body");
            let request = Request::builder(Method::POST, "http://name.test/")
                .expect_continue(true)
                .body(body.length());
            let response = client.send(request.build().unwrap(), body, policy.into(), None);
            assert_eq!(text(response.unwrap()).unwrap(), "hello");
            let wrote = world.0.lock().unwrap().wrote;
            assert_eq!(wrote, ms(5 + 10 + leaves), "100: {goes_on:?}, patience {patience} ms");
        }
    }
}

#[test]
fn its_clients_go_from_thread_to_thread() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    fn is_sent<T: Send>(_: &T) {}
    let client = World::new().client();
    is_shared(&client);
    is_sent(&send(&client, Policy::default()).unwrap());
    is_sent(&Client::new().get("http://name.test/"));
}
