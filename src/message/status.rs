//! Status codes (RFC 9110 section 15).

use core::fmt;

/// A status code: three digits, 100 to 999.
///
/// A client treats an unknown code as the x00 of its class (RFC 9110 15). The methods below test
/// the class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

impl Status {
    /// Returns the status with this code, or `None` unless it has three digits.
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 999 { Some(Self(code)) } else { None }
    }

    /// Returns the code as a number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Returns whether the code is 1xx (Informational): another response follows, except after 101.
    pub const fn is_informational(self) -> bool {
        self.0 / 100 == 1
    }

    /// Returns whether the code is 2xx (Successful).
    pub const fn is_success(self) -> bool {
        self.0 / 100 == 2
    }

    /// Returns whether the code is 3xx (Redirection). Not every such response has a Location to
    /// follow.
    pub const fn is_redirection(self) -> bool {
        self.0 / 100 == 3
    }

    /// Returns whether the code is 4xx (Client Error).
    pub const fn is_client_error(self) -> bool {
        self.0 / 100 == 4
    }

    /// Returns whether the code is 5xx (Server Error).
    pub const fn is_server_error(self) -> bool {
        self.0 / 100 == 5
    }
}

impl PartialEq<u16> for Status {
    fn eq(&self, code: &u16) -> bool {
        self.0 == *code
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
