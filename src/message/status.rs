//! Status codes (RFC 9110 section 15).

use core::{error, fmt};

/// A status code: three digits, 100 to 999.
///
/// A client treats an unknown code as the x00 of its class (RFC 9110 15). The methods below test
/// the class. A status can be compared with a number.
///
/// ```
/// use httpool::message::Status;
///
/// let status = Status::try_from(503)?;
/// assert_eq!(status, Status::SERVICE_UNAVAILABLE);
/// assert!(status == 503 && status.is_server_error());
/// assert!(Status::try_from(42).is_err());
/// # Ok::<(), httpool::message::InvalidStatus>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

/// Defines a constant for each code, by its name in the RFC.
macro_rules! statuses {
    ($($name:ident = $code:literal, $rfc:literal;)*) => {
        impl Status {
            $(
                #[doc = concat!(stringify!($code), " (", $rfc, ").")]
                pub const $name: Self = Self($code);
            )*
        }
    };
}

statuses! {
    CONTINUE = 100, "RFC 9110 15.2.1";
    SWITCHING_PROTOCOLS = 101, "RFC 9110 15.2.2";
    EARLY_HINTS = 103, "RFC 8297 2";
    OK = 200, "RFC 9110 15.3.1";
    CREATED = 201, "RFC 9110 15.3.2";
    ACCEPTED = 202, "RFC 9110 15.3.3";
    NON_AUTHORITATIVE_INFORMATION = 203, "RFC 9110 15.3.4";
    NO_CONTENT = 204, "RFC 9110 15.3.5";
    RESET_CONTENT = 205, "RFC 9110 15.3.6";
    PARTIAL_CONTENT = 206, "RFC 9110 15.3.7";
    MULTIPLE_CHOICES = 300, "RFC 9110 15.4.1";
    MOVED_PERMANENTLY = 301, "RFC 9110 15.4.2";
    FOUND = 302, "RFC 9110 15.4.3";
    SEE_OTHER = 303, "RFC 9110 15.4.4";
    NOT_MODIFIED = 304, "RFC 9110 15.4.5";
    USE_PROXY = 305, "RFC 9110 15.4.6";
    TEMPORARY_REDIRECT = 307, "RFC 9110 15.4.8";
    PERMANENT_REDIRECT = 308, "RFC 9110 15.4.9";
    BAD_REQUEST = 400, "RFC 9110 15.5.1";
    UNAUTHORIZED = 401, "RFC 9110 15.5.2";
    PAYMENT_REQUIRED = 402, "RFC 9110 15.5.3";
    FORBIDDEN = 403, "RFC 9110 15.5.4";
    NOT_FOUND = 404, "RFC 9110 15.5.5";
    METHOD_NOT_ALLOWED = 405, "RFC 9110 15.5.6";
    NOT_ACCEPTABLE = 406, "RFC 9110 15.5.7";
    PROXY_AUTHENTICATION_REQUIRED = 407, "RFC 9110 15.5.8";
    REQUEST_TIMEOUT = 408, "RFC 9110 15.5.9";
    CONFLICT = 409, "RFC 9110 15.5.10";
    GONE = 410, "RFC 9110 15.5.11";
    LENGTH_REQUIRED = 411, "RFC 9110 15.5.12";
    PRECONDITION_FAILED = 412, "RFC 9110 15.5.13";
    CONTENT_TOO_LARGE = 413, "RFC 9110 15.5.14";
    URI_TOO_LONG = 414, "RFC 9110 15.5.15";
    UNSUPPORTED_MEDIA_TYPE = 415, "RFC 9110 15.5.16";
    RANGE_NOT_SATISFIABLE = 416, "RFC 9110 15.5.17";
    EXPECTATION_FAILED = 417, "RFC 9110 15.5.18";
    MISDIRECTED_REQUEST = 421, "RFC 9110 15.5.20";
    UNPROCESSABLE_CONTENT = 422, "RFC 9110 15.5.21";
    TOO_EARLY = 425, "RFC 8470 5.2";
    UPGRADE_REQUIRED = 426, "RFC 9110 15.5.22";
    PRECONDITION_REQUIRED = 428, "RFC 6585 3";
    TOO_MANY_REQUESTS = 429, "RFC 6585 4";
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431, "RFC 6585 5";
    INTERNAL_SERVER_ERROR = 500, "RFC 9110 15.6.1";
    NOT_IMPLEMENTED = 501, "RFC 9110 15.6.2";
    BAD_GATEWAY = 502, "RFC 9110 15.6.3";
    SERVICE_UNAVAILABLE = 503, "RFC 9110 15.6.4";
    GATEWAY_TIMEOUT = 504, "RFC 9110 15.6.5";
    HTTP_VERSION_NOT_SUPPORTED = 505, "RFC 9110 15.6.6";
    NETWORK_AUTHENTICATION_REQUIRED = 511, "RFC 6585 6";
}

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

impl TryFrom<u16> for Status {
    type Error = InvalidStatus;

    fn try_from(code: u16) -> Result<Self, InvalidStatus> {
        Self::new(code).ok_or(InvalidStatus(code))
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
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

/// A number that is no status code: it does not have three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidStatus(u16);

impl fmt::Display for InvalidStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no status code: use a number from 100 to 999", self.0)
    }
}

impl error::Error for InvalidStatus {}
