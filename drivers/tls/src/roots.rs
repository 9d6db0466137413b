//! The trusted authorities.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{RootCertStore, pki_types::CertificateDer};

use crate::{
    config_error::{Place, TlsConfigError},
    pem,
};

const WHAT: &str = "the trusted certificates";
const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

/// The settings about authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Roots {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) data: Vec<Arc<[u8]>>,
    /// Trusts the platform's authorities beside those listed.
    pub(crate) platform_too: bool,
    /// Trusts the authorities that Mozilla trusts.
    #[cfg(feature = "webpki-roots")]
    pub(crate) mozilla: bool,
    /// Does not look at `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub(crate) no_environment: bool,
}

/// The authorities read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) store: RootCertStore,
    /// The certificates that the user listed.
    pub(crate) listed: Vec<CertificateDer<'static>>,
    /// The number of certificates that webpki cannot use.
    pub(crate) passed_over: usize,
}

impl Roots {
    pub(crate) fn load(&self) -> Result<Loaded, TlsConfigError> {
        self.load_with(|name| env::var_os(name))
    }

    /// Whether the user listed certificates.
    pub(crate) const fn lists_any(&self) -> bool {
        !(self.files.is_empty() && self.folders.is_empty() && self.data.is_empty())
    }

    fn load_with(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Loaded, TlsConfigError> {
        let mut loaded =
            Loaded { store: RootCertStore::empty(), listed: Vec::new(), passed_over: 0 };
        for path in &self.files {
            let place = Place::Path(path.clone());
            loaded.list(&place, pem::certificates(WHAT, &place, &pem::read(WHAT, path)?)?)?;
        }
        for path in &self.folders {
            loaded.list(&Place::Path(path.clone()), folder(path)?)?;
        }
        for data in &self.data {
            let place = Place::Data("ca_cert_data");
            loaded.list(&place, pem::certificates(WHAT, &place, data)?)?;
        }
        let replaced = self.lists_any() || self.add_mozilla(&mut loaded.store);
        if !replaced || self.platform_too {
            self.load_platform(&mut loaded, variable)?;
        }
        Ok(loaded)
    }

    /// Adds the authorities that Mozilla trusts, if they are wanted.
    #[cfg(feature = "webpki-roots")]
    fn add_mozilla(&self, store: &mut RootCertStore) -> bool {
        if self.mozilla {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        self.mozilla
    }

    #[cfg(not(feature = "webpki-roots"))]
    fn add_mozilla(&self, _: &mut RootCertStore) -> bool {
        false
    }

    fn load_platform(
        &self,
        loaded: &mut Loaded,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), TlsConfigError> {
        // An empty variable counts as one that is not set.
        let value = |name| variable(name).filter(|value| !value.is_empty());
        if !self.no_environment && (value(FILE).is_some() || value(FOLDER).is_some()) {
            if let Some(path) = value(FILE).map(PathBuf::from) {
                let place = Place::Path(path.clone());
                let what = "the trusted certificates of SSL_CERT_FILE";
                let found = pem::certificates(what, &place, &pem::read(what, &path)?)?;
                loaded.trust(&place, &found)?;
            }
            let folders = value(FOLDER).unwrap_or_default();
            let mut none = None;
            for path in env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()) {
                match folder(&path) {
                    Ok(found) => loaded.trust(&Place::Path(path), &found)?,
                    // Some systems name the folder of their bundle, which has no hashed names,
                    // beside the bundle.
                    Err(why @ TlsConfigError::NoCertificate { .. }) => none = Some(why),
                    Err(why) => return Err(why),
                }
            }
            return match none {
                Some(why) if loaded.store.is_empty() => Err(why),
                _ => Ok(()),
            };
        }
        let untouched = variable(FILE).is_none() && variable(FOLDER).is_none();
        let found = platform(untouched)?;
        let (_, passed_over) = loaded.store.add_parsable_certificates(found.certs);
        loaded.passed_over += passed_over;
        if loaded.store.is_empty() {
            let why = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Err(TlsConfigError::NoRoots { why });
        }
        Ok(())
    }
}

impl Loaded {
    /// Trusts certificates that the user listed.
    fn list(
        &mut self,
        place: &Place,
        found: Vec<CertificateDer<'static>>,
    ) -> Result<(), TlsConfigError> {
        self.trust(place, &found)?;
        self.listed.extend(found);
        Ok(())
    }

    /// Trusts certificates. One that webpki cannot read is passed over if another one is there: a
    /// bundle may have very old ones.
    fn trust(
        &mut self,
        place: &Place,
        found: &[CertificateDer<'static>],
    ) -> Result<(), TlsConfigError> {
        let mut last = None;
        let mut good = 0;
        for certificate in found {
            match self.store.add(certificate.clone()) {
                Ok(()) => good += 1,
                Err(why) => last = Some(why),
            }
        }
        self.passed_over += found.len() - good;
        match last {
            Some(why) if good == 0 => Err(TlsConfigError::BadCertificate {
                what: WHAT,
                place: place.clone(),
                why: why.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// Reads the platform's store. `untouched`: neither variable is set, not even empty.
fn platform(untouched: bool) -> Result<rustls_native_certs::CertificateResult, TlsConfigError> {
    if untouched {
        return Ok(rustls_native_certs::load_native_certs());
    }
    // rustls-native-certs would follow the variables.
    if cfg!(any(windows, target_os = "macos", target_os = "ios")) {
        return Err(TlsConfigError::Environment);
    }
    let file = FILES.iter().map(Path::new).find(|path| path.exists());
    let folder = FOLDERS.iter().map(Path::new).find(|path| path.exists());
    Ok(rustls_native_certs::load_certs_from_paths(file, folder))
}

/// The places where the distributions of Linux and the BSDs keep the bundle.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/cacert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt",
    "/etc/certs/ca-certificates.crt",
    "/opt/etc/ssl/certs/ca-certificates.crt",
    "/data/data/com.termux/files/usr/etc/tls/cert.pem",
];

/// The folders where they keep single certificates.
const FOLDERS: &[&str] =
    &["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs", "/system/etc/security/cacerts"];

/// Reads a folder of certificates as OpenSSL does: only the files that `openssl rehash` names after
/// the hash of the subject. Others are passed over, and so is a link that leads nowhere.
fn folder(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let read = |why: io::Error| TlsConfigError::Read {
        what: WHAT,
        path: path.to_owned(),
        why: why.into(),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        if name.to_str().is_some_and(is_hashed) {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut all = Vec::new();
    for name in names {
        let path = path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            Err(why) => {
                return Err(TlsConfigError::Read { what: WHAT, path, why: why.into() });
            }
        };
        match pem::certificates(WHAT, &Place::Path(path), &bytes) {
            Ok(found) => all.extend(found),
            // Such a file may hold a CRL, or a comment.
            Err(TlsConfigError::NoCertificate { .. }) => {}
            Err(why) => return Err(why),
        }
    }
    all.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    all.dedup();
    if all.is_empty() {
        let place = Place::Path(path.to_owned());
        return Err(TlsConfigError::NoCertificate { what: WHAT, place });
    }
    Ok(all)
}

/// Whether a file name is of the form `HHHHHHHH.N`.
fn is_hashed(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_openssl_makes_count() {
        for good in ["0a1b2c3d.0", "FFFFFFFF.12"] {
            assert!(is_hashed(good), "{good}");
        }
        for bad in ["0a1b2c3d", "0a1b2c3d.", "0a1b2c3d.r0", "0a1b2c3.0", "0a1b2c3g.0", "a.pem", ""]
        {
            assert!(!is_hashed(bad), "{bad}");
        }
    }

    fn load(roots: &Roots, file: Option<&str>, folder: Option<&str>) -> Result<Loaded, String> {
        roots
            .load_with(|name| match name {
                FILE => file.map(OsString::from),
                _ => folder.map(OsString::from),
            })
            .map_err(|why| why.to_string())
    }

    #[test]
    fn a_variable_that_names_a_missing_file_or_folder_is_an_error_that_names_it() {
        let roots = Roots::default();
        let why = load(&roots, Some("/nowhere/a.pem"), None).expect_err("missing");
        assert!(why.contains("/nowhere/a.pem") && why.contains(FILE), "{why}");
        let why = load(&roots, None, Some("/nowhere/folder")).expect_err("missing");
        assert!(why.contains("/nowhere/folder"), "{why}");
    }

    #[test]
    fn a_folder_without_hashed_names_is_an_error_unless_the_file_has_certificates() {
        // The root of a file system has no such names.
        let why = load(&Roots::default(), None, Some("/")).expect_err("no certificate");
        assert!(why.contains("no certificate is in /"), "{why}");
        if let Some(bundle) = FILES.iter().find(|path| Path::new(path).exists()) {
            assert!(load(&Roots::default(), Some(bundle), Some("/")).is_ok());
        }
    }

    #[test]
    fn an_empty_variable_counts_as_unset_and_a_setting_ignores_both() {
        let count = |roots: &Roots, file, folder| {
            load(roots, file, folder).map(|loaded| loaded.store.len()).unwrap_or_default()
        };
        let usual = count(&Roots::default(), None, None);
        assert_eq!(count(&Roots::default(), Some(""), Some("")), usual);
        let ignoring = Roots { no_environment: true, ..Roots::default() };
        assert_eq!(count(&ignoring, Some("/nowhere"), Some("/nowhere")), usual);
    }

    #[cfg(feature = "webpki-roots")]
    #[test]
    fn the_authorities_of_mozilla_replace_those_of_the_system_unless_both_are_wanted() {
        let count =
            |roots: &Roots| load(roots, Some("/nowhere"), None).map(|loaded| loaded.store.len());
        let mozilla = Roots { mozilla: true, ..Roots::default() };
        assert_eq!(count(&mozilla), Ok(webpki_roots::TLS_SERVER_ROOTS.len()));
        assert!(count(&Roots { platform_too: true, ..mozilla }).is_err());
    }
}
