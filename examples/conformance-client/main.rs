//! Runs one conformance case: a JSON line of requests in, a JSON line of results out.
//!
//! ```text
//! stdin   {"id": …, "requests": [{"method": …, "url": …, "headers": …, "options": …}, …]}
//! stdout  {"results": [{"status": …, "headers": …, "body_b64": …, "error": …}, …]}
//! ```
//!
//! `--caps` prints what cases may ask of it, `--driver NAME` chooses what is underneath.
//! `tests/conformance/check.py` runs all cases over it.

mod class;
mod options;

use std::{
    env,
    io::{self, Cursor},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use httpool::message::Method;
use httpool_blocking::{Body, Client, Error, Response};
use options::Options;
use serde_json::{Value, json};

/// What the cases may ask for, in the words of their `needs`.
const CAPS: &str = "redirect,retry,max-body,chunked-upload,expect-continue,url-userinfo,\
                    redirect-keep-auth,resolve,idn,proxy-tunnel-http";

type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next().as_deref()) {
            ("--caps", _) => {
                println!("{CAPS}");
                return ExitCode::SUCCESS;
            }
            ("--driver", Some("blocking")) => {}
            _ => {
                eprintln!("usage: conformance-client [--driver blocking] [--caps]");
                return ExitCode::from(2);
            }
        }
    }
    match run() {
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

fn run() -> Result<Vec<Value>, Failed> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let case: Value = serde_json::from_str(&line)?;
    let requests = case["requests"].as_array().ok_or("a case has requests")?;
    let client = options::client(requests.iter().map(|request| Options(&request["options"])))?;
    requests.iter().map(|request| one(&client, request)).collect()
}

/// `Err`: the case itself cannot be understood.
fn one(client: &Client, request: &Value) -> Result<Value, Failed> {
    let options = Options(&request["options"]);
    options.delay();
    if options.wants_forward_proxy() {
        return Ok(json!({ "error": "unsupported", "error_detail": "only tunnels are supported" }));
    }
    let method = match Method::new(text(&request["method"])?) {
        Ok(method) => method,
        Err(why) => {
            return Ok(json!({ "error": class::of_request(why), "error_detail": why.to_string() }));
        }
    };
    let mut builder = client.request(method, text(&request["url"])?).policy(options.policy()?);
    for field in request["headers"].as_array().into_iter().flatten() {
        builder = builder.header_bytes(text(&field[0])?, &latin1(text(&field[1])?));
    }
    if let Some((user, password)) = options.basic_auth() {
        builder = builder.basic_auth(user, password);
    }
    if let Some(body) = body(request)? {
        builder = builder.body(match options.is_chunked() {
            true => Body::reader(Cursor::new(body)),
            false => body.into(),
        });
    }
    Ok(match builder.expect_continue(options.expects_continue()).send() {
        Ok(response) => answer(response),
        Err(error) => failure(&error),
    })
}

fn answer(response: Response) -> Value {
    let status = response.status().as_u16();
    let fields = response.fields().iter();
    let fields: Vec<_> = fields.map(|field| [field.name().into(), chars(field.value())]).collect();
    let mut result = match response.bytes() {
        Ok(body) => json!({ "body_b64": BASE64.encode(body), "error": null }),
        Err(error) => failure(&error),
    };
    result["status"] = status.into();
    result["headers"] = json!(fields);
    result
}

fn failure(error: &Error) -> Value {
    json!({ "error": class::of(error), "error_detail": error.to_string() })
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
    // Without its std feature, its error is no `std::error::Error`.
    BASE64.decode(text).map_err(|why| why.to_string().into())
}

fn text(value: &Value) -> Result<&str, Failed> {
    value.as_str().ok_or_else(|| format!("{value} is no text").into())
}

/// Cases write a byte as the character of that number.
fn latin1(text: &str) -> Vec<u8> {
    let bytes = text.chars().map(|char| u8::try_from(u32::from(char)));
    bytes.collect::<Result<_, _>>().unwrap_or_else(|_| text.into())
}

fn chars(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
