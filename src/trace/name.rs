//! Writes and parses the names of errors in recorded events.

use core::fmt;

use crate::{
    error::{DialError, IoKind, ResolveKind, TlsKind, Unavailable},
    time::Deadline,
};

/// Writes an error by the name of its variant. The names are part of the crate's interface; the
/// words of `Display` are not.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: fmt::Debug> fmt::Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

pub(crate) fn parse_io_kind(text: &str) -> Option<IoKind> {
    Some(match text {
        "Refused" => IoKind::Refused,
        "Reset" => IoKind::Reset,
        "Unreachable" => IoKind::Unreachable,
        "Eof" => IoKind::Eof,
        "TimedOut" => IoKind::TimedOut,
        "Exhausted" => IoKind::Exhausted,
        "Other" => IoKind::Other,
        _ => return None,
    })
}

pub(crate) fn parse_tls_kind(text: &str) -> Option<TlsKind> {
    Some(match text {
        "Expired" => TlsKind::Expired,
        "NotYetValid" => TlsKind::NotYetValid,
        "Name" => TlsKind::Name,
        "Issuer" => TlsKind::Issuer,
        "Revoked" => TlsKind::Revoked,
        "Purpose" => TlsKind::Purpose,
        "Chain" => TlsKind::Chain,
        "Signature" => TlsKind::Signature,
        "Pin" => TlsKind::Pin,
        "ClientCertificateRequired" => TlsKind::ClientCertificateRequired,
        "ClientCertificateRefused" => TlsKind::ClientCertificateRefused,
        "Version" => TlsKind::Version,
        "Parameters" => TlsKind::Parameters,
        "Alpn" => TlsKind::Alpn,
        "PlainHttp" => TlsKind::PlainHttp,
        "NotTls" => TlsKind::NotTls,
        "Protocol" => TlsKind::Protocol,
        "Config" => TlsKind::Config,
        "Unavailable" => TlsKind::Unavailable,
        _ => match inside(text, "Alert") {
            Some(number) => TlsKind::Alert(number.parse().ok()?),
            None => TlsKind::Lost(parse_io_kind(inside(text, "Lost")?)?),
        },
    })
}

pub(crate) fn parse_resolve_kind(text: &str) -> Option<ResolveKind> {
    Some(match text {
        "Busy" => ResolveKind::Busy,
        "Panicked" => ResolveKind::Panicked,
        "Exhausted" => ResolveKind::Exhausted,
        "Zone" => ResolveKind::Zone,
        _ => return None,
    })
}

pub(crate) fn parse_dial_error(text: &str) -> Option<DialError> {
    let (name, inside) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, inside)) => (name, Some(inside)),
        None => (text, None),
    };
    Some(match (name, inside) {
        ("Name", None) => DialError::Name,
        ("ProxyProtocol", None) => DialError::ProxyProtocol,
        ("ProxyCredentials", None) => DialError::ProxyCredentials,
        ("Resolve", Some(why)) => DialError::Resolve(parse_resolve_kind(why)?),
        ("Connect", Some(why)) => DialError::Connect(parse_io_kind(why)?),
        ("ProxyLost", Some(why)) => DialError::ProxyLost(parse_io_kind(why)?),
        ("ProxyRefused", Some(status)) => DialError::ProxyRefused(status.parse().ok()?),
        ("Tls", Some(why)) => DialError::Tls(parse_tls_kind(why)?),
        ("Timeout", Some(which)) => DialError::Timeout(parse_deadline(which)?),
        _ => return None,
    })
}

pub(crate) fn parse_unavailable(text: &str) -> Option<Unavailable> {
    Some(match text {
        "LineFull" => Unavailable::LineFull,
        "KeyLineFull" => Unavailable::KeyLineFull,
        "RetryBudget" => Unavailable::RetryBudget,
        "Closed" => Unavailable::Closed,
        "Spent" => Unavailable::Spent,
        _ => Unavailable::Dial(parse_dial_error(inside(text, "Dial")?)?),
    })
}

fn parse_deadline(text: &str) -> Option<Deadline> {
    Some(match text {
        "Resolve" => Deadline::Resolve,
        "Resolver" => Deadline::Resolver,
        "Connect" => Deadline::Connect,
        "Tls" => Deadline::Tls,
        "Queue" => Deadline::Queue,
        "Write" => Deadline::Write,
        "FirstByte" => Deadline::FirstByte,
        "Stall" => Deadline::Stall,
        "Continue" => Deadline::Continue,
        "Backoff" => Deadline::Backoff,
        "Total" => Deadline::Total,
        "Rate" => Deadline::Rate,
        "Drain" => Deadline::Drain,
        _ => return None,
    })
}

/// Returns `x` from `name(x)`.
fn inside<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

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
            assert_eq!(parse_tls_kind(&Named(why).to_string()), Some(why));
        }
        for bad in ["", "Certificate", "Alert", "Alert()", "Alert(256)", "Alert(x)", "Lost"] {
            assert_eq!(parse_tls_kind(bad), None, "{bad}");
        }
    }

    #[test]
    fn reasons_come_back() {
        for why in [
            DialError::Name,
            DialError::Resolve(ResolveKind::Busy),
            DialError::Resolve(ResolveKind::Panicked),
            DialError::Resolve(ResolveKind::Exhausted),
            DialError::Resolve(ResolveKind::Zone),
            DialError::Connect(IoKind::Refused),
            DialError::ProxyLost(IoKind::Exhausted),
            DialError::ProxyRefused(407),
            DialError::ProxyProtocol,
            DialError::ProxyCredentials,
            DialError::Tls(TlsKind::Lost(IoKind::Eof)),
            DialError::Tls(TlsKind::Pin),
            DialError::Tls(TlsKind::Alert(80)),
            DialError::Timeout(Deadline::Connect),
            DialError::Timeout(Deadline::Resolver),
        ] {
            let why = Unavailable::Dial(why);
            assert_eq!(parse_unavailable(&Named(why).to_string()), Some(why));
        }
        for why in [
            Unavailable::LineFull,
            Unavailable::KeyLineFull,
            Unavailable::RetryBudget,
            Unavailable::Closed,
            Unavailable::Spent,
        ] {
            assert_eq!(parse_unavailable(&Named(why).to_string()), Some(why));
        }
        for bad in
            ["", "Dial", "Dial()", "Dial(Connect(Refused)", "Dial(ProxyRefused(x))", "closed"]
        {
            assert_eq!(parse_unavailable(bad), None, "{bad}");
        }
    }
}
