//! A mock of HTTP servers, without sockets, for the tests of programs that use httpool.
//!
//! ```
//! use httpool_mock::Mock;
//!
//! /// The code under test takes the client that it always takes.
//! fn name_of(client: &httpool_blocking::Client, id: u32) -> Result<String, httpool_blocking::Error> {
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
//! // No rule matches this request, so the call fails. The source of the error says what differs.
//! let error = name_of(&client, 2).unwrap_err();
//! let differs = "path: the rule has /users/1, the request /users/2";
//! assert!(format!("{error:?}").contains(differs));
//! // `verify` would now panic with the same report.
//! assert!(mock.check().unwrap_err().contains(differs));
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! The mock takes the place of the network only, through
//! [`ClientBuilder::net`](httpool_blocking::ClientBuilder::net). The client writes and reads the
//! bytes of HTTP/1.1, so its pool, redirects, retries, deadlines and decoding run as they do with
//! a server. There is no socket and no thread.
//!
//! # Rules
//!
//! [`Mock::on`] adds a rule. A request is answered by the first rule that matches it and may still
//! be used. Scheme, host, port, method, path and query must be equal, but the order of the query's
//! parameters does not matter. Each rule must be used at least once, or as often as
//! [`times`](Replies::times) says. A rule with several replies is used once for each.
//!
//! A request that matches no rule fails: its connection breaks. The source of the
//! [`Error`](httpool_blocking::Error), which `unwrap` prints, shows the nearest rule and each
//! difference. If the client retries such errors, it fails again each time.
//! [`Mock::verify`] reports these requests and the rules that were not used.
//!
//! # Recordings
//!
//! With [`Mock::record`], requests that match no rule go to the real servers, and the exchanges are
//! recorded as text, without secrets. [`Mock::replay`] turns a [`Recording`] into rules.
//!
//! # Time
//!
//! Waiting costs no time. A reply that comes [late](Replies::after), or
//! [never](Condition::never_answer), moves the clock of the client on, to the reply or to the
//! deadline. So does the delay before a retry. All threads of the mock's clients share this clock,
//! so a wait of one thread may end the deadline of another. A thread that waits in the queue for a
//! connection does wait. A call without any deadline fails if no reply comes.
//!
//! # TLS and proxies
//!
//! An `https` URL needs no certificate, because the mock stands for the session. TLS settings of
//! the builder have no effect, [`Client::tls_config`] fails, and
//! [`Response::tls`](httpool_blocking::Response::tls) says the version `mock`. A test of
//! certificates needs a server. Tunnels of proxies are opened (CONNECT). SOCKS proxies, Unix domain
//! sockets and upgrades (101) do not work.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clock;
mod conn;
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

    /// Returns the rules, recorded exchanges, refusals and unknown hosts that were not used as often
    /// as demanded, each as text with the numbers.
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
