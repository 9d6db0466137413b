//! Looks up names and passwords in a netrc file (`--netrc`).

use std::{env, fs, io, path::PathBuf};

use httpool::message::Url;

use crate::{exit::Failed, options::Given};

/// The options of netrc files.
#[derive(Debug, Default)]
pub(crate) struct Netrc {
    wanted: bool,
    /// The file in place of `~/.netrc`.
    file: Option<PathBuf>,
    text: String,
}

impl Netrc {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> bool {
        match given.name.as_str() {
            "--netrc" | "--netrc-optional" => self.wanted = given.on,
            "--netrc-file" => (self.wanted, self.file) = (true, Some(given.path())),
            _ => return false,
        }
        true
    }

    /// Returns the name and the password for the host of a URL, unless the URL has a password.
    pub(crate) fn login(&self, url: &str) -> Option<(String, String)> {
        let url = Url::parse(url).ok().filter(|_| !self.text.is_empty())?;
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let host = url.host_str().filter(|_| url.password().is_none())?;
        look_up(&self.text, host, user)
    }

    /// Reads the file, if it is wanted. There may be no `~/.netrc`.
    pub(crate) fn read(&mut self) -> Result<(), Failed> {
        let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".netrc"));
        let Some(path) = self.file.clone().or_else(home).filter(|_| self.wanted) else {
            return Ok(());
        };
        match fs::read_to_string(&path) {
            Ok(text) => self.text = text,
            Err(why) if why.kind() == io::ErrorKind::NotFound && self.file.is_none() => {}
            Err(why) => return Err(Failed::reading_file(path.display(), &why)),
        }
        Ok(())
    }
}

/// Returns the name and the password for a host. With `user`, an entry of another name does not
/// count.
fn look_up(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    let mut words = words(text).into_iter();
    let (mut fits, mut login, mut password) = (false, None, None);
    let found = |fits: bool, login: &Option<String>, password: &Option<String>| {
        let named = match (user, login) {
            (Some(user), Some(login)) => user == login,
            _ => true,
        };
        let name = user.map(str::to_owned).or_else(|| login.clone());
        (fits && named && (login.is_some() || password.is_some()))
            .then(|| (name.unwrap_or_default(), password.clone().unwrap_or_default()))
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                if let Some(found) = found(fits, &login, &password) {
                    return Some(found);
                }
                fits = word == "default"
                    || words.next().is_some_and(|it| it.eq_ignore_ascii_case(host));
                (login, password) = (None, None);
            }
            "login" => login = words.next(),
            "password" => password = words.next(),
            "account" => drop(words.next()),
            _ => {}
        }
    }
    found(fits, &login, &password)
}

/// Returns the words of the file, without comments and the bodies of macros. A word in double
/// quotes may hold blanks.
fn words(text: &str) -> Vec<String> {
    let (mut all, mut in_macro) = (Vec::new(), false);
    for line in text.lines() {
        if in_macro || line.trim_start().starts_with('#') {
            in_macro &= !line.trim().is_empty();
            continue;
        }
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, behind) = match rest.strip_prefix('"') {
                Some(quoted) => quoted_word(quoted),
                None => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            if word == "macdef" {
                in_macro = true;
                break;
            }
            all.push(word);
            rest = behind.trim_start();
        }
    }
    all
}

fn quoted_word(text: &str) -> (String, &str) {
    let (mut word, mut chars) = (String::new(), text.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (word, &text[at + 1..]),
            '\\' => word.extend(chars.next().map(|(_, char)| match char {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            })),
            other => word.push(other),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# machine a.test login no password no\n\
        machine a.test login me password \"my \\\"word\"\n\
        macdef init\nmachine b.test login no\n\n\
        machine b.test\n  login you\n  account x\n  password secret\n\
        machine b.test login other password o\n\
        machine c.test password alone\n\
        default login anybody password some\n";

    #[test]
    fn the_first_entry_of_a_host_counts() {
        let found = |host, user| look_up(FILE, host, user);
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found("a.test", None), pair("me", "my \"word"));
        assert_eq!(found("A.test", None), pair("me", "my \"word"));
        assert_eq!(found("b.test", None), pair("you", "secret"));
        assert_eq!(found("b.test", Some("other")), pair("other", "o"));
        assert_eq!(found("c.test", Some("it")), pair("it", "alone"));
        assert_eq!(found("d.test", None), pair("anybody", "some"));
        assert_eq!(found("d.test", Some("me")), None);
        assert_eq!(look_up("machine a.test", "a.test", None), None);
        assert_eq!(look_up("", "a.test", None), None);
    }
}
