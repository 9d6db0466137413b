//! Test your code: replies from a script or a recording, without a server.
//!
//! The crate `httpool-mock` makes clients that open no socket. They have the same type, so the code
//! under test stays as it is:
//!
//! ```toml
//! [dev-dependencies]
//! httpool-mock = { path = "httpool/drivers/mock" }
//! ```
//!
//! # Script the replies
//!
//! ```
//! use httpool_blocking::{Client, Error, Retry};
//! use httpool_mock::Mock;
//!
//! // The code under test.
//! fn rename(client: &Client, id: u32, name: &str) -> Result<String, Error> {
//!     let url = format!("https://api.example/users/{id}");
//!     client.put(&url).body(name.to_owned()).send()?.error_for_status()?.text()
//! }
//!
//! let mock = Mock::new();
//! mock.on("PUT", "https://api.example/users/1")
//!     .with_body("Ada")
//!     .reply(503)
//!     .header("Retry-After", "3600")
//!     .then_reply(200)
//!     .body("renamed");
//!
//! // The hour before the retry passes on the mock's clock.
//! let retry = Retry::new(1).on_statuses([503]);
//! let client = mock.client_with(Client::builder().retry(retry));
//! assert_eq!(rename(&client, 1, "Ada")?, "renamed");
//!
//! // Each rule was used as often as demanded, and each request matched a rule.
//! mock.verify();
//! # Ok::<(), Error>(())
//! ```
//!
//! A request that no rule matches fails. The error shows the nearest rule:
//!
//! ```
//! # use httpool_mock::Mock;
//! let mock = Mock::new();
//! mock.on("GET", "https://api.example/users?page=1").reply(200);
//! let error = mock.client().get("https://api.example/users?page=2").send().unwrap_err();
//! assert_eq!(error.to_string(), "\
//! GET https://api.example/users?page=2: no rule of the mock matched this request
//!     nearest rule: GET https://api.example/users?page=1
//!       query page: the rule has \"1\", the request \"2\"");
//! ```
//!
//! # Record a real server
//!
//! ```no_run
//! # fn code_under_test(_: &httpool_blocking::Client) {}
//! use httpool_blocking::Client;
//! use httpool_mock::{Mock, Recording, Redact};
//!
//! let (mock, file) = (Mock::new(), "tests/users.recording");
//! let records = std::env::var_os("RECORD").is_some();
//! if records {
//!     // Cookies, passwords, tokens and the like are left out.
//!     mock.record(Client::builder(), Redact::default().header("X-Session"));
//! } else {
//!     mock.replay(&Recording::load(file)?);
//! }
//! code_under_test(&mock.client());
//! if records {
//!     mock.recording().save(file)?;
//! }
//! mock.verify();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Which one
//!
//! | to test | take |
//! |---|---|
//! | code that takes a [`Client`](crate::Client) | `httpool_mock::Mock` |
//! | code that decides with [`httpool::client::Client`] | `httpool_mock::CoreLoop`, which performs its actions |
//! | certificates, upgrades (101), SOCKS, or the event loop of `httpool-mio` | a server in the test's process: the examples of this guide have one of 30 lines. [`resolve_to`](crate::ClientBuilder::resolve_to) leads a name to it |
//! | a network with a behaviour of its own | [`net`](crate::net), or a whole [`platform`](crate::platform) |
//! | a retry policy, in faults of every kind | the crate `httpool-sim`, which plays worlds in virtual time from a seed |
//! | that a client decides the same again | [`trace::Recorder`](crate::trace::Recorder), which records without secrets, and [`httpool::replay`] |
