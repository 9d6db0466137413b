//! `make_headers`: the usual header fields of a request.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use httpool::content::accept_encoding;

/// Begins a list of header fields, as urllib3's `make_headers` makes it. Each method adds one field,
/// and the names are in lower case.
///
/// ```
/// use httpool_blocking::urllib3::make_headers;
///
/// let fields = make_headers().keep_alive().basic_auth("user:password").build();
/// let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
/// assert_eq!(
///     fields,
///     [("connection", "keep-alive"), ("authorization", "Basic dXNlcjpwYXNzd29yZA==")]
/// );
/// ```
///
/// A request takes them with [`headers`](crate::RequestBuilder::headers).
pub fn make_headers() -> MakeHeaders {
    MakeHeaders::default()
}

/// A list of header fields that is being made: see [`make_headers`].
#[derive(Clone, Default)]
#[must_use = "the list is made by `build`"]
pub struct MakeHeaders {
    /// In the order of urllib3.
    fields: [Option<(&'static str, String)>; 6],
}

impl MakeHeaders {
    /// Adds `connection: keep-alive`. HTTP/1.1 keeps connections without it.
    pub fn keep_alive(self) -> Self {
        self.set(2, "connection", "keep-alive".into())
    }

    /// Adds `accept-encoding` with the codings that are built in (urllib3: `accept_encoding=True`).
    /// Adds nothing if none is.
    pub fn accept_encoding(self) -> Self {
        match accept_encoding() {
            Some(codings) => self.set(0, "accept-encoding", codings.into()),
            None => self,
        }
    }

    /// Adds `accept-encoding` with these codings.
    pub fn accept_codings<C: AsRef<str>>(self, codings: impl IntoIterator<Item = C>) -> Self {
        let mut list = String::new();
        for coding in codings {
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(coding.as_ref());
        }
        self.set(0, "accept-encoding", list)
    }

    /// Adds `user-agent`.
    pub fn user_agent(self, name: &str) -> Self {
        self.set(1, "user-agent", name.into())
    }

    /// Adds `authorization` with credentials of the Basic scheme (RFC 7617), given as
    /// `user:password`. They are encoded as UTF-8; urllib3 takes Latin-1.
    pub fn basic_auth(self, credentials: &str) -> Self {
        self.set(3, "authorization", basic(credentials))
    }

    /// Adds `proxy-authorization` with credentials as [`basic_auth`](Self::basic_auth) does. A
    /// request sends them only to a proxy, and never to an origin.
    pub fn proxy_basic_auth(self, credentials: &str) -> Self {
        self.set(4, "proxy-authorization", basic(credentials))
    }

    /// Adds `cache-control: no-cache`.
    pub fn disable_cache(self) -> Self {
        self.set(5, "cache-control", "no-cache".into())
    }

    /// Returns the names and values.
    pub fn build(self) -> Vec<(&'static str, String)> {
        self.fields.into_iter().flatten().collect()
    }

    fn set(mut self, at: usize, name: &'static str, value: String) -> Self {
        self.fields[at] = Some((name, value));
        self
    }
}

/// Shows the names. The values may be secret.
impl std::fmt::Debug for MakeHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fields.iter().flatten().map(|(name, _)| name)).finish()
    }
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64.encode(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_of_make_headers_makes_its_field() {
        let all = make_headers()
            .disable_cache()
            .proxy_basic_auth("p:q")
            .basic_auth("Aladdin:open sesame")
            .keep_alive()
            .user_agent("me/1")
            .accept_codings(["gzip", "br"])
            .build();
        let expected = [
            ("accept-encoding", "gzip,br"),
            ("user-agent", "me/1"),
            ("connection", "keep-alive"),
            ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("proxy-authorization", "Basic cDpx"),
            ("cache-control", "no-cache"),
        ];
        assert_eq!(all, expected.map(|(name, value)| (name, value.to_owned())));
        assert!(make_headers().build().is_empty());
        let built_in = make_headers().accept_encoding().build();
        assert_eq!(built_in.first().map(|(_, value)| value.as_str()), accept_encoding());
        let utf_8 = make_headers().basic_auth("j\u{f6}:p").build();
        assert_eq!(utf_8[0].1, "Basic asO2OnA=");
        assert_eq!(format!("{:?}", make_headers().basic_auth("a:b")), "[\"authorization\"]");
    }
}
