//! `httpool`: HTTP requests from the command line, with the pool's decisions in view.
//!
//! | module | does |
//! |---|---|
//! | `args` | says what is wanted |
//! | `client` | makes a client and a request of it |
//! | `request` | one request: `output` or `json` shows the answer, `progress` how far it is |
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
mod help;
mod histogram;
mod json;
mod load;
mod output;
mod progress;
mod record;
mod request;
mod tally;
mod units;

use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use args::{Command, Options};
use exit::Failed;
use record::Record;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

fn run() -> Result<(), Failed> {
    match args::parse(std::env::args_os().skip(1))? {
        Command::Help => print(help::TEXT),
        Command::Version => print(help::VERSION),
        Command::Demo => demo::run(),
        Command::Replay(path) => record::replay(&path),
        Command::Send(options) => send(&options),
    }
}

fn send(options: &Options) -> Result<(), Failed> {
    // Before anything is sent: a request must not be made for nothing.
    let record = options.record.as_deref().map(Record::create).transpose()?;
    let sent = match options.count {
        Some(_) => load::run(options, record.as_ref()),
        None => request::run(options, record.as_ref()),
    };
    let written = record.map_or(Ok(()), |record| record.finish());
    sent.and(written)
}

fn print(text: &str) -> Result<(), Failed> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failed::stdout)
}
