//! A guide by task. Each page has short examples that run.
//!
//! | to | see |
//! |---|---|
//! | get text, JSON, a file; send a form, a file, a query, a password | [`tasks`] |
//! | bound the time of a call, try again, cancel | [`deadlines`] |
//! | send a large body, download a file that resumes | [`bodies`] |
//! | go through a proxy, trust a server, show a certificate, follow a service that moves, keep away from inner addresses | [`ways`] |
//! | see what a client does: `log`, `tracing`, a trace | the [features](crate#features), [`trace`](crate::trace) |
//! | test a program that makes requests, without a server | [`testing`] |
//! | use the core in a loop of one's own | [`embedding`] |
//! | find something that is not here | [`absent`] |
//!
//! A program that uses urllib3 finds each of its names in [`urllib3::coming`](crate::urllib3::coming).
//!
//! The crates are not on a registry yet. A program names the repository or a copy of it:
//!
//! ```toml
//! [dependencies]
//! httpool-blocking = { path = "httpool/drivers/blocking", features = ["json", "charset"] }
//! # One event loop for many connections, in place of threads:
//! httpool-mio = { path = "httpool/drivers/mio" }
//! # The core alone, for a loop of one's own:
//! httpool = { path = "httpool" }
//! ```

pub mod absent;
pub mod bodies;
pub mod deadlines;
pub mod embedding;
pub mod tasks;
pub mod testing;
pub mod ways;
