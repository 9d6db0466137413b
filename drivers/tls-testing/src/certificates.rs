//! Certificates made at run time.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that issues certificates.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key.
#[derive(Debug)]
#[non_exhaustive]
pub struct Issued {
    /// The chain that a server sends: the certificate itself, then those added by
    /// [`with`](Self::with).
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: KeyPair,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Authority {
    /// Makes a root.
    pub fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Makes an authority under this one. `adjust` changes its certificate.
    pub fn intermediate(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (authority(name), KeyPair::generate().unwrap());
        adjust(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Issues a server's certificate for names and addresses.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    /// Issues a server's certificate for names and addresses. `adjust` changes it.
    pub fn issue_with(
        &self,
        names: &[&str],
        adjust: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let (params, key) = (leaf(names, adjust), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { chain: vec![certificate.der().clone()], key }
    }

    /// Issues a server's certificate for a key of any kind.
    pub fn issue_key(&self, names: &[&str], key: KeyPair) -> Issued {
        let certificate = leaf(names, |_| {}).signed_by(&key, &self.issuer).unwrap();
        Issued { chain: vec![certificate.der().clone()], key }
    }

    /// Issues a client's certificate.
    pub fn issue_client(&self, name: &str) -> Issued {
        self.issue_with(&[], |params| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// Returns the certificate in PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the certificate in DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }
}

fn leaf(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, "a certificate for tests");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    adjust(&mut params);
    params
}

/// Makes a self-signed certificate. `adjust` changes it.
pub fn self_signed(names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Issued {
    let (params, key) = (leaf(names, adjust), KeyPair::generate().unwrap());
    Issued { chain: vec![params.self_signed(&key).unwrap().der().clone()], key }
}

impl Issued {
    /// Sends the certificate of an authority behind the others.
    #[must_use]
    pub fn with(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.der().clone());
        self
    }

    /// Returns the private key in DER.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// Returns the chain in PEM.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect()
    }

    /// Returns the private key in PEM (PKCS#8).
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// Writes bytes in PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (at, group) in der.chunks(3).enumerate() {
        if at % 16 == 0 {
            text.push('\n');
        }
        let bits = group.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for digit in 0..4 {
            text.push(match digit <= group.len() {
                true => char::from(DIGITS[bits >> (18 - 6 * digit) & 63]),
                false => '=',
            });
        }
    }
    format!("-----BEGIN {label}-----{text}\n-----END {label}-----\n")
}
