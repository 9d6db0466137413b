//! The options: one table that parsing, the help, the completions of shells and the comparison with
//! curl are made from.
//!
//! `clap` would parse them as well. With the same 120 options, a program that only parses them is
//! 760 KiB large with it and 380 KiB with `lexopt`, and starts in 1.0 ms in place of 0.8 ms. The
//! table is needed in any case, for the comparison.

mod complete;
mod config;
mod curl;
mod given;
mod lacking;
mod page;
mod table;

pub(crate) use complete::completions;
pub(crate) use config::config;
pub(crate) use curl::{comparison, instead};
pub(crate) use given::Given;
pub(crate) use page::{page, topic, topics};
pub(crate) use table::ALL;

/// An option.
#[derive(Debug)]
pub(crate) struct Spec {
    /// `\0`: none.
    pub(crate) letter: char,
    /// Without the dashes. One that begins with `no-` is switched off by the rest of its name.
    pub(crate) name: &'static str,
    /// The name of its value; empty: it has none, and `--no-NAME` switches it off.
    pub(crate) value: &'static str,
    topic: Topic,
    curl: Curl,
    help: &'static str,
}

impl Spec {
    /// Whether the option has a value.
    pub(crate) const fn has_value(&self) -> bool {
        !self.value.is_empty()
    }
}

/// The relation of an option to curl's of the same name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Curl {
    Same,
    /// It differs in this.
    Differs(&'static str),
    /// Curl has no such option.
    Ours,
}

/// A heading of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Request,
    Output,
    Redirect,
    Proxy,
    Timeout,
    Tls,
    Addresses,
    Socket,
    Load,
    Diagnosis,
    Command,
}

impl Topic {
    const ALL: [Self; 11] = [
        Self::Request,
        Self::Output,
        Self::Redirect,
        Self::Proxy,
        Self::Timeout,
        Self::Tls,
        Self::Addresses,
        Self::Socket,
        Self::Load,
        Self::Diagnosis,
        Self::Command,
    ];

    /// Returns the word that names the topic, and its heading.
    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Request => ("request", "Request"),
            Self::Output => ("output", "Response and output"),
            Self::Redirect => ("redirect", "Redirects and retries"),
            Self::Proxy => ("proxy", "Proxies"),
            Self::Timeout => ("timeout", "Timeouts and rates; in seconds, fractions are allowed"),
            Self::Tls => {
                ("tls", "TLS; https works by default, with the authorities of this system")
            }
            Self::Addresses => ("address", "Addresses"),
            Self::Socket => ("socket", "Sockets"),
            Self::Load => ("load", "Load"),
            Self::Diagnosis => ("diagnosis", "Diagnosis"),
            Self::Command => ("command", "Command line"),
        }
    }
}

/// Finds the option with a letter.
pub(crate) fn by_letter(letter: char) -> Option<&'static Spec> {
    ALL.iter().find(|spec| spec.letter == letter && letter != '\0')
}

/// Finds the option with a name (without dashes), and whether the name switches it on.
pub(crate) fn by_name(name: &str) -> Option<(&'static Spec, bool)> {
    let named = |name: &str| ALL.iter().find(|spec| spec.name == name);
    if let Some(spec) = named(name) {
        return Some((spec, true));
    }
    let other = match name.strip_prefix("no-") {
        Some(rest) => named(rest),
        None => named(&format!("no-{name}")),
    };
    other.filter(|spec| !spec.has_value()).map(|spec| (spec, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters_are_unique_and_not_among_those_that_are_lacking() {
        let lacking = lacking::LACKING.iter().map(|it| (it.letter, it.name));
        let all: Vec<_> = ALL.iter().map(|it| (it.letter, it.name)).chain(lacking).collect();
        for (at, (letter, name)) in all.iter().enumerate() {
            let same = |(l, n): &(char, &str)| n == name || (l == letter && *l != '\0');
            assert!(!all[at + 1..].iter().any(same), "{name}");
        }
    }

    #[test]
    fn no_switches_off() {
        let found = |name| by_name(name).map(|(spec, on)| (spec.name, on));
        assert_eq!(found("location"), Some(("location", true)));
        assert_eq!(found("no-location"), Some(("location", false)));
        assert_eq!(found("no-keepalive"), Some(("no-keepalive", true)));
        assert_eq!(found("keepalive"), Some(("no-keepalive", false)));
        assert_eq!(found("no-data"), None);
    }
}
