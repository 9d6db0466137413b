//! An option as it was given.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::Spec;
use crate::exit::{Failed, wrong};

/// An option with its value.
#[derive(Debug)]
pub(crate) struct Given {
    /// With its dashes.
    pub(crate) name: String,
    value: OsString,
    /// Whether it is switched on. Only an option without a value can be switched off.
    pub(crate) on: bool,
}

impl Given {
    pub(crate) fn new(spec: &Spec, value: OsString, on: bool) -> Self {
        Self { name: format!("--{}", spec.name), value, on }
    }

    /// Returns the option under another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        Self { name: name.to_owned(), value: self.value.clone(), on: self.on }
    }

    pub(crate) fn value(&self) -> OsString {
        self.value.clone()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.value.clone().into()
    }

    /// Returns the value as text.
    pub(crate) fn text(&self) -> Result<String, Failed> {
        let text = self.value.clone().into_string();
        text.map_err(|value| wrong(format!("{} needs UTF-8, not {value:?}", self.name)))
    }

    /// Returns the value as a header field.
    pub(crate) fn field(&self) -> Result<(String, String), Failed> {
        let line = self.text()?;
        match line.split_once(':') {
            Some((name, value)) => {
                Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
            }
            None => Err(wrong(format!("{} needs the form 'NAME: VALUE', not {line:?}", self.name))),
        }
    }

    pub(crate) fn number<N: core::str::FromStr>(&self) -> Result<N, Failed> {
        let value = self.text()?;
        let why = || wrong(format!("{} needs a whole number, not {value:?}", self.name));
        value.parse().map_err(|_| why())
    }

    /// Returns a time above 0.
    pub(crate) fn seconds(&self) -> Result<Duration, Failed> {
        self.seconds_or_none()?.ok_or_else(|| self.no_seconds("above 0"))
    }

    /// Returns a time; 0 is `None`.
    pub(crate) fn seconds_or_none(&self) -> Result<Option<Duration>, Failed> {
        let parsed = self.text()?.parse().ok().map(Duration::try_from_secs_f64);
        let time = parsed.and_then(Result::ok).ok_or_else(|| self.no_seconds("of 0 or more"))?;
        Ok((!time.is_zero()).then_some(time))
    }

    fn no_seconds(&self, range: &str) -> Failed {
        wrong(format!("{} needs a number of seconds {range}, not {:?}", self.name, self.value))
    }

    /// Returns a number of bytes, which may end in k, M, G, T or P (powers of 1024, as in curl) or
    /// in B.
    pub(crate) fn bytes(&self) -> Result<u64, Failed> {
        let text = self.text()?;
        let (digits, power) = match text.chars().last().map(|last| last.to_ascii_lowercase()) {
            Some('b') => (&text[..text.len() - 1], 0),
            Some('k') => (&text[..text.len() - 1], 1),
            Some('m') => (&text[..text.len() - 1], 2),
            Some('g') => (&text[..text.len() - 1], 3),
            Some('t') => (&text[..text.len() - 1], 4),
            Some('p') => (&text[..text.len() - 1], 5),
            _ => (&*text, 0),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1024_u64.pow(power)));
        let form = "needs a number of bytes such as 500, 100k or 2M";
        bytes.ok_or_else(|| wrong(format!("{} {form}, not {text:?}", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_have_a_unit() {
        let given = |value: &str| {
            let name = "--limit-rate".to_owned();
            Given { name, value: value.into(), on: true }.bytes().ok()
        };
        let values = ["5", "5B", "2k", "1M", "3G", "", "x", "1.5M", "99999999P"];
        let (k, m) = (1024, 1024 * 1024);
        let expected = [Some(5), Some(5), Some(2 * k), Some(m), Some(3 * k * m)];
        let expected = [&expected[..], &[None; 4]].concat();
        assert_eq!(values.map(given).to_vec(), expected);
    }
}
