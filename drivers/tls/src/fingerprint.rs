//! The fingerprint of a certificate.

use core::fmt;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A fingerprint: the hash of a certificate in DER.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Fingerprint {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl Fingerprint {
    /// Parses hexadecimal digits, in either case, with or without colons. `Err` says why not.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ':' && !c.is_ascii_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let Some(digits) = digits else {
            return Err("it has characters other than hexadecimal digits and colons".to_owned());
        };
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        match digits.len() {
            40 => Ok(Self::Sha1(bytes.try_into().unwrap_or_default())),
            64 => Ok(Self::Sha256(bytes.try_into().unwrap_or_default())),
            32 => Err("it has 32 digits, as MD5 has, which is broken and not supported: \
                 use the 64 digits of SHA-256"
                .to_owned()),
            other => Err(format!(
                "it has {other} digits: SHA-256 has 64, and SHA-1, which is weak, has 40"
            )),
        }
    }

    /// Returns the fingerprint of a certificate, by the same hash.
    pub(crate) fn of(&self, certificate: &[u8]) -> Self {
        match self {
            Self::Sha1(_) => Self::Sha1(Sha1::digest(certificate).into()),
            Self::Sha256(_) => Self::Sha256(Sha256::digest(certificate).into()),
        }
    }

    /// Compares in a time that does not depend on the bytes.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        bool::from(self.bytes().ct_eq(other.bytes()))
    }

    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1(_) => "sha1 ",
            Self::Sha256(_) => "sha256 ",
        })?;
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_and_case_do_not_matter() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(Fingerprint::parse(&plain), Fingerprint::parse(&colons));
        assert!(matches!(Fingerprint::parse(&"0f".repeat(20)), Ok(Fingerprint::Sha1(_))));
    }

    #[test]
    fn other_lengths_and_characters_are_refused_with_the_reason() {
        let refused = |text: &str| Fingerprint::parse(text).expect_err("refused");
        assert!(refused(&"ab".repeat(16)).contains("MD5"));
        assert!(refused("").contains("0 digits"));
        assert!(refused(&"a".repeat(63)).contains("63 digits"));
        assert!(refused(&"xy".repeat(32)).contains("characters"));
    }
}
