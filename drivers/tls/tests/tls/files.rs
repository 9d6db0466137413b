//! Files and folders of authorities, and the environment.

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use httpool_tls::{TlsConfigError, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, config},
};

use crate::meets;

/// A folder that is removed at the end.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("httpool-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

#[test]
fn authorities_come_from_files_and_from_hashed_names_in_folders() {
    let folder = Folder::new("authorities");
    let (one, two, plain) = (Authority::new("one"), Authority::new("two"), Authority::new("plain"));
    let file = folder.write("bundle.pem", &format!("# words\n{}", one.pem()));
    folder.write("0a1b2c3d.0", &two.pem());
    folder.write("plain.pem", &plain.pem());
    folder.write("0a1b2c3d.r0", "a list of revoked certificates");
    folder.write("00000000.0", "no certificate");
    let options = TlsOptions::new().ca_certs(&file).ca_cert_dir(&folder.path);
    let meets = |authority: &Authority, options: &TlsOptions| {
        meets(options, &Arc::new(config(&authority.issue(&["a.test"]), BOTH)), "a.test").is_ok()
    };
    assert!(meets(&one, &options) && meets(&two, &options));
    assert!(!meets(&plain, &options), "its name is no hash");
    assert!(!meets(&one, &TlsOptions::new().ca_cert_dir(&folder.path)));
    assert_eq!(options.build().unwrap().authorities(), (2, 0));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new("unreadable");
    let said = |options: TlsOptions| options.build().unwrap_err();
    let why = said(TlsOptions::new().ca_certs(folder.path.join("none.pem")));
    assert!(matches!(why, TlsConfigError::Read { .. }) && why.to_string().contains("none.pem"));
    let unused = TlsOptions::new().ca_certs(folder.path.join("none.pem"));
    let why = said(unused.danger_accept_invalid_certificates());
    assert!(matches!(why, TlsConfigError::Read { .. }), "{why}");
    let why = said(TlsOptions::new().ca_cert_dir(folder.path.join("none")));
    assert!(matches!(why, TlsConfigError::Read { .. }), "{why}");
    // A folder with certificates, but none with the name of a hash.
    folder.write("ca.pem", &Authority::new("one").pem());
    let why = said(TlsOptions::new().ca_cert_dir(&folder.path));
    assert!(matches!(why, TlsConfigError::NoCertificate { .. }), "{why}");
    assert!(why.to_string().contains("openssl rehash"), "{why}");
    let empty = folder.write("empty.pem", "");
    let why = said(TlsOptions::new().ca_certs(empty));
    assert!(matches!(why, TlsConfigError::NoCertificate { .. }), "{why}");
    let broken = folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\n!!!\n");
    let why = said(TlsOptions::new().ca_certs(broken));
    assert!(matches!(why, TlsConfigError::BadCertificate { .. }), "{why}");
    let odd = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let odd_file = folder.write("odd.pem", odd);
    let why = said(TlsOptions::new().ca_certs(odd_file));
    assert!(matches!(why, TlsConfigError::BadCertificate { .. }), "{why}");
    // Beside a good one it is passed over, and counted.
    let mixed = format!("{odd}{}", Authority::new("one").pem());
    assert_eq!(TlsOptions::new().ca_cert_data(mixed).build().unwrap().authorities(), (1, 1));
    assert!(matches!(
        said(TlsOptions::new().ca_cert_data("")),
        TlsConfigError::NoCertificate { .. }
    ));
}

#[test]
fn listed_authorities_replace_the_platforms_unless_asked_to_be_added() {
    let one = Authority::new("one");
    let alone = TlsOptions::new().ca_cert_data(one.pem());
    assert_eq!(alone.clone().build().unwrap().authorities().0, 1);
    let platform = TlsOptions::new().build().map(|config| config.authorities().0);
    let Ok(platform) = platform else {
        eprintln!("!! NOT CHECKED: this system has no authorities");
        return;
    };
    let both = alone.platform_roots_too().build().unwrap();
    assert_eq!(both.authorities().0, platform + 1);
    // A private authority works beside the platform's.
    let server = Arc::new(config(&one.issue(&["a.test"]), BOTH));
    assert!(meets(both.options(), &server, "a.test").is_ok());
}

/// Runs one test of this program again, with other variables of the environment.
fn again(name: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored"])
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_variables_replace_the_platforms_authorities() {
    let folder = Folder::new("variables");
    let file = folder.write("one.pem", &Authority::new("one").pem());
    folder.write("0a1b2c3d.0", &Authority::new("two").pem());
    let (file, path) = (file.display().to_string(), folder.path.display().to_string());
    let test = "files::counts_the_authorities_that_the_environment_gives";
    again(test, &[("SSL_CERT_FILE", &file), ("HTTPOOL_COUNT", "1")]);
    again(test, &[("SSL_CERT_DIR", &path), ("HTTPOOL_COUNT", "1")]);
    again(test, &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &path), ("HTTPOOL_COUNT", "2")]);
    again(test, &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", ""), ("HTTPOOL_COUNT", "1")]);
    again(test, &[("SSL_CERT_FILE", "/nowhere.pem"), ("HTTPOOL_COUNT", "/nowhere.pem")]);
    // Empty ones count as unset.
    if let Ok(platform) = TlsOptions::new().ignore_environment().build() {
        let count = platform.authorities().0.to_string();
        let empty = [("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", ""), ("HTTPOOL_COUNT", &count)];
        again(test, &empty);
    }
}

/// Run by the test above alone, with its variables.
#[test]
#[ignore = "it needs the variables of another test"]
fn counts_the_authorities_that_the_environment_gives() {
    let expected = std::env::var("HTTPOOL_COUNT").unwrap();
    match TlsOptions::new().build() {
        Ok(config) => assert_eq!(config.authorities().0.to_string(), expected),
        Err(why) => assert!(why.to_string().contains(&expected), "{why}"),
    }
    // Listed ones, or the setting, make the variables count for nothing.
    let one = TlsOptions::new().ca_cert_data(Authority::new("one").pem());
    assert_eq!(one.build().unwrap().authorities().0, 1);
    if let Ok(config) = TlsOptions::new().ignore_environment().build() {
        assert!(config.authorities().0 > 2);
    }
}

#[test]
fn the_key_log_is_written_by_explicit_choice() {
    let folder = Folder::new("keylog");
    let root = Authority::new("root");
    let server = Arc::new(config(&root.issue(&["a.test"]), BOTH));
    let path = folder.path.join("keys.log");
    let options = TlsOptions::new().ca_cert_data(root.pem()).danger_log_keys(&path);
    meets(&options, &server, "a.test").unwrap();
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.lines().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{log}");
    let why = TlsOptions::new().ca_cert_data(root.pem()).danger_log_keys("/nowhere/keys.log");
    assert!(why.build().unwrap_err().to_string().contains("/nowhere/keys.log"));
}
