//! Giving a call up from another thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::platform::{Socket, Stir};

/// Gives up the calls that it was handed to, from any thread, whatever they are doing: waiting in
/// line, resolving, connecting, sending, receiving or pausing before a retry.
///
/// A clone is the same handle. Once used, it also ends every call that is given it later.
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
/// From another thread, while the call waits for its response:
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

/// Where a call is to be reached: its thread's seat, or the socket that it uses.
#[derive(Debug)]
struct Place {
    call: u64,
    at: Arc<dyn Stir>,
}

impl Cancel {
    /// A handle that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up all calls that have this handle.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        for place in &state.at {
            place.at.stir();
        }
    }

    /// Whether it has been used.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's entry in a [`Cancel`], or none.
#[derive(Debug)]
pub(crate) struct Watch {
    cancel: Option<(Cancel, u64)>,
}

impl Watch {
    pub(crate) fn new(cancel: Option<&Cancel>) -> Self {
        let cancel = cancel.map(|cancel| {
            let mut state = cancel.state();
            state.last += 1;
            (cancel.clone(), state.last)
        });
        Self { cancel }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|(cancel, _)| cancel.is_cancelled())
    }

    /// From now on the call waits in `seat`.
    pub(crate) fn sits<S: Stir>(&self, seat: &Arc<S>) {
        self.put(|| Some(seat.clone()));
    }

    /// From now on the call uses `socket`.
    pub(crate) fn uses<S: Socket>(&self, socket: &S) {
        self.put(|| socket.stirrer().ok());
    }

    /// It is nowhere.
    #[inline]
    pub(crate) fn leaves(&self) {
        self.put(|| None);
    }

    #[inline]
    fn put(&self, at: impl FnOnce() -> Option<Arc<dyn Stir>>) {
        let Some((cancel, call)) = &self.cancel else { return };
        let mut state = cancel.state();
        state.at.retain(|place| place.call != *call);
        let Some(at) = at() else { return };
        // It may have been cancelled on its way here, when there was no place to reach it at.
        if state.cancelled {
            at.stir();
        }
        state.at.push(Place { call: *call, at });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.leaves();
    }
}
