//! Implements the blocking driver's platform over the world. Each method is a step of the schedule.

use std::{
    cell::RefCell,
    fmt,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use httpool::{error::IoKind, message::PeerAddr, time::Instant};
use httpool_blocking::platform::{
    AnswerAgain, Connecting, Lock, LookUp, Parker, Platform, Ready, Socket, Unpark,
};

use super::{
    super::{io::Io, marks::Mark},
    scheduler::{LookedUp, Scheduler, Wants, World, me},
};

thread_local! {
    static PARKER: RefCell<Option<Arc<SimParker>>> = const { RefCell::new(None) };
}

/// Releases the calling thread's parker when the thread ends.
pub(super) fn drop_parker() {
    PARKER.take();
}

/// A handle to the world, which implements the platform.
#[derive(Clone)]
pub(super) struct Sim(pub(super) Arc<Scheduler>);

pub(super) struct SimLock<T> {
    scheduler: Arc<Scheduler>,
    value: Mutex<T>,
}

pub(super) struct SimParker {
    scheduler: Arc<Scheduler>,
    thread: usize,
}

pub(super) struct SimLookUp {
    scheduler: Arc<Scheduler>,
    id: usize,
}

pub(super) struct SimConnecting {
    socket: SimSocket,
    told: bool,
}

pub(super) struct SimSocket {
    scheduler: Arc<Scheduler>,
    pub(super) sock: u32,
    timeout: Mutex<Option<Duration>>,
}

/// Shuts a socket down from another thread.
struct ShutDown {
    scheduler: Arc<Scheduler>,
    sock: u32,
}

impl Platform for Sim {
    type Lock<T: Send> = SimLock<T>;
    type Parker = SimParker;
    type LookUp = SimLookUp;
    type Connecting = SimConnecting;
    type Socket = SimSocket;

    fn now(&self) -> Instant {
        self.0.step();
        self.0.lock().base.stage.instant()
    }

    fn wall_at_epoch(&self) -> Option<Duration> {
        None
    }

    fn lock<T: Send>(&self, value: T) -> SimLock<T> {
        SimLock { scheduler: self.0.clone(), value: Mutex::new(value) }
    }

    fn parker(&self) -> Arc<SimParker> {
        let thread = me();
        PARKER.with_borrow_mut(|parker| match parker {
            Some(parker) if Arc::ptr_eq(&parker.scheduler, &self.0) && parker.thread == thread => {
                parker.clone()
            }
            _ => parker.insert(Arc::new(SimParker { scheduler: self.0.clone(), thread })).clone(),
        })
    }

    fn look_up(&self, host: &str, _: u16, _: &Arc<SimParker>) -> io::Result<SimLookUp> {
        self.0.step();
        let mut world = self.0.lock();
        if world.base.look_up_is_short() {
            return Err(kind(IoKind::Exhausted).into());
        }
        let id = world.look_ups.len();
        world.base.stage.tell(20, id as u64, format_args!("look up {host}"));
        let begun = !world.base.look_up(host, id as u64);
        world.look_ups.push(LookedUp { thread: me(), begun, origin: None });
        drop(world);
        Ok(SimLookUp { scheduler: self.0.clone(), id })
    }

    /// Answers at once, on the thread that asks.
    fn look_up_again(&self, host: &str, _: u16, answer: AnswerAgain) {
        self.0.step();
        let found = self.0.lock().base.find_again(host);
        answer(&found);
    }

    fn connect(
        &self,
        to: &PeerAddr,
        _: Option<IpAddr>,
        _: Option<Duration>,
    ) -> io::Result<SimConnecting> {
        self.0.step();
        let mut world = self.0.lock();
        world.base.stage.tell(21, 0, format_args!("connect to {to}"));
        if world.base.is_short() {
            return Err(kind(IoKind::Exhausted).into());
        }
        let Some(sock) = world.base.connect(to) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        world.outcomes.push(None);
        world.shut.push(false);
        world.probed.push(false);
        world.users.push(u32::MAX);
        drop(world);
        let socket = SimSocket { scheduler: self.0.clone(), sock, timeout: Mutex::new(None) };
        Ok(SimConnecting { socket, told: false })
    }

    fn poll(
        &self,
        parker: &SimParker,
        attempts: &mut [(u8, SimConnecting)],
        talker: Option<(u8, bool)>,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        let talks = |(number, writes): (u8, bool)| {
            let it = attempts.iter().find(|(other, _)| *other == number)?;
            Some((it.1.socket.sock, writes))
        };
        let talker = talker.and_then(talks);
        let open = attempts.iter().filter(|(_, it)| !it.told);
        let wants = Wants {
            unpark: true,
            reads: talker.map(|it| it.0),
            writes: talker.filter(|it| it.1).map(|it| it.0),
            connects: open.map(|(_, it)| it.socket.sock).collect(),
            until: self.0.until(timeout),
        };
        self.0.wait(wants);
        let mut world = self.0.lock();
        // `poll` with a wake-up descriptor needs a descriptor as well.
        if world.base.is_short() && world.base.stage.random.once_in(16) {
            return Err(kind(IoKind::Exhausted).into());
        }
        world.threads[parker.thread].unparked = false;
        let World { base, .. } = &*world;
        Ok(Ready {
            readable: talker.is_some_and(|it| base.net.readable(it.0)),
            writable: talker.is_some_and(|it| it.1 && base.net.writable(&base.stage, it.0)),
            broken: false,
        })
    }
}

impl Scheduler {
    fn until(&self, timeout: Option<Duration>) -> Option<u64> {
        timeout.map(|it| self.lock().base.stage.instant().after(it).as_nanos())
    }

    /// Blocks the calling thread until `at`.
    pub(super) fn sleep_until(&self, at: u64) {
        self.wait(Wants { until: Some(at), ..Wants::default() });
    }

    pub(super) fn sleep(&self, time: Duration) {
        let until = self.until(Some(time));
        self.wait(Wants { until, ..Wants::default() });
    }
}

impl<T: Send> Lock<T> for SimLock<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.scheduler.step();
        let result = work(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner));
        self.scheduler.step();
        result
    }
}

impl Unpark for SimParker {
    fn unpark(&self) {
        if let Some(thread) = self.scheduler.lock().threads.get_mut(self.thread) {
            thread.unparked = true;
        }
    }
}

impl Parker for SimParker {
    fn park(&self, timeout: Option<Duration>) {
        let until = self.scheduler.until(timeout);
        self.scheduler.wait(Wants { unpark: true, until, ..Wants::default() });
        self.reset();
    }

    fn reset(&self) {
        if let Some(thread) = self.scheduler.lock().threads.get_mut(self.thread) {
            thread.unparked = false;
        }
    }
}

impl LookUp for SimLookUp {
    fn has_begun(&mut self) -> bool {
        self.scheduler.step();
        self.scheduler.lock().look_ups[self.id].begun
    }

    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>> {
        self.scheduler.step();
        let world = self.scheduler.lock();
        let origin = world.look_ups[self.id].origin?;
        let found = world.base.found(origin);
        Some(if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) })
    }
}

impl Connecting for SimConnecting {
    type Socket = SimSocket;

    fn outcome(&mut self) -> Option<io::Result<()>> {
        self.socket.scheduler.step();
        if self.told {
            return None;
        }
        let outcome = self.socket.scheduler.lock().outcomes[self.socket.sock as usize]?;
        self.told = true;
        Some(outcome.map_err(|why| kind(why).into()))
    }

    fn socket(&self) -> &SimSocket {
        &self.socket
    }

    fn finish(self) -> io::Result<SimSocket> {
        self.socket.scheduler.step();
        // A new connection needs no probe, although a proxy may have sent bytes on it.
        self.socket.scheduler.lock().probed[self.socket.sock as usize] = true;
        Ok(self.socket)
    }
}

const fn kind(why: IoKind) -> io::ErrorKind {
    match why {
        IoKind::Refused => io::ErrorKind::ConnectionRefused,
        IoKind::Reset => io::ErrorKind::ConnectionReset,
        IoKind::Unreachable => io::ErrorKind::HostUnreachable,
        IoKind::TimedOut => io::ErrorKind::TimedOut,
        IoKind::Exhausted => io::ErrorKind::QuotaExceeded,
        _ => io::ErrorKind::Other,
    }
}

impl SimSocket {
    /// Appends up to `max` of the bytes that have arrived to `onto`. Fails with `WouldBlock` if
    /// there are none.
    fn take(&self, world: &mut World, max: usize, onto: &mut Vec<u8>) -> io::Result<usize> {
        if world.shut[self.sock as usize] {
            return Ok(0);
        }
        let base = &mut world.base;
        let done = base.net.read(&mut base.stage, self.sock, max, onto);
        base.stage.tell(17, self.sock.into(), format_args!("s{} read: {done:?}", self.sock));
        match done {
            Io::Done(some) => {
                base.net.show(self.sock, some);
                let it = base.net.get_mut(self.sock);
                // The call reads unsolicited bytes that follow another call's response, and cannot
                // know it.
                let user = world.users[self.sock as usize];
                let poisoned = it.poison_at.is_some_and(|at| it.shown > at);
                if poisoned && user != u32::MAX && user != it.poison_of {
                    it.tainted = true;
                    base.stage.out_of_step = true;
                }
                Ok(some)
            }
            Io::Block => Err(io::ErrorKind::WouldBlock.into()),
            Io::Eof => Ok(0),
            Io::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    /// As [`take`](Self::take), but waits for bytes until the receive timeout.
    fn take_in_time(&self, max: usize, onto: &mut Vec<u8>) -> io::Result<usize> {
        self.scheduler.step();
        let there = self.take(&mut self.scheduler.lock(), max, onto);
        if there.as_ref().is_ok_and(|_| true) || !would_block(&there) {
            return there;
        }
        let timeout = *self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
        let until = self.scheduler.until(timeout);
        self.scheduler.wait(Wants { reads: Some(self.sock), until, ..Wants::default() });
        self.take(&mut self.scheduler.lock(), max, onto)
    }

    /// Notes the call that writes to the socket. If it is a new one, it checks that the connection
    /// may be used.
    fn begins(&self, world: &mut World) {
        let call = world.threads.get(me()).map_or(u32::MAX, |it| it.call);
        let before = std::mem::replace(&mut world.users[self.sock as usize], call);
        if before == call || call == u32::MAX {
            return;
        }
        let probed = std::mem::take(&mut world.probed[self.sock as usize]);
        let base = &mut world.base;
        let it = base.net.get(self.sock);
        let sock = self.sock;
        if before != u32::MAX && !probed && base.plan.config.pool.probe_after.is_zero() {
            let words = "is used again without having been probed";
            base.stage.wrong(|| format!("call {call}: s{sock} {words}"));
        }
        if !it.tainted && it.poison_at.is_some_and(|at| it.shown > at) {
            let words = "is used after unsolicited bytes were read on it";
            base.stage.wrong(|| format!("call {call}: s{sock} {words}"));
        }
        if before != u32::MAX && base.net.has_told(sock) {
            let words = "is used again after a notice that its session has ended";
            base.stage.wrong(|| format!("call {call}: s{sock} {words}"));
        }
        base.check_reuse(sock, call);
        base.cases[call as usize].tainted |= base.net.get(sock).tainted;
        base.cases[call as usize].sock = sock;
        if before != u32::MAX {
            base.stage.mark(Mark::Reused);
        }
    }
}

fn would_block(done: &io::Result<usize>) -> bool {
    done.as_ref().is_err_and(|why| why.kind() == io::ErrorKind::WouldBlock)
}

impl Socket for SimSocket {
    type Stream = Self;

    fn send_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.scheduler.step();
        let mut world = self.scheduler.lock();
        if world.shut[self.sock as usize] {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let bytes: Vec<u8> = pieces.iter().flat_map(|it| it.iter().copied()).collect();
        // A record without plaintext is no use of the connection.
        if world.base.net.scan(self.sock, &bytes, None).is_none_or(|found| found.begins) {
            self.begins(&mut world);
        }
        let call = world.users[self.sock as usize];
        let base = &mut world.base;
        let done = base.net.write(&mut base.stage, self.sock, &bytes);
        base.stage.tell(18, self.sock.into(), format_args!("s{} write: {done:?}", self.sock));
        match done {
            Io::Done(some) => {
                let found = base.net.scan(self.sock, &bytes, Some(some));
                if found.is_some_and(|found| found.stray) {
                    let sock = self.sock;
                    base.stage.wrong(|| format!("s{sock}: bytes in clear on a session"));
                }
                if let Some(case) = base.cases.get_mut(call as usize)
                    && found.is_none_or(|found| found.ends)
                {
                    case.wrote = base.stage.now;
                }
                Ok(some)
            }
            Io::Block => Err(io::ErrorKind::WouldBlock.into()),
            Io::Eof | Io::Reset => {
                base.stage.mark(Mark::FaultRace);
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut input = Vec::new();
        let some = self.take_in_time(into.len(), &mut input)?;
        into[..some].copy_from_slice(&input);
        Ok(some)
    }

    fn recv_beyond(&self, into: &mut [u8], beyond: &mut [u8]) -> io::Result<usize> {
        let mut input = Vec::new();
        let some = self.take_in_time(into.len() + beyond.len(), &mut input)?;
        let (first, second) = input.split_at(some.min(into.len()));
        into[..first.len()].copy_from_slice(first);
        beyond[..second.len()].copy_from_slice(second);
        Ok(some)
    }

    fn recv_now(&self, into: &mut [u8]) -> io::Result<usize> {
        self.scheduler.step();
        let mut input = Vec::new();
        let mut world = self.scheduler.lock();
        let taken = self.take(&mut world, into.len(), &mut input);
        // With a session, the driver probes by reading what there is.
        if would_block(&taken) && world.base.net.is_secure(self.sock) {
            world.probed[self.sock as usize] = true;
        }
        drop(world);
        let some = taken?;
        into[..some].copy_from_slice(&input);
        Ok(some)
    }

    fn recv_onto(&self, onto: &mut Vec<u8>) -> io::Result<usize> {
        self.take_in_time(onto.capacity() - onto.len(), onto)
    }

    fn wait(&self, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let sock = self.sock;
        let (reads, writes) = (Some(sock), write.then_some(sock));
        let until = self.scheduler.until(timeout);
        self.scheduler.wait(Wants { reads, writes, until, ..Wants::default() });
        let world = self.scheduler.lock();
        let shut = world.shut[sock as usize];
        let readable = shut || world.base.net.readable(sock);
        let writable = shut || write && world.base.net.writable(&world.base.stage, sock);
        Ok(Ready { readable, writable, broken: shut })
    }

    /// Does nothing: the windows of the world are small.
    fn bound_unsent(&self) -> bool {
        self.scheduler.step();
        false
    }

    fn is_dead(&self) -> bool {
        self.scheduler.step();
        let mut world = self.scheduler.lock();
        let dead = world.shut[self.sock as usize] || world.base.net.readable(self.sock);
        world.probed[self.sock as usize] = !dead;
        dead
    }

    fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.scheduler.step();
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner) = Some(timeout);
        Ok(())
    }

    fn unparker(&self) -> io::Result<Arc<dyn Unpark>> {
        Ok(Arc::new(ShutDown { scheduler: self.scheduler.clone(), sock: self.sock }))
    }

    fn into_stream(self) -> io::Result<Self> {
        Ok(self)
    }
}

impl io::Read for SimSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.recv(into)
    }
}

impl io::Write for SimSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_now(&[IoSlice::new(bytes)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpark for ShutDown {
    fn unpark(&self) {
        self.scheduler.lock().shut[self.sock as usize] = true;
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        let mut world = self.scheduler.lock();
        let base = &mut world.base;
        base.stage.tell(25, self.sock.into(), format_args!("s{} is closed", self.sock));
        base.net.close(&mut base.stage, self.sock);
        drop(world);
        self.scheduler.step();
    }
}

macro_rules! debug {
    ($($name:ident $(<$t:ident>)?),*) => {
        $(impl$(<$t>)? fmt::Debug for $name$(<$t>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        })*
    };
}

debug!(Sim, SimLock<T>, SimParker, SimLookUp, SimConnecting, SimSocket, ShutDown);
