//! Reasons why no connection could be opened.

use core::{fmt, net::IpAddr};

use super::{Fault, IoKind};
use crate::{message::Network, time::Deadline};

/// The reason why no connection could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address.
    Name,
    /// The host has no address of the IP version that [`DialPolicy::families`] asks for. Never
    /// retried.
    ///
    /// [`DialPolicy::families`]: crate::dial::DialPolicy::families
    Family,
    /// The name could not be looked up.
    Resolve(ResolveKind),
    /// No address accepted the connection. Holds the failure of the last address tried.
    Connect(IoKind),
    /// The connection to the proxy was lost before the tunnel was established.
    ProxyLost(IoKind),
    /// The proxy refused the tunnel. Holds its HTTP status (RFC 9110 section 15), or the code of a
    /// SOCKS reply: 91 for SOCKS4, 1 and above for SOCKS5 (RFC 1928 section 6). The response of an
    /// HTTP proxy is in [`Dial::proxy_response`](crate::dial::Dial::proxy_response).
    ProxyRefused(u16),
    /// The proxy violated its protocol.
    ProxyProtocol,
    /// The proxy credentials cannot be encoded in the proxy's protocol: they are too long, or hold
    /// a byte that would end them early.
    ProxyCredentials,
    /// The TLS handshake with the origin failed.
    Tls(TlsKind),
    /// A deadline passed.
    Timeout(Deadline),
    /// The [`Guard`](crate::dial::Guard) does not allow it. Never retried.
    Denied(Denied),
    /// The proxy demands credentials, or refuses those that it was shown. Holds the HTTP status 407,
    /// or 401, with which some proxies refuse wrong credentials; for SOCKS5 the method 255, or the
    /// status with which it refused the password (RFC 1929 section 2); for SOCKS4 the reply 92 or
    /// 93. Never retried, because the proxy would refuse the same credentials again.
    ProxyLogin(u16),
    /// The TLS handshake with a proxy failed (urllib3: `ProxyError`). Which one it was,
    /// [`Call::failed_proxy`](crate::call::Call::failed_proxy) says.
    ProxyTls(TlsKind),
}

/// The thing that a [`Guard`](crate::dial::Guard) denies. Its `Debug` is short, because it stands in
/// recordings: `127.0.0.1/8`, `ProxiedName` or `UnixSocket`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// To dial an address, or to have a proxy dial it.
    Address {
        /// The address. An IPv6 address that stands for an IPv4 address is given as that.
        addr: IpAddr,
        /// The length of the prefix of the denied network, in bits.
        bits: u8,
    },
    /// To have a proxy look up a name, because its addresses cannot be judged.
    ProxiedName,
    /// To connect to a Unix domain socket: its peer is on this host.
    UnixSocket,
}

impl Denied {
    /// Returns the denied network.
    pub fn network(self) -> Option<Network> {
        match self {
            Self::Address { addr, bits } => Network::new(addr, bits),
            Self::ProxiedName | Self::UnixSocket => None,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.network()) {
            (Self::Address { addr, .. }, Some(network)) => write!(
                f,
                "the guard denies the address {addr}, which is in {network}: \
                 allow it with Guard::allow"
            ),
            (Self::UnixSocket, _) => f.write_str(
                "the guard denies Unix domain sockets: \
                 allow them with Guard::allow_unix_sockets",
            ),
            _ => f.write_str(
                "the guard denies names that a proxy looks up: \
                 allow them with Guard::allow_proxied_names",
            ),
        }
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { addr, bits } => write!(f, "{addr}/{bits}"),
            Self::ProxiedName => f.write_str("ProxiedName"),
            Self::UnixSocket => f.write_str("UnixSocket"),
        }
    }
}

impl core::error::Error for Denied {}

impl DialError {
    /// Returns whether file descriptors, ports or memory ran out. Closing another connection could
    /// then make the dial possible.
    pub(crate) const fn is_shortage(self) -> bool {
        matches!(self, Self::Connect(IoKind::Exhausted) | Self::Resolve(ResolveKind::Exhausted))
    }

    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Connect(IoKind::Exhausted) => Fault::Local,
            Self::Name | Self::Connect(_) | Self::ProxyLost(_) | Self::Timeout(_) => Fault::Network,
            Self::Resolve(ResolveKind::NotFound) => Fault::Network,
            Self::Resolve(ResolveKind::Zone) => Fault::Caller,
            Self::Resolve(ResolveKind::Busy | ResolveKind::Panicked | ResolveKind::Exhausted) => {
                Fault::Local
            }
            Self::ProxyRefused(_) | Self::ProxyProtocol => Fault::Peer,
            Self::Family | Self::ProxyCredentials | Self::ProxyLogin(_) | Self::Denied(_) => {
                Fault::Caller
            }
            Self::Tls(why) | Self::ProxyTls(why) => why.fault(),
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("no address was found for the host's name"),
            Self::Family => {
                f.write_str("the host has no address of the IP version that the policy asks for")
            }
            Self::Resolve(why) => write!(f, "the host's name was not looked up: {why}"),
            Self::Connect(why) => write!(f, "no connection could be opened: {why}"),
            Self::ProxyLost(why) => write!(f, "the connection to the proxy was lost: {why}"),
            Self::ProxyRefused(code) => {
                write!(f, "the proxy refused to open the tunnel, with {}", Code(*code))
            }
            Self::ProxyLogin(code) => write!(
                f,
                "the proxy demands credentials, or other ones than it was shown ({})",
                Code(*code)
            ),
            Self::ProxyProtocol => {
                f.write_str("the proxy's answer does not belong to its protocol")
            }
            Self::ProxyCredentials => f.write_str(
                "the credentials for the proxy cannot be sent to it: they are too long, \
                     or have a byte that its protocol does not allow",
            ),
            Self::Tls(why @ (TlsKind::Unavailable | TlsKind::Config)) => write!(f, "{why}"),
            Self::Tls(why) => write!(f, "the TLS handshake failed: {why}"),
            Self::ProxyTls(why) => write!(f, "the TLS handshake with the proxy failed: {why}"),
            Self::Timeout(which) => write!(f, "the {which} deadline passed"),
            Self::Denied(why) => write!(f, "{why}"),
        }
    }
}

impl core::error::Error for DialError {}

/// The status of an HTTP proxy, or the code of a SOCKS proxy with its meaning.
struct Code(u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self.0 {
            code @ 300.. => return write!(f, "the status {code}"),
            1 => "general failure",
            2 => "not allowed by its rules",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "time to live expired",
            7 => "command not supported",
            8 => "address type not supported",
            91 => "rejected or failed",
            92 => "it cannot reach identd on this host",
            93 => "identd names another user",
            255 => "no acceptable method",
            code => return write!(f, "the SOCKS code {code}"),
        };
        write!(f, "the SOCKS code {}: {meaning}", self.0)
    }
}

/// The reason why a look-up gave no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveKind {
    /// The name has no address, or does not exist. The dial fails with [`DialError::Name`].
    NotFound,
    /// No resolver thread is free, because too many look-ups hang.
    Busy,
    /// The resolver panicked.
    Panicked,
    /// The system has no file descriptor for the look-up. The name may have addresses.
    Exhausted,
    /// The zone id of the IPv6 address (RFC 4007 section 11) names no interface of this host. Never
    /// retried.
    Zone,
}

impl fmt::Display for ResolveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "it has no address",
            Self::Busy => "too many look-ups of other names hang",
            Self::Panicked => "the resolver panicked",
            Self::Exhausted => "this system has no descriptors or memory left",
            Self::Zone => "the address's zone id names no network interface of this host",
        })
    }
}

impl core::error::Error for ResolveKind {}

/// The kind of a TLS failure. It says who has to act, and on what. The driver's error has the
/// details, as the names that the certificate is for, in its `source()`.
///
/// A failure that the same handshake would meet again is never retried:
/// [`is_permanent`](Self::is_permanent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsKind {
    /// A certificate of the server has expired, or this system's clock is fast.
    Expired,
    /// A certificate of the server is not valid yet, or this system's clock is slow.
    NotYetValid,
    /// The server's certificate is for other names, or the server refused the name with the alert
    /// `unrecognized_name`.
    Name,
    /// No trusted authority issued the server's certificate.
    Issuer,
    /// A certificate of the server was revoked, or its state could not be determined.
    Revoked,
    /// The server's certificate is not allowed to be used by a server.
    Purpose,
    /// The server's certificates break a rule of RFC 5280: of path length, name constraints,
    /// certification authorities, encoding, versions or critical extensions.
    Chain,
    /// A signature of the server's certificates, or of its handshake, is damaged, or its algorithm
    /// or key is too weak.
    Signature,
    /// The certificate does not match the pinned one.
    Pin,
    /// The server demands a certificate of the client, and none was sent.
    ClientCertificateRequired,
    /// The server refused the certificate of the client.
    ClientCertificateRefused,
    /// The peers have no version of TLS in common.
    Version,
    /// The peers have no cipher suite, key exchange or signature algorithm in common.
    Parameters,
    /// The server chose an application protocol that was not offered, or refused the one that was
    /// (RFC 7301).
    Alpn,
    /// The server sent another alert. Holds its number (RFC 8446 section 6).
    Alert(u8),
    /// The server answered in HTTP without TLS.
    PlainHttp,
    /// The first bytes of the server are not TLS.
    NotTls,
    /// The peer violated TLS, or its bytes were altered on the way.
    Protocol,
    /// No session can be begun: the configuration, a file that it names, or the name of the server
    /// cannot be used.
    Config,
    /// The driver was built without TLS, so it cannot reach `https` URLs.
    Unavailable,
    /// The connection was lost during the handshake.
    Lost(IoKind),
}

impl TlsKind {
    /// Returns whether another attempt would fail in the same way, until the server, or the
    /// configuration of the client, is changed. Such a failure is never retried.
    ///
    /// An alert without a kind of its own, a violation of the protocol, and a lost connection can
    /// come from one server of several, or from the network.
    pub const fn is_permanent(self) -> bool {
        !matches!(self, Self::Alert(_) | Self::Protocol | Self::Lost(_))
    }

    /// Returns the name of an alert, as RFC 8446 section 6 and RFC 7301 spell it.
    const fn alert(number: u8) -> Option<&'static str> {
        Some(match number {
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }

    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Config => Fault::Caller,
            Self::Unavailable => Fault::Local,
            Self::Lost(_) => Fault::Network,
            Self::Expired
            | Self::NotYetValid
            | Self::Name
            | Self::Issuer
            | Self::Revoked
            | Self::Purpose
            | Self::Chain
            | Self::Signature
            | Self::Pin
            | Self::ClientCertificateRequired
            | Self::ClientCertificateRefused
            | Self::Version
            | Self::Parameters
            | Self::Alpn
            | Self::Alert(_)
            | Self::PlainHttp
            | Self::NotTls
            | Self::Protocol => Fault::Peer,
        }
    }
}

impl fmt::Display for TlsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the server's certificate has expired",
            Self::NotYetValid => "the server's certificate is not valid yet",
            Self::Name => "the server has no certificate for this name",
            Self::Issuer => "no trusted authority issued the server's certificate",
            Self::Revoked => "the server's certificate was revoked, or may have been",
            Self::Purpose => "the server's certificate is not meant for servers",
            Self::Chain => "the server's certificates break a rule",
            Self::Signature => "a signature of the server is damaged or too weak",
            Self::Pin => "the certificate does not match the pin",
            Self::ClientCertificateRequired => "the server demands a client certificate",
            Self::ClientCertificateRefused => "the server refused the client certificate",
            Self::Version => "the server has no version of TLS in common with this client",
            Self::Parameters => {
                "the server has no cipher suite, key exchange or signature algorithm in common \
                 with this client"
            }
            Self::Alpn => "the server does not speak HTTP/1.1 over TLS",
            Self::Alert(number) => {
                return match Self::alert(*number) {
                    Some(name) => write!(f, "the server sent the alert {name}"),
                    None => write!(f, "the server sent the alert {number}"),
                };
            }
            Self::PlainHttp => "the server answered in HTTP without TLS",
            Self::NotTls => "the server does not speak TLS",
            Self::Protocol => "the server violated TLS",
            Self::Config => "no TLS session can be begun with these settings and this name",
            Self::Unavailable => {
                "this driver was built without TLS: switch on its feature aws-lc-rs or ring to \
                 reach https URLs"
            }
            Self::Lost(why) => return write!(f, "{why}"),
        })
    }
}

impl core::error::Error for TlsKind {}
