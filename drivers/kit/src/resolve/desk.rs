//! Decides which name is looked up next. There is one look-up for each name, shared by all who wait
//! for it.
//!
//! ```text
//!          a place is free                 over slow_after, and a slow place is free
//!   line ──────────────────▶ working ───────────────────────────────▶ slow
//!    ▲                          │ the answer                            │ the answer
//!    │ none is free             ▼                                       ▼
//!   ask ── nor a slow one ──▶ busy
//! ```
//!
//! `getaddrinfo` cannot be cancelled, so a name server that does not answer blocks a thread until
//! the system's own timeout. Such a look-up moves to a separate count, so that others can run. That
//! count has its own limit.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// The receiver of an answer. The resolver passes no id to it: a receiver that serves one of
/// several requests holds the id itself.
pub trait Answer {
    /// Reports that a look-up that had to wait for a thread has begun. Called while the resolver is
    /// locked: it must not call the resolver.
    fn begun(&self);

    /// Reports that the look-up has ended. Called on a thread of the resolver, and on the thread
    /// that asked if no look-up could [begin](super::Resolver::ask_again).
    fn answer(self, addrs: io::Result<Vec<SocketAddr>>);
}

/// The limits on look-ups that run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The largest number of look-ups that are not slow.
    pub(super) working: usize,
    /// The largest number of slow look-ups.
    pub(super) slow: usize,
    /// The time after which a look-up is slow.
    pub(super) slow_after: Duration,
}

/// A host and a port.
pub(super) type Name = (Arc<str>, u16);

/// The look-ups and their waiters. It has no thread and no clock of its own.
pub(super) struct Desk<A> {
    bounds: Bounds,
    look_ups: BTreeMap<Name, LookUp<A>>,
    /// The names that have no place.
    line: VecDeque<Name>,
    /// The names that have a place and wait for a thread.
    ready: VecDeque<Name>,
    /// The look-ups that have a place and are not slow, with their start times, earliest first.
    working: VecDeque<(Instant, Name)>,
    /// The number of slow look-ups.
    slow: usize,
}

struct LookUp<A> {
    waiters: Vec<A>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Line,
    Working,
    Slow,
}

/// The result of [`Desk::ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enter {
    Begun,
    Queued,
    /// No place is free and none will be soon, because this many look-ups hang.
    Busy(usize),
}

impl<A: Answer> Desk<A> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            look_ups: BTreeMap::new(),
            line: VecDeque::new(),
            ready: VecDeque::new(),
            working: VecDeque::new(),
            slow: 0,
        }
    }

    /// Returns how many look-ups hang, if there is no place for that of a name and none will be soon.
    pub(super) fn busy(&mut self, host: &str, port: u16, now: Instant) -> Option<usize> {
        self.advance(now);
        let full = self.working.len() >= self.bounds.working && self.slow >= self.bounds.slow;
        let known = || self.look_ups.contains_key(&(host.into(), port));
        (full && !known()).then_some(self.slow)
    }

    /// Adds `who` to those that wait for the addresses of a name.
    pub(super) fn ask(&mut self, host: &str, port: u16, who: A, now: Instant) -> Enter {
        if let Some(hanging) = self.busy(host, port, now) {
            return Enter::Busy(hanging);
        }
        let name: Name = (host.into(), port);
        if let Some(known) = self.look_ups.get_mut(&name) {
            known.waiters.push(who);
            return if known.place == Place::Line { Enter::Queued } else { Enter::Begun };
        }
        let (place, enter) = if self.working.len() < self.bounds.working {
            self.ready.push_back(name.clone());
            self.working.push_back((now, name.clone()));
            (Place::Working, Enter::Begun)
        } else {
            self.line.push_back(name.clone());
            (Place::Line, Enter::Queued)
        };
        self.look_ups.insert(name, LookUp { waiters: vec![who], place });
        enter
    }

    /// Moves look-ups that have become slow to the slow places, and starts others in their places.
    pub(super) fn advance(&mut self, now: Instant) {
        while self.slow < self.bounds.slow
            && let Some((began, name)) = self.working.front()
            && now.saturating_duration_since(*began) >= self.bounds.slow_after
        {
            if let Some(look_up) = self.look_ups.get_mut(name) {
                look_up.place = Place::Slow;
            }
            self.working.pop_front();
            self.slow += 1;
        }
        while self.working.len() < self.bounds.working
            && let Some(name) = self.line.pop_front()
        {
            if let Some(look_up) = self.look_ups.get_mut(&name) {
                look_up.place = Place::Working;
                look_up.waiters.iter().for_each(Answer::begun);
            }
            self.ready.push_back(name.clone());
            self.working.push_back((now, name));
        }
    }

    /// Returns the time to call [`advance`](Self::advance) if no look-up ends before. `None` if
    /// there is nothing to advance.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let moves = !self.line.is_empty() && self.slow < self.bounds.slow;
        let (began, _) = self.working.front().filter(|_| moves)?;
        began.checked_add(self.bounds.slow_after)
    }

    /// Takes the next name to look up. Drops names without waiters.
    pub(super) fn take(&mut self, now: Instant) -> Option<Name> {
        while let Some(name) = self.ready.pop_front() {
            if self.look_ups.get(&name).is_some_and(|it| !it.waiters.is_empty()) {
                return Some(name);
            }
            self.end(&name, now);
        }
        None
    }

    /// Ends a look-up. Returns its waiters.
    pub(super) fn end(&mut self, name: &Name, now: Instant) -> Vec<A> {
        let Some(LookUp { waiters, place }) = self.look_ups.remove(name) else { return Vec::new() };
        match place {
            Place::Slow => self.slow -= 1,
            Place::Working => self.working.retain(|(_, other)| other != name),
            Place::Line => self.line.retain(|other| other != name),
        }
        self.advance(now);
        waiters
    }

    /// Removes the waiters for which `gone` returns true. A look-up that runs continues, for later
    /// waiters.
    pub(super) fn forget(&mut self, gone: impl Fn(&A) -> bool) {
        let line = &mut self.line;
        self.look_ups.retain(|name, look_up| {
            look_up.waiters.retain(|who| !gone(who));
            let drops = look_up.place == Place::Line && look_up.waiters.is_empty();
            if drops {
                line.retain(|other| other != name);
            }
            !drops
        });
    }

    /// Removes all waiters, and starts no look-up that has not begun.
    pub(super) fn clear(&mut self) {
        (self.line, self.ready) = (VecDeque::new(), VecDeque::new());
        self.look_ups.clear();
        self.working.clear();
        self.slow = 0;
    }

    /// Returns the number of threads needed beside those that run a look-up: one for each name that
    /// is ready, and one to watch the line.
    pub(super) fn wants_threads(&self) -> usize {
        self.ready.len() + usize::from(!self.line.is_empty())
    }

    /// Returns the number of names that are being looked up or wait for it.
    pub(super) fn len(&self) -> usize {
        self.look_ups.len()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io, net::SocketAddr, rc::Rc};

    use super::*;

    /// A waiter, and the number of times it was told that its look-up has begun.
    #[derive(Clone, Default)]
    struct Who(u32, Rc<Cell<u32>>);

    impl Answer for Who {
        fn begun(&self) {
            self.1.set(self.1.get() + 1);
        }

        fn answer(self, _: io::Result<Vec<SocketAddr>>) {}
    }

    struct Scene {
        desk: Desk<Who>,
        now: Instant,
    }

    const SLOW_AFTER: Duration = Duration::from_secs(1);

    impl Scene {
        /// Two places for look-ups that are not slow, three for slow ones.
        fn new() -> Self {
            let bounds = Bounds { working: 2, slow: 3, slow_after: SLOW_AFTER };
            Self { desk: Desk::new(bounds), now: Instant::now() }
        }

        fn ask(&mut self, host: &str, who: u32) -> Enter {
            self.desk.ask(host, 80, Who(who, Rc::default()), self.now)
        }

        fn takes(&mut self) -> Vec<String> {
            let (desk, now) = (&mut self.desk, self.now);
            std::iter::from_fn(|| desk.take(now)).map(|(host, _)| host.to_string()).collect()
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            self.desk.advance(self.now);
        }

        fn ends(&mut self, host: &str) -> Vec<u32> {
            let who = self.desk.end(&(host.into(), 80), self.now);
            who.into_iter().map(|who| who.0).collect()
        }
    }

    #[test]
    fn a_name_is_looked_up_once_for_all_who_wait_for_it() {
        let mut scene = Scene::new();
        for who in 0..20 {
            assert_eq!(scene.ask("a", who), Enter::Begun);
        }
        assert_eq!(scene.desk.ask("a", 81, Who::default(), scene.now), Enter::Begun);
        assert_eq!(scene.takes(), ["a", "a"], "one for each port");
        scene.desk.forget(|who| who.0 % 2 == 0);
        assert_eq!(scene.ends("a"), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
        assert_eq!(scene.ends("a"), [0; 0]);
    }

    #[test]
    fn one_that_takes_long_makes_room_for_those_in_line() {
        let mut scene = Scene::new();
        let (told, begun) = (Rc::new(Cell::new(0)), Enter::Begun);
        assert_eq!((scene.ask("hangs", 1), scene.ask("too", 2)), (begun, begun));
        assert_eq!(scene.desk.ask("fast", 80, Who(3, told.clone()), scene.now), Enter::Queued);
        assert_eq!(scene.takes(), ["hangs", "too"]);
        assert_eq!(scene.desk.next_at(), Some(scene.now + SLOW_AFTER));
        scene.pass(SLOW_AFTER - Duration::from_millis(1));
        assert_eq!((scene.takes(), told.get()), (vec![], 0));
        scene.pass(Duration::from_millis(1));
        assert_eq!((scene.takes(), told.get()), (vec!["fast".into()], 1));
        assert_eq!(scene.desk.next_at(), None, "nobody is in line");
        // A waiter that joins a look-up that has begun does not wait for a thread.
        assert_eq!(scene.ask("hangs", 4), Enter::Begun);
        assert_eq!((scene.ends("fast"), scene.ends("hangs")), (vec![3], vec![1, 4]));
    }

    #[test]
    fn one_that_ends_makes_room_at_once() {
        let mut scene = Scene::new();
        for (host, who) in [("a", 1), ("b", 2), ("c", 3)] {
            scene.ask(host, who);
        }
        assert_eq!(scene.takes(), ["a", "b"]);
        assert_eq!(scene.ends("b"), [2]);
        assert_eq!(scene.takes(), ["c"]);
    }

    #[test]
    fn a_new_name_fails_at_once_when_too_many_hang() {
        let mut scene = Scene::new();
        for (host, enter) in [
            ("1", Enter::Begun),
            ("2", Enter::Begun),
            ("3", Enter::Queued),
            ("4", Enter::Queued),
            ("5", Enter::Queued),
        ] {
            assert_eq!(scene.ask(host, 0), enter, "{host}");
        }
        scene.pass(SLOW_AFTER);
        scene.pass(SLOW_AFTER);
        // Three are slow, two are not, and the line is empty.
        assert_eq!(scene.takes(), ["1", "2", "3", "4", "5"]);
        assert_eq!(scene.ask("6", 6), Enter::Busy(3));
        assert_eq!(scene.ask("5", 7), Enter::Begun, "it is under way");
        scene.pass(SLOW_AFTER * 60);
        assert_eq!(scene.ask("6", 6), Enter::Busy(3), "those that work hang as well");
        scene.ends("1");
        assert_eq!(scene.ask("6", 6), Enter::Begun, "one of them has moved");
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun() {
        let mut scene = Scene::new();
        for (host, who) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("c", 5)] {
            scene.ask(host, who);
        }
        scene.desk.forget(|who| who.0 != 5);
        // "c" gets the place that "a" had, although no thread has come for it.
        assert_eq!(scene.takes(), ["c"]);
        assert_eq!((scene.ends("c"), scene.desk.len()), (vec![5], 0));
        // A look-up that runs continues, and a later waiter shares it.
        scene.ask("e", 6);
        assert_eq!(scene.takes(), ["e"]);
        scene.desk.forget(|who| who.0 == 6);
        assert_eq!(scene.ask("e", 7), Enter::Begun);
        assert_eq!((scene.takes(), scene.ends("e")), (vec![], vec![7]));
    }
}
