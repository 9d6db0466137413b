//! Speaks the protocol of the conformance runner: one JSON line with requests in, one JSON line with
//! results out, all through one client.
//!
//! `--caps` prints what this client can do. `--driver blocking` chooses the driver.

use std::{
    io::{BufRead, Cursor},
    process::ExitCode,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use httpool_blocking::{
    Body, Client, Error, Response,
    httpool::{
        call::{Policy, Redirect, Retry},
        dial,
        error::{Cause, DialError, IoKind, RequestError, Unavailable, Violation},
        message::{Method, Status},
    },
};
use serde_json::{Value, json};

const CAPS: &str = "redirect,retry,max-body,chunked-upload,expect-continue,url-userinfo,\
                    redirect-keep-auth,resolve";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--caps"] => println!("{CAPS}"),
        [] | ["--driver", "blocking"] => {
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            let case: Value = match read.map(|_| serde_json::from_str(&line)) {
                Ok(Ok(case)) => case,
                other => {
                    eprintln!("no case on standard input: {other:?}");
                    return ExitCode::from(2);
                }
            };
            println!("{}", json!({ "results": run(&case["requests"]) }));
        }
        _ => {
            eprintln!("usage: conformance-client [--driver blocking | --caps]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn run(requests: &Value) -> Vec<Value> {
    let requests = requests.as_array().map(Vec::as_slice).unwrap_or_default();
    let client = client(requests);
    requests.iter().map(|request| one(&client, request)).collect()
}

/// What some options set is the client's: they are taken from whichever request has them.
fn client(requests: &[Value]) -> Client {
    let mut builder = Client::builder();
    let mut dialing = dial::Policy::default();
    for options in requests.iter().map(|request| &request["options"]) {
        for (at, ip) in options["resolve"].as_object().into_iter().flatten() {
            if let Some((host, port)) = at.rsplit_once(':')
                && let (Ok(port), Some(Ok(ip))) = (port.parse(), ip.as_str().map(str::parse))
            {
                builder = builder.resolve_to(host, port, ip);
            }
        }
        if let Some(max) = options["max_body_bytes"].as_u64() {
            builder = builder.body_bytes_max(max);
        }
        if let Some(timeout) = millis(&options["connect_timeout_ms"]) {
            dialing.connect_timeout = Some(timeout);
            dialing.resolve_timeout = Some(timeout);
        }
    }
    builder.dial(dialing).build()
}

fn one(client: &Client, request: &Value) -> Value {
    let options = &request["options"];
    if let Some(delay) = millis(&options["delay_before_ms"]) {
        thread::sleep(delay);
    }
    let method = match Method::new(request["method"].as_str().unwrap_or("GET")) {
        Ok(method) => method,
        Err(why) => return refused("invalid_request", &why.to_string()),
    };
    let mut builder =
        client.request(method, request["url"].as_str().unwrap_or_default()).policy(policy(options));
    for pair in request["headers"].as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str(), pair[1].as_str());
        builder = builder.header(name.unwrap_or_default(), value.unwrap_or_default());
    }
    let auth = &options["basic_auth"];
    if let (Some(user), Some(password)) = (auth["user"].as_str(), auth["password"].as_str()) {
        builder = builder.basic_auth(user, password);
    }
    if options["expect_continue"] == true {
        builder = builder.expect_continue(true);
    }
    if let Some(body) = body(request) {
        builder = if options["body_mode"] == "chunked" {
            builder.body(Body::reader(Cursor::new(body)))
        } else {
            builder.body(body)
        };
    }
    match builder.send() {
        Ok(response) => answered(response),
        Err(error) => refused(class(&error), &error.to_string()),
    }
}

fn policy(options: &Value) -> Policy {
    let mut policy = Policy::default();
    policy.redirect = match options["max_redirects"].as_u64() {
        _ if options["follow_redirects"] != true => Redirect::none(),
        Some(max) => Redirect::limited(u32::try_from(max).unwrap_or(u32::MAX)),
        None => Redirect::default(),
    };
    if options["redirect_keep_auth"] == true {
        policy.redirect.strip.clear();
    }
    if let Some(total) = options["retries"].as_u64() {
        policy.retry = Retry::new(u32::try_from(total).unwrap_or(u32::MAX));
        policy.retry.statuses =
            [408, 429, 500, 502, 503, 504].into_iter().filter_map(Status::new).collect();
        policy.retry.raise_on_status = false;
        policy.retry.backoff = Duration::from_millis(10);
    }
    if let Some(total) = millis(&options["timeout_ms"]) {
        policy.timeout.total = Some(total);
    }
    if let Some(gap) = millis(&options["read_timeout_ms"]) {
        policy.timeout.first_byte = Some(gap);
        policy.timeout.stall = Some(gap);
    }
    policy
}

fn body(request: &Value) -> Option<Vec<u8>> {
    let decode = |value: &Value| BASE64.decode(value.as_str()?).ok();
    let repeat = &request["body_repeat"];
    match (decode(&request["body_b64"]), decode(&repeat["b64"]), repeat["times"].as_u64()) {
        (Some(body), _, _) => Some(body),
        (None, Some(piece), Some(times)) => {
            Some(piece.repeat(usize::try_from(times).unwrap_or_default()))
        }
        _ => None,
    }
}

fn answered(response: Response) -> Value {
    let status = response.status().as_u16();
    let latin1 = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
    let headers: Vec<_> = response
        .fields()
        .iter()
        .map(|field| json!([field.name(), latin1(field.value())]))
        .collect();
    match response.bytes() {
        Ok(body) => json!({
            "status": status,
            "headers": headers,
            "body_b64": BASE64.encode(body),
            "error": null,
        }),
        Err(error) => json!({
            "status": status,
            "headers": headers,
            "error": class(&error),
            "error_detail": error.to_string(),
        }),
    }
}

fn refused(class: &str, detail: &str) -> Value {
    json!({ "status": null, "headers": [], "error": class, "error_detail": detail })
}

fn class(error: &Error) -> &'static str {
    if error.is_body_too_large() {
        return "limit";
    }
    match error.as_request_error() {
        Some(RequestError::Scheme) => return "unsupported",
        Some(_) => return "invalid_request",
        None => {}
    }
    let Some(failure) = error.as_failure() else { return "other" };
    use httpool_blocking::httpool::error::RedirectError;
    match failure.cause {
        Cause::Timeout(_) | Cause::Unavailable(Unavailable::Dial(DialError::Timeout(_))) => {
            "timeout"
        }
        Cause::Violation(Violation::Truncated) | Cause::Lost(IoKind::Eof) => "incomplete",
        Cause::Violation(Violation::TooLarge(_)) => "limit",
        Cause::Violation(_) => "protocol",
        Cause::Lost(IoKind::Reset) => "reset",
        Cause::Status(_) => "retries_exhausted",
        Cause::Redirect(RedirectError::TooMany) => "too_many_redirects",
        Cause::Redirect(RedirectError::Scheme) => "unsupported",
        Cause::Redirect(_) => "protocol",
        Cause::Unavailable(Unavailable::Dial(why)) => match why {
            DialError::Name => "dns",
            DialError::Tls(_) => "tls",
            DialError::ProxyLost(_) | DialError::ProxyRefused(_) | DialError::ProxyProtocol => {
                "proxy"
            }
            _ => "connect",
        },
        Cause::NotReplayable | Cause::Misuse(_) => "invalid_request",
        _ => "other",
    }
}

fn millis(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}
