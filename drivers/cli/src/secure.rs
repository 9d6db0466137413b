//! The options of TLS.

use std::{
    io::{Write, stderr},
    path::PathBuf,
};

use httpool_blocking::{
    Client, Role, Session, TlsConfigError, TlsOptions, TlsVersion, tls::Certificate,
};
use lexopt::{Parser, ValueExt};

use crate::{
    args::{usage, wrong},
    exit::{Failed, Kind},
    harmless::harmless,
};

/// The options of TLS that were given.
#[derive(Debug, Default)]
pub(crate) struct Secure {
    options: TlsOptions,
    insecure: bool,
    pinned: bool,
}

impl Secure {
    /// Parses an option of TLS and its value. Returns false if `name` is another option.
    pub(crate) fn set(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Failed> {
        let mut path = || parser.value().map(PathBuf::from).map_err(usage);
        let options = std::mem::take(&mut self.options);
        self.options = match name {
            "--cacert" => options.ca_certs(path()?),
            "--capath" => options.ca_cert_dir(path()?),
            "--cert" => options.cert_file(path()?),
            "--key" => options.key_file(path()?),
            "--pass" => options.key_password(text(parser)?),
            "-k" | "--insecure" => {
                self.insecure = true;
                options.danger_accept_invalid_certificates()
            }
            "--pinned-fingerprint" => {
                self.pinned = true;
                options.assert_fingerprint(&text(parser)?)
            }
            "--tlsv1.2" => options.min_version(TlsVersion::V1_2),
            "--tlsv1.3" => options.min_version(TlsVersion::V1_3),
            "--tls-max" => options.max_version(version(&text(parser)?)?),
            _ => {
                self.options = options;
                return Ok(false);
            }
        };
        Ok(true)
    }

    /// Parses an option of the TLS to proxies and its value. Returns false if `name` is another
    /// option.
    pub(crate) fn set_for_proxies(
        &mut self,
        name: &str,
        parser: &mut Parser,
    ) -> Result<bool, Failed> {
        match name {
            "--proxy-cacert" => self.set("--cacert", parser),
            "--proxy-capath" => self.set("--capath", parser),
            "--proxy-cert" => self.set("--cert", parser),
            "--proxy-key" => self.set("--key", parser),
            "--proxy-insecure" => self.set("--insecure", parser),
            _ => Ok(false),
        }
    }

    /// Returns the settings of the client.
    pub(crate) fn options(&self) -> TlsOptions {
        self.options.clone()
    }

    /// Reads the files that the options name, so that a wrong one is found before a request is sent,
    /// and warns if nothing is verified.
    pub(crate) fn check(&self, client: &Client, role: Role) -> Result<(), Failed> {
        if self.options == TlsOptions::default() {
            return Ok(());
        }
        client.tls_config(&self.options.clone().role(role)).map_err(unusable)?;
        if self.insecure && !self.pinned {
            let warning = match role {
                Role::Proxy => {
                    "httpool: warning: --proxy-insecure accepts any certificate of the proxy: \
                     anyone on the way can read its password\n"
                }
                _ => {
                    "httpool: warning: --insecure accepts any certificate: anyone on the way can \
                     read and change everything\n"
                }
            };
            // If standard error cannot be written to, the warning is lost.
            stderr().write_all(warning.as_bytes()).ok();
        }
        Ok(())
    }
}

fn unusable(why: TlsConfigError) -> Failed {
    let kind = match why {
        TlsConfigError::Read { .. } => Kind::Local,
        _ => Kind::Tls,
    };
    Failed::new(kind, why.to_string())
}

fn text(parser: &mut Parser) -> Result<String, Failed> {
    parser.value().and_then(|value| value.string()).map_err(usage)
}

fn version(text: &str) -> Result<TlsVersion, Failed> {
    match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" | "default" => Ok(TlsVersion::V1_3),
        other => Err(wrong(format!("--tls-max needs 1.2, 1.3 or default, not {other:?}"))),
    }
}

/// Shows the session that a response came through on standard error.
pub(crate) fn show(session: &Session) {
    let mut facts = format!("* cipher suite {}", session.cipher_suite);
    facts.push_str(", application protocol ");
    facts.push_str(session.alpn.unwrap_or("none chosen"));
    if let Some(certificate) = session.peer_certificates.first() {
        facts.push_str("\n* certificate ");
        match Certificate::read(certificate) {
            Some(certificate) => {
                let subject = certificate.subject.as_deref().unwrap_or("without a name");
                let issuer = certificate.issuer.as_deref().unwrap_or("an issuer without a name");
                let expires = certificate.expires();
                facts.push_str(&format!("\"{subject}\" of \"{issuer}\", expires {expires}"));
            }
            None => facts.push_str("that cannot be read"),
        }
        facts.push_str(if session.verified { ", verified" } else { ", NOT verified" });
    }
    facts.push('\n');
    stderr().write_all(harmless(&facts).as_bytes()).ok();
}
