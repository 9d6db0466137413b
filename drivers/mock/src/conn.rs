//! Connections of a mock: the server's side of HTTP/1.1, in memory.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use httpool_blocking::net::{Conn, Failure};

use crate::{
    layer::{HELLO, WELCOME},
    received::{Front, front},
    reply::Fault,
    state::{Answer, State},
};

#[derive(Debug)]
pub(crate) struct MockConn {
    state: Arc<State>,
    inner: Mutex<Inner>,
    shut: AtomicBool,
}

#[derive(Debug)]
struct Inner {
    host: String,
    /// The method and the URL of the last request.
    asked: String,
    scheme: &'static str,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The time until the output arrives.
    after: Duration,
    end: End,
    /// Whether a 100 was sent for the request at the front of the input.
    continued: bool,
}

/// The state of a connection behind its output.
#[derive(Debug)]
enum End {
    /// Nothing, until the client sends more.
    Open,
    /// Nothing, ever.
    Silent,
    Closed,
    Failed(String),
}

impl MockConn {
    pub(crate) const fn new(state: Arc<State>, host: String) -> Self {
        let inner = Inner {
            host,
            asked: String::new(),
            scheme: "http",
            input: Vec::new(),
            output: Vec::new(),
            after: Duration::ZERO,
            end: End::Open,
            continued: false,
        };
        Self { state, inner: Mutex::new(inner), shut: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets at most `timeout` pass on the mock's clock. Returns whether a read then returns.
    fn pass(&self, timeout: Option<Duration>) -> bool {
        let mut inner = self.lock();
        let comes = inner.comes() && timeout.is_none_or(|timeout| timeout >= inner.after);
        let time = match timeout {
            _ if comes => inner.after,
            Some(timeout) => timeout,
            None => {
                // Nothing ends the wait, so an error must.
                let why = "the mock never answers, and the call has no deadline";
                inner.end = End::Failed(why.into());
                return true;
            }
        };
        // Another thread can shut the connection down while this one waits.
        drop(inner);
        if !self.state.clock.wait(time, &self.shut) {
            return true;
        }
        let mut inner = self.lock();
        inner.after = inner.after.saturating_sub(time);
        comes
    }
}

impl Inner {
    /// Answers the requests that have arrived.
    fn serve(&mut self, state: &State) {
        while matches!(self.end, End::Open) && !self.input.is_empty() {
            if self.input[0] == HELLO {
                let Some(line) = self.input.iter().position(|byte| *byte == b'\n') else { return };
                self.input.drain(..=line);
                self.output.extend_from_slice(WELCOME);
                self.scheme = "https";
                continue;
            }
            match front(&self.input, self.scheme, &self.host) {
                Front::Part { waits } => {
                    if waits && !std::mem::replace(&mut self.continued, true) {
                        self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    return;
                }
                Front::Tunnel(bytes) => {
                    self.input.drain(..bytes);
                    self.output.extend_from_slice(b"HTTP/1.1 200 Connected\r\n\r\n");
                }
                Front::Whole(request, bytes) => {
                    self.input.drain(..bytes);
                    self.continued = false;
                    let method = request.method.clone();
                    self.asked = request.to_string();
                    self.put(&method, state.answer(request), state);
                }
                Front::Bad(why) => self.end = End::Failed(state.unreadable(&why)),
            }
        }
    }

    fn put(&mut self, method: &str, answer: Answer, state: &State) {
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Miss(report) => {
                self.end = End::Failed(report);
                return;
            }
            Answer::Forward(forward, redact, request) => match forward.send(&request) {
                Ok(reply) => {
                    state.lock().recording.add(&request, &reply, &redact);
                    reply
                }
                Err(error) => {
                    let why = format!("the request was not answered by its server: {error}");
                    self.end = End::Failed(why);
                    return;
                }
            },
        };
        self.output.extend_from_slice(&reply.bytes(method));
        self.after = reply.after;
        self.end = match reply.fault {
            Fault::None => End::Open,
            Fault::Close | Fault::CutAfter(_) => End::Closed,
            Fault::Silent | Fault::StallAfter(_) => End::Silent,
        };
    }

    /// Whether bytes, the end or an error will be read.
    const fn comes(&self) -> bool {
        !self.output.is_empty() || matches!(self.end, End::Closed | End::Failed(_))
    }
}

/// For a [loop](crate::CoreLoop), which waits for all connections at once.
impl MockConn {
    /// Begins the session of an `https` URL.
    pub(crate) fn secure(&self) {
        self.lock().scheme = "https";
    }

    /// Returns the time until there is something to read, if anything comes.
    pub(crate) fn due(&self) -> Option<Duration> {
        let inner = self.lock();
        inner.comes().then_some(inner.after)
    }

    /// Counts time that has passed.
    pub(crate) fn age(&self, time: Duration) {
        let mut inner = self.lock();
        inner.after = inner.after.saturating_sub(time);
    }

    /// Returns why the connection has failed, with the method and URL of its last request.
    pub(crate) fn failure(&self) -> Option<String> {
        let inner = self.lock();
        let End::Failed(why) = &inner.end else { return None };
        Some(format!("{}: {why}", inner.asked))
    }
}

impl Conn for MockConn {
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.lock();
        if let End::Closed = inner.end {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        inner.input.extend_from_slice(bytes);
        inner.serve(&self.state);
        Ok(bytes.len())
    }

    fn recv(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        if !self.pass(timeout) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut inner = self.lock();
        let some = inner.output.len().min(into.len());
        if some == 0
            && let End::Failed(why) = &inner.end
        {
            return Err(Failure::new(why.clone()).into());
        }
        into[..some].copy_from_slice(&inner.output[..some]);
        inner.output.drain(..some);
        Ok(some)
    }

    fn wait(&self, timeout: Option<Duration>) -> bool {
        self.pass(timeout)
    }

    fn shut_down(&self) {
        let mut inner = self.lock();
        inner.output.clear();
        inner.after = Duration::ZERO;
        inner.end = End::Closed;
        drop(inner);
        self.shut.store(true, SeqCst);
        self.state.clock.wake();
    }
}
