//! Expands braces and brackets in URLs, as curl does: `{a,b}`, `[1-9]`, `[001-100:10]`, `[a-z]`.

use std::net::Ipv6Addr;

use crate::exit::{Failed, Kind};

/// The most URLs that one is expanded to.
const URLS_MAX: usize = 100_000;

/// A URL of an expansion.
#[derive(Debug, PartialEq)]
pub(crate) struct Expanded {
    pub(crate) url: String,
    /// The values of the patterns, in their order in the URL.
    values: Vec<String>,
}

impl Expanded {
    /// Takes a URL as it stands.
    pub(crate) const fn plain(url: String) -> Self {
        Self { url, values: Vec::new() }
    }

    /// Replaces `#1`, `#2` and so on in the name of a file by the values of the patterns. A number
    /// without a pattern stays.
    pub(crate) fn fill(&self, name: &str) -> String {
        let mut parts = name.split('#');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number = part[..digits].parse::<usize>().ok();
            match number.and_then(|it| self.values.get(it.checked_sub(1)?)) {
                Some(value) => filled.extend([value, &part[digits..]]),
                None => filled.extend(["#", part]),
            }
        }
        filled
    }
}

/// Expands a URL. The last pattern varies first. Braces and brackets behind a backslash, and an
/// IPv6 address in brackets, stand for themselves.
pub(crate) fn expand(url: &str) -> Result<Vec<Expanded>, Failed> {
    let pieces = pieces(url).map_err(|why| {
        let hint = "-g sends braces and brackets as they are";
        Failed::new(Kind::Request, format!("{url}: {why}")).hint(hint)
    })?;
    let mut all = vec![Expanded::plain(String::new())];
    for piece in pieces {
        match piece {
            Piece::Text(text) => all.iter_mut().for_each(|it| it.url.push_str(&text)),
            Piece::Values(values) if all.len() * values.len() > URLS_MAX => {
                let what = format!("{url} stands for more than {URLS_MAX} URLs");
                return Err(Failed::new(Kind::Request, what));
            }
            Piece::Values(values) => {
                let with = |it: &Expanded, value: &String| Expanded {
                    url: format!("{}{value}", it.url),
                    values: it.values.iter().chain([value]).cloned().collect(),
                };
                all = all.iter().flat_map(|it| values.iter().map(move |v| with(it, v))).collect();
            }
        }
    }
    Ok(all)
}

enum Piece {
    Text(String),
    Values(Vec<String>),
}

fn pieces(url: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), url);
    while let Some(at) = rest.find(['{', '}', '[', ']', '\\']) {
        text.push_str(&rest[..at]);
        let (mark, behind) = rest[at..].split_at(1);
        let values = match mark {
            "\\" => {
                let escaped = behind.chars().next().filter(|it| "{}[]".contains(*it));
                text.push(escaped.unwrap_or('\\'));
                rest = &behind[escaped.map_or(0, char::len_utf8)..];
                continue;
            }
            "[" if is_literal(behind) => {
                let end = behind.find(']').unwrap_or_default() + 1;
                text.extend([mark, &behind[..end]]);
                rest = &behind[end..];
                continue;
            }
            "{" => {
                let end = end(behind, '}').ok_or("a brace has no end")?;
                rest = &behind[end + 1..];
                set(&behind[..end])?
            }
            "[" => {
                let end = behind.find(']').ok_or("a bracket has no end")?;
                rest = &behind[end + 1..];
                range(&behind[..end]).ok_or_else(|| format!("[{}] is no range", &behind[..end]))?
            }
            mark => return Err(format!("{mark} ends nothing")),
        };
        pieces.push(Piece::Text(std::mem::take(&mut text)));
        pieces.push(Piece::Values(values));
    }
    pieces.push(Piece::Text(text + rest));
    Ok(pieces)
}

/// Whether a bracket stands for itself: an IPv6 address, perhaps with a zone, or nothing in it.
fn is_literal(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once(']') else { return false };
    let address = inside.split('%').next().unwrap_or_default();
    inside.is_empty() || address.parse::<Ipv6Addr>().is_ok()
}

/// Returns where the mark stands that is not behind a backslash.
fn end(text: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, char)| {
        let found = char == mark && !escaped;
        escaped = char == '\\' && !escaped;
        found.then_some(at)
    })
}

fn set(text: &str) -> Result<Vec<String>, String> {
    let mut values = vec![String::new()];
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, values.last_mut()) {
            (',', _) => values.push(String::new()),
            ('{' | '[', _) => return Err("patterns do not nest".to_owned()),
            ('\\', Some(value)) => value.extend(chars.next()),
            (char, Some(value)) => value.push(char),
            (_, None) => {}
        }
    }
    Ok(values)
}

/// Parses `1-9`, `001-100`, `a-z`, each perhaps with `:STEP` behind it.
fn range(text: &str) -> Option<Vec<String>> {
    let (bounds, step) = match text.split_once(':') {
        Some((bounds, step)) => (bounds, step.parse().ok().filter(|step: &u64| *step > 0)?),
        None => (text, 1),
    };
    let (first, last) = bounds.split_once('-')?;
    let step = usize::try_from(step).ok()?;
    let letter = |text: &str| text.parse::<char>().ok().filter(char::is_ascii_alphabetic);
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        let sound = first <= last && first.is_ascii_lowercase() == last.is_ascii_lowercase();
        return sound.then(|| (first..=last).step_by(step).map(String::from).collect());
    }
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (from, to) = (number(first)?, number(last)?);
    // Leading zeros make all numbers as long as the first.
    let width = if first.starts_with('0') { first.len() } else { 1 };
    let values = (from..=to).step_by(step).map(|number| format!("{number:0width$}"));
    (from <= to).then(|| values.take(URLS_MAX + 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(url: &str) -> Vec<String> {
        expand(url).unwrap().into_iter().map(|it| it.url).collect()
    }

    #[test]
    fn sets_and_ranges_are_expanded_and_the_last_varies_first() {
        assert_eq!(
            urls("http://h/{a,b}[1-2]"),
            ["a1", "a2", "b1", "b2"].map(|it| format!("http://h/{it}"))
        );
        assert_eq!(urls("[08-10]"), ["08", "09", "10"]);
        assert_eq!(urls("[1-10:4]"), ["1", "5", "9"]);
        assert_eq!(urls("[a-e:2]"), ["a", "c", "e"]);
        assert_eq!(urls("{,x}y"), ["y", "xy"]);
        assert_eq!(urls("{a\\,b,c\\}}"), ["a,b", "c}"]);
    }

    #[test]
    fn addresses_and_escaped_marks_stand_for_themselves() {
        for url in ["http://[::1]:80/", "http://[fe80::1%25eth0]/", "http://h/[]", "http://h/"] {
            assert_eq!(urls(url), [url]);
        }
        assert_eq!(urls("h/\\{a\\}\\[\\]\\n"), ["h/{a}[]\\n"]);
    }

    #[test]
    fn values_stand_in_names_of_files() {
        let all = expand("http://{a,b}/[1-2]").unwrap();
        assert_eq!(all[2].fill("#1_#2.#3#x#"), "b_1.#3#x#");
        assert_eq!(Expanded::plain(String::new()).fill("#1"), "#1");
    }

    #[test]
    fn other_patterns_are_refused() {
        for url in ["{a", "[1-2", "a}", "]", "[1]", "[2-1]", "[a-Z]", "[1-2:0]", "{a{b}}", "[1-x]"]
        {
            assert!(expand(url).is_err(), "{url}");
        }
        assert!(expand("[1-99999]").is_ok());
        for url in ["[1-100001]", "[1-1000][1-1000]", "[0-18446744073709551615]"] {
            assert!(expand(url).is_err(), "{url}");
        }
    }
}
