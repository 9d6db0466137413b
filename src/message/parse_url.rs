//! The URLs of requests: parsed strictly, and split from the zone id of an IPv6 address.

use alloc::string::String;

use percent_encoding::percent_decode_str;
use url::Url;

use super::Origin;
use crate::error::RequestError;

/// Parses an absolute `http` or `https` URL, whose IPv6 address may have a zone id. Repairs nothing
/// as browsers do: refuses control bytes, missing or extra slashes, and backslashes before the
/// host. The error names the wrong part.
pub(super) fn parse_url(text: &str) -> Result<(Url, Origin), RequestError> {
    if let Some(at) = text.bytes().position(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(RequestError::UrlByte { at });
    }
    let (scheme, rest) = text.split_once(':').ok_or(RequestError::UrlScheme)?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let is_scheme = is_scheme && !begins_with_port(rest);
        return Err(if is_scheme { RequestError::Scheme } else { RequestError::UrlScheme });
    }
    let authority = rest.strip_prefix("//").ok_or(RequestError::UrlSlashes)?;
    if authority.is_empty() || authority.starts_with(['/', '\\', '?', '#']) {
        return Err(RequestError::UrlHost);
    }
    let Some((addr_end, zone_end)) = find_zone(text) else {
        return check_url(Url::parse(text).map_err(part_of)?);
    };
    let zone = read_zone(&text[addr_end..zone_end]).ok_or(RequestError::Zone)?;
    let unzoned = [&text[..addr_end], &text[zone_end..]].concat();
    let (url, origin) = check_url(Url::parse(&unzoned).map_err(part_of)?)?;
    Ok((url, origin.with_zone(&zone)))
}

/// Returns the range of an IPv6 address's zone id in a URL, from its `%` to before the bracket.
fn find_zone(url: &str) -> Option<(usize, usize)> {
    let start = url.find("//")? + 2;
    let authority = url[start..].split(['/', '\\', '?', '#']).next()?;
    let host = start + authority.rfind('@').map_or(0, |at| at + 1);
    let bracketed = url[host..start + authority.len()].strip_prefix('[')?.split(']').next()?;
    let zone = host + 1 + bracketed.find('%')?;
    Some((zone, host + 1 + bracketed.len()))
}

/// Returns the zone id after `%25` (RFC 6874), or after a bare `%`, which people write. A zone of
/// just `%25` is the interface with number 25.
fn read_zone(text: &str) -> Option<String> {
    const LEN_MAX: usize = 64;
    let text = text.strip_prefix('%')?;
    let text = text.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(text);
    let zone = percent_decode_str(text).decode_utf8().ok()?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let fits = !zone.is_empty() && zone.len() <= LEN_MAX && zone.bytes().all(sound);
    fits.then(|| zone.into_owned())
}

/// Returns whether the text after the first colon begins with a port: the text before it is then a
/// host.
fn begins_with_port(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..end].parse::<u16>().is_ok()
}

/// Maps a parse error to the part of the URL that it is about.
const fn part_of(error: url::ParseError) -> RequestError {
    use url::ParseError as E;
    match error {
        E::InvalidPort => RequestError::UrlPort,
        E::EmptyHost
        | E::IdnaError
        | E::InvalidIpv4Address
        | E::InvalidIpv6Address
        | E::InvalidDomainCharacter => RequestError::UrlHost,
        E::Overflow
        | E::RelativeUrlWithoutBase
        | E::RelativeUrlWithCannotBeABaseBase
        | E::SetHostOnCannotBeABaseUrl
        | _ => RequestError::Url,
    }
}

/// Returns the URL with its origin. Fails if it is not an `http` or `https` URL with a host.
pub(super) fn check_url(url: Url) -> Result<(Url, Origin), RequestError> {
    match Origin::of(&url) {
        Some(origin) => Ok((url, origin)),
        None if matches!(url.scheme(), "http" | "https") => Err(RequestError::UrlHost),
        None => Err(RequestError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::{super::Request, *};

    #[test]
    fn only_whole_http_urls_pass() {
        use RequestError as E;
        for (urls, wrong) in [
            (&["", "/x", "//a/", "a/b", "a/b:c", "localhost:9101/x", "a:80"][..], E::UrlScheme),
            (&["127.0.0.1:80/", "[::1]:80", ":80", "a:1?q"], E::UrlScheme),
            (&["ftp://a/", "mailto:a@b", "a:99999", "file:///x"], E::Scheme),
            (&["http:a", "http:/a", "https:", "http:\\\\a"], E::UrlSlashes),
            (&["http://", "http:///x", "http://?q", "http://:80/", "http://u@/"], E::UrlHost),
            (&["http://[::1", "http://1.2.3.256/", "http://a^b/", "http://[::g]/"], E::UrlHost),
            (&["http://a:99999/", "http://a:x/", "http://[::1]:65536", "http://a:-1"], E::UrlPort),
        ] {
            for url in urls {
                assert_eq!(Request::get(url).build().unwrap_err(), wrong, "{url}");
            }
        }
        assert_eq!(Request::get("HTTP://A").build().unwrap().target(), "/");
        assert_eq!(Request::get("http://a?q").build().unwrap().target(), "/?q");
    }

    #[test]
    fn a_zone_id_is_taken_off_the_url_and_never_sent() {
        for (written, zone) in [
            ("[fe80::1%25eth0]", Some("eth0")),
            ("[fe80::1%eth0]", Some("eth0")),
            ("[FE80::1%2525]", Some("25")),
            ("[fe80::1%25]", Some("25")),
            ("[fe80::1%3]", Some("3")),
            ("[fe80::1%25a%2Db~._]", Some("a-b~._")),
            ("[fe80::1]", None),
        ] {
            let url = alloc::format!("http://u:%25p@{written}:81/a%25b?[x%25y]#%25");
            let request = Request::get(&url).build().unwrap();
            assert_eq!(request.origin().zone(), zone, "{url}");
            assert_eq!(request.url().as_str(), "http://[fe80::1]:81/a%25b?[x%25y]#%25", "{url}");
            assert!(!request.url_with_zone().contains('#'), "{url}");
            for to_proxy in [false, true] {
                let mut out = Vec::new();
                request.write_head_in_form(to_proxy, &mut out);
                let head = String::from_utf8(out).unwrap();
                assert!(head.contains("Host: [fe80::1]:81\r\n"), "{head}");
                assert!(!head.contains("eth0"), "{head}");
            }
        }
        for bad in ["%", "%25%20", "%25a/b", "%25a%2Fb", "%25%00", "%25%C3%A9", "%25%"] {
            let url = alloc::format!("http://[fe80::1{bad}]/");
            assert!(Request::get(&url).build().is_err(), "{url}");
        }
        let long = alloc::format!("http://[fe80::1%25{}]/", "x".repeat(65));
        assert_eq!(Request::get(&long).build().unwrap_err(), RequestError::Zone);
        for bad in ["http://[a.test%25eth0]/", "http://[1.2.3.4%25eth0]/", "http://a%25eth0/"] {
            assert_eq!(Request::get(bad).build().unwrap_err(), RequestError::UrlHost, "{bad}");
        }
    }
}
