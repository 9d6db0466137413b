//! Tests which bodies are decoded.

use alloc::{format, string::ToString};

use crate::{
    content::{Codings, DecodeErrorKind, accept_encoding},
    message::{Fields, Method, Status},
};

fn of(status: u16, fields: &str) -> Result<Option<Codings>, DecodeErrorKind> {
    let status = Status::new(status).expect("a status of three digits");
    let fields = Fields::from_validated(fields.as_bytes());
    Codings::of_response(&Method::GET, status, fields).map_err(|error| error.kind)
}

/// The codings of a 200 response with this Content-Encoding, as text; empty if it is handed over as
/// it comes.
fn codings(value: &str) -> alloc::string::String {
    let codings = of(200, &format!("Content-Encoding: {value}\r\n")).expect("few codings");
    codings.map_or_else(Default::default, |codings| codings.to_string())
}

#[test]
fn without_a_coding_the_body_is_handed_over_as_it_comes() {
    assert_eq!(of(200, ""), Ok(None));
    assert_eq!(of(200, "Content-Type: text/html\r\nTransfer-Encoding: gzip\r\n"), Ok(None));
    assert_eq!(codings(""), "");
    assert_eq!(codings("identity, IDENTITY,, ,"), "");
}

#[test]
fn an_unknown_coding_is_handed_over_as_it_came_also_in_a_list() {
    for value in ["compress", "aws-chunked", "gzip, unknown", "unknown, gzip", "gzip;q=1", "gzipp"]
    {
        assert_eq!(codings(value), "", "{value}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn names_are_compared_without_case_and_x_gzip_is_gzip() {
    assert_eq!(codings("gzip"), "gzip");
    assert_eq!(codings("GZip"), "gzip");
    assert_eq!(codings("x-gzip"), "gzip");
    assert_eq!(codings("X-GZIP"), "gzip");
}

#[cfg(all(feature = "gzip", feature = "deflate"))]
#[test]
fn lists_and_repeated_fields_are_one_list_and_identity_is_skipped() {
    assert_eq!(codings("deflate, gzip"), "deflate, gzip");
    assert_eq!(codings(" deflate\t,identity,  gzip , "), "deflate, gzip");
    let repeated = of(200, "content-encoding: deflate\r\nX: y\r\nCONTENT-ENCODING: gzip,gzip\r\n");
    let repeated = repeated.expect("few codings").expect("known codings");
    assert_eq!(repeated.to_string(), "deflate, gzip, gzip");
    assert_eq!(format!("{repeated:?}"), "[Deflate, Gzip, Gzip]");
}

#[test]
fn a_sixth_coding_is_an_error_also_across_fields_and_if_unknown() {
    let five = "Content-Encoding: gzip, gzip, gzip, gzip, gzip\r\n";
    assert!(of(200, five).is_ok());
    assert!(of(200, &format!("{five}Content-Encoding: identity\r\n")).is_ok());
    for sixth in ["gzip", "unknown"] {
        let six = format!("{five}Content-Encoding: {sixth}\r\n");
        assert_eq!(of(200, &six), Err(DecodeErrorKind::TooManyCodings));
    }
}

#[cfg(feature = "gzip")]
#[test]
fn responses_without_a_body_and_partial_content_are_handed_over_as_they_come() {
    let fields = "Content-Encoding: gzip\r\n";
    for status in [100, 101, 103, 204, 206, 304] {
        assert_eq!(of(status, fields), Ok(None), "{status}");
    }
    for status in [200, 203, 205, 301, 404, 500, 999] {
        assert!(of(status, fields).is_ok_and(|codings| codings.is_some()), "{status}");
    }
    let fields = Fields::from_validated(fields.as_bytes());
    assert_eq!(Codings::of_response(&Method::HEAD, Status::OK, fields), Ok(None));
}

#[test]
fn accept_encoding_lists_the_codings_that_are_built_in() {
    let mut expected = alloc::vec::Vec::new();
    expected.extend(cfg!(feature = "gzip").then_some("gzip"));
    expected.extend(cfg!(feature = "deflate").then_some("deflate"));
    expected.extend(cfg!(feature = "br").then_some("br"));
    expected.extend(cfg!(feature = "zstd").then_some("zstd"));
    let expected = expected.join(", ");
    assert_eq!(accept_encoding().unwrap_or_default(), expected);
    assert_eq!(accept_encoding().is_none(), expected.is_empty());
}
