//! Values as JSON, and the bodies of responses.

use serde::de::DeserializeOwned;

use crate::{Error, Parts};

/// Writes a value as JSON, in UTF-8 without white space.
///
/// # Errors
/// The value has no form in JSON.
pub fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|why| Error::json(why, None))
}

/// Parses the body of the response with these parts, as JSON in UTF-8 (RFC 8259). A byte order mark
/// is ignored.
///
/// # Errors
/// The body is not JSON, or not of the form that `T` has: [`Error::is_json`].
pub fn parse_json<T: DeserializeOwned>(body: &[u8], parts: &Parts<'_>) -> Result<T, Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).map_err(|why| Error::json(why, Some(parts)))
}
