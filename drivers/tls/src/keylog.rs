//! The log of session keys, for tools such as Wireshark.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::config_error::TlsConfigError;

/// Appends the secrets of sessions to a file, in the form of NSS (`SSLKEYLOGFILE`).
#[derive(Debug)]
pub(crate) struct KeyLog(Mutex<File>);

impl KeyLog {
    pub(crate) fn open(path: &Path) -> Result<Self, TlsConfigError> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|why| {
            TlsConfigError::Read { what: "the key log", path: path.to_owned(), why: Arc::new(why) }
        })?;
        Ok(Self(Mutex::new(file)))
    }
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // rustls takes no error here. A full disk must not break the session.
        let _written = file.write_all(line.as_bytes());
    }
}
