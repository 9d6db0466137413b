//! The options of TLS.

use httpool_blocking::{
    Client, Role, Session, TlsConfigError, TlsOptions, TlsVersion, tls::Certificate,
};

use crate::{
    exit::{Failed, Kind, wrong},
    harmless::harmless,
    options::Given,
    status::say,
};

/// The options of TLS that were given.
#[derive(Debug, Default)]
pub(crate) struct Secure {
    options: TlsOptions,
    insecure: bool,
    pinned: bool,
}

impl Secure {
    /// Sets an option of TLS. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        let options = std::mem::take(&mut self.options);
        self.options = match given.name.as_str() {
            "--cacert" => options.ca_certs(given.path()),
            "--capath" => options.ca_cert_dir(given.path()),
            "--cert" => match split_password(&given.text()?) {
                (file, None) => options.cert_file(file),
                (file, Some(password)) => options.cert_file(file).key_password(password),
            },
            "--key" => options.key_file(given.path()),
            "--pass" => options.key_password(given.text()?),
            "--insecure" if given.on => {
                self.insecure = true;
                options.danger_accept_invalid_certificates()
            }
            "--insecure" if self.insecure => {
                return Err(wrong("--insecure cannot be switched off again: omit it"));
            }
            "--insecure" => options,
            "--pinned-fingerprint" => {
                self.pinned = true;
                options.assert_fingerprint(&given.text()?)
            }
            "--cert-type" | "--key-type" => match given.text()?.to_ascii_uppercase().as_str() {
                "PEM" => options,
                _ => {
                    let hint = "openssl x509 and openssl pkey convert them";
                    return Err(wrong(format!("{} can be PEM alone", given.name)).hint(hint));
                }
            },
            "--tlsv1" | "--tlsv1.0" | "--tlsv1.1" | "--tlsv1.2" => {
                options.min_version(TlsVersion::V1_2)
            }
            "--tlsv1.3" => options.min_version(TlsVersion::V1_3),
            "--tls-max" => options.max_version(version(&given.text()?)?),
            _ => {
                self.options = options;
                return Ok(false);
            }
        };
        Ok(true)
    }

    /// Sets an option of the TLS to proxies. Returns false if it is another one.
    pub(crate) fn set_for_proxies(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.strip_prefix("--proxy-") {
            Some(name @ ("cacert" | "capath" | "cert" | "key" | "pass" | "insecure")) => {
                self.set(&given.renamed(&format!("--{name}")))
            }
            _ => Ok(false),
        }
    }

    /// Returns the settings of the client.
    pub(crate) fn options(&self) -> TlsOptions {
        self.options.clone()
    }

    /// Reads the files that the options name, so that a wrong one is found before a request is
    /// sent, and warns if nothing is verified.
    pub(crate) fn check(&self, client: &Client, role: Role, silent: bool) -> Result<(), Failed> {
        if self.options == TlsOptions::default() {
            return Ok(());
        }
        client.tls_config(&self.options.clone().role(role)).map_err(unusable)?;
        if self.insecure && !self.pinned && !silent {
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
            say(warning);
        }
        Ok(())
    }
}

fn unusable(why: TlsConfigError) -> Failed {
    let kind = match why {
        TlsConfigError::Read { what, .. }
        | TlsConfigError::NoCertificate { what, .. }
        | TlsConfigError::BadCertificate { what, .. }
            if !what.contains("client") && !what.contains("key") =>
        {
            Kind::CaFile
        }
        TlsConfigError::Fingerprint { .. } => Kind::Usage,
        _ => Kind::ClientCertificate,
    };
    Failed::new(kind, why.to_string())
}

/// Splits the password behind the name of a certificate's file. `\\:` is a colon of the name, and
/// so is one before a separator of directories, as in `C:\\x`.
fn split_password(text: &str) -> (String, Option<String>) {
    let (mut name, mut chars) = (String::new(), text.chars().peekable());
    while let Some(char) = chars.next() {
        match (char, chars.peek().copied()) {
            ('\\', Some(next @ (':' | '\\'))) => {
                chars.next();
                name.push(next);
            }
            (':', next) if !next.is_some_and(std::path::is_separator) || name.len() > 1 => {
                return (name, Some(chars.collect()));
            }
            (char, _) => name.push(char),
        }
    }
    (name, None)
}

fn version(text: &str) -> Result<TlsVersion, Failed> {
    match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" | "default" => Ok(TlsVersion::V1_3),
        other => Err(wrong(format!("--tls-max needs 1.2, 1.3 or default, not {other:?}"))),
    }
}

/// Shows a session that a response came through on standard error. `whose` names its peer, if that
/// is not the origin.
pub(crate) fn show(session: Option<&Session>, whose: &str) {
    let Some(session) = session else { return };
    let mut facts = format!("* cipher suite{whose} {}", session.cipher_suite);
    facts.push_str(", application protocol ");
    facts.push_str(session.alpn.unwrap_or("none chosen"));
    if let Some(certificate) = session.peer_certificates.first() {
        facts.push_str(&format!("\n* certificate{whose} "));
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
    say(&harmless(&facts));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_follow_the_file_of_a_certificate() {
        let split = |text| split_password(text);
        assert_eq!(split("me.pem"), ("me.pem".into(), None));
        assert_eq!(split("me.pem:a:b"), ("me.pem".into(), Some("a:b".into())));
        assert_eq!(split("m\\:e.pem:a"), ("m:e.pem".into(), Some("a".into())));
    }
}
