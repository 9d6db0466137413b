//! The secrets that a recording leaves out.

use std::{fmt, sync::Arc};

use url::Url;

#[cfg(doc)]
use crate::Mock;
use crate::{json::without_members, received::header};

/// The word in place of a secret. In a rule it matches every value.
pub(crate) const REDACTED: &str = "REDACTED";

/// The header fields whose values are secret by default.
const SECRET_FIELDS: [&str; 6] =
    ["Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-Api-Key", "X-Auth-Token"];

/// The query parameters whose values are secret by default.
const SECRET_PARAMETERS: [&str; 14] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "client_secret",
    "code",
    "key",
    "password",
    "refresh_token",
    "secret",
    "sig",
    "signature",
    "token",
    "X-Amz-Signature",
];

/// The members of JSON objects whose values are secret by default.
const SECRET_MEMBERS: [&str; 9] = [
    "access_token",
    "api_key",
    "apikey",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "secret",
    "token",
];

/// The secrets that a recording leaves out: see [`Mock::record`].
///
/// By default these are:
///
/// - the header fields Authorization, Cookie, Proxy-Authorization, Set-Cookie, X-Api-Key and
///   X-Auth-Token;
/// - user and password in the URL;
/// - the query parameters access_token, api_key, apikey, auth, client_secret, code, key, password,
///   refresh_token, secret, sig, signature, token and X-Amz-Signature, in URLs and in the header
///   fields Location, Content-Location and Referer.
///
/// - fields of form bodies (`application/x-www-form-urlencoded`) with the names of these
///   parameters;
/// - in JSON bodies, the members access_token, api_key, apikey, client_secret, id_token, password,
///   refresh_token, secret and token, at any depth, with whatever they hold, except null.
///
/// Case does not matter. The word `REDACTED` stands in the place of each. Other bodies, such as
/// multipart forms or bodies that a server has coded unasked, are recorded as they are, unless
/// [`body`](Self::body) changes them: read a recording before you share it.
///
/// ```
/// use httpool_mock::Redact;
///
/// let redact = Redact::default()
///     .header("X-Session")
///     .query("invite")
///     .json("iban")
///     .body(|body| String::from_utf8_lossy(body).replace("Ada", "REDACTED").into_bytes());
/// # let _ = redact;
/// ```
#[derive(Clone)]
pub struct Redact {
    fields: Vec<String>,
    parameters: Vec<String>,
    members: Vec<String>,
    hooks: Vec<Arc<Hook>>,
}

type Hook = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

impl Default for Redact {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            fields: owned(&SECRET_FIELDS),
            parameters: owned(&SECRET_PARAMETERS),
            members: owned(&SECRET_MEMBERS),
            hooks: Vec::new(),
        }
    }
}

impl Redact {
    /// Leaves out the values of this header field too.
    #[must_use]
    pub fn header(mut self, name: &str) -> Self {
        self.fields.push(name.to_owned());
        self
    }

    /// Leaves out the values of this query parameter, and of this field of a form, too.
    #[must_use]
    pub fn query(mut self, name: &str) -> Self {
        self.parameters.push(name.to_owned());
        self
    }

    /// Leaves out the values of this member of JSON objects in bodies too.
    #[must_use]
    pub fn json(mut self, name: &str) -> Self {
        self.members.push(name.to_owned());
        self
    }

    /// Replaces each body, of requests and responses, by the result of `hook`. It runs after all
    /// else, and after earlier hooks. When a request is [replayed](Mock::replay), the word
    /// `REDACTED` in its recorded body stands for any bytes, and with quotes around it for any
    /// bytes with or without quotes. A hook that leaves another mark makes the request match no
    /// more.
    #[must_use]
    pub fn body(mut self, hook: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.hooks.push(Arc::new(hook));
        self
    }

    /// Leaves out the secrets of a request or response to `url`.
    pub(crate) fn message(&self, url: &Url, headers: &mut [(String, String)], body: &mut Vec<u8>) {
        let kind = header(headers, "Content-Type").unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("application/x-www-form-urlencoded") {
            if let Ok(form) = str::from_utf8(body) {
                *body = self.parameters(form).into_bytes();
            }
        } else if kind.contains("json") || matches!(body.trim_ascii_start(), [b'{' | b'[', ..]) {
            *body = without_members(body, &|name| has(&self.members, name));
        }
        for hook in &self.hooks {
            *body = hook(body);
        }
        self.headers(url, headers);
    }

    pub(crate) fn url(&self, url: &mut Url) {
        // Both fail only for URLs without a host, which have neither.
        url.set_username("").ok();
        url.set_password(None).ok();
        let Some(query) = url.query() else { return };
        let query = self.parameters(query);
        url.set_query(Some(&query));
    }

    fn parameters(&self, query: &str) -> String {
        let parts: Vec<_> = query.split('&').map(|part| self.parameter(part)).collect();
        parts.join("&")
    }

    /// Returns the parameter, as `name=value`, without its value if that is secret.
    fn parameter(&self, part: &str) -> String {
        let pair = url::form_urlencoded::parse(part.as_bytes()).next();
        let is_secret =
            pair.is_some_and(|(name, value)| !value.is_empty() && has(&self.parameters, &name));
        match part.split_once('=') {
            Some((name, _)) if is_secret => format!("{name}={REDACTED}"),
            _ => part.to_owned(),
        }
    }

    fn headers(&self, base: &Url, headers: &mut [(String, String)]) {
        for (name, value) in headers {
            if has(&self.fields, name) {
                REDACTED.clone_into(value);
            } else if has(&["Content-Location", "Location", "Referer"], name)
                && let Ok(url) = base.join(value)
            {
                let mut bare = url.clone();
                self.url(&mut bare);
                if bare != url {
                    *value = bare.to_string();
                }
            }
        }
    }
}

fn has(names: &[impl AsRef<str>], name: &str) -> bool {
    names.iter().any(|other| other.as_ref().eq_ignore_ascii_case(name))
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact")
            .field("fields", &self.fields)
            .field("parameters", &self.parameters)
            .field("members", &self.members)
            .field("hooks", &self.hooks.len())
            .finish()
    }
}

/// Returns where in `text` the first mark of a secret is, with the quotes around it.
fn mark(text: &[u8]) -> Option<(usize, usize)> {
    let at = text.windows(REDACTED.len()).position(|it| it == REDACTED.as_bytes())?;
    let end = at + REDACTED.len();
    let quoted = at > 0 && text[at - 1] == b'"' && text.get(end) == Some(&b'"');
    Some(if quoted { (at - 1, end + 1) } else { (at, end) })
}

pub(crate) fn holds_secret(text: &[u8]) -> bool {
    mark(text).is_some()
}

/// Returns whether `text` is like `recorded`, in which each mark of a secret stands for any bytes.
pub(crate) fn is_like(mut recorded: &[u8], mut text: &[u8]) -> bool {
    let mut is_first = true;
    while let Some((at, end)) = mark(recorded) {
        let piece = &recorded[..at];
        let found = match text.windows(piece.len().max(1)).position(|it| it == piece) {
            _ if piece.is_empty() => 0,
            Some(0) => 0,
            Some(found) if !is_first => found,
            _ => return false,
        };
        (recorded, text) = (&recorded[end..], &text[found + piece.len()..]);
        is_first = false;
    }
    if is_first { recorded == text } else { text.ends_with(recorded) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_for_any_bytes() {
        for (recorded, text, expected) in [
            ("a=REDACTED&b=1", "a=xyz&b=1", true),
            ("a=REDACTED&b=1", "a=&b=1", true),
            ("a=REDACTED&b=1", "a=xyz&b=2", false),
            ("a=REDACTED&b=1", "c=xyz&b=1", false),
            ("a=REDACTED&b=REDACTED", "a=1&b=2", true),
            (r#"{"a":"REDACTED"}"#, r#"{"a":12}"#, true),
            (r#"{"a":"REDACTED"}"#, r#"{"a":"x"}"#, true),
            (r#"{"a":"REDACTED"}"#, r#"{"a":"x"},"#, false),
            ("REDACTED", "", true),
            ("aREDACTEDa", "a", false),
            ("same", "same", true),
            ("same", "not the same", false),
        ] {
            assert_eq!(
                is_like(recorded.as_bytes(), text.as_bytes()),
                expected,
                "{recorded} {text}"
            );
        }
    }
}
