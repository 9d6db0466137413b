//! Credentials of the Basic scheme (RFC 7617).

use alloc::{string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::RequestError;

/// Returns the value of an Authorization field with these credentials.
///
/// # Errors
/// The scheme cannot carry them: the user name has a colon, or one of them a control character (RFC
/// 7617 section 2).
pub(super) fn basic(user: &[u8], password: &[u8]) -> Result<String, RequestError> {
    if user.contains(&b':') || user.iter().chain(password).any(u8::is_ascii_control) {
        return Err(RequestError::Credentials);
    }
    let pair = [user, b":", password].concat();
    let mut value = String::from("Basic ");
    BASE64.encode_string(&pair, &mut value);
    Ok(value)
}

/// Returns the value of an Authorization field with the userinfo of `url`; `None` if it has none.
///
/// # Errors
/// As [`basic`].
pub(super) fn basic_of(url: &Url) -> Result<Option<String>, RequestError> {
    if !has_userinfo(url) {
        return Ok(None);
    }
    let user: Vec<u8> = percent_decode_str(url.username()).collect();
    let password: Vec<u8> = percent_decode_str(url.password().unwrap_or_default()).collect();
    basic(&user, &password).map(Some)
}

/// Removes the userinfo of `url`: it is never sent in a URL (RFC 9110 4.2.4).
pub(super) fn remove_userinfo(url: &mut Url) -> Result<(), RequestError> {
    if !has_userinfo(url) {
        return Ok(());
    }
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| RequestError::Url)
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
