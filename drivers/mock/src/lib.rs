//! A mock of HTTP servers, without sockets, for the tests of programs that use httpool.
//!
//! ```
//! use httpool_blocking::{Client, Error};
//! use httpool_mock::Mock;
//!
//! /// The code under test takes the client that it always takes.
//! fn name_of(client: &Client, id: u32) -> Result<String, Error> {
//!     client.get(&format!("http://api.example/users/{id}")).send()?.error_for_status()?.text()
//! }
//!
//! let mock = Mock::new();
//! mock.on("GET", "http://api.example/users/1")
//!     .reply(200)
//!     .header("Content-Type", "application/json")
//!     .body(r#"{"name":"Ada"}"#);
//!
//! let client = mock.client();
//! assert_eq!(name_of(&client, 1)?, r#"{"name":"Ada"}"#);
//! mock.verify();
//!
//! // No rule matches this request, so the call fails. The error shows the nearest rule.
//! let error = name_of(&client, 2).unwrap_err();
//! assert_eq!(error.to_string(), "\
//! GET http://api.example/users/2: no rule of the mock matched this request
//!     nearest rule: GET http://api.example/users/1
//!       path: the rule has /users/1, the request /users/2");
//! // `verify` would now panic with the same report.
//! assert_eq!(mock.unmatched().len(), 1);
//! # Ok::<(), Error>(())
//! ```
//!
//! The mock takes the place of the network only, through
//! [`ClientBuilder::net`](httpool_blocking::ClientBuilder::net). The client writes and reads the
//! bytes of HTTP/1.1, so its pool, redirects, retries, deadlines and decoding run as they do with
//! a server. There is no socket and no thread.
//!
//! | to | see |
//! |---|---|
//! | add a rule, and its replies | [`Mock::on`], [`Condition`], [`Replies`] |
//! | refuse connections, know no such host | [`Mock::refuse`], [`Mock::unknown_host`] |
//! | break a response, or let it come late or never | [`Replies`] |
//! | check what was used and what matched | [`Mock::verify`], [`Mock::unused`], [`Mock::unmatched`] |
//! | look at the requests | [`Mock::requests`], [`Received`] |
//! | record a real server without secrets, and replay it | [`Mock::record`], [`Redact`], [`Mock::replay`], [`Recording`] |
//! | let several threads wait at the same time | [`Mock::hold_clock`], [`Mock::elapsed`] |
//! | test code around the core's client | [`CoreLoop`] |
//!
//! # Rules
//!
//! [`Mock::on`] adds a rule. A request is answered by the first rule that matches it and may still
//! be used. Scheme, host, port, method, path and query must be equal, but the order of the query's
//! parameters does not matter. [`Condition`] adds demands, and can accept any path or query. Each
//! rule must be used at least once, or as often as
//! [`times`](Replies::times) says. A rule with several replies is used once for each.
//!
//! A request that matches no rule fails: its connection breaks. The
//! [`Error`](httpool_blocking::Error), which `unwrap` prints, shows the nearest rule and each
//! difference. If the client retries such errors, it fails again each time.
//!
//! [`Mock::verify`] panics if a request matched no rule, or a rule was not used as often as
//! demanded, and [`Mock::check`] returns the same report. Call one of them at the end of a test. A
//! mock that is dropped checks nothing.
//!
//! # Recordings
//!
//! With [`Mock::record`], requests that match no rule go to the real servers, and the exchanges are
//! recorded as text. Cookies, passwords, tokens and the like are [left out](Redact) by default, and
//! more can be named. [`Mock::replay`] turns a [`Recording`] into rules, each to be used once. So a
//! recorded exchange that is not played is reported too.
//!
//! # Time
//!
//! Waiting costs no time. A reply that comes [late](Replies::after), or
//! [never](Condition::never_answer), moves the clock of the client on, to the reply or to the
//! deadline. So does the delay before a retry. A call without any deadline fails if no reply comes.
//!
//! All threads of the mock's clients share this clock. Of several waits at the same time, the one
//! with the earliest end is over first. The next one ends only after the thread of the first has
//! read the clock, for which it has a second of real time. A thread that waits alone does not know
//! of a thread that will wait soon: the clock moves on, and the other wait begins later. A deadline
//! of the other call may pass so. If the order matters, [hold](Mock::hold_clock) the clock until
//! all of them wait. A thread that waits in the queue for a connection waits in real time.
//!
//! # Limits
//!
//! - An `https` URL needs no certificate, because the mock stands for the session: there is no TLS
//!   inside. TLS settings of the builder have no effect, `Client::tls_config` fails, and
//!   [`Response::tls`](httpool_blocking::Response::tls) says the version `mock`. A test of
//!   certificates needs a server.
//! - Tunnels of proxies are opened (CONNECT). SOCKS proxies, Unix domain sockets and upgrades (101)
//!   do not work.
//! - The event loop of `httpool-mio` polls sockets, which a mock has not. Test the code around it
//!   with a server in the test's process, or put its decisions behind the core's client or the
//!   blocking one, which can be mocked.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clock;
mod conn;
mod core_loop;
mod escape;
mod forward;
mod json;
mod layer;
mod received;
mod recording;
mod redact;
mod reply;
mod rule;
mod script;
mod state;

use std::{sync::Arc, thread, time::Duration};

use httpool_blocking::{Client, ClientBuilder};

pub use clock::HeldClock;
pub use core_loop::{CoreLoop, News};
pub use received::Received;
pub use recording::{InvalidRecording, Recording};
pub use redact::Redact;
pub use script::{Condition, Refused, Replies};
use state::{MockNet, State};

/// A mock of HTTP servers: a script of rules, and what was done with them.
///
/// A clone is a handle to the same mock.
#[derive(Debug, Clone, Default)]
pub struct Mock {
    state: Arc<State>,
}

impl Mock {
    /// Makes a mock without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds a client that talks to the mock, with the default settings.
    pub fn client(&self) -> Client {
        self.client_with(Client::builder())
    }

    /// Builds a client that talks to the mock, with the settings of `builder`.
    pub fn client_with(&self, builder: ClientBuilder) -> Client {
        builder.net(Arc::new(MockNet(self.state.clone()))).layers(Arc::new(layer::Mocked)).build()
    }

    /// Returns the requests that the mock has received, in order.
    pub fn requests(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }

    /// Returns the rules, recorded exchanges, refusals and unknown hosts that were not used as
    /// often as demanded, each as text with the numbers.
    pub fn unused(&self) -> Vec<String> {
        self.state.lock().unused()
    }

    /// Returns the requests that matched no rule, each as text with the nearest rule and each
    /// difference. A request that comes several times in a row, as by retries, is there once.
    pub fn unmatched(&self) -> Vec<String> {
        self.state.lock().unmatched()
    }

    /// Returns the time that has passed on the mock's clock without waiting.
    pub fn elapsed(&self) -> Duration {
        self.state.clock.passed()
    }

    /// Holds the mock's clock until the returned value is dropped. Meanwhile each thread that waits
    /// for a [late](Replies::after) reply, for a deadline or for the delay before a retry really
    /// waits. So a test can let several threads begin their calls at the same time of the clock.
    /// The waits of the thread that holds the clock end at once.
    ///
    /// ```
    /// use std::{thread, time::Duration};
    ///
    /// let mock = httpool_mock::Mock::new();
    /// for (path, seconds) in [("slow", 5), ("fast", 1)] {
    ///     let rule = mock.on("GET", &format!("http://api.example/{path}"));
    ///     rule.reply(200).after(Duration::from_secs(seconds));
    /// }
    /// let client = mock.client();
    /// thread::scope(|scope| {
    ///     let held = mock.hold_clock();
    ///     let call = |path| {
    ///         let client = &client;
    ///         move || client.get(&format!("http://api.example/{path}")).send().unwrap()
    ///     };
    ///     let (_slow, _fast) = (scope.spawn(call("slow")), scope.spawn(call("fast")));
    ///     held.wait_for(2);
    /// });
    /// // They waited at the same time.
    /// assert_eq!(mock.elapsed(), Duration::from_secs(5));
    /// ```
    pub fn hold_clock(&self) -> HeldClock {
        HeldClock::new(self.state.clone())
    }

    /// Checks that each rule was used as often as demanded, and that each request matched a rule.
    ///
    /// # Errors
    /// The report of [`verify`](Self::verify).
    pub fn check(&self) -> Result<(), String> {
        self.state.lock().report().map_or(Ok(()), Err)
    }

    /// Checks that each rule was used as often as demanded, and that each request matched a rule.
    /// Does nothing while the thread panics already. Nothing is checked when a mock is dropped.
    ///
    /// # Panics
    /// A rule was not used, or a request matched none. The message has each of them, with the
    /// nearest rule and what differs.
    #[track_caller]
    pub fn verify(&self) {
        if !thread::panicking()
            && let Err(report) = self.check()
        {
            panic!("the mock is not satisfied\n{report}");
        }
    }
}
