//! Ten usual tasks. `client` is made once: [`Client::new()`](crate::Client::new). Its clones share
//! one pool of connections.
//!
//! # Text
//!
//! [`text`](crate::Response::text) decodes UTF-8, and with the feature `charset` every encoding of
//! the web.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, _| response("200 OK", "", "hello"));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! let text = client.get(url).send()?.text()?;
//! assert_eq!(text, "hello");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # JSON, sent and parsed
//!
//! The feature `json` is needed.
//!
#![cfg_attr(feature = "json", doc = "```")]
#![cfg_attr(not(feature = "json"), doc = "```ignore")]
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, body| response("200 OK", "", body));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! use std::collections::HashMap;
//!
//! let value = HashMap::from([("name", "value")]);
//! let echoed: HashMap<String, String> = client.post(url).json(&value).send()?.json()?;
//! assert_eq!(echoed["name"], "value");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # A form
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, body| response("200 OK", "", body));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! let sent = client.post(url).form([("name", "a value")]).send()?.text()?;
//! assert_eq!(sent, "name=a+value");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # A form with a file
//!
//! The file is read while it is sent.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, body| response("200 OK", "", body));
//! # use httpool_blocking::{Client, Multipart};
//! # let client = Client::new();
//! # let path = std::env::temp_dir().join(format!("httpool-guide-{}", std::process::id()));
//! # std::fs::write(&path, "a,b\n")?;
//! let form = Multipart::new()?.text("title", "Figures").file("table", &path)?;
//! let sent = client.post(url).multipart(form).send()?.text()?;
//! assert!(sent.contains("a,b\n"));
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A query
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|head, _| response("200 OK", "", head.lines().next().unwrap()));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! let line = client.get(url).query([("q", "a b")]).send()?.text()?;
//! assert_eq!(line, "GET /?q=a+b HTTP/1.1");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # A body into a file
//!
//! A [`Response`](crate::Response) is a reader. [`bodies`](super::bodies) has downloads that resume.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, _| response("200 OK", "", "hello"));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! # let path = std::env::temp_dir().join(format!("httpool-guide-copy-{}", std::process::id()));
//! let mut response = client.get(url).send()?;
//! let bytes = std::io::copy(&mut response, &mut std::fs::File::create(&path)?)?;
//! assert_eq!(bytes, 5);
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A status as an error
//!
//! Every status is a response. [`error_for_status`](crate::Response::error_for_status) makes those
//! of 400 and more errors.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, _| response("404 Not Found", "", "no such thing"));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! use httpool_blocking::Status;
//!
//! let error = client.get(url).send()?.error_for_status().unwrap_err();
//! assert_eq!(error.as_status(), Some(Status::NOT_FOUND));
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # A timeout
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let (end, ended) = std::sync::mpsc::channel::<()>();
//! # let ended = std::sync::Mutex::new(ended);
//! # let url = &serve(move |_, _| { ended.lock().unwrap().recv().ok(); Vec::new() });
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! use std::time::Duration;
//!
//! // The server never answers.
//! let error = client.get(url).timeout(Duration::from_millis(20)).send().unwrap_err();
//! assert!(error.is_timeout());
//! # drop(end);
//! ```
//!
//! # A user name and a password
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|head, _| response("200 OK", "", head.contains("Authorization: Basic bWU6c2VjcmV0").to_string()));
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! let known = client.get(url).basic_auth("me", "secret").send()?.text()?;
//! assert_eq!(known, "true");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! # A compressed response
//!
//! Nothing is to be done: a request asks for gzip, deflate and br, and the body is decoded.
//!
#![cfg_attr(feature = "gzip", doc = "```")]
#![cfg_attr(not(feature = "gzip"), doc = "```ignore")]
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # // "hello", in a stored block.
//! # const GZIP: &[u8] = &[31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 1, 5, 0, 250, 255, 104, 101, 108, 108,
//! #     111, 134, 166, 16, 54, 5, 0, 0, 0];
//! # let url = &serve(|head, _| {
//! #     assert!(head.contains("Accept-Encoding: "));
//! #     response("200 OK", "Content-Encoding: gzip\r\n", GZIP)
//! # });
//! # use httpool_blocking::Client;
//! # let client = Client::new();
//! assert_eq!(client.get(url).send()?.text()?, "hello");
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
