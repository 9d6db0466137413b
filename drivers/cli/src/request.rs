//! Sends one request and shows its response.

use httpool_blocking::Response;

use crate::{
    args::{Options, Output},
    client::{BodySource, client, request},
    exit::{Failed, Kind},
    interrupt::Interrupt,
    json, output,
    record::Record,
    secure,
    target::Target,
    timed::Seen,
};

/// Sends the request and shows the response.
pub(crate) fn run(
    options: &Options,
    record: Option<&Record>,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let file = match &options.output {
        Output::File(path) => Some(path.as_path()),
        Output::Shown | Output::Stdout => None,
    };
    let mut seen = Seen::begin(file);
    let sent = transfer(options, record, interrupt, &mut seen);
    options.timed.report(&seen, sent, options.verbose)
}

fn transfer(
    options: &Options,
    record: Option<&Record>,
    interrupt: &Interrupt,
    seen: &mut Seen,
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
    let mut response = request.send().inspect_err(|error| seen.failed(error))?;
    seen.answered(&response);
    if let (true, Some(session)) = (options.verbose, response.tls()) {
        secure::show(session);
    }
    interrupt.receives(response.content_length());
    let status = response.status();
    if options.fail && status.as_u16() >= 400 {
        return Err(refused(&response));
    }
    let shown = if options.json {
        json::show(&mut response, target, interrupt)
    } else {
        output::show(&mut response, target, options, interrupt)
    };
    seen.answered(&response);
    shown
}

fn refused(response: &Response) -> Failed {
    let reason = String::from_utf8_lossy(response.reason());
    let what = format!("{}: the answer is {} {reason}", response.url(), response.status());
    Failed::new(Kind::Status, what.trim_end()).status(response.url(), response.status())
}
