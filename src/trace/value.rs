//! Writes and reads the value of a setting as one word.

use alloc::{borrow::Cow, format, string::String, sync::Arc, vec::Vec};
use core::{
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Redaction, unescape};
use crate::{
    id::ConnId,
    limits::RetryBudget,
    message::{
        Credentials, Hop, HopKind, Key, KeyLimits, Method, Network, Origin, Scheme, Status, TlsId,
        UnixPath,
    },
    time::Instant,
};

/// A value that is written as one word.
pub(crate) trait Value {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Parses a word; `None` if it is invalid.
    fn read(word: &str) -> Option<Self>
    where
        Self: Sized;
}

/// Parses a word into an existing value.
pub(crate) trait ReadInto: Value {
    fn read_into(&mut self, word: &str) -> bool;
}

impl<V: Value> ReadInto for V {
    fn read_into(&mut self, word: &str) -> bool {
        V::read(word).map(|value| *self = value).is_some()
    }
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }

            fn read(word: &str) -> Option<Self> {
                word.parse().ok()
            }
        }
    )*};
}

displayed!(bool, IpAddr, SocketAddr, Network);

/// Implements `Value` for unsigned integers.
macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }

            fn read(word: &str) -> Option<Self> {
                word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, usize);

/// Generational ids: `c3.0`.
macro_rules! ids {
    ($type:ty, $letter:literal) => {
        impl $crate::trace::Value for $type {
            fn write(
                &self,
                _: &$crate::trace::Redaction,
                f: &mut core::fmt::Formatter<'_>,
            ) -> core::fmt::Result {
                write!(f, "{self}")
            }

            fn read(word: &str) -> Option<Self> {
                let (index, generation) = word.strip_prefix($letter)?.split_once('.')?;
                let [generation, index] = [generation, index].map(u32::read);
                Some(Self::from_bits(u64::from(generation?) << 32 | u64::from(index?)))
            }
        }
    };
}

pub(crate) use ids;

ids!(ConnId, 'c');

/// Writes seconds with nine decimals: `0.020000000`.
impl Value for Instant {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.as_nanos();
        write!(f, "{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }

    fn read(word: &str) -> Option<Self> {
        let (seconds, nanos) = word.split_once('.').filter(|(_, nanos)| nanos.len() == 9)?;
        let seconds = u64::read(seconds)?.checked_mul(1_000_000_000)?;
        seconds.checked_add(u64::read(nanos)?).map(Self::from_nanos)
    }
}

/// Writes `none`, or the value.
impl<V: Value> Value for Option<V> {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            None => f.write_str("none"),
            Some(value) => value.write(redaction, f),
        }
    }

    fn read(word: &str) -> Option<Self> {
        if word == "none" { Some(None) } else { V::read(word).map(Some) }
    }
}

/// Writes seconds, with as many decimals as needed: `0.02`.
impl Value for Duration {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_secs())?;
        match self.subsec_nanos() {
            0 => Ok(()),
            nanos => write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0')),
        }
    }

    fn read(word: &str) -> Option<Self> {
        let (seconds, fraction) = word.split_once('.').unwrap_or((word, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        Some(Self::new(seconds.parse().ok()?, format!("{fraction:0<9}").parse().ok()?))
    }
}

/// Implements `Value` for a struct with one field, which is written like that field.
macro_rules! transparent {
    ($($type:ident),+) => {$(
        impl $crate::trace::Value for $type {
            fn write(
                &self,
                redaction: &$crate::trace::Redaction,
                f: &mut core::fmt::Formatter<'_>,
            ) -> core::fmt::Result {
                self.0.write(redaction, f)
            }

            fn read(word: &str) -> Option<Self> {
                $crate::trace::Value::read(word).map(Self)
            }
        }
    )+};
}

pub(crate) use transparent;

transparent!(TlsId);

/// Writes `20/10`: percent and burst.
impl Value for RetryBudget {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.percent, self.burst)
    }

    fn read(word: &str) -> Option<Self> {
        let (percent, burst) = word.split_once('/')?;
        Some(Self::new(Value::read(percent)?, Value::read(burst)?))
    }
}

impl Value for Status {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }

    fn read(word: &str) -> Option<Self> {
        word.parse().ok().and_then(Self::new)
    }
}

impl Value for Method {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_word(f, self.as_str())
    }

    fn read(word: &str) -> Option<Self> {
        Self::new(&read_word(word)?).ok()
    }
}

impl Value for Cow<'static, str> {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_word(f, self)
    }

    fn read(word: &str) -> Option<Self> {
        read_word(word).map(Into::into)
    }
}

/// Writes `a,b`; `-` is the empty list.
macro_rules! lists {
    ($(<$($life:lifetime,)? $value:ident> $type:ty),*) => {$(
        impl<$($life,)? $value: Value + Clone> Value for $type {
            fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.is_empty() {
                    return f.write_char('-');
                }
                self.iter().enumerate().try_for_each(|(index, value)| {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    value.write(redaction, f)
                })
            }

            fn read(word: &str) -> Option<Self> {
                let words = (word != "-").then(|| word.split(',')).into_iter().flatten();
                Some(words.map(V::read).collect::<Option<Vec<_>>>()?.into())
            }
        }
    )*};
}

lists!(<V> Vec<V>, <V> Arc<[V]>, <'i, V> Cow<'i, [V]>);

/// Writes `http://example.com:80`.
impl Value for Origin {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme().as_str())?;
        match self.zone() {
            Some(zone) => write_word(f, &format!("[{}%{zone}]", self.host_unbracketed()))?,
            None => write_word(f, self.host())?,
        }
        write!(f, ":{}", self.port())
    }

    fn read(word: &str) -> Option<Self> {
        let (scheme, rest) = word.split_once("://")?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let (host, port) = rest.rsplit_once(':')?;
        Some(Self::new(scheme, &read_word(host)?, port.parse().ok()?))
    }
}

/// Writes `connect+http://proxy:3128+0`. User name and password follow, if there are credentials,
/// and then the lines of the header fields, if there are some: each behind a `+`.
impl Value for Hop {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().write(redaction, f)?;
        f.write_char('+')?;
        self.proxy().write(redaction, f)?;
        write!(f, "+{}", self.tls().0)?;
        for part in self.credentials().iter().flat_map(|it| [it.user(), it.password()]) {
            f.write_char('+')?;
            write_word(f, &redaction.credential(part))?;
        }
        for (index, field) in self.fields().iter().enumerate() {
            f.write_str(if index > 0 { "" } else { "+" })?;
            write_word(f, field.name())?;
            f.write_char(':')?;
            write_bytes(f, &redaction.value(field.name().as_bytes(), field.value()))?;
            f.write_char(';')?;
        }
        Ok(())
    }

    fn read(word: &str) -> Option<Self> {
        let parts: Vec<_> = word.split('+').collect();
        let [kind, proxy, tls, more @ ..] = &parts[..] else { return None };
        let (credentials, fields) = match more {
            [] => (None, ""),
            [fields] => (None, *fields),
            [user, password] => (Some((user, password)), ""),
            [user, password, fields] => (Some((user, password)), *fields),
            _ => return None,
        };
        let kind = HopKind::read(kind)?;
        let mut hop = Self::new(kind, Origin::read(proxy)?).with_tls(TlsId::read(tls)?);
        if let Some((user, password)) = credentials {
            let (user, password) = (read_word(user)?, read_word(password)?);
            hop = hop.with_credentials(Credentials::new(&user, &password));
        }
        for field in fields.split_terminator(';') {
            let (name, value) = field.split_once(':')?;
            hop = hop.with_field(&read_word(name)?, &read_word(value)?).ok()?;
        }
        Some(hop)
    }
}

/// Writes the bytes of the path as a word.
impl Value for UnixPath {
    fn write(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_bytes(f, self.as_bytes())
    }

    fn read(word: &str) -> Option<Self> {
        read_bytes(word).map(Self::new)
    }
}

impl Value for Cow<'_, Key> {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Key::write(self, redaction, f)
    }

    fn read(word: &str) -> Option<Self> {
        Key::read(word).map(Cow::Owned)
    }
}

/// Writes `http://example.com:80+0+none`: the peer, its TLS configuration, the local address. The
/// path of a Unix domain socket and the limits follow, each after a `+`, if there are any, and the
/// hops, each after a comma.
impl Value for Key {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer().write(redaction, f)?;
        write!(f, "+{}+", self.tls().0)?;
        self.local().write(redaction, f)?;
        if let Some(path) = self.unix() {
            f.write_char('+')?;
            path.write(redaction, f)?;
        }
        if let Some(limits) = self.limits() {
            f.write_char('+')?;
            limits.write(redaction, f)?;
        }
        self.hops().iter().try_for_each(|hop| {
            f.write_char(',')?;
            hop.write(redaction, f)
        })
    }

    fn read(word: &str) -> Option<Self> {
        let mut words = word.split(',');
        let mut parts = words.next()?.split('+');
        let (peer, tls, local) = (parts.next()?, parts.next()?, parts.next()?);
        let mut parts = parts.peekable();
        // The slashes of a path are escaped.
        let unix = match parts.next_if(|part| !part.contains('/')) {
            Some(path) => Some(UnixPath::read(path)?),
            None => None,
        };
        let limits = match parts.next() {
            Some(limits) => Some(KeyLimits::read(limits)?),
            None => None,
        };
        if parts.next().is_some() {
            return None;
        }
        let hops: Vec<_> = words.map(Hop::read).collect::<Option<_>>()?;
        let key = Self::direct(Origin::read(peer)?).with_tls(TlsId::read(tls)?);
        let key = key.with_local(Value::read(local)?).with_unix(unix).with_limits(limits);
        Some(key.through(hops))
    }
}

/// `4/1`: most connections, and most idle ones.
impl Value for KeyLimits {
    fn write(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.open_max.write(redaction, f)?;
        f.write_char('/')?;
        self.idle_max.write(redaction, f)
    }

    fn read(word: &str) -> Option<Self> {
        let (open, idle) = word.split_once('/')?;
        Some(Self::new(Value::read(open)?, Value::read(idle)?))
    }
}

/// Writes text, and escapes the characters that separate words and their parts.
pub(crate) fn write_word(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write_bytes(f, text.as_bytes())
}

fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|&byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => f.write_char(char::from(byte)),
        b'*' | b'-' | b'.' | b'_' | b'[' | b']' | b':' => f.write_char(char::from(byte)),
        _ => write!(f, "\\x{byte:02x}"),
    })
}

/// Reads text that [`write_word`] has written.
pub(crate) fn read_word(word: &str) -> Option<String> {
    String::from_utf8(read_bytes(word)?).ok()
}

fn read_bytes(word: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(word.len());
    // A word must not hold a count of body bytes.
    if word.contains('{') {
        return None;
    }
    unescape(word, &mut bytes, word.len()).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;
    use crate::{error::TlsKind, h1::Eof};

    struct Written<'a, V>(&'a V, Redaction);

    impl<V: Value> fmt::Display for Written<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(&self.1, f)
        }
    }

    #[track_caller]
    fn comes_back<V: Value + PartialEq + fmt::Debug>(value: V, word: &str) {
        assert_eq!(Written(&value, Redaction::none()).to_string(), word);
        assert_eq!(V::read(word), Some(value));
    }

    #[test]
    fn words_come_back() {
        comes_back(Duration::new(3, 20_000_000), "3.02");
        comes_back(Duration::MAX, "18446744073709551615.999999999");
        comes_back(Instant::from_nanos(u64::MAX), "18446744073.709551615");
        comes_back(ConnId::from_bits(3 << 32 | 7), "c7.3");
        comes_back(ConnId::from_bits(u64::MAX - 5), "c4294967290.4294967295");
        comes_back(Some(usize::MAX), "18446744073709551615");
        comes_back(None::<Duration>, "none");
        comes_back(Eof::Clean, "clean");
        comes_back(Eof::Broken, "broken");
        comes_back(Eof::Tls(TlsKind::Alert(40)), "tls+Alert(40)");
        assert_eq!(<Eof as Value>::read("tls+x"), None);
        comes_back(vec![Method::GET, Method::new("a+b|c").unwrap()], "GET,a\\x2bb\\x7cc");
        comes_back(Vec::<Status>::new(), "-");
        let origin = Origin::new(Scheme::Https, "[::1]", 443);
        comes_back(origin.clone(), "https://[::1]:443");
        comes_back(
            Origin::new(Scheme::Http, "a b,c+d://e:1", 2),
            "http://a\\x20b\\x2cc\\x2bd:\\x2f\\x2fe:1:2",
        );
        comes_back(Origin::new(Scheme::Http, "[fe80::1%eth0]", 80), "http://[fe80::1\\x25eth0]:80");
        let hop = Hop::new(HopKind::Socks5h, Origin::new(Scheme::Http, "p", 1080));
        let other = hop.clone().with_tls(TlsId(3)).with_credentials(Credentials::new("", "é+ "));
        let key =
            Key::direct(origin).with_local(Some([127, 0, 0, 1].into())).through(vec![hop, other]);
        comes_back(
            key.clone(),
            "https://[::1]:443+0+127.0.0.1,socks5h+http://p:1080+1,socks5h+http://p:1080+3++\\xc3\\xa9\\x2b\\x20",
        );
        let redacted = Written(&key, Redaction::default()).to_string();
        assert!(redacted.ends_with("+3++****"), "{redacted}");
        let unix = Key::direct(Origin::new(Scheme::Http, "a", 1));
        let unix = unix.with_unix(Some(UnixPath::new(b"\0/x+\xff")));
        comes_back(unix.clone(), "http://a:1+0+none+\\x00\\x2fx\\x2b\\xff");
        let limits = Some(KeyLimits::new(4, 1));
        comes_back(unix.with_limits(limits), "http://a:1+0+none+\\x00\\x2fx\\x2b\\xff+4/1");
        let own = Key::direct(Origin::new(Scheme::Http, "a", 1)).with_limits(limits);
        comes_back(own, "http://a:1+0+none+4/1");
        let hop = Hop::new(HopKind::Connect, Origin::new(Scheme::Http, "p", 80));
        let hop = hop.with_field("X-A", "a:b;c+").unwrap();
        comes_back(hop.clone(), "connect+http://p:80+1+X-A:a:b\\x3bc\\x2b;");
        let hop = hop.with_field("Proxy-Authorization", "x").unwrap();
        let hop = hop.with_credentials(Credentials::new("u", ""));
        comes_back(
            hop.clone(),
            "connect+http://p:80+1+u++X-A:a:b\\x3bc\\x2b;Proxy-Authorization:x;",
        );
        let redacted = Written(&hop, Redaction::default()).to_string();
        assert!(redacted.ends_with("+*++X-A:a:b\\x3bc\\x2b;Proxy-Authorization:*;"), "{redacted}");
    }

    #[test]
    fn what_is_no_word_is_refused() {
        for word in ["", ".5", "5.", "-1", "+1", "1.0000000001", "18446744073709551616"] {
            assert_eq!(Duration::read(word), None, "{word}");
        }
        for word in ["", "+1", "-1", "1 ", "256"] {
            assert_eq!(u8::read(word), None, "{word}");
        }
        for word in ["c1", "1.0", "t1.0", "c+1.0", "c4294967296.0"] {
            assert_eq!(ConnId::read(word), None, "{word}");
        }
        for word in ["0", "0.0", "18446744073.709551616", "-1.000000000"] {
            assert_eq!(Instant::read(word), None, "{word}");
        }
        for word in ["http:/a:1", "ftp://a:1", "http://a", "http://a:x", "http://{1}:1"] {
            assert_eq!(Origin::read(word), None, "{word}");
        }
        for word in ["connect+http://a:1", "x+http://a:1+0", "connect+http://a:1+0+u"] {
            assert_eq!(Hop::read(word), None, "{word}");
        }
        assert_eq!(Key::read("http://a:1+0"), None);
        for word in ["http://a:1+0+none+x+y", "http://a:1+0+none+1/", "http://a:1+0+none+1/1+x"] {
            assert_eq!(Key::read(word), None, "{word}");
        }
    }
}
