//! `httpool`: sends HTTP requests from the command line, and shows the pool's decisions.
//!
//! | module | task |
//! |---|---|
//! | `args` | parses the command line |
//! | `options` | the table of options: names, help, completions, the comparison with curl |
//! | `ask`, `form` | the options that say what is sent: method, data, fields, forms |
//! | `globs`, `protocols`, `netrc`, `conditions` | URLs of patterns; schemes that are allowed; netrc files; bodies that have changed |
//! | `save` | the options that say where a response goes |
//! | `redo` | the options that say when a transfer is tried again |
//! | `resume` | downloads that resume |
//! | `client` | builds the client and the request |
//! | `proxies` | the options of proxies, and those of the environment |
//! | `request` | makes the transfers |
//! | `pace` | bounds the rate of a transfer |
//! | `output`, `json`, `progress` | print the response, and show the progress of its body |
//! | `pieces`, `print` | read a body in pieces; print JSON |
//! | `target`, `paced` | write the body's file, and output in few writes |
//! | `harmless` | escapes characters of a server's text that a terminal may act on |
//! | `interrupt` | handles SIGINT, SIGTERM and SIGHUP |
//! | `secure`, `way` | the options of TLS, and those that lead connections to other addresses |
//! | `verbose` | shows handshakes and heads as they come |
//! | `load` | sends many requests by several threads |
//! | `record` | writes and replays recordings |
//! | `tally`, `histogram` | count the results and the latencies of a load |
//! | `exit` | failures, their exit codes and their messages |
//! | `timed` | the options that report on a transfer: times, HAR |
//! | `timeline` | draws the calls and connections of a trace |
//! | `demo` | shows the pool at work with a server in this process |

#![forbid(unsafe_code)]

mod args;
mod ask;
mod client;
mod conditions;
mod demo;
mod exit;
mod form;
mod globs;
mod harmless;
mod help;
mod histogram;
mod interrupt;
mod json;
mod load;
mod netrc;
mod options;
mod output;
mod pace;
mod paced;
mod pieces;
mod print;
mod progress;
mod protocols;
mod proxies;
mod record;
mod redo;
mod request;
mod resume;
mod save;
mod secure;
mod socket;
mod status;
mod tally;
mod target;
mod timed;
mod timeline;
mod units;
mod verbose;
mod way;

use std::process::ExitCode;

use args::{Command, Options};
use exit::Failed;
use interrupt::Interrupt;
use record::Record;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    // The options are not known if they cannot be parsed.
    let json = args.iter().any(|arg| arg == "--as-json");
    let (done, mute) = match args::parse(args) {
        Ok(Command::Send(sets)) => (send(&sets), sets.iter().any(Options::is_mute)),
        Ok(command) => (run(command), false),
        Err(failed) => (Err(failed), false),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(json, mute),
    }
}

fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Help(topic) => print(&help::text(topic.as_deref())?),
        Command::Version => print(help::VERSION),
        Command::Completions(shell) => match options::completions(&shell) {
            Some(script) => print(&script),
            None => {
                Err(exit::wrong(format!("completions are for bash, zsh and fish, not {shell}")))
            }
        },
        Command::Demo { trace } => demo::run(trace),
        Command::Timeline(timeline) => timeline.run(),
        Command::Replay(path) => record::replay(&path),
        Command::Send(sets) => send(&sets),
    }
}

/// Makes the transfers of all sets of options. The last set decides the result.
fn send(sets: &[Options]) -> Result<(), Failed> {
    let Some((options, others)) = sets.split_first() else { return Ok(()) };
    // Creates the recording before any request is sent, so that no request is made in vain.
    let record = options.record.as_deref().map(|path| Record::create(path, &options.redact));
    let record = record.transpose()?;
    let interrupt = Interrupt::watch(record.as_ref(), options.json)?;
    let mut sent = match options.count {
        Some(_) => load::run(options, record.as_ref(), &interrupt),
        None => request::run(options, record.as_ref(), &interrupt),
    };
    for options in others {
        if interrupt.came() || sent.is_err() && options.fail_early {
            break;
        }
        if let Err(failed) = sent {
            failed.report(options.json, options.is_mute());
        }
        sent = request::run(options, None, &interrupt);
    }
    let written = record.map_or(Ok(()), |record| record.finish());
    interrupt.explain(sent).and_then(|()| written.map_err(Failed::already_in_json))
}

fn print(text: &str) -> Result<(), Failed> {
    print::print(text).map_err(Failed::stdout)
}
