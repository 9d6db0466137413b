//! A handle that cancels calls from another thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::platform::{Socket, Unpark};

/// Cancels the calls that were given this handle, from any thread. A call can be cancelled in every
/// state: waiting in the queue, resolving, connecting, sending, receiving or pausing before a
/// retry.
///
/// A clone is the same handle. A call that is given a used handle is cancelled at once.
///
/// ```
/// use httpool_blocking::{Cancel, Client};
///
/// let (client, cancel) = (Client::new(), Cancel::new());
/// cancel.cancel();
/// let error = client.get("http://127.0.0.1:9/").cancel(&cancel).send().unwrap_err();
/// assert!(error.is_cancelled());
/// ```
///
/// Cancel from another thread, while the call waits for its response:
///
/// ```
/// # use std::{io::Read, net::TcpListener, sync::mpsc};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # let (tell, received) = mpsc::channel();
/// # std::thread::spawn(move || {
/// #     // Takes the request, and never answers.
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tell.send(()).unwrap();
/// #     while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
/// # });
/// use httpool_blocking::{Cancel, Client, Reached};
/// use std::thread;
///
/// let (client, cancel) = (Client::new(), Cancel::new());
/// let error = thread::scope(|scope| {
///     let call = scope.spawn(|| client.get(&url).cancel(&cancel).send().unwrap_err());
///     # received.recv().unwrap();
///     cancel.cancel();
///     call.join().unwrap()
/// });
/// assert!(error.is_cancelled());
/// assert_eq!(error.reached(), Reached::Sent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    at: Vec<Place>,
    last: u64,
}

/// The place where a call is blocked: the parker of its thread, or the socket that it uses.
#[derive(Debug)]
struct Place {
    call: u64,
    at: Arc<dyn Unpark>,
}

impl Cancel {
    /// Creates a handle that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels all calls that have this handle.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        for place in &state.at {
            place.at.unpark();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries of one call: in the [`Cancel`] that it was given, and in the one that it has made
/// itself, as far as it has them. Dropping it removes the entries.
#[derive(Debug)]
pub(crate) struct Watch {
    given: Option<(Cancel, u64)>,
    own: Option<(Cancel, u64)>,
}

impl Watch {
    pub(crate) fn new(cancel: Option<&Cancel>) -> Self {
        Self { given: cancel.map(Self::entry), own: None }
    }

    fn entry(cancel: &Cancel) -> (Cancel, u64) {
        let mut state = cancel.state();
        state.last += 1;
        (cancel.clone(), state.last)
    }

    /// Returns a handle that cancels this call alone. The call must register its place anew.
    pub(crate) fn handle(&mut self) -> Cancel {
        self.own.get_or_insert_with(|| Self::entry(&Cancel::new())).0.clone()
    }

    fn entries(&self) -> impl Iterator<Item = &(Cancel, u64)> {
        self.given.iter().chain(&self.own)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.entries().any(|(cancel, _)| cancel.is_cancelled())
    }

    /// Registers `parker`, where the call waits from now on.
    pub(crate) fn sits<S: Unpark>(&self, parker: &Arc<S>) {
        self.put(|| Some(parker.clone()));
    }

    /// Registers `socket`, which the call uses from now on.
    pub(crate) fn uses<S: Socket>(&self, socket: &S) {
        self.put(|| socket.unparker().ok());
    }

    /// Removes the registered place: the call neither waits nor uses a socket.
    #[inline]
    pub(crate) fn leaves(&self) {
        self.put(|| None);
    }

    #[inline]
    fn put(&self, at: impl FnOnce() -> Option<Arc<dyn Unpark>>) {
        if self.given.is_none() && self.own.is_none() {
            return;
        }
        let at = at();
        for (cancel, call) in self.entries() {
            let mut state = cancel.state();
            state.at.retain(|place| place.call != *call);
            let Some(at) = at.clone() else { continue };
            // The call may have been cancelled while it had no place registered.
            if state.cancelled {
                at.unpark();
            }
            state.at.push(Place { call: *call, at });
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.leaves();
    }
}
