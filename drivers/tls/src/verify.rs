//! The check of a server's certificate, with every option in one type.

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use crate::{
    der,
    error::{Detail, Refusal},
    fingerprint::Fingerprint,
};

/// Checks a server's certificate: its chain, then its fingerprint or its name. The signatures of
/// the handshake are always checked: without them the certificate proves nothing.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// The trusted authorities. `None`: no chain is checked.
    pub(crate) roots: Option<RootCertStore>,
    /// The certificates that the user listed. A server may use one of these itself.
    pub(crate) listed: Vec<CertificateDer<'static>>,
    pub(crate) name: NameCheck,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

/// The name that a certificate must have.
#[derive(Debug)]
pub(crate) enum NameCheck {
    /// The name that the session was begun with.
    Own,
    Other(ServerName<'static>),
    Off,
}

impl Verifier {
    /// Checks the chain, and accepts a certificate that the user listed as it is.
    fn check_chain(
        &self,
        roots: &RootCertStore,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let Err(why) = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            roots,
            intermediates,
            now,
            self.algorithms.all,
        ) else {
            return Ok(());
        };
        let is_authority = is_authority(&why);
        let bad_signature = why == Error::InvalidCertificate(CertificateError::BadSignature);
        let unknown_issuer = why == Error::InvalidCertificate(CertificateError::UnknownIssuer);
        if !(is_authority || bad_signature || unknown_issuer) {
            return Err(why);
        }
        let Some(parts) = der::Parts::read(certificate) else { return Err(why) };
        let renewed = self.lists_an_old_version_of(&parts);
        // The signature was checked with the key of the listed certificate.
        if bad_signature && !renewed {
            return Err(why);
        }
        if self.listed.iter().any(|listed| listed == certificate) {
            return check_listed(&parts, now);
        }
        // `openssl req -x509` makes such ones. That it is not trusted is what the user must know.
        if is_authority && !parts.is_self_issued() {
            return Err(why);
        }
        Err(Refusal::Issuer(Detail::Issuer {
            issuer: der::readable(parts.issuer),
            intermediates: intermediates.len(),
            self_signed: parts.is_self_issued(),
            renewed,
        })
        .into())
    }

    /// Whether the certificate is self-signed, and a listed one has its name, but another key.
    fn lists_an_old_version_of(&self, parts: &der::Parts<'_>) -> bool {
        let mut listed = self.listed.iter().filter_map(|listed| der::Parts::read(listed));
        parts.is_self_issued()
            && listed.any(|old| old.subject == parts.subject && old.key != parts.key)
    }
}

/// Whether webpki refused the certificate because it is one of an authority.
fn is_authority(why: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = why else { return false };
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Checks a certificate that is trusted itself, with CA:TRUE or without, as OpenSSL does with
/// partial chains (the default of Python from 3.13 on): its dates and its usage.
fn check_listed(parts: &der::Parts<'_>, now: UnixTime) -> Result<(), Error> {
    let time = |seconds: i64| {
        UnixTime::since_unix_epoch(core::time::Duration::from_secs(seconds.max(0).unsigned_abs()))
    };
    let (not_before, not_after) = (time(parts.not_before), time(parts.not_after));
    if now.as_secs() < not_before.as_secs() {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now.as_secs() > not_after.as_secs() {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    match parts.is_for_servers() {
        true => Ok(()),
        false => Err(CertificateError::InvalidPurpose.into()),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            self.check_chain(roots, certificate, intermediates, now)?;
        }
        if let Some(fingerprint) = &self.fingerprint {
            let found = fingerprint.of(certificate);
            if !fingerprint.equals(&found) {
                let (expected, found) = (fingerprint.to_string(), found.to_string());
                return Err(Refusal::Pin(Detail::Pin { expected, found }).into());
            }
        } else if self.roots.is_some() {
            let name = match &self.name {
                NameCheck::Own => Some(name),
                NameCheck::Other(other) => Some(other),
                NameCheck::Off => None,
            };
            if let Some(name) = name {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
