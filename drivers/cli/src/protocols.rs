//! The schemes that a transfer may use (`--proto`, `--proto-redir`).

use crate::exit::{Failed, Kind, wrong};

/// The schemes that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Protocols {
    pub(crate) http: bool,
    pub(crate) https: bool,
}

impl Default for Protocols {
    fn default() -> Self {
        Self { http: true, https: true }
    }
}

impl Protocols {
    /// Parses curl's form: names with commas between them, each behind `+` (allow it as well), `-`
    /// (forbid it) or `=` (allow it alone). `all` is all of them. Names of other protocols change
    /// nothing.
    pub(crate) fn parse(option: &str, text: &str) -> Result<Self, Failed> {
        let mut allowed = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (sign, name) = match word.split_at_checked(1) {
                Some((sign @ ("+" | "-" | "="), name)) => (sign, name),
                _ => ("+", word),
            };
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(wrong(format!("{option} needs names such as =https, not {word:?}")));
            }
            if sign == "=" {
                allowed = Self { http: false, https: false };
            }
            let name = name.to_ascii_lowercase();
            if matches!(&*name, "http" | "all") {
                allowed.http = sign != "-";
            }
            if matches!(&*name, "https" | "all") {
                allowed.https = sign != "-";
            }
        }
        Ok(allowed)
    }

    /// Returns the schemes that both allow.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self { http: self.http && other.http, https: self.https && other.https }
    }

    /// Fails if the scheme of the URL is not allowed.
    pub(crate) fn check(self, url: &str) -> Result<(), Failed> {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let allowed = match scheme.to_ascii_lowercase().as_str() {
            "http" => self.http,
            "https" => self.https,
            // Another scheme is refused with the URL.
            _ => true,
        };
        match allowed {
            true => Ok(()),
            false => Err(Failed::new(Kind::Scheme, format!("--proto does not allow {scheme}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_add_remove_and_replace() {
        let parsed = |text| Protocols::parse("--proto", text).unwrap();
        let of = |http, https| Protocols { http, https };
        assert_eq!(parsed("=https"), of(false, true));
        assert_eq!(parsed("-http"), of(false, true));
        assert_eq!(parsed("-all,https"), of(false, true));
        assert_eq!(parsed("=http,https"), of(true, true));
        assert_eq!(parsed("=HTTPS,ftp"), of(false, true));
        assert_eq!(parsed("-ftp"), of(true, true));
        assert_eq!(parsed("=ftp"), of(false, false));
        assert!(Protocols::parse("--proto", "=ht/tp").is_err());
        assert!(of(false, true).check("HTTP://a/").is_err());
        assert!(of(false, true).check("https://a/").is_ok());
    }
}
