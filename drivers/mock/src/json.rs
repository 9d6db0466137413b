//! Replaces values in the text of JSON (RFC 8259), and leaves all other bytes as they are.

use crate::redact::REDACTED;

/// Replaces the values of the members whose names are secret. Text that is no JSON, as after a cut,
/// is treated as far as it can be read: a value without an end is replaced whole.
pub(crate) fn without_members(text: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        if text[at] != b'"' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let end = string_end(text, at);
        out.extend_from_slice(&text[at..end]);
        let name = unescaped(&text[at..end]);
        at = end;
        let colon = after_space(text, at);
        if text.get(colon) != Some(&b':') || !is_secret(&name) {
            continue;
        }
        let value = after_space(text, colon + 1);
        out.extend_from_slice(&text[at..value]);
        at = value_end(text, value);
        match &text[value..at] {
            kept @ (b"" | b"null") => out.extend_from_slice(kept),
            _ => out.extend_from_slice(format!("\"{REDACTED}\"").as_bytes()),
        }
    }
    out
}

fn after_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    text.len().min(at) + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Returns the end of the string that begins at `at` with a quote.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    text.len()
}

/// Returns the end of the value that begins at `at`.
fn value_end(text: &[u8], at: usize) -> usize {
    let (mut end, mut depth) = (at, 0_usize);
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' => end = string_end(text, end),
            b'{' | b'[' => {
                depth += 1;
                end += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                end += 1;
            }
            b',' | b'}' | b']' if depth == 0 => return end,
            byte if depth == 0 && byte.is_ascii_whitespace() => return end,
            _ => {
                end += 1;
                continue;
            }
        }
        if depth == 0 && matches!(text.get(at), Some(b'"' | b'{' | b'[')) {
            return end;
        }
    }
    text.len()
}

/// Returns the text of a string. Escapes of characters that are not ASCII are left as they are.
fn unescaped(string: &[u8]) -> String {
    let text = String::from_utf8_lossy(string);
    let mut out = String::new();
    let mut rest = text.trim_matches('"');
    while let Some((before, after)) = rest.split_once("\\u") {
        out.push_str(before);
        let code = after.get(..4).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = &after[4..];
            }
            None => {
                out.push_str("\\u");
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_members_are_replaced_and_all_else_is_kept() {
        for (text, expected) in [
            (r#"{"a": 1, "k": "x"}"#, r#"{"a": 1, "k": "REDACTED"}"#),
            (
                r#"{"k":-1.5e3 ,"b":[{"k" : {"k":"x]}","c":[1]}}]}"#,
                r#"{"k":"REDACTED" ,"b":[{"k" : "REDACTED"}]}"#,
            ),
            (
                r#"[{"k":[1,"]"]},{"k":null},{"k":true}]"#,
                r#"[{"k":"REDACTED"},{"k":null},{"k":"REDACTED"}]"#,
            ),
            (r#"{"\u006b":"a\"b","x":"k"}"#, r#"{"\u006b":"REDACTED","x":"k"}"#),
            (r#"{"k":"cut"#, r#"{"k":"REDACTED""#),
            (r#"{"k":{"cut":1"#, r#"{"k":"REDACTED""#),
            (r#"{"k""#, r#"{"k""#),
            (r#"{"k":"#, r#"{"k":"#),
            ("\"\\", "\"\\"),
            ("[1, 2]", "[1, 2]"),
        ] {
            let out = without_members(text.as_bytes(), &|name| name == "k");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
    }
}
