//! Reads the few parts of a certificate (RFC 5280 section 4.1) that webpki does not show.

/// The parts of a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// The names of issuer and subject, in DER.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// The public key with its algorithm, in DER.
    pub(crate) key: &'a [u8],
    /// The ends of the validity, in seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// The extended key usage (RFC 5280 section 4.2.1.12): the inside of its sequence.
    usages: Option<&'a [u8]>,
}

/// The few facts about a certificate that a person wants to see. It is made from the DER that
/// [`Session::peer_certificates`](httpool_kit::Session::peer_certificates) has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The common name of its subject, or the organization. Control characters are left out.
    pub subject: Option<String>,
    /// The same of its issuer.
    pub issuer: Option<String>,
    /// The end of its validity, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in DER. `None` if it is malformed. Nothing is verified.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parts = Parts::read(der)?;
        let (subject, issuer) = (readable(parts.subject), readable(parts.issuer));
        Some(Self { subject, issuer, not_after: parts.not_after })
    }

    /// Returns the end of its validity as a date: `2030-01-31 12:00:00 UTC`.
    pub fn expires(&self) -> String {
        date(self.not_after)
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

impl<'a> Parts<'a> {
    /// Reads a certificate. `None` if it is malformed.
    pub(crate) fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(certificate);
        let mut whole = Reader(outer.expect(SEQUENCE)?);
        let mut body = Reader(whole.expect(SEQUENCE)?);
        if body.peek() == Some(VERSION) {
            body.next()?;
        }
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = body.expect(SEQUENCE)?;
        let mut validity = Reader(body.expect(SEQUENCE)?);
        let not_before = time(validity.next()?)?;
        let not_after = time(validity.next()?)?;
        let subject = body.expect(SEQUENCE)?;
        let key = body.expect(SEQUENCE)?;
        let mut usages = None;
        while let Some((tag, inside)) = body.next() {
            if tag == EXTENSIONS {
                let mut list = Reader(Reader(inside).expect(SEQUENCE)?);
                while let Some((SEQUENCE, extension)) = list.next() {
                    let mut extension = Reader(extension);
                    if extension.expect(OID)? == EXT_KEY_USAGE {
                        let value = extension.find(OCTETS)?;
                        usages = Some(Reader(value).expect(SEQUENCE)?);
                    }
                }
            }
        }
        Some(Self { issuer, subject, key, not_before, not_after, usages })
    }

    /// Whether the subject issued the certificate itself, by the names.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether a server may use the certificate.
    pub(crate) fn is_for_servers(&self) -> bool {
        let Some(usages) = self.usages else { return true };
        let mut usages = Reader(usages);
        core::iter::from_fn(|| usages.next()).any(|usage| usage == (OID, SERVER_AUTH))
    }
}

/// Returns the common name of a distinguished name, or the organization, for a message.
pub(crate) fn readable(name: &[u8]) -> Option<String> {
    let find = |wanted: &[u8]| {
        let mut sets = Reader(name);
        while let Some((SET, set)) = sets.next() {
            let mut pair = Reader(Reader(set).expect(SEQUENCE)?);
            if pair.expect(OID)? == wanted {
                let text = String::from_utf8_lossy(pair.next()?.1);
                return Some(text.chars().filter(|c| !c.is_control()).take(100).collect());
            }
        }
        None
    };
    find(COMMON_NAME).or_else(|| find(ORGANIZATION))
}

/// Splits elements of DER that follow each other, such as several certificates.
pub(crate) fn elements(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut list = Vec::new();
    let mut rest = Reader(bytes);
    while !rest.0.is_empty() {
        let before = rest.0;
        if rest.next()?.0 != SEQUENCE {
            return None;
        }
        list.push(&before[..before.len() - rest.0.len()]);
    }
    Some(list)
}

/// Reads DER element by element.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let len = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first - 0x80))?;
                rest = after;
                bytes.iter().fold(0, |len, &byte| len << 8 | usize::from(byte))
            }
            _ => return None,
        };
        let (inside, after) = rest.split_at_checked(len)?;
        self.0 = after;
        Some((tag, inside))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, inside)| inside)
    }

    fn find(&mut self, tag: u8) -> Option<&'a [u8]> {
        core::iter::from_fn(|| self.next())
            .find(|(found, _)| *found == tag)
            .map(|(_, inside)| inside)
    }
}

/// Reads a time of RFC 5280 section 4.1.2.5.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = core::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let year: i64 = text.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        GENERAL_TIME => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2).and_then(|part| part.parse::<i64>().ok());
    let days = days(year, part(0)?, part(2)?);
    Some(((days * 24 + part(4)?) * 60 + part(6)?) * 60 + part(8)?)
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar. A year begins with March
/// here, so that the leap day is its last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Writes seconds since 1970 as a date in UTC.
pub(crate) fn date(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_forms_are_read_and_written() {
        for (tag, text, shown) in [
            (UTC_TIME, "991231235959Z", "1999-12-31 23:59:59 UTC"),
            (UTC_TIME, "000229000000Z", "2000-02-29 00:00:00 UTC"),
            (GENERAL_TIME, "20500101000000Z", "2050-01-01 00:00:00 UTC"),
            (GENERAL_TIME, "21000301120000Z", "2100-03-01 12:00:00 UTC"),
            (UTC_TIME, "700101000000Z", "1970-01-01 00:00:00 UTC"),
            (UTC_TIME, "500101000000Z", "1950-01-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(time((tag, text.as_bytes())).expect("a date")), shown);
        }
        assert_eq!(time((UTC_TIME, b"7001010000Z")), None);
        assert_eq!(time((UTC_TIME, b"700101+00000Z")), None);
        assert_eq!(time((OID, b"700101000000Z")), None);
    }

    #[test]
    fn a_malformed_certificate_is_no_certificate() {
        for bad in
            [&b""[..], &[0x30], &[0x30, 0x80], &[0x30, 0x85, 0, 0, 0, 0, 1], &[0x30, 3, 0x30]]
        {
            assert!(Parts::read(bad).is_none());
        }
    }
}
