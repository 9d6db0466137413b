//! `--write-out`: a text with curl's variables, printed after the transfer.
//!
//! The variables mean the same as in curl, with these differences:
//!
//! | variable | here |
//! |---|---|
//! | `local_ip`, `local_port` | empty and 0: the driver does not tell them |
//! | `remote_ip`, `remote_port` | those of the proxy, if there is one, as in curl |
//! | `http_connect`, `proxy_ssl_verify_result` | 0: a tunnel that is refused is an error |
//! | `ssl_verify_result` | 0: a certificate that is not verified is an error |
//! | `time_connect` | without the answers of proxies; `time_appconnect` has them |
//! | `time_posttransfer` | the end of the request |
//! | `time_queue` | the wait in the pool's queue |
//! | `size_download`, `speed_download` | bytes as they came, before they are decoded |
//! | `errormsg`, `exitcode` | those of this program |
//! | `certs`, `num_certs`, `conn_id`, `referer`, `proxy_used`, `ftp_entry_path`, `tls_earlydata`, `%output{}` | unknown |

use std::{
    io::{Read, Write, stderr, stdin, stdout},
    time::Duration,
};

use httpool::call::{AttemptTimings, Timings};
use serde_json::{Map, Value, json};

use super::Seen;
use crate::exit::{Failed, wrong};

/// The variables, in the order in which `%{json}` has them. `%{stdout}`, `%{stderr}`, `%{json}`,
/// `%{header_json}` and `%header{NAME}` are not values.
const NAMES: [&str; 40] = [
    "content_type",
    "errormsg",
    "exitcode",
    "filename_effective",
    "http_code",
    "http_connect",
    "http_version",
    "local_ip",
    "local_port",
    "method",
    "num_connects",
    "num_headers",
    "num_redirects",
    "num_retries",
    "proxy_ssl_verify_result",
    "redirect_url",
    "remote_ip",
    "remote_port",
    "response_code",
    "scheme",
    "size_download",
    "size_header",
    "size_request",
    "size_upload",
    "speed_download",
    "speed_upload",
    "ssl_verify_result",
    "time_appconnect",
    "time_connect",
    "time_namelookup",
    "time_posttransfer",
    "time_pretransfer",
    "time_queue",
    "time_redirect",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
    "urlnum",
    "xfer_id",
];

/// Returns the format of the option: its value, or the contents of the file behind an `@`.
pub(super) fn format(value: String) -> Result<String, Failed> {
    match value.strip_prefix('@') {
        None => Ok(value),
        Some("-") => {
            let mut text = String::new();
            let read = stdin().read_to_string(&mut text);
            read.map_err(|why| Failed::reading_file("--write-out @-", &why))?;
            Ok(text)
        }
        Some("") => {
            Err(wrong("--write-out @FILE needs the name of a file, or - for standard input"))
        }
        Some(path) => std::fs::read_to_string(path).map_err(|why| Failed::reading_file(path, &why)),
    }
}

/// A piece of the output, and whether it goes to standard error.
type Pieces = Vec<(bool, String)>;

/// Prints the format with the values of the transfer.
pub(super) fn print(format: &str, seen: &Seen, failed: Option<&Failed>) -> Result<(), Failed> {
    for (to_stderr, text) in pieces(format, &Values { seen, failed }) {
        if to_stderr {
            // If standard error cannot be written to, the text is lost.
            stderr().write_all(text.as_bytes()).ok();
        } else {
            let mut out = stdout().lock();
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            written.map_err(Failed::stdout)?;
        }
    }
    Ok(())
}

/// Expands a format. As in curl, an unknown variable is reported and left out, an unknown escape
/// stays, and an open brace without its end stays.
fn pieces(format: &str, values: &Values<'_>) -> Pieces {
    let (mut pieces, mut to_stderr) = (vec![(false, String::new())], false);
    let put = |pieces: &mut Pieces, to_stderr: bool, text: &str| match pieces.last_mut() {
        Some((last, all)) if *last == to_stderr => all.push_str(text),
        _ => pieces.push((to_stderr, text.to_owned())),
    };
    let mut rest = format;
    while let Some(at) = rest.find(['%', '\\']) {
        put(&mut pieces, to_stderr, &rest[..at]);
        rest = &rest[at..];
        if let Some((name, behind)) = braced(rest, "%{") {
            match name {
                "stderr" => to_stderr = true,
                "stdout" => to_stderr = false,
                // The rest is for failures.
                "onerror" if values.failed.is_none() => {
                    rest = "";
                    continue;
                }
                "onerror" => {}
                _ => match values.get(name) {
                    Some(text) => put(&mut pieces, to_stderr, &text),
                    None => {
                        let text = format!("httpool: unknown --write-out variable: '{name}'\n");
                        put(&mut pieces, true, &text);
                    }
                },
            }
            rest = behind;
        } else if let Some((name, behind)) = braced(rest, "%header{") {
            put(&mut pieces, to_stderr, &values.header(name));
            rest = behind;
        } else {
            let (text, len) = match rest.as_bytes() {
                [b'%', b'%', ..] => ("%", 2),
                [b'\\', b'n', ..] => ("\n", 2),
                [b'\\', b'r', ..] => ("\r", 2),
                [b'\\', b't', ..] => ("\t", 2),
                // Both are ASCII, so this is the length of the character.
                _ => (&rest[..1], 1),
            };
            put(&mut pieces, to_stderr, text);
            rest = &rest[len..];
        }
    }
    put(&mut pieces, to_stderr, rest);
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

/// Splits `%{name}` off.
fn braced<'f>(text: &'f str, open: &str) -> Option<(&'f str, &'f str)> {
    text.strip_prefix(open)?.split_once('}')
}

/// The values of the variables.
struct Values<'s> {
    seen: &'s Seen,
    failed: Option<&'s Failed>,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<String> {
        match name {
            "json" => Some(self.json().to_string()),
            "header_json" => Some(format!("{:#}", self.header_json())),
            _ => Some(match self.value(name)? {
                Value::String(text) => text,
                Value::Null => String::new(),
                number if name.starts_with("time_") => format!("{:.6}", number.as_f64()?),
                number if name == "http_code" || name == "response_code" => {
                    format!("{:03}", number.as_u64()?)
                }
                number => number.to_string(),
            }),
        }
    }

    fn json(&self) -> Value {
        let pair = |name: &str| Some((name.to_owned(), self.value(name)?));
        let mut all: Map<String, Value> = NAMES.into_iter().filter_map(pair).collect();
        let version = concat!("httpool/", env!("CARGO_PKG_VERSION"));
        all.insert("curl_version".to_owned(), version.into());
        Value::Object(all)
    }

    /// Returns an object with the values of each field, the names in lower case.
    fn header_json(&self) -> Value {
        let mut all = Map::new();
        for field in self.seen.head.iter().flat_map(|(_, head)| head.headers().iter()) {
            let value = String::from_utf8_lossy(field.value()).into_owned();
            let values = all.entry(field.name().to_ascii_lowercase()).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(value.into());
            }
        }
        Value::Object(all)
    }

    fn header(&self, name: &str) -> String {
        let head = self.seen.head.as_ref();
        head.and_then(|(_, head)| head.headers().get_str(name)).unwrap_or_default().to_owned()
    }

    fn last(&self) -> Option<(&Timings, &AttemptTimings)> {
        let timings = self.seen.timings.as_ref()?;
        Some((timings, timings.attempts.last()?))
    }

    /// Returns the value of a variable; `None` if there is no such variable.
    fn value(&self, name: &str) -> Option<Value> {
        if let Some(which) = name.strip_prefix("time_") {
            return self.time(which).map(|time| json!(micros(time)));
        }
        let url = self.seen.url.as_ref();
        let last = self.last();
        let attempt = last.map(|(_, attempt)| attempt);
        let peer = last.and_then(|(timings, attempt)| timings.peer(attempt.connection?));
        let status = || attempt.and_then(|it| it.status).map_or(0, |status| status.as_u16());
        let attempts = self.seen.timings.as_ref().map_or(&[][..], |timings| &timings.attempts);
        let caused = |cause: &str| attempts.iter().filter(|it| it.cause.name() == cause).count();
        let sum = |size: fn(&AttemptTimings) -> u64| attempts.iter().map(size).sum::<u64>();
        Some(match name {
            "content_type" => match self.header("content-type") {
                text if text.is_empty() => Value::Null,
                text => text.into(),
            },
            "errormsg" => self.failed.map_or(Value::Null, |failed| failed.message().into()),
            "exitcode" => self.failed.map_or(0, |failed| failed.kind.code()).into(),
            "http_code" | "response_code" => status().into(),
            "http_version" => match &self.seen.head {
                Some((minor, _)) => format!("1.{minor}").into(),
                None => "0".into(),
            },
            // The driver does not tell the local address, nor the CONNECT response of a proxy.
            "local_ip" => "".into(),
            "filename_effective" => self.seen.file.as_str().into(),
            "urlnum" | "xfer_id" => self.seen.number.into(),
            "local_port" | "http_connect" | "proxy_ssl_verify_result" => 0.into(),
            // A connection whose certificate is not verified is not opened.
            "ssl_verify_result" => 0.into(),
            "method" => attempt.map_or("", |it| it.method.as_str()).into(),
            "num_connects" => last.map_or(0, |(timings, _)| timings.connections_opened()).into(),
            "num_headers" => {
                self.seen.head.as_ref().map_or(0, |(_, head)| head.headers().iter().count()).into()
            }
            "num_redirects" => caused("redirect").into(),
            "num_retries" => caused("retry").into(),
            "redirect_url" => self.redirect_url().into(),
            "remote_ip" => peer.map_or_else(String::new, |peer| peer.ip().to_string()).into(),
            "remote_port" => peer.map_or(0, |peer| peer.port()).into(),
            "scheme" => url.map_or("", |url| url.scheme()).into(),
            "size_download" => attempt.map_or(0, |it| it.body_bytes).into(),
            "size_header" => sum(|it| it.head_bytes).into(),
            "size_request" => sum(|it| it.bytes_sent.min(it.request_head_bytes)).into(),
            "size_upload" => {
                attempt.map_or(0, |it| it.bytes_sent.saturating_sub(it.request_head_bytes)).into()
            }
            "speed_download" => self.speed(attempt.map_or(0, |it| it.body_bytes)).into(),
            "speed_upload" => {
                let sent =
                    attempt.map_or(0, |it| it.bytes_sent.saturating_sub(it.request_head_bytes));
                self.speed(sent).into()
            }
            "url" | "url_effective" => url.map_or("", |url| url.as_str()).into(),
            _ => return None,
        })
    }

    fn speed(&self, bytes: u64) -> u64 {
        let time = self.time("total").unwrap_or_default();
        if time.is_zero() { 0 } else { (bytes as f64 / time.as_secs_f64()) as u64 }
    }

    /// Returns the target of a redirect that was not followed.
    fn redirect_url(&self) -> String {
        let redirects =
            self.last().and_then(|(_, it)| it.status).is_some_and(|it| it.is_redirection());
        let location = self.header("location");
        let target = self.seen.url.as_ref().filter(|_| redirects && !location.is_empty());
        target.and_then(|url| url.join(&location).ok()).map_or_else(String::new, String::from)
    }

    /// Returns a time since the transfer began, as curl counts it. A phase that did not take place
    /// has 0, or the time of the phase before it where the connection was reused.
    fn time(&self, which: &str) -> Option<Duration> {
        let zero = Duration::ZERO;
        let Some((timings, attempt)) = self.last() else {
            let known = [
                "namelookup",
                "connect",
                "appconnect",
                "pretransfer",
                "starttransfer",
                "posttransfer",
                "total",
                "redirect",
                "queue",
            ];
            return known.contains(&which).then_some(zero);
        };
        let phases = attempt.phases();
        let began = attempt.began + phases.queue;
        let looked_up = began + phases.look_up;
        let connected = looked_up + phases.connect;
        let opened = attempt.leased.is_some() && !attempt.reused;
        Some(match which {
            "queue" => attempt.began + if attempt.leased.is_some() { phases.queue } else { zero },
            "namelookup" => looked_up,
            "connect" if phases.connect.is_zero() && !opened && !attempt.reused => zero,
            "connect" => connected,
            "appconnect" if phases.tls.is_zero() => zero,
            "appconnect" => connected + phases.proxy + phases.tls,
            "pretransfer" => attempt.leased.unwrap_or(zero),
            "posttransfer" => attempt.sent.unwrap_or(zero),
            "starttransfer" => attempt.first_byte.unwrap_or(zero),
            "redirect" => timings.redirected(),
            "total" => timings.ended.unwrap_or_else(|| attempt.latest()),
            _ => return None,
        })
    }
}

/// Returns seconds, rounded to microseconds.
fn micros(time: Duration) -> f64 {
    (time.as_nanos() / 1_000) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(format: &str) -> Pieces {
        let seen = Seen::begin(0, None);
        pieces(format, &Values { seen: &seen, failed: None })
    }

    #[test]
    fn escapes_and_percent_signs_are_those_of_curl() {
        let text = expanded("a\\tb\\n\\r\\q%%{x} %z 100% %{http_code} %{open \\");
        let expected = "a\tb\n\r\\q%{x} %z 100% 000 %{open \\";
        assert_eq!(text, [(false, expected.to_owned())]);
    }

    #[test]
    fn an_unknown_variable_is_reported_on_standard_error_and_left_out() {
        let why = "httpool: unknown --write-out variable: 'nope'\n".to_owned();
        let expected = [(false, "a".to_owned()), (true, why), (false, "b".to_owned())];
        assert_eq!(expanded("a%{nope}b"), expected);
    }

    #[test]
    fn the_output_can_be_directed() {
        let expected = [(false, "a"), (true, "b"), (false, "c")];
        assert_eq!(expanded("a%{stderr}b%{stdout}c"), expected.map(|(to, text)| (to, text.into())));
    }

    #[test]
    fn every_variable_has_a_value_and_stands_in_the_json() {
        for name in NAMES {
            assert_eq!(
                expanded(&format!("%{{{name}}}")).iter().filter(|it| it.0).count(),
                0,
                "{name}"
            );
        }
        let json: Value = serde_json::from_str(&expanded("%{json}")[0].1).unwrap();
        assert_eq!(json.as_object().unwrap().len(), NAMES.len() + 1);
        assert_eq!(expanded("%{header_json}"), [(false, "{}".to_owned())]);
    }
}
