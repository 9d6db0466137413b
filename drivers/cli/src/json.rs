//! Prints a response as one JSON object.

use base64::{Engine, prelude::BASE64_STANDARD};
use httpool::{
    call::HistoryEntry,
    message::{BodyTaken, Fields},
};
use httpool_blocking::{Response, Session};
use serde_json::{Value, json};

use crate::{
    exit::{Failed, Kind},
    interrupt::Interrupt,
    output::{Limits, fill},
    pieces::each_piece,
    print::print_json,
    progress::Progress,
    target::Target,
};

/// The most bytes of a body in an object. It is held in memory as text and once more as JSON.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Prints the response. Its body goes to `target`, if there is one.
pub(crate) fn show(
    response: &mut Response,
    target: Option<Target<'_>>,
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let mut object = json!({
        "url": response.url().as_str(),
        "version": format!("1.{}", response.minor_version()),
        "status": response.status().as_u16(),
        "reason": text(response.reason()),
        "headers": pairs(response.headers()),
        "history": response.history().iter().map(attempt).collect::<Vec<_>>(),
        "connection": response.connection().to_string(),
        "reused": response.reused(),
        "tls": response.tls().map(session),
    });
    match target {
        Some(target) => {
            object["body_file"] = target.path().to_string_lossy().into();
            let progress = Progress::new(response.content_length(), true);
            object["body_bytes"] = fill(target, response, progress, limits, interrupt)?.into();
        }
        None => {
            let body = collect(response, limits, interrupt)?;
            object["body_bytes"] = body.len().into();
            match String::from_utf8(body) {
                Ok(text) => object["body"] = text.into(),
                Err(other) => {
                    object["body_base64"] = BASE64_STANDARD.encode(other.as_bytes()).into();
                }
            }
        }
    }
    object["trailers"] = pairs(response.trailers().unwrap_or_default());
    // Known only after the response's end. It is null if the request's body was sent completely.
    object["request_body_taken"] = response.body_taken().map_or(Value::Null, taken);
    print_json(&object).map_err(Failed::stdout)
}

/// Returns the facts about a TLS session.
fn session(session: &Session) -> Value {
    json!({
        "version": session.version,
        "cipher_suite": session.cipher_suite,
        "group": session.group,
        "alpn": session.alpn,
        "resumed": session.resumed,
        "verified": session.verified,
    })
}

fn collect(
    response: &mut Response,
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    each_piece(response, limits.rate, |piece| {
        limits.check(body.len() as u64 + piece.len() as u64)?;
        interrupt.done(piece.len());
        if body.len() + piece.len() > BODY_BYTES_MAX {
            let what = format!("the body is longer than {BODY_BYTES_MAX} bytes");
            return Err(Failed::new(Kind::TooLong, what).hint("with -o it goes to a file"));
        }
        body.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(body)
}

/// Returns a list of pairs, because the names may repeat and their order matters.
fn pairs(fields: Fields<'_>) -> Value {
    fields.iter().map(|field| json!([field.name(), text(field.value())])).collect()
}

fn attempt(entry: &HistoryEntry) -> Value {
    json!({
        "method": entry.method.as_str(),
        "url": entry.url.as_str(),
        "status": entry.status.map(|status| status.as_u16()),
        "failure": entry.cause.map(|cause| cause.to_string()),
    })
}

/// Returns how much of the request's body the server took before it answered that it needs no more.
fn taken(taken: BodyTaken) -> Value {
    json!({ "bytes": taken.bytes(), "of": taken.of() })
}

/// Decodes a field value or a reason phrase, which are bytes (RFC 9110 section 5.5). If it is not
/// UTF-8 it is taken as Latin-1, in which every byte is a character.
fn text(bytes: &[u8]) -> String {
    match core::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
