//! Reads certificates in PEM or DER.

use std::{fs, path::Path, sync::Arc};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    config_error::{Place, TlsConfigError},
    der,
};

/// Reads a file. `what` says in the error what it is for.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    fs::read(path).map_err(|why| TlsConfigError::Read {
        what,
        path: path.to_owned(),
        why: Arc::new(why),
    })
}

/// Returns all certificates of a text in PEM, or of one or more certificates in DER. At least one.
pub(crate) fn certificates(
    what: &'static str,
    place: &Place,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let none = || TlsConfigError::NoCertificate { what, place: place.clone() };
    let bad = |why: String| TlsConfigError::BadCertificate { what, place: place.clone(), why };
    if !has_pem(bytes) {
        let elements = der::elements(bytes).filter(|list| !list.is_empty()).ok_or_else(none)?;
        return Ok(elements.into_iter().map(|one| CertificateDer::from(one.to_vec())).collect());
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found = found.map_err(|why| bad(format!("its PEM text is malformed: {why}")))?;
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

fn has_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|part| part == b"-----BEGIN ")
}
