//! Parses HTTP dates (RFC 9110 section 5.6.7) to seconds since 1970.

/// Parses a date in any of the three forms: IMF-fixdate, RFC 850, asctime. The name of the day is
/// not checked. A two-digit year from 70 on is 19xx, any other 20xx. (By RFC 9110 that depends on
/// the current date, which the core does not know.)
pub(crate) fn parse(text: &str) -> Option<u64> {
    let rest = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let mut words = rest.split([' ', '-']).filter(|word| !word.is_empty());
    let first = words.next()?;
    let (day, month, year, time);
    if first.bytes().all(|byte| byte.is_ascii_digit()) {
        // 06 Nov 1994 08:49:37 GMT, or 06-Nov-94 08:49:37 GMT
        (day, month, year, time) = (first, words.next()?, words.next()?, words.next()?);
        if words.next()? != "GMT" {
            return None;
        }
    } else {
        // Sun Nov  6 08:49:37 1994
        (month, day, time, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    }
    if words.next().is_some() {
        return None;
    }
    let year = match (year.len(), number(year)?) {
        (2, short @ 70..) => 1900 + short,
        (2, short) => 2000 + short,
        (4, long @ 1970..) => long,
        _ => return None,
    };
    let (day, month) = (number(day)?, month_number(month)?);
    if day == 0 || day > days_in(month, year) {
        return None;
    }
    Some(days_before(year, month, day) * 86_400 + seconds(time)?)
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn month_number(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, month)| month)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

const fn days_in(month: u64, year: u64) -> u64 {
    match month {
        2 => 28 + is_leap(year) as u64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the given day.
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 - 477;
    let months: u64 = (1..month).map(|month| days_in(month, year)).sum();
    (year - 1970) * 365 + leap_days + months + day - 1
}

fn seconds(time: &str) -> Option<u64> {
    let mut parts = time.split(':').map(|part| number(part).filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let sound = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    sound.then_some(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_one_date() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn leap_years_and_ends() {
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400));
        assert_eq!(parse("Fri, 01 Mar 2024 00:00:00 GMT"), Some(1_709_251_200));
        assert_eq!(parse("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 30 Feb 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
