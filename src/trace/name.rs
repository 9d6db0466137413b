//! Writes and parses values that have a name for each variant.

use alloc::format;
use core::fmt;

use super::{Redaction, Value};
use crate::{
    content::{Coding, DecodeError, DecodeErrorKind},
    error::{BodyUnusable, Denied, DialError, IoKind, ResolveKind, TlsKind, Unavailable},
    h1::Eof,
    message::HopKind,
    time::Deadline,
};

/// Writes an error by the name of its variant: `Dial(Connect(Refused))`. The names are part of the
/// crate's interface; the words of `Display` are not.
macro_rules! names {
    ($type:ident: $($unit:ident),+ $(; $($nested:ident),+)?) => {
        impl Value for $type {
            fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self:?}")
            }

            fn read(word: &str) -> Option<Self> {
                match word {
                    $(stringify!($unit) => return Some(Self::$unit),)+
                    _ => {}
                }
                let (name, inside) = word.strip_suffix(')')?.split_once('(')?;
                match (name, inside) {
                    $($((stringify!($nested), why) => Value::read(why).map(Self::$nested),)+)?
                    _ => None,
                }
            }
        }
    };
}

names!(IoKind: Refused, Reset, Unreachable, Eof, TimedOut, Exhausted, Other);
names!(ResolveKind: NotFound, Busy, Panicked, Exhausted, Zone);
names!(TlsKind: Expired, NotYetValid, Name, Issuer, Revoked, Purpose, Chain, Signature, Pin,
    ClientCertificateRequired, ClientCertificateRefused, Version, Parameters, Alpn, PlainHttp,
    NotTls, Protocol, Config, Unavailable; Alert, Lost);
names!(DialError: Name, Family, ProxyProtocol, ProxyCredentials;
    Resolve, Connect, ProxyLost, ProxyRefused, Tls, Timeout, Denied, ProxyLogin, ProxyTls);
names!(DecodeErrorKind: TooManyCodings, Header, Data, Checksum, Length, Trailing, Truncated,
    Dictionary, Window, Memory, TooLong, Ratio);
names!(Unavailable: LineFull, KeyLineFull, RetryBudget, Closed, Spent; Dial);

/// Writes `127.0.0.1/8`, `ProxiedName` or `UnixSocket`.
impl Value for Denied {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }

    fn read(word: &str) -> Option<Self> {
        match word {
            "ProxiedName" => return Some(Self::ProxiedName),
            "UnixSocket" => return Some(Self::UnixSocket),
            _ => {}
        }
        let (addr, bits) = word.split_once('/')?;
        Some(Self::Address { addr: addr.parse().ok()?, bits: Value::read(bits)? })
    }
}

/// Writes each variant as a word.
macro_rules! words {
    ($type:ident: $($variant:ident $word:literal),+ $(,)?) => {
        impl $crate::trace::Value for $type {
            fn write(
                &self,
                _: &$crate::trace::Redaction,
                f: &mut core::fmt::Formatter<'_>,
            ) -> core::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)+
                })
            }

            fn read(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use words;

/// Writes `clean`, `broken`, or `tls+Expired`.
impl Value for Eof {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("clean"),
            Self::Broken => f.write_str("broken"),
            Self::Tls(why) => {
                f.write_str("tls+")?;
                why.write(redaction, f)
            }
        }
    }

    fn read(word: &str) -> Option<Self> {
        match word {
            "clean" => Some(Self::Clean),
            "broken" => Some(Self::Broken),
            _ => Value::read(word.strip_prefix("tls+")?).map(Self::Tls),
        }
    }
}

words!(HopKind: Connect "connect", Socks4 "socks4", Socks4a "socks4a", Socks5 "socks5",
    Socks5h "socks5h");

words!(Coding: Gzip "gzip", Deflate "deflate", Brotli "br", Zstd "zstd");

/// Writes `gzip+Data+12`: the coding, the kind of error and its place; or
/// `too-long+1000`: the limit; or `reader`.
impl Value for BodyUnusable {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(DecodeError { coding, kind, at }) => {
                coding.write(redaction, f)?;
                write!(f, "+{kind:?}+{at}")
            }
            Self::TooLong { max } => write!(f, "too-long+{max}"),
            Self::Reader => f.write_str("reader"),
        }
    }

    fn read(word: &str) -> Option<Self> {
        if word == "reader" {
            return Some(Self::Reader);
        }
        let (first, rest) = word.split_once('+')?;
        if first == "too-long" {
            return Some(Self::TooLong { max: Value::read(rest)? });
        }
        let (kind, at) = rest.split_once('+')?;
        let (coding, kind) = (Value::read(first)?, Value::read(kind)?);
        Some(Self::Decode(DecodeError::new(coding, kind, Value::read(at)?)))
    }
}

/// Writes the name of the variant, as it stands in an error: `FirstByte`.
impl Value for Deadline {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| format!("{which:?}") == word)
    }
}

/// A deadline that has passed: `first-byte`.
pub(crate) struct Passed(pub(crate) Deadline);

impl Value for Passed {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }

    fn read(word: &str) -> Option<Self> {
        Deadline::ALL.into_iter().find(|which| which.name() == word).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Written<'a, V>(&'a V);

    impl<V: Value> fmt::Display for Written<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(&Redaction::none(), f)
        }
    }

    #[test]
    fn every_kind_of_tls_failure_comes_back() {
        for why in [
            TlsKind::Expired,
            TlsKind::NotYetValid,
            TlsKind::Name,
            TlsKind::Issuer,
            TlsKind::Revoked,
            TlsKind::Purpose,
            TlsKind::Chain,
            TlsKind::Signature,
            TlsKind::Pin,
            TlsKind::ClientCertificateRequired,
            TlsKind::ClientCertificateRefused,
            TlsKind::Version,
            TlsKind::Parameters,
            TlsKind::Alpn,
            TlsKind::Alert(0),
            TlsKind::Alert(255),
            TlsKind::PlainHttp,
            TlsKind::NotTls,
            TlsKind::Protocol,
            TlsKind::Config,
            TlsKind::Unavailable,
            TlsKind::Lost(IoKind::Eof),
        ] {
            assert_eq!(TlsKind::read(&format!("{why:?}")), Some(why));
        }
        for bad in ["", "Certificate", "Alert", "Alert()", "Alert(256)", "Alert(x)", "Lost"] {
            assert_eq!(TlsKind::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn reasons_come_back() {
        for why in [
            DialError::Name,
            DialError::Family,
            DialError::Resolve(ResolveKind::Busy),
            DialError::Resolve(ResolveKind::Panicked),
            DialError::Resolve(ResolveKind::Exhausted),
            DialError::Resolve(ResolveKind::Zone),
            DialError::Connect(IoKind::Refused),
            DialError::ProxyLost(IoKind::Exhausted),
            DialError::ProxyRefused(403),
            DialError::ProxyLogin(407),
            DialError::ProxyProtocol,
            DialError::ProxyCredentials,
            DialError::Tls(TlsKind::Lost(IoKind::Eof)),
            DialError::Tls(TlsKind::Pin),
            DialError::ProxyTls(TlsKind::Issuer),
            DialError::Tls(TlsKind::Alert(80)),
            DialError::Timeout(Deadline::Connect),
            DialError::Timeout(Deadline::Resolver),
        ] {
            let why = Unavailable::Dial(why);
            assert_eq!(Value::read(&format!("{why:?}")), Some(why));
        }
        for why in [
            Unavailable::LineFull,
            Unavailable::KeyLineFull,
            Unavailable::RetryBudget,
            Unavailable::Closed,
            Unavailable::Spent,
        ] {
            assert_eq!(Value::read(&format!("{why:?}")), Some(why));
        }
        for bad in [
            "",
            "Dial",
            "Dial()",
            "Closed()",
            "Dial(Connect(Refused)",
            "Dial(ProxyRefused(x))",
            "closed",
        ] {
            assert_eq!(Unavailable::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn reasons_why_a_body_cannot_be_used_come_back() {
        for (word, why) in [
            ("too-long+0", BodyUnusable::TooLong { max: 0 }),
            ("reader", BodyUnusable::Reader),
            (
                "br+Data+12",
                BodyUnusable::Decode(DecodeError::new(
                    Some(Coding::Brotli),
                    DecodeErrorKind::Data,
                    12,
                )),
            ),
            (
                "none+TooManyCodings+0",
                BodyUnusable::Decode(DecodeError::new(None, DecodeErrorKind::TooManyCodings, 0)),
            ),
        ] {
            assert_eq!(BodyUnusable::read(word), Some(why));
            assert_eq!(format!("{}", Written(&why)), word);
        }
        for bad in ["", "too-long", "too-long+x", "gzip+Data", "gzip+data+1", "lzw+Data+1"] {
            assert_eq!(BodyUnusable::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn deadlines_come_back() {
        for which in Deadline::ALL {
            assert_eq!(Value::read(&format!("{which:?}")), Some(which));
            assert_eq!(Passed::read(which.name()).map(|passed| passed.0), Some(which));
        }
        assert!(Passed::read("FirstByte").is_none());
    }
}
