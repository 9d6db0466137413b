//! The driver without TLS.

#![cfg(not(feature = "tls"))]

use httpool_blocking::Client;
use httpool_kit::httpool::error::{Cause, DialError, TlsKind, Unavailable};

#[test]
fn without_tls_https_is_refused_in_clear_words() {
    let error = Client::new().get("https://127.0.0.1/").send().expect_err("no TLS");
    let text = error.to_string();
    assert!(text.contains("built without TLS") && text.contains("aws-lc-rs or ring"), "{text}");
    let cause = error.as_failure().map(|failure| failure.cause);
    let unavailable = Cause::Unavailable(Unavailable::Dial(DialError::Tls(TlsKind::Unavailable)));
    assert_eq!(cause, Some(unavailable));
}
