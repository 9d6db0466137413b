//! The threads that look names up.

use std::{
    error, fmt, io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{
    Hosts, LookUpError,
    desk::{Answer, Bounds, Desk, Enter, Name},
    zoned,
};

/// The result of [`Resolver::ask`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Asked {
    /// No look-up was needed, or none is possible. No method of [`Answer`] is called.
    Answered(io::Result<Vec<SocketAddr>>),
    /// The look-up has begun. [`Answer::answer`] follows.
    Begun,
    /// The look-up waits for a thread. [`Answer::begun`] and then [`Answer::answer`] follow.
    Queued,
}

/// A look-up usually takes milliseconds. A slow one must not delay others, and the number of
/// threads that slow ones occupy needs a limit too.
const BOUNDS: Bounds = Bounds { working: 8, slow: 64, slow_after: Duration::from_secs(1) };
/// The time that an idle thread waits for another name before it ends.
const THREAD_IDLE: Duration = Duration::from_secs(10);

/// Looks names up on threads. There is one look-up for each name at a time, shared by all who ask
/// for it.
///
/// Eight look-ups run at once, and others wait in line. A look-up that has taken over a second is
/// counted separately, so that it does not delay others. At most 64 of those may run. When all 72
/// places are taken, a new name fails at once with [`LookUpError::Busy`].
///
/// Threads start when there is work. They end after ten seconds without work, or when the last
/// clone of the resolver is dropped.
pub struct Resolver<A: Answer + Send + 'static>(Arc<Handle<A>>);

struct Handle<A: Answer>(Arc<Shared<A>>);

struct Shared<A> {
    hosts: Hosts,
    threads_max: usize,
    state: Mutex<State<A>>,
    work: Condvar,
}

struct State<A> {
    desk: Desk<A>,
    threads: usize,
    idle: usize,
    over: bool,
}

impl<A: Answer + Send + 'static> Resolver<A> {
    /// Makes a resolver that looks names up with `hosts`. No thread is started yet.
    pub fn new(hosts: Hosts) -> Self {
        Self::bounded(hosts, BOUNDS)
    }

    fn bounded(hosts: Hosts, bounds: Bounds) -> Self {
        let state = State { desk: Desk::new(bounds), threads: 0, idle: 0, over: false };
        // One thread for each look-up, and one to watch the line.
        let threads_max = bounds.working + bounds.slow + 1;
        let (state, work) = (Mutex::new(state), Condvar::new());
        Self(Arc::new(Handle(Arc::new(Shared { hosts, threads_max, state, work }))))
    }

    /// Looks up `host`, and passes the answer to `who`. No thread is needed for an address given by
    /// the program, an IPv6 address with a zone id (`fe80::1%eth0`), or a cached answer.
    pub fn ask(&self, host: &str, port: u16, who: A) -> Asked {
        let shared = &self.0.0;
        let at_hand =
            shared.given(host, port).or_else(|| shared.hosts.resolver().kept(host, port).map(Ok));
        if let Some(answer) = at_hand {
            return Asked::Answered(answer);
        }
        let mut state = shared.state();
        let asked = match state.desk.ask(host, port, who, Instant::now()) {
            Enter::Begun => Asked::Begun,
            Enter::Queued => Asked::Queued,
            Enter::Busy(hanging) => {
                return Asked::Answered(Err(LookUpError::Busy { hanging }.into()));
            }
        };
        if let Err(error) = shared.staff(&mut state)
            && state.threads == 0
        {
            state.desk.end(&(host.into(), port), Instant::now());
            return Asked::Answered(Err(error));
        }
        asked
    }

    /// Looks `host` up once more, without a cached answer, and passes the answer to `who`: from this
    /// thread if no look-up is needed, or if none is possible.
    pub fn ask_again(&self, host: &str, port: u16, who: A) {
        let shared = &self.0.0;
        if let Some(answer) = shared.given(host, port) {
            return who.answer(answer);
        }
        shared.hosts.resolver().refresh(host, port);
        let (mut state, now) = (shared.state(), Instant::now());
        if let Some(hanging) = state.desk.busy(host, port, now) {
            drop(state);
            return who.answer(Err(LookUpError::Busy { hanging }.into()));
        }
        state.desk.ask(host, port, who, now);
        if let Err(error) = shared.staff(&mut state)
            && state.threads == 0
        {
            let waiters = state.desk.end(&(host.into(), port), now);
            drop(state);
            tell(waiters, Err(error));
        }
    }

    /// Removes the waiters for which `gone` returns true. A waiter whose answer is already being
    /// delivered still gets it. A look-up that has begun continues, because others may wait for it.
    pub fn forget(&self, gone: impl Fn(&A) -> bool) {
        self.0.0.state().desk.forget(gone);
    }

    /// Reports that a connection to an address of the name failed: see
    /// [`Resolve::refresh`](super::Resolve::refresh).
    pub fn refresh(&self, host: &str, port: u16) {
        self.0.0.hosts.resolver().refresh(host, port);
    }
}

impl<A: Answer + Send + 'static> Clone for Resolver<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Answer + Send + 'static> fmt::Debug for Resolver<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.0.state();
        write!(f, "Resolver({} names, {} threads)", state.desk.len(), state.threads)
    }
}

impl<A: Answer> Drop for Handle<A> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        state.desk.clear();
        self.0.work.notify_all();
    }
}

impl<A> Shared<A> {
    /// Returns an answer for which no look-up is needed.
    fn given(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        self.hosts.given(host, port).map(Ok).or_else(|| zoned(host, port))
    }

    fn state(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Answer + Send + 'static> Shared<A> {
    /// Starts the threads that are needed for the look-ups that wait.
    ///
    /// # Errors
    /// No thread could be started. The running threads will take the work later.
    fn staff(self: &Arc<Self>, state: &mut State<A>) -> io::Result<()> {
        let wanted = state.desk.wants_threads();
        if wanted > state.idle && state.threads < self.threads_max {
            let own = self.clone();
            let builder = thread::Builder::new().name("httpool-resolve".into());
            builder.spawn(move || own.work_until_idle())?;
            state.threads += 1;
        } else if wanted > 0 {
            self.work.notify_one();
        }
        Ok(())
    }

    fn work_until_idle(self: &Arc<Self>) {
        let _running = Running(self);
        while let Some(name) = self.next_name() {
            let (host, port) = &name;
            let resolved =
                catch_unwind(AssertUnwindSafe(|| self.hosts.resolver().resolve(host, *port)));
            let addrs = resolved.unwrap_or_else(|_| Err(LookUpError::Panicked.into()));
            let waiters = self.state().desk.end(&name, Instant::now());
            tell(waiters, addrs);
        }
    }

    fn next_name(self: &Arc<Self>) -> Option<Name> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            state.desk.advance(now);
            if let Some(name) = state.desk.take(now) {
                // Other names may be ready or in line. If no thread can be started for them, this
                // thread takes them later.
                self.staff(&mut state).ok();
                return Some(name);
            }
            if state.over {
                return None;
            }
            let until = state.desk.next_at();
            let time = until.map_or(THREAD_IDLE, |at| at.saturating_duration_since(now));
            state.idle += 1;
            let (woken, waited) =
                self.work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && until.is_none() && state.desk.wants_threads() == 0 {
                return None;
            }
        }
    }
}

/// Passes the answer to all waiters. An error goes to the last one itself, and to the others as a
/// copy.
fn tell<A: Answer>(mut waiters: Vec<A>, addrs: io::Result<Vec<SocketAddr>>) {
    let Some(last) = waiters.pop() else { return };
    if waiters.is_empty() {
        return last.answer(addrs);
    }
    match addrs {
        Ok(addrs) => {
            waiters.into_iter().for_each(|who| who.answer(Ok(addrs.clone())));
            last.answer(Ok(addrs));
        }
        Err(error) => {
            let error = Arc::new(error);
            waiters.push(last);
            waiters.into_iter().for_each(|who| who.answer(Err(another(&error))));
        }
    }
}

/// Returns an error with the message and the source of `error`.
fn another(error: &Arc<io::Error>) -> io::Error {
    if let Some(code) = error.raw_os_error() {
        return io::Error::from_raw_os_error(code);
    }
    match error.get_ref().and_then(|it| it.downcast_ref::<LookUpError>()) {
        Some(own) => own.clone().into(),
        None => io::Error::new(error.kind(), Told(error.clone())),
    }
}

/// An error that is passed to several waiters.
#[derive(Debug)]
struct Told(Arc<io::Error>);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for Told {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.get_ref()?.source()
    }
}

/// Subtracts a thread from the count when dropped.
struct Running<'a, A>(&'a Shared<A>);

impl<A> Drop for Running<'_, A> {
    fn drop(&mut self) {
        self.0.state().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    };

    use httpool::error::ResolveKind;

    use super::{
        super::{Resolve, resolve_kind},
        *,
    };

    /// A receiver that sends the start of the look-up and the answer to a channel.
    struct Who(Sender<Heard>);

    #[derive(Debug)]
    enum Heard {
        Begun,
        Answer(io::Result<Vec<SocketAddr>>),
    }

    impl Answer for Who {
        fn begun(&self) {
            self.0.send(Heard::Begun).ok();
        }

        fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
            self.0.send(Heard::Answer(addrs)).ok();
        }
    }

    /// Counts the look-ups. A name that begins with `hangs` is answered when `go` sends or is
    /// dropped.
    struct Moody {
        asked: Arc<AtomicUsize>,
        go: Mutex<Receiver<()>>,
    }

    impl Resolve for Moody {
        fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            self.asked.fetch_add(1, SeqCst);
            assert_ne!(host, "panics");
            if host.starts_with("hangs") {
                self.go.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
            }
            if host == "unknown" {
                return Err(io::Error::new(io::ErrorKind::NotFound, "nobody knows it"));
            }
            Ok(vec![([192, 0, 2, 1], port).into()])
        }
    }

    struct Scene {
        resolver: Resolver<Who>,
        asked: Arc<AtomicUsize>,
        go: Sender<()>,
    }

    impl Scene {
        fn new(bounds: Bounds) -> Self {
            let (go, wait) = channel();
            let asked = Arc::new(AtomicUsize::new(0));
            let moody = Moody { asked: asked.clone(), go: Mutex::new(wait) };
            let mut hosts = Hosts::default();
            hosts.set_resolver(Arc::new(moody));
            Self { resolver: Resolver::bounded(hosts, bounds), asked, go }
        }

        fn ask(&self, host: &str) -> (Asked, Receiver<Heard>) {
            let (sender, heard) = channel();
            (self.resolver.ask(host, 80, Who(sender)), heard)
        }

        fn ask_again(&self, host: &str) -> Receiver<Heard> {
            let (sender, heard) = channel();
            self.resolver.ask_again(host, 80, Who(sender));
            heard
        }

        fn until_asked(&self, times: usize) {
            while self.asked.load(SeqCst) < times {
                thread::yield_now();
            }
        }
    }

    fn answer(heard: &Receiver<Heard>) -> io::Result<Vec<SocketAddr>> {
        match heard.recv() {
            Ok(Heard::Answer(addrs)) => addrs,
            other => panic!("{other:?}"),
        }
    }

    const NEVER_SLOW: Bounds = Bounds { working: 2, slow: 2, slow_after: Duration::MAX };
    const SLOW_AT_ONCE: Bounds = Bounds { working: 1, slow: 2, slow_after: Duration::ZERO };

    #[test]
    fn whoever_asks_is_answered_once_even_by_a_panic() {
        let scene = Scene::new(NEVER_SLOW);
        for host in ["a", "panics", "b"] {
            let (asked, heard) = scene.ask(host);
            assert!(matches!(asked, Asked::Begun));
            let answer = answer(&heard);
            let kind = answer.as_ref().err().map(resolve_kind);
            let panicked = Some(ResolveKind::Panicked);
            assert_eq!(kind, panicked.filter(|_| host == "panics"), "{answer:?}");
            assert!(heard.recv().is_err(), "once");
        }
    }

    #[test]
    fn who_asks_again_is_answered_at_once_when_no_look_up_is_possible() {
        let bounds = Bounds { working: 1, slow: 0, slow_after: Duration::MAX };
        let scene = Scene::new(bounds);
        let _hangs = scene.ask("hangs").1;
        scene.until_asked(1);
        let heard = scene.ask_again("other");
        let why = resolve_kind(&answer(&heard).unwrap_err());
        assert_eq!((why, scene.asked.load(SeqCst)), (ResolveKind::Busy, 1));
        // The look-up that runs serves this one too.
        let heard = scene.ask_again("hangs");
        scene.go.send(()).unwrap();
        assert_eq!(answer(&heard).unwrap().len(), 1);
        assert!(heard.recv().is_err(), "once");
        assert!(answer(&scene.ask_again("fe80::1%7")).is_ok());
        assert_eq!(scene.asked.load(SeqCst), 1);
    }

    #[test]
    fn who_asks_again_gets_no_cached_answer() {
        struct Keeps(Mutex<bool>);
        impl Resolve for Keeps {
            fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
                let last = if *self.0.lock().unwrap() { 2 } else { 1 };
                Ok(vec![([192, 0, 2, last], port).into()])
            }

            fn kept(&self, _: &str, port: u16) -> Option<Vec<SocketAddr>> {
                Some(vec![([192, 0, 2, 1], port).into()])
            }

            fn refresh(&self, _: &str, _: u16) {
                *self.0.lock().unwrap() = true;
            }
        }
        let mut hosts = Hosts::default();
        hosts.set_resolver(Arc::new(Keeps(Mutex::new(false))));
        let (sender, heard) = channel();
        let resolver = Resolver::new(hosts);
        resolver.ask_again("a", 80, Who(sender));
        assert_eq!(answer(&heard).unwrap(), ["192.0.2.2:80".parse().unwrap()]);
    }

    #[test]
    fn all_who_wait_for_a_name_share_one_look_up_and_its_answer() {
        let scene = Scene::new(NEVER_SLOW);
        let early: Vec<_> = (0..50).map(|_| scene.ask("hangs").1).collect();
        scene.until_asked(1);
        // A waiter that leaves does not end the look-up: a later one shares it.
        scene.resolver.forget(|_| true);
        let late: Vec<_> = (0..50).map(|_| scene.ask("hangs").1).collect();
        scene.go.send(()).unwrap();
        late.iter().for_each(|heard| assert_eq!(answer(heard).unwrap().len(), 1));
        early.iter().for_each(|heard| assert!(heard.recv().is_err(), "it was forgotten"));
        assert_eq!(scene.asked.load(SeqCst), 1);
    }

    #[test]
    fn an_error_that_several_get_has_its_kind_and_words() {
        for (error, kind) in [
            (io::Error::new(io::ErrorKind::NotFound, "nobody knows it"), ResolveKind::NotFound),
            (LookUpError::Panicked.into(), ResolveKind::Panicked),
            (io::Error::from_raw_os_error(2), ResolveKind::NotFound),
        ] {
            let (sender, heard) = channel();
            let (what, words) = (error.kind(), error.to_string());
            tell(vec![Who(sender.clone()), Who(sender.clone()), Who(sender)], Err(error));
            for _ in 0..3 {
                let told = answer(&heard).unwrap_err();
                assert_eq!((told.kind(), told.to_string()), (what, words.clone()));
                assert_eq!(resolve_kind(&told), kind);
            }
        }
    }

    #[test]
    fn names_that_hang_keep_no_other_waiting_and_too_many_are_refused() {
        let scene = Scene::new(SLOW_AT_ONCE);
        // Each look-up is slow as soon as the next one is asked for.
        let hanging: Vec<_> = (0..3).map(|n| scene.ask(&format!("hangs-{n}"))).collect();
        scene.until_asked(3);
        let (asked, _) = scene.ask("fast");
        match asked {
            Asked::Answered(Err(error)) => {
                assert_eq!(resolve_kind(&error), ResolveKind::Busy);
            }
            other => panic!("{other:?}"),
        }
        // One look-up ends, and its place is free.
        scene.go.send(()).unwrap();
        let (asked, heard) = loop {
            match scene.ask("fast") {
                (Asked::Answered(_), _) => thread::yield_now(),
                asked => break asked,
            }
        };
        assert!(matches!(asked, Asked::Begun), "{asked:?}");
        assert_eq!(answer(&heard).unwrap().len(), 1);
        drop(scene.go);
        hanging.iter().for_each(|(_, heard)| drop(answer(heard)));
    }

    #[test]
    fn one_in_line_hears_that_its_look_up_begins() {
        let scene = Scene::new(NEVER_SLOW);
        let first: Vec<_> = (0..2).map(|n| scene.ask(&format!("hangs-{n}")).1).collect();
        scene.until_asked(2);
        let (asked, heard) = scene.ask("fast");
        assert!(matches!(asked, Asked::Queued));
        let (asked, shares) = scene.ask("fast");
        assert!(matches!(asked, Asked::Queued));
        scene.go.send(()).unwrap();
        for heard in [heard, shares] {
            assert!(matches!(heard.recv(), Ok(Heard::Begun)));
            assert_eq!(answer(&heard).unwrap().len(), 1);
        }
        assert_eq!(scene.asked.load(SeqCst), 3);
        drop(scene.go);
        first.iter().for_each(|heard| drop(answer(heard)));
    }

    #[test]
    fn threads_end_with_the_resolver() {
        let scene = Scene::new(NEVER_SLOW);
        let (_, heard) = scene.ask("a");
        answer(&heard).unwrap();
        let shared = Arc::downgrade(&scene.resolver.0.0);
        drop(scene);
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
