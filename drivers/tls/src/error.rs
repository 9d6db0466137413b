//! The failures of sessions: their kinds, and the details that a person can act on.

use core::{error::Error, fmt};
use std::sync::Arc;

use httpool::error::{IoKind, TlsKind};
use httpool_kit::LayerError;
use rustls::{
    AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible,
    PeerMisbehaved,
};

use crate::der;

/// The details of a failure of TLS: the `source()` of a [`LayerError`], which has its kind.
///
/// `Display` is a sentence that says what was found, and where it helps, what to do. The error of
/// rustls, if it has one, is its own `source()`.
#[derive(Debug, Clone)]
pub struct TlsError {
    detail: Detail,
    source: Option<rustls::Error>,
}

/// The details of a TLS failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// The certificate expired at `not_after`. Both times are in seconds since 1970.
    Expired {
        /// The end of the certificate's validity.
        not_after: i64,
        /// The time by this system's clock.
        now: i64,
    },
    /// The certificate is not valid before `not_before`. Both times are in seconds since 1970.
    NotYetValid {
        /// The begin of the certificate's validity.
        not_before: i64,
        /// The time by this system's clock.
        now: i64,
    },
    /// The certificate is for other names.
    Name {
        /// The name that was asked for.
        expected: String,
        /// The subject alternative names of the certificate. Its common name does not count.
        presented: Vec<String>,
    },
    /// No trusted authority issued the certificate.
    Issuer {
        /// The issuer that the certificate names, if it can be read.
        issuer: Option<String>,
        /// The number of certificates that the server sent behind its own.
        intermediates: usize,
        /// Whether the certificate names itself as its issuer.
        self_signed: bool,
        /// Whether a certificate that the user listed has the same subject, but another key. The
        /// server's may be its renewal.
        renewed: bool,
    },
    /// The fingerprint of the certificate is another one. Both are in hexadecimal.
    Pin {
        /// The fingerprint configured.
        expected: String,
        /// The fingerprint of the server's certificate.
        found: String,
    },
    /// Anything else.
    Text(String),
}

impl TlsError {
    /// Returns the details: dates, names or fingerprints that a program can show.
    pub const fn detail(&self) -> &Detail {
        &self.detail
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.detail, f)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { not_after, now } => write!(
                f,
                "a certificate of the server expired at {}, and this system's clock shows {}",
                der::date(*not_after),
                der::date(*now)
            ),
            Self::NotYetValid { not_before, now } => write!(
                f,
                "a certificate of the server is valid from {} on, and this system's clock shows {}",
                der::date(*not_before),
                der::date(*now)
            ),
            Self::Name { expected, presented } if presented.is_empty() => write!(
                f,
                "the certificate is not for {expected}: it has no subject alternative name"
            ),
            Self::Name { expected, presented } => {
                write!(f, "the certificate is not for {expected}, but for {}", presented.join(", "))
            }
            Self::Issuer { self_signed: true, renewed: true, .. } => f.write_str(
                "the server's certificate is self-signed and not among the trusted ones: the \
                 trusted certificate of the same name has another key. If the server's was renewed, \
                 add the new one to the trusted certificates",
            ),
            Self::Issuer { self_signed: true, .. } => f.write_str(
                "the server's certificate is self-signed and not among the trusted ones: \
                 if it is the right one, add it to the trusted certificates",
            ),
            Self::Issuer { issuer, intermediates, .. } => {
                f.write_str("the server's certificate was issued by ")?;
                match issuer {
                    Some(issuer) => write!(f, "\"{issuer}\"")?,
                    None => f.write_str("an authority without a name")?,
                }
                f.write_str(", which leads to no trusted authority; ")?;
                match intermediates {
                    0 => f.write_str(
                        "the server sent no intermediate certificate: either it must send one, or \
                         that authority must be added to the trusted ones",
                    ),
                    1 => f.write_str(
                        "the server sent 1 more certificate: add the authority to the trusted ones \
                         if it is the right one",
                    ),
                    more => write!(
                        f,
                        "the server sent {more} more certificates: add the authority to the \
                         trusted ones if it is the right one"
                    ),
                }
            }
            Self::Pin { expected, found } => write!(
                f,
                "the fingerprint of the server's certificate is {found}, and {expected} is demanded"
            ),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The facts known about a session that fails.
#[derive(Debug, Default)]
pub(crate) struct Context<'a> {
    /// The first bytes of the peer, if it is they that were refused.
    pub(crate) first_bytes: Option<&'a [u8]>,
    /// The version is TLS 1.2, and the client has answered the server's hello.
    pub(crate) answered_1_2: bool,
    /// The configuration has a certificate of the client.
    pub(crate) certificate_sent: bool,
}

/// Makes a failure that is not one of rustls.
pub(crate) fn own(kind: TlsKind, text: impl Into<String>) -> LayerError {
    LayerError::with_source(kind, TlsError { detail: Detail::Text(text.into()), source: None })
}

/// Sorts an error of rustls.
pub(crate) fn of_rustls(why: rustls::Error, context: &Context<'_>) -> LayerError {
    use rustls::Error as E;
    let (kind, detail) = match &why {
        E::InvalidCertificate(why) => of_certificate(why),
        E::InvalidCertRevocationList(why) => {
            (TlsKind::Revoked, text(format!("a revocation list cannot be used: {why:?}")))
        }
        E::NoCertificatesPresented => (TlsKind::Chain, text("the server sent no certificate")),
        E::AlertReceived(alert) => of_alert(*alert, context),
        E::InvalidMessage(why) => of_message(why, context),
        E::PeerIncompatible(why) => of_incompatible(why),
        E::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => (
            TlsKind::Alpn,
            text("the server chose an application protocol other than the http/1.1 offered"),
        ),
        E::NoApplicationProtocol => {
            (TlsKind::Alpn, text("the peers have no application protocol in common"))
        }
        E::DecryptError => (
            TlsKind::Protocol,
            text(
                "a record cannot be decrypted: it was altered on the way, or is from another peer",
            ),
        ),
        E::PeerSentOversizedRecord => {
            (TlsKind::Protocol, text("the server sent a record of more than 16,384 bytes"))
        }
        E::UnsupportedNameType
        | E::General(_)
        | E::FailedToGetCurrentTime
        | E::FailedToGetRandomBytes
        | E::HandshakeNotComplete
        | E::BadMaxFragmentSize
        | E::InconsistentKeys(_)
        | E::InvalidEncryptedClientHello(_)
        | E::Other(_) => (TlsKind::Config, text(format!("no session can be begun: {why}"))),
        _ => (TlsKind::Protocol, text(format!("the server violated TLS: {why}"))),
    };
    LayerError::with_source(kind, TlsError { detail, source: Some(why) })
}

fn text(text: impl Into<String>) -> Detail {
    Detail::Text(text.into())
}

fn of_certificate(why: &CertificateError) -> (TlsKind, Detail) {
    use CertificateError as C;
    let seconds =
        |time: &rustls::pki_types::UnixTime| time.as_secs().try_into().unwrap_or(i64::MAX);
    match why {
        C::Expired => (TlsKind::Expired, text("a certificate of the server has no valid time")),
        C::ExpiredContext { time, not_after } => (
            TlsKind::Expired,
            Detail::Expired { not_after: seconds(not_after), now: seconds(time) },
        ),
        C::NotValidYet => {
            (TlsKind::NotYetValid, text("a certificate of the server is not valid yet"))
        }
        C::NotValidYetContext { time, not_before } => (
            TlsKind::NotYetValid,
            Detail::NotYetValid { not_before: seconds(not_before), now: seconds(time) },
        ),
        C::NotValidForName => (TlsKind::Name, text("the certificate is for other names")),
        C::NotValidForNameContext { expected, presented } => (
            TlsKind::Name,
            Detail::Name {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
        ),
        C::UnknownIssuer => {
            (TlsKind::Issuer, text("no trusted authority issued the server's certificate"))
        }
        C::Revoked => (TlsKind::Revoked, text("a certificate of the server was revoked")),
        C::UnknownRevocationStatus
        | C::ExpiredRevocationList
        | C::ExpiredRevocationListContext { .. }
        | C::InvalidOcspResponse => {
            (TlsKind::Revoked, text(format!("it is not known whether it was revoked: {why}")))
        }
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => (
            TlsKind::Purpose,
            text(
                "the extended key usage of the server's certificates does not allow them to \
                 authenticate servers",
            ),
        ),
        C::BadSignature => (
            TlsKind::Signature,
            text(
                "a signature is damaged, made by an RSA key of less than 2,048 bits, or made by \
                 another key than the trusted authority of that name has",
            ),
        ),
        C::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. }
        | C::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: id, ..
        } => (TlsKind::Signature, text(algorithm(id))),
        C::Other(other) => match other.0.downcast_ref::<Refusal>() {
            Some(refusal) => (refusal.kind(), refusal.detail()),
            None => match other.0.downcast_ref::<webpki::Error>() {
                Some(why) => of_webpki(why),
                None => (TlsKind::Chain, text(format!("the certificate was refused: {}", other.0))),
            },
        },
        C::BadEncoding => (TlsKind::Chain, text("a certificate of the server is malformed")),
        C::UnhandledCriticalExtension => {
            (TlsKind::Chain, text("a certificate has a critical extension that is not known"))
        }
        _ => (TlsKind::Chain, text(format!("the certificate was refused: {why}"))),
    }
}

fn of_webpki(why: &webpki::Error) -> (TlsKind, Detail) {
    use webpki::Error as W;
    let said = match why {
        W::SignatureAlgorithmMismatch => {
            let said = "a certificate names two different signature algorithms";
            return (TlsKind::Signature, text(said));
        }
        W::EmptyEkuExtension => {
            return (TlsKind::Purpose, text("a certificate has an empty extended key usage"));
        }
        W::CaUsedAsEndEntity => {
            "the certificate of an authority is used as that of a server (its basic constraints \
             say CA:TRUE)"
        }
        W::EndEntityUsedAsCa => {
            "a certificate that is not one of an authority was used to issue another"
        }
        W::NameConstraintViolation => {
            "the name constraints of an authority forbid the server's name"
        }
        W::PathLenConstraintViolated => "more authorities follow one than its path length allows",
        W::UnsupportedCertVersion => "a certificate is not of version 3",
        W::UnsupportedCriticalExtension => {
            "a certificate has a critical extension that is not known"
        }
        W::MaximumPathDepthExceeded
        | W::MaximumSignatureChecksExceeded
        | W::MaximumPathBuildCallsExceeded
        | W::MaximumNameConstraintComparisonsExceeded => {
            "the chain of certificates takes too many steps to check"
        }
        _ => return (TlsKind::Chain, text(format!("a certificate breaks a rule: {why}"))),
    };
    (TlsKind::Chain, text(said))
}

/// Returns a name of a certificate as it is written in a URL. rustls gives `DnsName("a.test")`.
fn plain_name(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    let name: String = inside.trim_matches('"').chars().filter(|c| !c.is_control()).collect();
    // Addresses come as `192.0.2.1` or as bytes; both can be read.
    name.chars().take(260).collect()
}

/// Returns a sentence about a signature algorithm, whose identifier is in DER.
fn algorithm(id: &[u8]) -> String {
    const SHA1_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
    const MD5_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4];
    const SHA1_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
    let has = |oid: &[u8]| id.windows(oid.len()).any(|part| part == oid);
    if has(SHA1_RSA) || has(SHA1_ECDSA) {
        "a certificate is signed with SHA-1, which is too weak".to_owned()
    } else if has(MD5_RSA) {
        "a certificate is signed with MD5, which is too weak".to_owned()
    } else {
        let id: String = id.iter().take(40).map(|byte| format!("{byte:02x}")).collect();
        format!("a signature uses an algorithm that is not supported (its identifier is {id})")
    }
}

fn of_alert(alert: AlertDescription, context: &Context<'_>) -> (TlsKind, Detail) {
    use AlertDescription as A;
    let number = u8::from(alert);
    let name = format!("the server sent the alert {alert:?}");
    let certificate = match context.certificate_sent {
        true => TlsKind::ClientCertificateRefused,
        false => TlsKind::ClientCertificateRequired,
    };
    let (kind, advice) = match alert {
        A::CertificateRequired | A::NoCertificate => (
            TlsKind::ClientCertificateRequired,
            match context.certificate_sent {
                true => "the client certificate configured fits none that it accepts",
                false => "configure a client certificate and its key",
            },
        ),
        // In TLS 1.2 a server that misses the client's certificate says no more than this. TLS 1.3
        // has alerts of its own for that.
        A::HandshakeFailure if context.answered_1_2 => (
            certificate,
            match context.certificate_sent {
                true => {
                    "after the client's answer, so it most likely refuses the client certificate"
                }
                false => {
                    "after the client's answer, so it most likely demands a client certificate"
                }
            },
        ),
        A::HandshakeFailure | A::InsufficientSecurity => (
            TlsKind::Parameters,
            "it accepts none of the cipher suites, groups and signature algorithms offered",
        ),
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA => (certificate, "about the client certificate"),
        A::AccessDenied if context.certificate_sent => {
            (certificate, "it knows the client certificate, and allows it nothing")
        }
        A::ProtocolVersion | A::InappropriateFallback => (
            TlsKind::Version,
            "it accepts none of the versions offered (TLS 1.2 and TLS 1.3 exist)",
        ),
        A::CloseNotify => (TlsKind::Lost(IoKind::Eof), "it closed the session in the handshake"),
        A::UnrecognisedName => (TlsKind::Name, "it does not serve this name"),
        A::NoApplicationProtocol => (TlsKind::Alpn, "it does not serve http/1.1"),
        _ => (TlsKind::Alert(number), ""),
    };
    let colon = if advice.is_empty() { "" } else { ": " };
    (kind, text(format!("{name}{colon}{advice}")))
}

fn of_message(why: &InvalidMessage, context: &Context<'_>) -> (TlsKind, Detail) {
    let Some(first) = context.first_bytes else {
        return (TlsKind::Protocol, text(format!("the server sent a malformed message: {why:?}")));
    };
    if first.starts_with(b"HTTP/") {
        let said =
            "the server answered in HTTP without TLS: the URL may need http:// or another port";
        return (TlsKind::PlainHttp, text(said));
    }
    // The bytes of the type and the version of a record (RFC 8446 section 5.1).
    if matches!(first, [20..=24, 3, ..] | []) {
        return (TlsKind::Protocol, text(format!("the server sent a malformed message: {why:?}")));
    }
    let start = first[..first.len().min(16)].escape_ascii();
    (TlsKind::NotTls, text(format!("the server's first bytes are not TLS: \"{start}\"")))
}

fn of_incompatible(why: &PeerIncompatible) -> (TlsKind, Detail) {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => (
            TlsKind::Version,
            text("the server chose a version of TLS that is too old, or that the settings exclude"),
        ),
        _ => (TlsKind::Parameters, text(format!("nothing in common with the server: {why:?}"))),
    }
}

/// The reason why the [verifier](crate::verify::Verifier) refuses a certificate. rustls's error
/// holds it.
#[derive(Debug)]
pub(crate) enum Refusal {
    Issuer(Detail),
    Pin(Detail),
}

impl Refusal {
    pub(crate) const fn kind(&self) -> TlsKind {
        match self {
            Self::Issuer(_) => TlsKind::Issuer,
            Self::Pin(_) => TlsKind::Pin,
        }
    }

    pub(crate) fn detail(&self) -> Detail {
        match self {
            Self::Issuer(detail) | Self::Pin(detail) => detail.clone(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.detail(), f)
    }
}

impl Error for Refusal {}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> Self {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}
