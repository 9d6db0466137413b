//! Large bodies: uploads, and downloads that resume.
//!
//! # Uploads
//!
//! A [`Body`](crate::Body) is bytes, a file, or any reader. It is read while it is sent, and never
//! held in memory. The table of its docs says which bodies have a length, and which can be sent
//! again after a redirect or a retry.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, body| response("201 Created", "", body.len().to_string()));
//! # let path = std::env::temp_dir().join(format!("httpool-guide-upload-{}", std::process::id()));
//! # std::fs::write(&path, vec![7; 100_000])?;
//! use httpool_blocking::{Body, Client};
//! use std::fs::File;
//!
//! let body = Body::from(File::open(&path)?)
//!     .on_progress(|sent, total| eprint!("\r{sent} of {} bytes", total.unwrap_or_default()));
//! let stored = Client::new().put(url).body(body).send()?.text()?;
//! assert_eq!(stored, "100000");
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Downloads
//!
//! [`Client::download`](crate::Client::download) writes a body into a file, and asks for the rest if
//! the connection is lost. The file is exact, or the download is an error. What is there of an
//! earlier run is taken up.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|head, _| match head.contains("Range: bytes=4-") {
//! #     true => response("206 Partial Content", "ETag: \"a\"\r\nContent-Range: bytes 4-9/10\r\n", "456789"),
//! #     // The connection ends in the middle of the body.
//! #     false => b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\nx".to_vec(),
//! # });
//! # let path = std::env::temp_dir().join(format!("httpool-guide-download-{}", std::process::id()));
//! use httpool_blocking::Client;
//!
//! let bytes = Client::new().download(url).retries(3).to(&path)?;
//! assert_eq!((bytes, std::fs::read_to_string(&path)?.as_str()), (10, "0123456789"));
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
