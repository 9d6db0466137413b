//! The client's own certificate and key.

use core::fmt;
use std::{path::PathBuf, sync::Arc};

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::{
    InconsistentKeys,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};

use crate::{
    config_error::{Place, TlsConfigError},
    pem as certificates,
};

const WHAT: &str = "the client certificate";

/// Bytes, or the file that has them. `Debug` shows no bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    File(PathBuf),
    Data(Arc<[u8]>),
}

impl Source {
    fn place(&self, method: &'static str) -> Place {
        match self {
            Self::File(path) => Place::Path(path.clone()),
            Self::Data(_) => Place::Data(method),
        }
    }

    fn read(&self, what: &'static str) -> Result<Secret, TlsConfigError> {
        Ok(Secret(match self {
            Self::File(path) => certificates::read(what, path)?.into(),
            Self::Data(data) => data.clone(),
        }))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Data(data) => write!(f, "{} bytes", data.len()),
        }
    }
}

/// Bytes that no text shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Secret(pub(crate) Arc<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The certificate that the client shows to a server that demands one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) certificate: Option<Source>,
    /// `None`: the key is beside the certificate.
    pub(crate) key: Option<Source>,
    pub(crate) password: Option<Secret>,
}

impl Identity {
    /// Reads and checks the certificate and the key. `None` if no certificate is configured.
    pub(crate) fn load(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Option<CertifiedKey>, TlsConfigError> {
        let Some(certificate) = &self.certificate else {
            return match (&self.key, &self.password) {
                (None, None) => Ok(None),
                _ => Err(TlsConfigError::KeyWithoutCertificate),
            };
        };
        let place = certificate.place("cert_data");
        let bytes = certificate.read(WHAT)?;
        let chain = certificates::certificates(WHAT, &place, &bytes.0)?;
        let (key_place, key_bytes) = match &self.key {
            Some(key) => (key.place("key_data"), key.read("the private key")?),
            None => (place.clone(), bytes),
        };
        let key = private_key(&key_place, &key_bytes.0, self.password.as_ref())?;
        certified(chain, key, provider, place, key_place).map(Some)
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
    certificate: Place,
    place: Place,
) -> Result<CertifiedKey, TlsConfigError> {
    use rustls::Error as E;
    let key = match provider.key_provider.load_private_key(key) {
        Ok(key) => key,
        Err(why) => {
            let why = format!(
                "{why} (supported are RSA from 2,048 bits on, P-256, P-384, Ed25519, and with \
                 aws-lc-rs P-521)"
            );
            return Err(TlsConfigError::BadKey { place, why });
        }
    };
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // Unknown: the provider cannot tell. The server will.
        Ok(()) | Err(E::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(E::InconsistentKeys(_)) => Err(TlsConfigError::KeyMismatch { certificate, key: place }),
        Err(why) => Err(TlsConfigError::BadCertificate {
            what: WHAT,
            place: certificate,
            why: why.to_string(),
        }),
    }
}

/// Reads a private key in PEM: PKCS#8 with or without encryption, PKCS#1, SEC1.
fn private_key(
    place: &Place,
    text: &[u8],
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let lossy = String::from_utf8_lossy(text);
    if let Some(start) = lossy.find(BEGIN) {
        let end = lossy[start..].find(END).map(|at| start + at + END.len());
        let block = end.map(|end| &lossy[start..end]);
        return decrypt(place, block, password);
    }
    if lossy.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(TlsConfigError::KeyEncryption {
            place: place.clone(),
            how: "in the old way of PEM (Proc-Type: 4,ENCRYPTED)".to_owned(),
        });
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|why| match why {
        pem::Error::NoItemsFound => TlsConfigError::NoKey(place.clone()),
        why => TlsConfigError::BadKey {
            place: place.clone(),
            why: format!("its PEM text is malformed: {why}"),
        },
    })
}

/// Decrypts an encrypted PKCS#8 key (RFC 5958, with PBES2 of RFC 8018).
fn decrypt(
    place: &Place,
    block: Option<&str>,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    let bad = |why: String| TlsConfigError::BadKey { place: place.clone(), why };
    let Some(block) = block else { return Err(bad("its PEM text has no end".to_owned())) };
    let Some(password) = password else {
        return Err(TlsConfigError::PasswordMissing(place.clone()));
    };
    // A file from Windows, or with spaces behind a line, is as good.
    let block: Vec<&str> = block.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let (_, document) = SecretDocument::from_pem(&block.join("\n"))
        .map_err(|why| bad(format!("its PEM text is malformed: {why}")))?;
    let how = |how: String| TlsConfigError::KeyEncryption { place: place.clone(), how };
    let pbes1 = || how("with PBES1 (MD5 or SHA-1 with DES, 3DES or RC2)".to_owned());
    // The schemes of PKCS #12, which pkcs8 does not know: 1.2.840.113549.1.12.1.
    const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1];
    let sealed =
        EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|why| match document
            .as_bytes()
            .windows(PKCS12.len())
            .any(|part| part == PKCS12)
        {
            true => pbes1(),
            false => bad(format!("its encryption cannot be read: {why}")),
        })?;
    let opened = sealed.decrypt(&*password.0).map_err(|why| match why {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::NoPbes1CryptSupport) => pbes1(),
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid })
        | pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::AlgorithmParametersInvalid {
            oid,
        }) => how(format!("with the algorithm {oid}")),
        // By chance a wrong password can give bytes that only look decrypted.
        _ => TlsConfigError::PasswordWrong(place.clone()),
    })?;
    Ok(PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into())
}
