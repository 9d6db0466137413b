//! Redacts queries and fragments in a recording: keeps the names, and only the length of the
//! values.
//!
//! A client that follows a redacted Location must write a head of the same length as when it was
//! recorded, and the redacted heads must be equal. So a byte that a URL parser percent-encodes is
//! replaced by another one that it encodes.

/// The replacement for a byte of a value.
pub(super) const STAR: u8 = b'*';

/// Redacts the values in `text`, which is one URL reference, perhaps with white space around it.
/// `star` replaces each byte that a URL parser does not encode.
pub(super) fn hide_in_reference(text: &mut [u8], star: u8) {
    let (query, fragment) = query_and_fragment(text);
    hide_values(query, |byte| match byte {
        b' ' => byte,
        _ if byte.is_ascii_control() => byte,
        // The special-query percent-encode set of the URL standard.
        b'"' | b'<' | b'>' | b'\'' | 0x80.. => b'"',
        _ => star,
    });
    // The fragment is not sent, so its bytes need not keep their encoded length.
    hide_values(fragment, |byte| match byte {
        b' ' => byte,
        _ if byte.is_ascii_control() => byte,
        _ => star,
    });
}

/// Redacts values wherever `text` may hold a URL: behind each `?` or `#`, up to a byte that ends a
/// URL.
pub(super) fn hide_anywhere(text: &mut [u8]) {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|&byte| matches!(byte, b'?' | b'#')) {
        let url = &mut rest[start..];
        let end = url.iter().position(|&byte| ends_url(byte)).unwrap_or(url.len());
        let (url, behind) = url.split_at_mut(end);
        let (query, fragment) = query_and_fragment(url);
        hide_values(query, |_| STAR);
        hide_values(fragment, |_| STAR);
        rest = behind;
    }
}

const fn ends_url(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'"' | b'<' | b'>' | 0x7f)
}

/// Returns the query and the fragment, without `?` and `#`. A `?` behind a `#` is part of the
/// fragment.
fn query_and_fragment(reference: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let hash = reference.iter().position(|&byte| byte == b'#').unwrap_or(reference.len());
    let (before, fragment) = reference.split_at_mut(hash);
    let query = before.iter().position(|&byte| byte == b'?').unwrap_or(before.len());
    (behind_first(&mut before[query..]), behind_first(fragment))
}

fn behind_first(text: &mut [u8]) -> &mut [u8] {
    text.split_first_mut().map(|(_, behind)| behind).unwrap_or_default()
}

/// Redacts the values of `a=b` pairs. A part without `=` is redacted whole, as it may be a value.
fn hide_values(pairs: &mut [u8], hidden: impl Fn(u8) -> u8) {
    for pair in pairs.split_mut(|&byte| byte == b'&') {
        let value = pair.iter().position(|&byte| byte == b'=').map_or(0, |at| at + 1);
        for byte in &mut pair[value..] {
            *byte = hidden(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn reference(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        hide_in_reference(&mut bytes, STAR);
        String::from_utf8(bytes).unwrap()
    }

    fn anywhere(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        hide_anywhere(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names_and_lengths_stay() {
        for (url, hidden) in [
            ("http://a/x", "http://a/x"),
            ("http://a/x?token=abc&n=1", "http://a/x?token=***&n=*"),
            ("/x?a=b=c&d=", "/x?a=***&d="),
            ("?dG9w", "?****"),
            ("/x?", "/x?"),
            ("//u?x@y", "//u?***"),
            ("/x?next=http://b/?q=1;z", "/x?next=***************"),
            ("/x#access_token=abc&b?c=d", "/x#access_token=***&b?c=*"),
            ("/x?a=b#top", "/x?a=*#***"),
        ] {
            assert_eq!(reference(url), hidden, "{url}");
            assert_eq!(anywhere(url), hidden, "{url}");
        }
    }

    #[test]
    fn what_a_parser_encodes_stays_to_be_encoded() {
        assert_eq!(reference(" /?a=b c'\"<\u{e9}>\t%41\r\n"), " /?a=* *\"\"\"\"\"\"\t***\r\n");
        assert_eq!(reference("/#a=b c'\u{e9}"), "/#a=* ****");
    }

    #[test]
    fn urls_amid_other_text_end_where_they_must() {
        assert_eq!(anywhere("<http://a/?x=1>; rel=\"a=b\""), "<http://a/?x=*>; rel=\"a=b\"");
        assert_eq!(anywhere("5; url=/?x=1&y=2 z=3"), "5; url=/?x=*&y=* z=3");
        assert_eq!(anywhere("GET /?x=1 HTTP/1.1\r\n"), "GET /?x=* HTTP/1.1\r\n");
        assert_eq!(anywhere("/?a=1 /?b=2#c=3"), "/?a=* /?b=*#c=*");
    }
}
