//! The way to a server: proxies, TLS, and addresses that may not be dialed.
//!
//! # Proxies
//!
//! A URL chooses the proxy: `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`. An `http`
//! proxy forwards requests to `http` origins, and tunnels connections to `https` origins. The
//! environment (`HTTPS_PROXY`, `NO_PROXY` and the others) is read only if you ask for it.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let proxy = &serve(|head, _| response("200 OK", "", head.lines().next().unwrap()));
//! use httpool_blocking::Client;
//!
//! let client = Client::builder().proxy(proxy)?.no_proxy("localhost, .internal").build();
//! let line = client.get("http://shop.example/items").send()?.text()?;
//! assert_eq!(line, "GET http://shop.example/items HTTP/1.1");
//!
//! let client = Client::builder().proxies_from_env()?.build();
//! # drop(client);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A chain of proxies, or a route for one scheme, is a [`Routes`](crate::Routes) of the policy.
//!
//! # TLS
//!
//! An `https` URL works as it is: the server must have a certificate for the URL's name, from an
//! authority that this system trusts. `TlsOptions` changes that, for a client or for a request.
//!
#![cfg_attr(feature = "tls", doc = "```no_run")]
#![cfg_attr(not(feature = "tls"), doc = "```ignore")]
//! use httpool_blocking::{Client, TlsOptions};
//!
//! let company = TlsOptions::new().ca_certs("/etc/company/ca.pem").cert_file("me.pem");
//! let client = Client::builder().tls(company).build();
//! let response = client.get("https://intranet.example/").send()?;
//! assert!(response.tls().is_some_and(|session| session.verified));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A service that moves
//!
//! An open connection is used without another look at its name. A client that is always busy may so
//! use addresses that have left the name. `look_up_every` looks names up again while connections to
//! them are open. A connection to an address that is gone ends with its exchange.
//!
//! ```
//! use std::time::Duration;
//! use httpool_blocking::{Client, PoolLimits};
//!
//! let limits = PoolLimits::default().look_up_every(Some(Duration::from_secs(30)));
//! let client = Client::builder().pool(limits).build();
//! # drop(client);
//! ```
//!
//! # Addresses that may not be dialed
//!
//! A program that requests URLs of its users must not reach inner services for them. A
//! [`Guard`](crate::Guard) judges every address, also behind redirects and names.
//!
//! ```
//! use httpool_blocking::{Client, Guard};
//!
//! let client = Client::builder().guard(Guard::global()).build();
//! let error = client.get("http://169.254.169.254/latest/meta-data/").send().unwrap_err();
//! assert!(error.to_string().contains("169.254.0.0/16"), "{error}");
//! ```
