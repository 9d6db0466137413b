//! Request methods (RFC 9110 section 9).

use alloc::boxed::Box;
use core::fmt;

use super::fields::first_non_token;
use crate::error::RequestError;

/// A request method: a token, case-sensitive (RFC 9110 9.1).
///
/// ```
/// use httpool::message::Method;
///
/// assert_eq!(Method::new("GET")?, Method::GET);
/// assert!(Method::PUT.is_idempotent() && !Method::POST.is_idempotent());
/// assert!(Method::new("GET /").is_err());
/// # Ok::<(), httpool::error::RequestError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(Name);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Standard(&'static str),
    Extension(Box<str>),
}

/// The methods of RFC 9110 section 9.3, and PATCH (RFC 5789).
const STANDARD: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::PATCH,
    Method::CONNECT,
    Method::TRACE,
];

impl Method {
    /// GET.
    pub const GET: Self = Self(Name::Standard("GET"));
    /// HEAD.
    pub const HEAD: Self = Self(Name::Standard("HEAD"));
    /// POST.
    pub const POST: Self = Self(Name::Standard("POST"));
    /// PUT.
    pub const PUT: Self = Self(Name::Standard("PUT"));
    /// DELETE.
    pub const DELETE: Self = Self(Name::Standard("DELETE"));
    /// OPTIONS.
    pub const OPTIONS: Self = Self(Name::Standard("OPTIONS"));
    /// PATCH.
    pub const PATCH: Self = Self(Name::Standard("PATCH"));
    /// CONNECT.
    pub const CONNECT: Self = Self(Name::Standard("CONNECT"));
    /// TRACE.
    pub const TRACE: Self = Self(Name::Standard("TRACE"));

    /// Returns the method with exactly this name: the case matters.
    ///
    /// # Errors
    /// [`RequestError::Method`] if `name` is not a token.
    pub fn new(name: &str) -> Result<Self, RequestError> {
        if let Some(standard) = STANDARD.iter().find(|method| method.as_str() == name) {
            return Ok(standard.clone());
        }
        match first_non_token(name.as_bytes()) {
            None => Ok(Self(Name::Extension(name.into()))),
            Some(at) => Err(RequestError::Method { at }),
        }
    }

    /// Returns the name of the method.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Standard(name) => name,
            Name::Extension(name) => name,
        }
    }

    /// Returns whether the method is safe: it only retrieves information (RFC 9110 9.2.1).
    pub fn is_safe(&self) -> bool {
        matches!(self.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }

    /// Returns whether the method is idempotent (RFC 9110 9.2.2): its request may be sent again
    /// after the connection was lost. Unknown methods are not.
    pub fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self.as_str(), "PUT" | "DELETE")
    }

    /// Returns whether a request without a body carries `Content-Length: 0` (RFC 9110 8.6).
    pub(crate) fn expects_content(&self) -> bool {
        matches!(self.as_str(), "POST" | "PUT" | "PATCH")
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters_and_only_tokens_pass() {
        assert_ne!(Method::new("get").unwrap(), Method::GET);
        assert_eq!(Method::new("x!#$%&'*+-.^_`|~9").unwrap().as_str(), "x!#$%&'*+-.^_`|~9");
        assert_eq!(Method::new(""), Err(RequestError::Method { at: 0 }));
        assert_eq!(Method::new("GE T"), Err(RequestError::Method { at: 2 }));
        assert_eq!(Method::new("GET\r\n"), Err(RequestError::Method { at: 3 }));
    }
}
