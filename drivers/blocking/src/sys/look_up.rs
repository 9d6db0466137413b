//! A look-up by the system's resolver, and the passing of its answer to the thread that waits.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use httpool_kit::{Answer, Asked, Resolver};

use super::parker::SystemParker;
use crate::platform::{AnswerAgain, LookUp, Unpark};

/// The state of a look-up.
#[derive(Default)]
struct Progress {
    begun: bool,
    answer: Option<io::Result<Vec<SocketAddr>>>,
}

/// The state that the resolver's thread and the waiting thread share.
#[derive(Default)]
pub(super) struct Reply(Mutex<Progress>);

impl Reply {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiver of an answer.
pub(super) enum Asker {
    /// A thread that opens a connection, and waits.
    Thread { reply: Arc<Reply>, parker: Arc<SystemParker> },
    /// The pool, which has connections to the name. No thread waits.
    Again(AnswerAgain),
}

impl Answer for Asker {
    fn begun(&self) {
        if let Self::Thread { reply, parker } = self {
            reply.progress().begun = true;
            parker.unpark();
        }
    }

    fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
        match self {
            Self::Thread { reply, parker } => {
                reply.progress().answer = Some(addrs);
                parker.unpark();
            }
            Self::Again(answer) => answer(&addrs.unwrap_or_default()),
        }
    }
}

/// A look-up by the system's resolver.
pub struct SystemLookUp {
    reply: Arc<Reply>,
    /// The resolver that may still hold the look-up. `None` if it was answered at once.
    resolver: Option<Resolver<Asker>>,
}

impl SystemLookUp {
    pub(super) fn begin(
        resolver: &Resolver<Asker>,
        host: &str,
        port: u16,
        parker: &Arc<SystemParker>,
    ) -> io::Result<Self> {
        let reply = Arc::new(Reply::default());
        let asker = Asker::Thread { reply: reply.clone(), parker: parker.clone() };
        match resolver.ask(host, port, asker) {
            Asked::Answered(answer) => return Ok(Self::answered(Ok(answer?), parker)),
            Asked::Begun => reply.progress().begun = true,
            Asked::Queued => {}
        }
        Ok(Self { reply, resolver: Some(resolver.clone()) })
    }

    /// Creates a look-up whose answer is already known, and wakes `parker`.
    pub(super) fn answered(addrs: io::Result<Vec<SocketAddr>>, parker: &Arc<SystemParker>) -> Self {
        parker.unpark();
        let progress = Progress { begun: true, answer: Some(addrs) };
        Self { reply: Arc::new(Reply(Mutex::new(progress))), resolver: None }
    }
}

impl LookUp for SystemLookUp {
    fn has_begun(&mut self) -> bool {
        self.reply.progress().begun
    }

    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>> {
        self.reply.progress().answer.take()
    }
}

impl Drop for SystemLookUp {
    fn drop(&mut self) {
        if let Some(resolver) = &self.resolver {
            resolver.forget(|asker| match asker {
                Asker::Thread { reply, .. } => Arc::ptr_eq(reply, &self.reply),
                Asker::Again(_) => false,
            });
        }
    }
}

impl fmt::Debug for SystemLookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemLookUp").finish_non_exhaustive()
    }
}
