//! Coming from urllib3: what each of its names is here, and what behaves otherwise.
//!
//! [`urllib3`](super) has the names of urllib3 2.x as views on the [`Client`](crate::Client) of this
//! crate. A program that is moved over keeps its structure: a pool, a manager, `request`, `urlopen`,
//! `Retry`, `Timeout`, a response that is preloaded or streamed, and errors with the same
//! distinctions. A new program can use [`Client`](crate::Client) itself, which has the same features
//! and needs fewer words.
//!
//! - [`classes`]: each class and each method.
//! - [`parameters`]: each parameter with its default.
//! - [`exceptions`]: each exception and warning.
//! - [`tasks`]: ten usual tasks in Python and here.
//! - [`differences`]: each deliberate difference with its reason.
//!
//! Keywords of Python are methods here, and the request is sent by `send`:
//!
//! ```python
//! http = urllib3.PoolManager(num_pools=50, maxsize=4, block=True, timeout=5.0)
//! response = http.request("GET", "http://example.com/", headers={"X-Id": "1"}, retries=False)
//! print(response.status, response.data)
//! ```
//!
//! ```no_run
//! use httpool_blocking::urllib3::{PoolManager, PoolOptions, RequestMethods};
//! use std::time::Duration;
//!
//! let options = PoolOptions::new().maxsize(4).block(true).timeout(Duration::from_secs(5));
//! let http = PoolManager::with(50, options);
//! let call = http.request("GET", "http://example.com/").headers([("X-Id", "1")]).retries(false);
//! let mut response = call.send()?;
//! println!("{} {:?}", response.status(), response.data()?);
//! # Ok::<(), httpool_blocking::Error>(())
//! ```

pub mod classes;
pub mod differences;
pub mod exceptions;
pub mod parameters;
pub mod tasks;
