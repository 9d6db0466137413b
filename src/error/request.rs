//! Why a request cannot be built.

use core::fmt;

/// Why a request cannot be built: nothing was sent, nothing will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The method is not a token (RFC 9110 5.6.2); the first bad byte.
    Method {
        /// Where.
        at: usize,
    },
    /// The URL holds a control byte or a space there; write it percent-encoded.
    UrlByte {
        /// Where.
        at: usize,
    },
    /// The URL is not absolute, has no host, or cannot be parsed.
    Url,
    /// The URL's scheme is neither `http` nor `https`.
    Scheme,
    /// A field name is not a token.
    FieldName {
        /// Which field, in the order of addition.
        field: usize,
        /// The first bad byte of the name.
        at: usize,
    },
    /// A field value holds CR, LF, NUL or another control byte (RFC 9110 5.5).
    FieldValue {
        /// Which field, in the order of addition.
        field: usize,
        /// The first bad byte of the value.
        at: usize,
    },
    /// More than one Host field, or one that is not a host (RFC 9112 3.2).
    Host,
    /// A Content-Length that is not one number, or not the body's.
    ContentLength,
    /// A Transfer-Encoding other than `chunked`, or one beside a Content-Length.
    TransferEncoding,
    /// `TE: chunked` (RFC 9112 7.4).
    Te,
    /// A body with a method that can have none: CONNECT, TRACE.
    Body,
    /// Credentials in a TRACE request (RFC 9110 9.3.8).
    Sensitive,
    /// A user name with a colon, or credentials with control bytes (RFC 7617 2).
    Credentials,
    /// The zone id of the URL's IPv6 address is empty, longer than 64 bytes, or holds another
    /// character than letters, digits, `-`, `.`, `_` and `~` (RFC 6874).
    Zone,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { at } => write!(f, "the method is not a token: byte {at}"),
            Self::UrlByte { at } => write!(
                f,
                "the URL has a control byte or a space at byte {at}: write it percent-encoded"
            ),
            Self::Url => f.write_str("the URL cannot be used: it needs the form http://host/path"),
            Self::Scheme => f.write_str("the URL's scheme is neither http nor https"),
            Self::FieldName { field, at } => {
                write!(f, "the name of field {field} is not a token: byte {at}")
            }
            Self::FieldValue { field, at } => {
                write!(f, "the value of field {field} has a control byte at byte {at}")
            }
            Self::Host => f.write_str("Host must be given once at most, and be a host"),
            Self::ContentLength => f.write_str("Content-Length does not agree with the body"),
            Self::TransferEncoding => f.write_str(
                "Transfer-Encoding can only be chunked, and not together with Content-Length",
            ),
            Self::Te => f.write_str("TE must not name chunked: it is always understood"),
            Self::Body => f.write_str("this method cannot have a body"),
            Self::Sensitive => f.write_str("TRACE must not carry credentials or cookies"),
            Self::Credentials => {
                f.write_str("credentials must not hold control bytes, nor the user name a colon")
            }
            Self::Zone => f.write_str(
                "the zone id in the URL's IPv6 address must be the name or the number of an \
                 interface, as in http://[fe80::1%25eth0]/",
            ),
        }
    }
}

impl core::error::Error for RequestError {}
