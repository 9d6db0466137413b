//! Certificates and TLS servers for the tests of httpool. It is not published.
//!
//! | Module | Has |
//! |---|---|
//! | [`certificates`] | [`Authority`](certificates::Authority), which issues certificates of any kind |
//! | [`link`] | [`Link`](link::Link): a client session and a server of rustls, in memory |
//! | [`server`] | configurations of servers, and [`serve`](server::serve): one on a listener |
//! | [`relay`] | [`Relay`](relay::Relay), which ends TLS in front of a server without it |
//! | [`peers`] | programs that serve, such as `openssl s_server` |
//! | [`fuzz`] | bodies of fuzz targets |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod certificates;
pub mod fuzz;
pub mod link;
pub mod peers;
pub mod relay;
pub mod server;
