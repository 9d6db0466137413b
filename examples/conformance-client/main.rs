//! Runs one conformance case: a JSON line of requests in, a JSON line of results out.
//!
//! ```text
//! stdin   {"id": …, "requests": [{"method": …, "url": …, "headers": …, "options": …}, …]}
//! stdout  {"results": [{"status": …, "headers": …, "body_b64": …, "error": …}, …]}
//! ```
//!
//! `--caps` prints the capabilities that cases may need. `--driver NAME` selects the driver.
//! `--tls notice` sends the requests over TLS, through relays that end it in front of the servers;
//! `--tls bare` leaves out the close_notify of the relays. The case must resolve the names of all
//! servers.
//! `tests/conformance/check.py` runs all cases with this program.

mod class;
mod drivers;
mod options;
mod secure;

use std::{env, io, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use drivers::{Answer, Ask, Driver};
use httpool::message::Method;
use httpool_tls_testing::relay::End;
use options::{Options, Settings};
use secure::Relays;
use serde_json::{Value, json};

/// The capabilities that a case may list in its `needs`.
const CAPS: &str = "redirect,retry,retry-all-errors,max-body,chunked-upload,expect-continue,\
                    url-userinfo,redirect-keep-auth,resolve,idn,proxy,proxy-tunnel-http,\
                    decompress,deflate,br,zstd,multi-coding";

type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let mut driver: fn(Settings) -> Result<Driver, Failed> = Driver::blocking;
    let mut tls = None;
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next().as_deref()) {
            ("--caps", _) => {
                println!("{CAPS}");
                return ExitCode::SUCCESS;
            }
            ("--driver", Some("blocking")) => driver = Driver::blocking,
            ("--driver", Some("mio")) => driver = Driver::mio,
            ("--tls", Some("notice")) => tls = Some(End::Notice),
            ("--tls", Some("bare")) => tls = Some(End::Bare),
            _ => {
                eprintln!(
                    "usage: conformance-client [--driver blocking|mio] [--tls notice|bare] [--caps]"
                );
                return ExitCode::from(2);
            }
        }
    }
    match run(driver, tls) {
        Ok(results) => {
            println!("{}", json!({ "results": results }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("conformance-client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    driver: fn(Settings) -> Result<Driver, Failed>,
    tls: Option<End>,
) -> Result<Vec<Value>, Failed> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let mut case: Value = serde_json::from_str(&line)?;
    let requests = case["requests"].as_array_mut().ok_or("a case has requests")?;
    let mut settings = Settings::of(requests.iter().map(|request| Options(&request["options"])))?;
    let relays = tls.map(|end| Relays::start(&mut settings, end)).unwrap_or_default();
    if tls.is_some() {
        requests.iter_mut().for_each(secure::secure);
    }
    let mut driver = driver(settings)?;
    let results = requests.iter().map(|request| one(&mut driver, request)).collect();
    drop(driver);
    relays.settle();
    results
}

/// Runs one request. Fails if the case itself is invalid.
fn one(driver: &mut Driver, request: &Value) -> Result<Value, Failed> {
    let options = Options(&request["options"]);
    options.delay();
    let method = match Method::new(text(&request["method"])?) {
        Ok(method) => method,
        Err(why) => {
            return Ok(json!({ "error": class::of_request(why), "error_detail": why.to_string() }));
        }
    };
    let mut fields = Vec::new();
    for field in request["headers"].as_array().into_iter().flatten() {
        fields.push((text(&field[0])?, latin1(text(&field[1])?)));
    }
    let answer = driver.send(Ask {
        method,
        url: text(&request["url"])?,
        fields,
        basic_auth: options.basic_auth(),
        body: body(request)?,
        chunked: options.is_chunked(),
        expect_continue: options.expects_continue(),
        policy: options.policy()?,
        decode: options.decodes(),
    });
    Ok(result(answer))
}

fn result(answer: Answer) -> Value {
    let mut result = match answer.body {
        Ok(body) => json!({ "body_b64": BASE64.encode(body), "error": null }),
        Err((class, detail)) => json!({ "error": class, "error_detail": detail }),
    };
    if let Some((status, fields)) = answer.head {
        result["status"] = status.into();
        result["headers"] = json!(fields);
    }
    result
}

fn body(request: &Value) -> Result<Option<Vec<u8>>, Failed> {
    if let Some(repeat) = request["body_repeat"].as_object() {
        let piece = base64(text(&repeat["b64"])?)?;
        let times = repeat["times"].as_u64().ok_or("times is a number")?;
        return Ok(Some(piece.repeat(usize::try_from(times)?)));
    }
    Ok(match request["body_b64"].as_str() {
        Some(body) => Some(base64(body)?),
        None => None,
    })
}

fn base64(text: &str) -> Result<Vec<u8>, Failed> {
    // The error is no `std::error::Error`, because the crate's std feature is off.
    BASE64.decode(text).map_err(|why| why.to_string().into())
}

fn text(value: &Value) -> Result<&str, Failed> {
    value.as_str().ok_or_else(|| format!("{value} is no text").into())
}

/// Converts text of a case to bytes: each character is the byte of that number.
fn latin1(text: &str) -> Vec<u8> {
    let bytes = text.chars().map(|char| u8::try_from(u32::from(char)));
    bytes.collect::<Result<_, _>>().unwrap_or_else(|_| text.into())
}
