//! Deadlines, retries, and cancelling.
//!
//! # Deadlines
//!
//! Every phase of a call has a finite deadline by default: see [`Timeout`](crate::Timeout).
//! `timeout` sets one for the whole call, and `timeouts` sets all.
//!
//! ```
//! use httpool_blocking::{Client, Timeout};
//! use std::time::Duration;
//!
//! let seconds = Duration::from_secs;
//! let timeout = Timeout::default().connect(seconds(2)).read(seconds(10)).total(seconds(60));
//! let client = Client::builder().timeouts(timeout).build();
//! # drop(client);
//! ```
//!
//! An error says which deadline passed, and [`Error::reached`](crate::Error::reached) says whether
//! the server can have acted on the request.
//!
//! # Retries
//!
//! By default only a stale idle connection is replaced, where that is safe. [`Retry`](crate::Retry)
//! allows more: lost connections, and responses with the statuses that you name. A request whose
//! method is not idempotent is not repeated, unless you allow its method.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let before = std::sync::atomic::AtomicU32::new(0);
//! # let url = &serve(move |_, _| match before.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
//! #     0 => response("503 Service Unavailable", "Retry-After: 0\r\n", ""),
//! #     _ => response("200 OK", "", "hello"),
//! # });
//! use httpool_blocking::{Client, Retry, Status};
//! use std::time::Duration;
//!
//! let busy = [Status::SERVICE_UNAVAILABLE];
//! let retry = Retry::new(3).on_statuses(busy).backoff(Duration::from_millis(100));
//! let client = Client::builder().retry(retry).build();
//! let response = client.get(url).send()?;
//! assert_eq!(response.status(), Status::OK);
//! assert_eq!(response.history().len(), 1);
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! A body that is cut is retried too if the client reads it: use
//! [`fetch`](crate::RequestBuilder::fetch) in place of `send`.
//!
//! # Cancelling
//!
//! Another thread cancels a call by a [`Cancel`](crate::Cancel), wherever the call waits.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let (tell, asked) = std::sync::mpsc::channel();
//! # let (end, ended) = std::sync::mpsc::channel::<()>();
//! # let both = std::sync::Mutex::new((tell, ended));
//! # let url = &serve(move |_, _| {
//! #     let both = both.lock().unwrap();
//! #     both.0.send(()).unwrap();
//! #     both.1.recv().ok();
//! #     Vec::new()
//! # });
//! use httpool_blocking::{Cancel, Client};
//!
//! let (client, cancel) = (Client::new(), Cancel::new());
//! std::thread::scope(|scope| {
//!     let call = scope.spawn(|| client.get(url).cancel(&cancel).send());
//!     # asked.recv().unwrap();
//!     // The server has the request, and does not answer.
//!     cancel.cancel();
//!     assert!(call.join().unwrap().unwrap_err().is_cancelled());
//! });
//! # drop(end);
//! ```
