//! Reasons why a request cannot be built.

use core::fmt;

/// The reason why a request cannot be built. Nothing was sent. Positions are in bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The method is not a token (RFC 9110 5.6.2).
    Method {
        /// The position of the first bad byte; 0 if the method is empty.
        at: usize,
    },
    /// The URL holds a control byte or a space; write it percent-encoded.
    UrlByte {
        /// The position of the first such byte.
        at: usize,
    },
    /// The URL begins with a host or a path instead of a scheme, as `localhost:8080/x` does.
    UrlScheme,
    /// The URL's scheme is not followed by two slashes.
    UrlSlashes,
    /// The URL has no host, or one that is neither a name nor an address.
    UrlHost,
    /// The URL's port is not a number up to 65535.
    UrlPort,
    /// The URL cannot be parsed, for another reason than those above.
    Url,
    /// The URL's scheme is neither `http` nor `https`.
    Scheme,
    /// The request target that was given is empty, does not begin with a slash, or has a byte that
    /// cannot be sent: a space, a control byte, one beyond ASCII, or `#`. CONNECT takes no target.
    Target {
        /// The position of the first such byte.
        at: usize,
    },
    /// The URL names another origin than the pool that the request is for (urllib3:
    /// `HostChangedError`).
    OtherHost,
    /// The request was given two bodies: bytes and fields, bytes and JSON, or fields and JSON.
    TwoBodies,
    /// A field name is not a token (RFC 9110 5.6.2).
    FieldName {
        /// The name.
        name: FieldLabel,
        /// The position of the first bad byte of the name; 0 if the name is empty.
        at: usize,
    },
    /// A field value holds CR, LF, NUL or another control byte (RFC 9110 5.5).
    FieldValue {
        /// The field's name.
        name: FieldLabel,
        /// The position of the first bad byte of the value.
        at: usize,
    },
    /// There is more than one Host field, or its value is not a host (RFC 9112 3.2).
    Host,
    /// Content-Length is not one number, or differs from the body's length.
    ContentLength,
    /// Transfer-Encoding is not `chunked`, or stands beside Content-Length.
    TransferEncoding,
    /// Expect is not `100-continue`, the only defined expectation (RFC 9110 10.1.1).
    Expect,
    /// TE lists `chunked` (RFC 9112 7.4).
    Te,
    /// The method (CONNECT, TRACE) does not allow a body.
    Body,
    /// A TRACE request carries credentials or cookies (RFC 9110 9.3.8).
    Sensitive,
    /// A user name holds a colon, or a user name or password holds a control byte (RFC 7617 2).
    Credentials,
    /// The zone id of the URL's IPv6 address is empty, longer than 64 bytes, or holds a character
    /// other than letters, digits, `-`, `.`, `_` and `~` (RFC 6874).
    Zone,
    /// A field for a proxy frames the message or is about the connection, so it cannot be added.
    ProxyField {
        /// The field's name.
        name: FieldLabel,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { at } => write!(
                f,
                "the method is empty or not a token: it needs letters and digits (see byte {at})"
            ),
            Self::UrlByte { at } => write!(
                f,
                "the URL has a control byte or a space at byte {at}: write it percent-encoded"
            ),
            Self::UrlScheme => {
                f.write_str("the URL has no scheme: it must begin with http:// or https://")
            }
            Self::UrlSlashes => f.write_str(
                "the URL needs two slashes between its scheme and its host: http://host",
            ),
            Self::UrlHost => {
                f.write_str("the URL has no host, or one that is neither a name nor an address")
            }
            Self::Zone => f.write_str(
                "the zone id in the URL's IPv6 address must be the name or the number of an \
                 interface, as in http://[fe80::1%25eth0]/",
            ),
            Self::UrlPort => f.write_str("the URL's port is not a number from 0 to 65535"),
            Self::Url => f.write_str("the URL cannot be parsed"),
            Self::Scheme => f.write_str("the URL's scheme is neither http nor https"),
            Self::Target { at } => write!(
                f,
                "the request target cannot be sent as it is: it must begin with a slash and have \
                 no space, control byte, # or byte beyond ASCII (see byte {at})"
            ),
            Self::OtherHost => f.write_str(
                "the URL names another scheme, host or port than the pool, which sends to its own \
                 alone: use a PoolManager, or assert_same_host(false)",
            ),
            Self::TwoBodies => f.write_str(
                "the request has two bodies: give it bytes, fields or JSON, and not two of them",
            ),
            Self::FieldName { name, .. } if name.is_empty() => {
                f.write_str("a field has an empty name")
            }
            Self::FieldName { name, at } => {
                write!(f, "the field name \"{name}\" is not a token: see its byte {at}")
            }
            Self::FieldValue { name, at } => {
                write!(f, "the value of the field {name} has a control byte at byte {at}")
            }
            Self::ProxyField { name } => write!(
                f,
                "the field {name} cannot be added for a proxy: it frames the message, or is about \
                 the connection"
            ),
            Self::Host => f.write_str("the field Host must be given once at most, and be a host"),
            Self::ContentLength => f.write_str(
                "the field Content-Length must be given once at most, and be the body's length",
            ),
            Self::TransferEncoding => f.write_str(
                "the field Transfer-Encoding can only be chunked, and not go with Content-Length",
            ),
            Self::Expect => {
                f.write_str("the field Expect must be 100-continue: no other value is defined")
            }
            Self::Te => f.write_str(
                "the field TE must not name chunked, which is always understood: leave it away",
            ),
            Self::Body => f.write_str("a request with this method cannot have a body"),
            Self::Sensitive => f.write_str("a TRACE request must not carry credentials or cookies"),
            Self::Credentials => f.write_str(
                "a user name must not hold a colon, and neither it nor a password a control byte",
            ),
        }
    }
}

impl core::error::Error for RequestError {}

/// The name of a field in an error. Errors are `Copy`, so a long name is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldLabel {
    bytes: [u8; Self::BYTES_MAX],
    /// The length of the whole name, at most 255.
    len: u8,
}

impl FieldLabel {
    /// The number of bytes of a name that are kept.
    pub const BYTES_MAX: usize = 31;

    pub(crate) fn new(name: &str) -> Self {
        let mut label = Self { bytes: [0; Self::BYTES_MAX], len: 0 };
        label.bytes.iter_mut().zip(name.bytes()).for_each(|(to, byte)| *to = byte);
        label.len = u8::try_from(name.len()).unwrap_or(u8::MAX);
        label
    }

    /// Returns whether the name is empty.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Escapes bytes that are not printable ASCII. Appends `...` to a name that was cut off.
impl fmt::Display for FieldLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = usize::from(self.len);
        write!(f, "{}", self.bytes.get(..len).unwrap_or(&self.bytes).escape_ascii())?;
        if len > Self::BYTES_MAX { f.write_str("...") } else { Ok(()) }
    }
}

impl fmt::Debug for FieldLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_bad_field_is_named() {
        let name = FieldLabel::new("Bad Name\n");
        let text = RequestError::FieldName { name, at: 3 }.to_string();
        assert_eq!(text, "the field name \"Bad Name\\n\" is not a token: see its byte 3");
        let text = RequestError::FieldName { name: FieldLabel::new(""), at: 0 }.to_string();
        assert_eq!(text, "a field has an empty name");
        let value = RequestError::FieldValue { name: FieldLabel::new("X-A"), at: 1 };
        assert_eq!(value.to_string(), "the value of the field X-A has a control byte at byte 1");
        let whole = "a".repeat(FieldLabel::BYTES_MAX);
        assert_eq!(FieldLabel::new(&whole).to_string(), whole);
        for more in [1, 1_000] {
            let long = FieldLabel::new(&(whole.clone() + &"b".repeat(more)));
            assert_eq!(long.to_string(), whole.clone() + "...");
        }
        assert!(size_of::<RequestError>() <= 48);
    }
}
