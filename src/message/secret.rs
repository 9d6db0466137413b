//! Masks the secrets in a message, for recordings and `Debug`.

/// Fields whose whole value is a secret.
const NAMES: [&str; 15] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
];

/// Returns whether the whole value of the field called `name` is a secret.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// Masks the userinfo of each URL in `text` with the byte `with`. Takes every `//`, and every
/// colon, as the beginning of an authority, so that it finds every URL that a lenient parser
/// accepts.
pub(crate) fn star_userinfo(text: &mut [u8], with: u8) {
    let mut at = 0;
    while let Some(start) = next_authority(text, at) {
        let ends =
            |byte: &u8| matches!(byte, b'/' | b'\\' | b'?' | b'#' | b' ' | b'"' | b'<' | b'>');
        at = star_authority(text, start, ends, with);
    }
}

/// Masks the userinfo of `text`, which is one URL reference. Leaves the path, which is sent. Takes
/// `u` in `http:/u@h` for userinfo, although some base URLs make it part of the path.
pub(crate) fn star_userinfo_of(text: &mut [u8], with: u8) {
    let marks = |byte: &u8| matches!(byte, b':' | b'/' | b'\\' | b'?' | b'#');
    let Some(first) = text.iter().position(marks) else { return };
    // URL parsers drop tabs.
    let seen = |&&byte: &&u8| !matches!(byte, b' ' | b'\t');
    let is_slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let mut before = text[..first].iter().filter(seen);
    let begins = match text[first] {
        b':' => {
            let in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            before.next().is_some_and(u8::is_ascii_alphabetic) && before.all(in_scheme)
        }
        mark if is_slash(&mark) => {
            before.next().is_none() && text[first + 1..].iter().find(seen).is_some_and(is_slash)
        }
        _ => false,
    };
    if begins {
        let slash = |byte: &u8| is_slash(byte) || *byte == b'\t';
        let slashes = text[first + 1..].iter().take_while(|&byte| slash(byte)).count();
        let ends = |byte: &u8| is_slash(byte) || matches!(byte, b'?' | b'#');
        star_authority(text, first + 1 + slashes, ends, with);
    }
}

/// Masks the userinfo of the authority that begins at `start`. Returns the end of the authority.
fn star_authority(text: &mut [u8], start: usize, ends: impl Fn(&u8) -> bool, with: u8) -> usize {
    let rest = &text[start..];
    let end = start + rest.iter().position(ends).unwrap_or(rest.len());
    if let Some(len) = text[start..end].iter().rposition(|&byte| byte == b'@') {
        star(&mut text[start..start + len], with);
    }
    end
}

/// Returns the start of the next authority after `from`: behind a colon and any slashes, or behind
/// two slashes.
fn next_authority(text: &[u8], from: usize) -> Option<usize> {
    let slash = |at: usize| matches!(text.get(at), Some(b'/' | b'\\'));
    let mut at = from;
    while at < text.len() {
        if text[at] == b':' || slash(at) && slash(at + 1) {
            at += 1;
            while slash(at) {
                at += 1;
            }
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Masks a user name and password. Keeps their decoded length, the colon between them, and control
/// bytes, which the Basic scheme refuses.
fn star(userinfo: &mut [u8], with: u8) {
    let stays = |byte: u8| byte == b':' || byte.is_ascii_control();
    let mut at = 0;
    while let Some(&byte) = userinfo.get(at) {
        match userinfo.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(hex) {
            Some(decoded) => {
                if !stays(decoded) {
                    let digit = |half: u8| b"0123456789ABCDEF"[usize::from(half)];
                    userinfo[at + 1..at + 3].copy_from_slice(&[digit(with >> 4), digit(with & 15)]);
                }
                at += 3;
            }
            None => {
                if !stays(byte) {
                    userinfo[at] = with;
                }
                at += 1;
            }
        }
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    match digits {
        [high, low] => u8::try_from(value(high)? << 4 | value(low)?).ok(),
        _ => None,
    }
}
