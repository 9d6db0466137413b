//! Writes a transfer as HAR 1.2 (HTTP Archive): <http://www.softwareishard.com/blog/har-12-spec/>.

use std::time::Duration;

use httpool::{
    call::{AttemptTimings, Timings},
    message::Url,
};
use serde_json::{Value, json};

use super::{Seen, heads::Exchange};

/// Returns the archive: an entry for each attempt, also for those that a redirect or a retry has
/// followed. Bodies are left out.
pub(super) fn har(seen: &Seen, exchanges: &[Exchange]) -> String {
    let mut exchanges = exchanges.iter();
    let mut entries = Vec::new();
    if let Some(timings) = &seen.timings {
        for attempt in &timings.attempts {
            // An attempt without a connection sent nothing.
            let exchange = attempt.leased.and_then(|_| exchanges.next()).cloned();
            entries.push(entry(seen.began, timings, attempt, &exchange.unwrap_or_default()));
        }
    }
    let program = json!({ "name": "httpool", "version": env!("CARGO_PKG_VERSION") });
    let log = json!({ "version": "1.2", "creator": program, "pages": [], "entries": entries });
    format!("{:#}\n", json!({ "log": log }))
}

fn entry(
    began: Duration,
    timings: &Timings,
    attempt: &AttemptTimings,
    exchange: &Exchange,
) -> Value {
    let phases = attempt.phases();
    // Its handshake is a part of `connect`, as the format demands.
    let connect = phases.connect + phases.proxy + phases.tls;
    let or_none = |took: Duration| if took.is_zero() { -1.0 } else { millis(took) };
    let mut comment = attempt.cause.name().to_owned();
    if let Some(why) = attempt.failure {
        comment.push_str(&format!("; failed: {why}"));
    }
    let mut entry = json!({
        "startedDateTime": date(began + attempt.began),
        "time": millis(phases.total()),
        "request": request(attempt, exchange),
        "response": response(attempt, exchange),
        "cache": {},
        "timings": {
            "blocked": millis(phases.queue),
            "dns": or_none(phases.look_up),
            "connect": or_none(connect),
            "ssl": or_none(phases.tls),
            "send": millis(phases.send),
            "wait": millis(phases.wait),
            "receive": millis(phases.receive),
        },
        "comment": comment,
    });
    if let Some(conn) = attempt.connection {
        entry["connection"] = conn.to_string().into();
        if let Some(peer) = timings.peer(conn) {
            entry["serverIPAddress"] = peer.ip().to_string().into();
        }
    }
    entry
}

fn request(attempt: &AttemptTimings, exchange: &Exchange) -> Value {
    let target = exchange.request.first().and_then(|line| line.split(' ').nth(1));
    let url = shown_url(&attempt.url, target);
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        json!({ "name": name, "value": value })
    };
    let pairs = query.split('&').filter(|it| !it.is_empty());
    let head = attempt.request_head_bytes;
    json!({
        "method": attempt.method.as_str(),
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": fields(&exchange.request),
        "queryString": pairs.map(pair).collect::<Vec<_>>(),
        "headersSize": if attempt.leased.is_some() { head as i64 } else { -1 },
        "bodySize": attempt.bytes_sent.saturating_sub(head),
    })
}

fn response(attempt: &AttemptTimings, exchange: &Exchange) -> Value {
    let mut words = exchange.response.first().map_or("", String::as_str).splitn(3, ' ');
    let (version, _, reason) = (words.next(), words.next(), words.next());
    let field = |wanted: &str| {
        let mut all = exchange.response.iter().skip(1).filter_map(|line| line.split_once(':'));
        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.trim())
    };
    let answered = attempt.status.is_some();
    json!({
        // The format has no response for a failure: browsers write status 0.
        "status": attempt.status.map_or(0, |status| status.as_u16()),
        "statusText": reason.unwrap_or_default(),
        "httpVersion": version.unwrap_or_default(),
        "cookies": [],
        "headers": fields(&exchange.response),
        "content": { "size": attempt.body_bytes, "mimeType": field("content-type") },
        "redirectURL": field("location"),
        "headersSize": if answered { attempt.head_bytes as i64 } else { -1 },
        "bodySize": if answered { attempt.body_bytes as i64 } else { -1 },
    })
}

/// Returns the URL with the values of its query hidden, as `target` has them, and without user name
/// and password.
fn shown_url(url: &Url, target: Option<&str>) -> String {
    let mut url = url.clone();
    // They fail only for URLs without a host, which HTTP has not.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_fragment(None);
    match target.and_then(|target| target.split_once('?')) {
        Some((_, query)) => url.set_query(Some(query)),
        None => url.set_query(None),
    }
    url.to_string()
}

fn fields(head: &[String]) -> Vec<Value> {
    let pairs = head.iter().skip(1).filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| json!({ "name": name, "value": value.trim() })).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// Writes a time since 1970 as `2026-01-31T23:59:59.123Z` (RFC 3339).
fn date(since: Duration) -> String {
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // The days since 0000-03-01, in eras of 400 years (Howard Hinnant, "chrono-Compatible Low-Level
    // Date Algorithms").
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_rfc_3339_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(date(Duration::from_secs(seconds)), text);
        }
        assert_eq!(date(Duration::from_millis(1_001)), "1970-01-01T00:00:01.001Z");
    }

    #[test]
    fn a_url_shows_no_secrets() {
        let url = Url::parse("http://me:word@a.test:81/p?key=secret#frag").unwrap();
        assert_eq!(shown_url(&url, Some("/p?key=*")), "http://a.test:81/p?key=*");
        assert_eq!(shown_url(&url, None), "http://a.test:81/p");
    }
}
