//! Runs threads one at a time. The seed decides which thread runs next.

use std::{
    cell::Cell,
    panic::resume_unwind,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use httpool::error::IoKind;

use super::super::{base::Base, stage::Event};

/// A world of threads that takes more steps than this has a livelock. One that reads endless heads
/// of proxies, three bytes at a time, takes between 700,000 and 900,000.
const STEPS_MAX: u64 = 2_000_000;
/// Stands for no thread.
pub(super) const NOBODY: usize = usize::MAX;

thread_local! {
    /// The number of this thread in its world.
    static ME: Cell<usize> = const { Cell::new(NOBODY) };
}

/// Returns the number of the calling thread.
pub(super) fn me() -> usize {
    ME.get()
}

/// The panic payload that unwinds the threads of a world that has ended early.
#[derive(Debug)]
pub(super) struct Over;

/// The world, shared by its threads, and the choice of the thread that runs.
pub(super) struct Scheduler {
    world: Mutex<World>,
    turns: Vec<Condvar>,
}

pub(super) struct World {
    pub(super) base: Base,
    pub(super) threads: Vec<Thread>,
    running: usize,
    /// Whether the world has ended early: its threads unwind.
    over: bool,
    /// Whether a call hangs because of an unsolicited response that no client could have recognised
    /// as such.
    pub(super) misled: bool,
    pub(super) steps: u64,
    /// The results of connecting, indexed by socket.
    pub(super) outcomes: Vec<Option<Result<(), IoKind>>>,
    pub(super) look_ups: Vec<LookedUp>,
    /// Whether the socket was shut down by another thread, indexed by socket.
    pub(super) shut: Vec<bool>,
    /// Whether the socket was probed and found alive since a call last began on it, indexed by
    /// socket.
    pub(super) probed: Vec<bool>,
    /// The call that last wrote to the socket, indexed by socket.
    pub(super) users: Vec<u32>,
}

/// A name look-up: the thread that asked for it, whether it has begun, and its server once it has
/// ended.
#[derive(Debug)]
pub(super) struct LookedUp {
    pub(super) thread: usize,
    pub(super) begun: bool,
    pub(super) origin: Option<usize>,
}

/// The state of a thread.
#[derive(Debug, Default)]
pub(super) struct Thread {
    /// The events that the thread waits for. `None`: it is ready to run.
    wants: Option<Wants>,
    pub(super) unparked: bool,
    done: bool,
    /// The index in the plan of the call that the thread makes.
    pub(super) call: u32,
}

/// The events that a thread waits for. Any of them ends the wait.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub(super) unpark: bool,
    pub(super) reads: Option<u32>,
    pub(super) writes: Option<u32>,
    pub(super) connects: Vec<u32>,
    pub(super) until: Option<u64>,
}

impl Scheduler {
    pub(super) fn new(base: Base, threads: usize) -> Self {
        let world = World {
            base,
            threads: (0..threads).map(|_| Thread::default()).collect(),
            running: NOBODY,
            over: false,
            misled: false,
            steps: 0,
            outcomes: Vec::new(),
            look_ups: Vec::new(),
            shut: Vec::new(),
            probed: Vec::new(),
            users: Vec::new(),
        };
        Self { world: Mutex::new(world), turns: (0..threads).map(|_| Condvar::new()).collect() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the world after all threads have ended.
    pub(super) fn into_world(self) -> World {
        self.world.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the first thread run.
    pub(super) fn start(&self) {
        let mut world = self.lock();
        self.hand_on(&mut world, NOBODY);
    }

    /// Makes the calling thread the `me`th of the world, and waits for its first turn.
    pub(super) fn enter(&self, me: usize) {
        ME.set(me);
        let world = self.lock();
        self.wait_for_turn(world, me);
    }

    /// Ends the calling thread's part in the world.
    pub(super) fn leave(&self) {
        let me = ME.replace(NOBODY);
        let mut world = self.lock();
        world.threads[me].done = true;
        if !world.over && world.threads.iter().any(|it| !it.done) {
            self.hand_on(&mut world, me);
        }
    }

    /// Lets another thread run before the calling one goes on.
    pub(super) fn step(&self) {
        self.pass(None);
    }

    /// Blocks the calling thread until one of the events happens.
    pub(super) fn wait(&self, wants: Wants) {
        self.pass(Some(wants));
    }

    fn pass(&self, wants: Option<Wants>) {
        let me = ME.get();
        if me == NOBODY {
            return;
        }
        let mut world = self.lock();
        if !world.over {
            world.threads[me].wants = wants;
            self.hand_on(&mut world, me);
        }
        self.wait_for_turn(world, me);
    }

    fn hand_on(&self, world: &mut World, me: usize) {
        match world.next_turn(me) {
            Some(next) => {
                world.running = next;
                if next != me {
                    self.turns[next].notify_one();
                }
            }
            None => {
                world.over = true;
                self.turns.iter().for_each(Condvar::notify_one);
            }
        }
    }

    fn wait_for_turn(&self, mut world: MutexGuard<'_, World>, me: usize) {
        while world.running != me && !world.over {
            world = self.turns[me].wait(world).unwrap_or_else(PoisonError::into_inner);
        }
        world.threads[me].wants = None;
        let over = world.over;
        drop(world);
        if over && !thread::panicking() {
            resume_unwind(Box::new(Over));
        }
    }
}

impl World {
    /// Picks the thread that runs next. If all of them wait, it advances the time. Returns `None`
    /// if the world ends or hangs.
    fn next_turn(&mut self, me: usize) -> Option<usize> {
        loop {
            while self.base.stage.queue.next_at().is_some_and(|at| at <= self.base.stage.now) {
                self.happens();
            }
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.base.stage.wrong(|| "the world does not end".into());
            }
            if self.base.stage.wrong.is_some() {
                return None;
            }
            let ready = (0..self.threads.len()).filter(|it| self.is_ready(*it)).count() as u64;
            let next_at = self.base.stage.queue.next_at();
            if ready == 0 {
                let until = self.threads.iter().filter(|it| !it.done);
                let until = until.filter_map(|it| it.wants.as_ref()?.until).min();
                let Some(at) = next_at.into_iter().chain(until).min() else {
                    return self.hangs();
                };
                self.base.stage.now = self.base.stage.now.max(at);
                continue;
            }
            // At random, time passes although a thread is ready, as if that thread were slow.
            let now = self.base.stage.now;
            let soon = next_at.filter(|at| *at < now + 100_000);
            if let Some(at) = soon.filter(|_| self.base.stage.random.once_in(16)) {
                self.base.stage.now = at;
                continue;
            }
            let stays = me != NOBODY && !self.threads[me].done && self.threads[me].wants.is_none();
            if stays && !self.base.stage.random.once_in(4) {
                return Some(me);
            }
            let nth = self.base.stage.random.below(ready) as usize;
            let next = (0..self.threads.len()).filter(|it| self.is_ready(*it)).nth(nth)?;
            self.base.stage.note(next as u64);
            return Some(next);
        }
    }

    fn happens(&mut self) {
        let Some(event) = self.base.stage.queue.pop() else { return };
        match self.base.happens(event) {
            Some(Event::Connect { sock }) => {
                self.outcomes[sock as usize] = self.base.finish_connect(sock);
            }
            Some(Event::Resolved { conn, origin }) => {
                let it = &mut self.look_ups[conn as usize];
                it.origin = Some(origin as usize);
                self.threads[it.thread].unparked = true;
            }
            Some(Event::Resolving { conn }) => {
                let it = &mut self.look_ups[conn as usize];
                it.begun = true;
                self.threads[it.thread].unparked = true;
            }
            _ => {}
        }
    }

    /// Delivers the events that are still under way to the servers.
    pub(super) fn run_dry(&mut self) {
        for _ in 0..STEPS_MAX {
            let Some(at) = self.base.stage.queue.next_at() else { return };
            if self.base.stage.wrong.is_some() {
                return;
            }
            self.base.stage.now = self.base.stage.now.max(at);
            self.happens();
        }
    }

    fn is_ready(&self, thread: usize) -> bool {
        let it = &self.threads[thread];
        if it.done {
            return false;
        }
        let Some(wants) = &it.wants else { return true };
        let shut = |sock: u32| self.shut[sock as usize];
        let stage = &self.base.stage;
        wants.unpark && it.unparked
            || wants.until.is_some_and(|at| at <= stage.now)
            || wants.reads.is_some_and(|it| self.base.net.readable(it) || shut(it))
            || wants.writes.is_some_and(|it| self.base.net.writable(stage, it) || shut(it))
            || wants.connects.iter().any(|it| self.outcomes[*it as usize].is_some())
    }

    fn hangs(&mut self) -> Option<usize> {
        let Self { threads, base, .. } = self;
        if base.stage.out_of_step {
            self.misled = true;
            return None;
        }
        base.stage.wrong(|| {
            let hung = threads.iter().enumerate().filter(|(_, it)| !it.done);
            let hung =
                hung.map(|(nth, it)| format!("thread {nth} with call {}: {:?}", it.call, it.wants));
            format!("threads hang: {}", hung.collect::<Vec<_>>().join("; "))
        });
        None
    }
}
