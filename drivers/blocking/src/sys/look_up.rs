//! A name being looked up by the system, and how the thread that waits for it hears of the answer.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use httpool_common::{Answer, Resolver};

use super::seat::SystemSeat;
use crate::platform::{LookUp, Stir};

/// What a look-up has come to, once it has.
type Reply = Mutex<Option<io::Result<Vec<SocketAddr>>>>;

/// Who asked: its seat is rung.
pub(super) struct Asker {
    reply: Arc<Reply>,
    seat: Arc<SystemSeat>,
}

impl Answer for Asker {
    fn answer(self, addrs: io::Result<Vec<SocketAddr>>) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(addrs);
        self.seat.stir();
    }
}

/// A name being looked up by the system.
pub struct SystemLookUp {
    reply: Arc<Reply>,
    /// Where it may still stand in line.
    resolver: Option<Resolver<Asker>>,
}

impl SystemLookUp {
    pub(super) fn begin(
        resolver: &Resolver<Asker>,
        host: &str,
        port: u16,
        seat: &Arc<SystemSeat>,
    ) -> io::Result<Self> {
        let reply = Arc::new(Reply::default());
        resolver.ask(host, port, Asker { reply: reply.clone(), seat: seat.clone() })?;
        Ok(Self { reply, resolver: Some(resolver.clone()) })
    }

    /// One that had its answer before it was asked for.
    pub(super) fn answered(addrs: Vec<SocketAddr>) -> Self {
        Self { reply: Arc::new(Mutex::new(Some(Ok(addrs)))), resolver: None }
    }
}

impl LookUp for SystemLookUp {
    fn answer(&mut self) -> Option<io::Result<Vec<SocketAddr>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SystemLookUp {
    fn drop(&mut self) {
        if let Some(resolver) = &self.resolver {
            resolver.forget(|asker| Arc::ptr_eq(&asker.reply, &self.reply));
        }
    }
}

impl fmt::Debug for SystemLookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemLookUp").finish_non_exhaustive()
    }
}
