//! Sends one request and shows its response.

use httpool_blocking::Response;

use crate::{
    args::{Options, Output},
    client::{BodySource, client, request},
    exit::{Failed, Kind},
    interrupt::Interrupt,
    json, output,
    record::Record,
    target::Target,
};

/// Sends the request and shows the response.
pub(crate) fn run(
    options: &Options,
    record: Option<&Record>,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let client = client(options, record)?;
    let body = BodySource::new(&options.data).body()?;
    // Opens the file before the request is sent. A request may have effects, and must not be made
    // in vain.
    let target = match &options.output {
        Output::File(path) => Some(Target::create(path, interrupt)?),
        Output::Shown | Output::Stdout => None,
    };
    let request = request(&client, options).body(body).cancel(interrupt.cancel());
    let mut response = request.send()?;
    interrupt.receives(response.content_length());
    let status = response.status();
    if options.fail && status.as_u16() >= 400 {
        return Err(refused(&response));
    }
    if options.json {
        json::show(response, target, interrupt)
    } else {
        output::show(&mut response, target, options, interrupt)
    }
}

fn refused(response: &Response) -> Failed {
    let reason = String::from_utf8_lossy(response.reason());
    let what = format!("{}: the answer is {} {reason}", response.url(), response.status());
    Failed::new(Kind::Status, what.trim_end()).status(response.url(), response.status())
}
