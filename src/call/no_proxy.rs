//! The origins that are reached without a proxy (`NO_PROXY`).

use alloc::{boxed::Box, sync::Arc};
use core::{fmt, net::IpAddr};

use url::Host;

use crate::message::{Network, Origin};

/// The origins that are reached without a proxy, as the environment variable `NO_PROXY` lists them.
/// No name is ever looked up for it.
///
/// | entry | origins |
/// |---|---|
/// | `*` | all |
/// | `example.com`, `.example.com`, `*.example.com` | `example.com` and every name that ends with `.example.com` |
/// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | that address; an IPv4-mapped IPv6 address is the IPv4 address |
/// | `10.0.0.0/8`, `fc00::/7` | the addresses of that [`Network`] |
/// | an entry with `:8080` | the same, with that port alone; an IPv6 address then has brackets |
///
/// Commas and white space separate entries, and empty entries are skipped. Names are compared as
/// the URL standard writes them, without regard to case and to final dots. An address never matches
/// a name, nor a zone id.
///
/// ```
/// use httpool::call::NoProxy;
/// use httpool::message::{Origin, Scheme};
///
/// let direct = NoProxy::parse("localhost, .example.com, 10.0.0.0/8");
/// let origin = |host| Origin::new(Scheme::Http, host, 80);
/// assert!(direct.matches(&origin("www.example.com")));
/// assert!(direct.matches(&origin("10.1.2.3")));
/// assert!(!direct.matches(&origin("notexample.com")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoProxy {
    entries: Arc<[Entry]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// The only port that matches. `None` if all do.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and all names below it.
    Under(Box<str>),
    Net(Network),
    /// An entry in no known form. It matches nothing.
    Unknown(Box<str>),
}

impl NoProxy {
    /// Parses the value of `NO_PROXY`. An entry in no known form, such as `10.*`, matches no origin:
    /// see [`unknown`](Self::unknown).
    pub fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        Self { entries: entries.filter(|it| !it.is_empty()).map(Entry::parse).collect() }
    }

    /// Returns whether the connection to `origin` is opened without a proxy.
    pub fn matches(&self, origin: &Origin) -> bool {
        self.entries.iter().any(|entry| entry.matches(origin))
    }

    /// Returns the entries in no known form. They match nothing, so that a program can warn of
    /// them.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match &entry.hosts {
            Hosts::Unknown(text) => Some(&**text),
            Hosts::All | Hosts::Under(_) | Hosts::Net(_) => None,
        })
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn parse(text: &str) -> Self {
        let (host, port) = split_port(text);
        let hosts = Hosts::parse(host).unwrap_or_else(|| Hosts::Unknown(text.into()));
        Self { hosts, port }
    }

    fn matches(&self, origin: &Origin) -> bool {
        if self.port.is_some_and(|port| port != origin.port()) {
            return false;
        }
        let host = origin.host_unbracketed();
        match (&self.hosts, host.parse::<IpAddr>()) {
            (Hosts::All, _) => true,
            (Hosts::Net(net), Ok(addr)) => net.contains(addr),
            (Hosts::Under(name), Err(_)) => is_under(host.trim_end_matches('.'), name),
            (Hosts::Net(_), Err(_)) | (Hosts::Under(_), Ok(_)) | (Hosts::Unknown(_), _) => false,
        }
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(network) = bare.parse() {
            return Some(Self::Net(network));
        }
        let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        match Host::parse(name.trim_end_matches('.')) {
            Ok(Host::Domain(name)) if !name.contains('*') && !name.starts_with('.') => {
                Some(Self::Under(name.into()))
            }
            Ok(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => None,
        }
    }
}

/// Returns whether `host` is `name`, or ends with a dot and `name`.
fn is_under(host: &str, name: &str) -> bool {
    let Some(start) = host.len().checked_sub(name.len()) else { return false };
    let (before, end) = host.as_bytes().split_at(start);
    end.eq_ignore_ascii_case(name.as_bytes()) && before.last().is_none_or(|&byte| byte == b'.')
}

/// Splits `host:port`. A bare IPv6 address has no port, and a port that is no number is part of the
/// host, which is then in no known form.
fn split_port(text: &str) -> (&str, Option<u16>) {
    let Some((host, port)) = text.rsplit_once(':') else { return (text, None) };
    let is_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if is_number && !is_v6 => (host, Some(port)),
        _ => (text, None),
    }
}

/// Writes the entries as in `NO_PROXY`, with commas between them.
impl fmt::Display for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            fmt::Display::fmt(entry, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hosts, self.port) {
            (Hosts::Unknown(text), _) => return f.write_str(text),
            (Hosts::All, _) => f.write_str("*")?,
            (Hosts::Under(name), _) => f.write_str(name)?,
            (Hosts::Net(net), None) => return fmt::Display::fmt(net, f),
            (Hosts::Net(net), Some(port)) => return write!(f, "[{net}]:{port}"),
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec::Vec};

    use quickcheck::quickcheck;

    use super::*;
    use crate::message::{Scheme, Url};

    /// Returns whether a URL is reached without a proxy.
    fn direct(no_proxy: &str, url: &str) -> bool {
        let origin = Origin::of(&Url::parse(url).unwrap()).unwrap();
        NoProxy::parse(no_proxy).matches(&origin)
    }

    #[test]
    fn each_row_of_the_table_matches_and_its_neighbours_do_not() {
        for (no_proxy, url, expected) in [
            // A name matches itself and the names below it, in all three forms.
            ("x.com", "http://x.com/", true),
            ("x.com", "http://a.x.com/", true),
            ("x.com", "http://notx.com/", false),
            ("x.com", "http://x.com.evil/", false),
            ("x.com", "http://x.co/", false),
            (".x.com", "http://x.com/", true),
            (".x.com", "http://a.b.x.com/", true),
            (".x.com", "http://notx.com/", false),
            ("*.x.com", "http://x.com/", true),
            ("*.x.com", "http://a.x.com/", true),
            ("*.x.com", "http://notx.com/", false),
            // A star alone matches everything, in any place.
            ("*", "http://x.com/", true),
            ("*", "http://10.0.0.1/", true),
            ("*", "http://[2001:db8::1]/", true),
            ("a.com, *", "http://b.com/", true),
            ("*:8080", "http://b.com:8080/", true),
            ("*:8080", "http://b.com/", false),
            // Networks and addresses.
            ("10.0.0.0/8", "http://10.255.0.1/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("0.0.0.0/0", "http://8.8.8.8/", true),
            ("0.0.0.0/0", "http://x.com/", false),
            ("0.0.0.0/0", "http://[::1]/", false),
            ("::/0", "http://[::1]/", true),
            ("::/0", "http://8.8.8.8/", false),
            ("fc00::/7", "http://[fd00::1]/", true),
            ("192.0.2.1", "http://192.0.2.1/", true),
            ("192.0.2.1", "http://[::ffff:192.0.2.1]/", true),
            ("::ffff:192.0.2.1", "http://192.0.2.1/", true),
            ("192.0.2.1", "http://a.192.0.2.1.com/", false),
            ("2001:db8::1", "http://[2001:db8::1]/", true),
            ("[2001:db8::1]", "http://[2001:db8::1]/", true),
            ("2001:DB8:0::1", "http://[2001:db8::1]/", true),
            ("2001:db8::1", "http://[2001:db8::2]/", false),
            // Ports are compared with the effective port.
            ("x.com:80", "http://x.com/", true),
            ("x.com:80", "http://x.com:81/", false),
            ("x.com:443", "https://x.com/", true),
            ("192.0.2.1:81", "http://192.0.2.1:81/", true),
            ("192.0.2.1:81", "http://192.0.2.1/", false),
            ("[2001:db8::1]:81", "http://[2001:db8::1]:81/", true),
            ("[2001:db8::1]:81", "http://[2001:db8::1]/", false),
            // A bare IPv6 address has no port.
            ("2001:db8::1:81", "http://[2001:db8::1]:81/", false),
            // Case, final dots, IDNA.
            ("EXAMPLE.com", "http://example.COM/", true),
            ("x.com.", "http://x.com/", true),
            ("x.com", "http://x.com./", true),
            ("b\u{fc}cher.de", "http://xn--bcher-kva.de/", true),
            ("xn--bcher-kva.de", "http://www.b\u{fc}cher.de/", true),
            // Separators, and entries that are empty or in no known form.
            ("a.com,b.com", "http://b.com/", true),
            ("a.com b.com\tc.com", "http://c.com/", true),
            ("a.com,", "http://b.com/", false),
            (",, ,", "http://b.com/", false),
            ("", "http://b.com/", false),
            (".", "http://b.com/", false),
            ("*.", "http://b.com/", false),
            ("10.*", "http://10.0.0.1/", false),
            ("a.*.com", "http://a.b.com/", false),
            ("10.0.0.0/33", "http://10.0.0.1/", false),
            ("http://x.com", "http://x.com/", false),
            ("x.com:", "http://x.com/", false),
            ("x.com:+80", "http://x.com/", false),
            // Loopback is not implied.
            ("x.com", "http://localhost/", false),
            ("x.com", "http://127.0.0.1/", false),
            ("localhost", "http://localhost/", true),
        ] {
            assert_eq!(direct(no_proxy, url), expected, "NO_PROXY={no_proxy} {url}");
        }
    }

    #[test]
    fn a_zone_id_never_matches_a_name() {
        let zoned = Origin::new(Scheme::Http, "[fe80::1%.x.com]", 80);
        assert!(!NoProxy::parse("x.com, .x.com, *.x.com").matches(&zoned));
        assert!(NoProxy::parse("fe80::/10").matches(&zoned));
    }

    #[test]
    fn entries_in_no_known_form_are_named() {
        let rules = NoProxy::parse("10.*, x.com, http://y, 1.2.3.4/40, *");
        assert_eq!(rules.unknown().collect::<Vec<_>>(), ["10.*", "http://y", "1.2.3.4/40"]);
    }

    #[test]
    fn the_text_of_a_list_is_the_same_list() {
        for text in ["*", "*:80", "x.com,y.com:81", "10.0.0.0/8", "[10.0.0.0/8]:81", "[::1]:1,10.*"]
        {
            let rules = NoProxy::parse(text);
            assert_eq!(NoProxy::parse(&rules.to_string()), rules, "{text}");
        }
    }

    quickcheck! {
        fn a_name_matches_only_at_the_edge_of_a_label(labels: Vec<u8>, split: u8, glue: u8) -> bool {
            let label = |n: &u8| format!("l{}", n % 16);
            let host = labels.iter().take(6).map(label).collect::<Vec<_>>().join(".");
            let host = format!("{host}.end").trim_start_matches('.').to_string();
            let at = usize::from(split) % host.len();
            let name = &host[at..];
            let edge = at == 0 || host.as_bytes()[at - 1] == b'.' || name.starts_with('.');
            let origin = Origin::new(Scheme::Http, &host, 80);
            let longer = format!("{}{host}", char::from(b'a' + glue % 26));
            let other = Origin::new(Scheme::Http, &longer, 80);
            NoProxy::parse(name).matches(&origin) == edge
                && !NoProxy::parse(&host).matches(&other)
        }

        fn no_list_panics_and_its_text_is_the_same_list(text: alloc::string::String) -> bool {
            let rules = NoProxy::parse(&text);
            NoProxy::parse(&rules.to_string()) == rules
        }
    }
}
