//! `httpool`: HTTP requests from the command line, with the pool's decisions in view.
//!
//! | module | does |
//! |---|---|
//! | `args` | says what is wanted |
//! | `client` | makes a client and a request of it |
//! | `request` | one request: `output` or `json` shows the answer, `progress` how far it is |
//! | `target`, `paced` | the file that a body goes to; output in few writes |
//! | `harmless` | takes out of a server's text what a terminal may act on |
//! | `interrupt` | ends all of it on INT, TERM and HUP |
//! | `load` | many requests by several threads |
//! | `record` | writes down what the machines are told, and replays it |
//! | `tally`, `histogram` | what came of them, and how long they took |
//! | `exit` | failures, their exit codes and what is said about them |
//! | `demo` | a server in here, and the pool at work against it |

#![forbid(unsafe_code)]

mod args;
mod client;
mod demo;
mod exit;
mod harmless;
mod help;
mod histogram;
mod interrupt;
mod json;
mod load;
mod output;
mod paced;
mod progress;
mod record;
mod request;
mod tally;
mod target;
mod units;

use std::{
    ffi::OsString,
    io::{Write, stdout},
    process::ExitCode,
};

use args::{Command, Options};
use exit::Failed;
use interrupt::Interrupt;
use record::Record;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let json = args.iter().any(|arg| arg == "--json");
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(json),
    }
}

fn run(args: Vec<OsString>) -> Result<(), Failed> {
    match args::parse(args)? {
        Command::Help => print(help::TEXT),
        Command::Version => print(help::VERSION),
        Command::Demo => demo::run(),
        Command::Replay(path) => record::replay(&path),
        Command::Send(options) => send(&options),
    }
}

fn send(options: &Options) -> Result<(), Failed> {
    // Before anything is sent: a request must not be made for nothing.
    let record = options.record.as_deref().map(|path| Record::create(path, &options.redact));
    let record = record.transpose()?;
    let interrupt = Interrupt::watch(record.as_ref(), options.json)?;
    let sent = match options.count {
        Some(_) => load::run(options, record.as_ref(), &interrupt),
        None => request::run(options, record.as_ref(), &interrupt),
    };
    let written = record.map_or(Ok(()), |record| record.finish());
    interrupt.explain(sent).and_then(|()| written.map_err(Failed::already_in_json))
}

fn print(text: &str) -> Result<(), Failed> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failed::stdout)
}
