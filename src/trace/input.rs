//! The inputs of a machine: one table gives each its name, its text, its parser and its effect.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::{Heard, Redaction, Unescape, Value, unescape};

/// The maximum input held at a time during replay, over all machines. A recording can ask for much
/// memory in few characters, by a count of body bytes.
const HELD_MAX: usize = 16 * 1024 * 1024;

/// Defines the inputs of a machine, each in one line: its verb, its name, its arguments, and how a
/// replay applies it. `write` and `read` are inverse, but for the redaction.
macro_rules! inputs {
    (
        $(#[$doc:meta])*
        enum $name:ident<$i:lifetime> for |$($param:ident: $type:ty),+| {
            $($verb:literal $variant:ident $(($($arg:ident: $kind:ty),+))? => $apply:expr,)+
        }
    ) => {
        $(#[$doc])*
        pub(crate) enum $name<$i> {
            $($variant $(($($kind),+))?,)+
        }

        impl $crate::trace::Text for $name<'_> {
            fn write(
                &self,
                redaction: &$crate::trace::Redaction,
                f: &mut core::fmt::Formatter<'_>,
            ) -> core::fmt::Result {
                match self {
                    $(Self::$variant $(($($arg),+))? => {
                        f.write_str($verb)?;
                        $($($crate::trace::Arg::write_after_space($arg, redaction, f)?;)+)?
                    })+
                }
                Ok(())
            }
        }

        impl<$i> $name<$i> {
            /// The first words of all inputs.
            #[cfg(test)]
            pub(crate) const VERBS: &'static [&'static str] = &[$($verb),+];

            /// Parses what `write` has written. `None` if it is no input.
            pub(crate) fn read(text: &$i str) -> Option<Self> {
                let mut words = $crate::trace::Words::new(text);
                let input = match words.next()? {
                    $($verb => Self::$variant
                        $(($(<$kind as $crate::trace::Arg<'_>>::read_from(&mut words)?),+))?,)+
                    _ => return None,
                };
                words.next().is_none().then_some(input)
            }

            /// Applies a recorded input to the machine.
            pub(crate) fn apply(
                self,
                $($param: $type),+
            ) -> Result<(), $crate::trace::Unescape> {
                match self {
                    $(Self::$variant $(($($arg),+))? => $apply,)+
                }
                Ok(())
            }
        }
    };
}

pub(crate) use inputs;

/// An argument of an input.
pub(crate) trait Arg<'t>: Sized {
    /// Writes the argument, with a space before each of its words.
    fn write_after_space(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Parses the next words; `None` if they are invalid.
    fn read_from(words: &mut Words<'t>) -> Option<Self>;
}

impl<V: Value> Arg<'_> for V {
    fn write_after_space(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(' ')?;
        self.write(redaction, f)
    }

    fn read_from(words: &mut Words<'_>) -> Option<Self> {
        V::read(words.next()?)
    }
}

/// The words of a text, between single spaces.
pub(crate) struct Words<'t>(Option<&'t str>);

impl<'t> Words<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self(Some(text))
    }

    pub(crate) fn next(&mut self) -> Option<&'t str> {
        let text = self.0?;
        let (word, rest) =
            text.split_once(' ').map_or((text, None), |(word, rest)| (word, Some(rest)));
        self.0 = rest;
        Some(word)
    }

    /// Returns all words that are left.
    pub(crate) fn rest(&mut self) -> &'t str {
        self.0.take().unwrap_or_default()
    }
}

/// Received bytes as an argument: how many are presented, and in a recording the new ones among
/// them.
pub(crate) enum Received<'i> {
    Count(usize),
    Heard(&'i Heard<'i>),
    Recorded(&'i str),
}

impl<'i> Arg<'i> for Received<'i> {
    fn write_after_space(&self, redaction: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(' ')?;
        match self {
            Self::Count(len) => write!(f, "{len}"),
            Self::Heard(heard) => heard.write(redaction, f),
            Self::Recorded(text) => f.write_str(text),
        }
    }

    fn read_from(words: &mut Words<'i>) -> Option<Self> {
        Some(Self::Recorded(words.rest()))
    }
}

/// Words that describe something for people, as the session of a TLS handshake. Not more than 8, of
/// at most 40 characters that are visible ASCII; other words are left out.
pub(crate) struct Described<'i>(pub(crate) &'i str);

impl<'i> Described<'i> {
    fn words(&self) -> impl Iterator<Item = &'i str> {
        self.0.split(' ').filter(|word| Self::is_word(word)).take(8)
    }

    fn is_word(word: &str) -> bool {
        (1..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl<'i> Arg<'i> for Described<'i> {
    fn write_after_space(&self, _: &Redaction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words().try_for_each(|word| write!(f, " {word}"))
    }

    fn read_from(words: &mut Words<'i>) -> Option<Self> {
        // A recording of an earlier version has no words.
        let Some(text) = words.0.take() else { return Some(Self("")) };
        let read = Self(text);
        let whole =
            text.split(' ').all(Self::is_word) && read.words().count() == text.split(' ').count();
        whole.then_some(read)
    }
}

/// The recorded input of a machine that it has not consumed.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    /// The number of bytes at the front that were recorded. The rest is filler, presented once.
    known: usize,
}

/// The number of input bytes that the machines of a replay have not consumed.
#[derive(Debug, Default)]
pub(crate) struct Held(usize);

impl Pending {
    /// Presents recorded input to `receive`, and removes the bytes that it consumes.
    pub(crate) fn feed(
        &mut self,
        input: &Received<'_>,
        held: &mut Held,
        receive: impl FnOnce(&[u8]) -> usize,
    ) -> Result<(), Unescape> {
        let Received::Recorded(text) = *input else { return Err(Unescape::Malformed) };
        let (given, new) = text.split_once(' ').unwrap_or((text, ""));
        let given = usize::read(given).ok_or(Unescape::Malformed)?;
        let room = self.known + (HELD_MAX - held.0);
        let read = unescape(new, &mut self.bytes, room);
        held.0 += self.bytes.len() - self.known;
        self.known = self.bytes.len();
        read?;
        if given > room {
            return Err(Unescape::TooLong);
        }
        self.bytes.resize(given.max(self.known), b'x');
        let taken = receive(&self.bytes[..given]);
        self.take(taken, held);
        Ok(())
    }

    /// Drops the bytes that the machine has not consumed.
    pub(crate) fn clear(&mut self, held: &mut Held) {
        self.take(self.known, held);
    }

    fn take(&mut self, len: usize, held: &mut Held) {
        let len = len.min(self.known);
        held.0 -= len;
        self.bytes.truncate(self.known);
        self.bytes.drain(..len);
        self.known -= len;
        self.bytes.shrink_to(self.known * 2 + 1024);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use core::fmt;

    use super::{Arg, Described, Redaction};
    use crate::{call, dial, pool};

    struct Written<'d>(Described<'d>);

    impl fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write_after_space(&Redaction::none(), f)
        }
    }

    #[test]
    fn the_description_of_a_session_is_read_back_and_may_be_missing() {
        for text in ["tls-up", "tls-up TLSv1.3 X25519MLKEM768 resumed verified"] {
            let Some(dial::Input::TlsUp(session)) = dial::Input::read(text) else {
                panic!("{text}")
            };
            assert_eq!(alloc::format!("tls-up{}", Written(session)), text);
        }
        let long = String::from("tls-up ") + &"x".repeat(41);
        for wrong in ["tls-up ", "tls-up a  b", "tls-up a\u{1b}", "tls-up 1 2 3 4 5 6 7 8 9", &long]
        {
            assert!(dial::Input::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn of_a_description_only_plain_words_are_traced() {
        let odd = "TLSv1.3 \u{1b}[31m two\nlines  caf\u{e9} full";
        assert_eq!(Written(Described(odd)).to_string(), " TLSv1.3 full");
        let many = "a ".repeat(100);
        assert_eq!(Written(Described(&many)).to_string(), " a a a a a a a a");
    }

    #[test]
    fn the_crates_docs_list_every_input() {
        let docs = include_str!("../lib.rs");
        let (_, docs) = docs.split_once("# The inputs").unwrap();
        let (calls, docs) = docs.split_once("| pool |").unwrap();
        let (pools, dials) = docs.split_once("| dial |").unwrap();
        let tables =
            [(calls, call::Input::VERBS), (pools, pool::Input::VERBS), (dials, dial::Input::VERBS)];
        for (table, verbs) in tables {
            for verb in verbs {
                let listed =
                    ["`", " "].iter().any(|end| table.contains(&alloc::format!("`{verb}{end}")));
                assert!(listed, "{verb}");
            }
        }
    }
}
