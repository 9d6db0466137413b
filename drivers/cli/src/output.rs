//! Writes a response to standard output or to a file.

use std::{
    fs::File,
    io::{self, IsTerminal, Write, stdout},
};

use httpool::message::Method;
use httpool_blocking::Response;

use crate::{
    args::{Options, Output},
    exit::{Failed, Kind},
    harmless::{Screened, harmless_bytes},
    interrupt::Interrupt,
    paced::Paced,
    pieces::each_piece,
    progress::Progress,
    target::Target,
};

/// Shows the head if wanted, and the body as it comes. The body goes to `target`, if there is one.
pub(crate) fn show(
    response: &mut Response,
    target: Option<Target<'_>>,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let mut out = Paced::new(stdout_without_lines().map_err(Failed::stdout)?);
    // The response to HEAD has only a head, so it is always shown.
    if options.include || options.method == Method::HEAD {
        out.put(&head(response)).map_err(Failed::stdout)?;
    }
    if let Some(target) = target {
        out.finish().map_err(Failed::stdout)?;
        let progress = Progress::new(response.content_length(), options.trace);
        fill(target, response, progress, interrupt)?;
        return Ok(());
    }
    if options.output == Output::Shown && stdout().is_terminal() {
        show_on_terminal(response, &mut out, interrupt)?;
    } else {
        each_piece(response, |piece| {
            out.put(piece).map_err(Failed::stdout)?;
            interrupt.done(piece.len());
            Ok(())
        })?;
    }
    out.finish().map_err(Failed::stdout)
}

/// Writes the body into `target`. Returns its length in bytes.
pub(crate) fn fill(
    mut target: Target<'_>,
    response: &mut Response,
    mut progress: Progress,
    interrupt: &Interrupt,
) -> Result<u64, Failed> {
    let mut bytes = 0;
    each_piece(response, |piece| {
        target.put(piece)?;
        progress.add(piece.len());
        interrupt.done(piece.len());
        bytes += piece.len() as u64;
        Ok(())
    })?;
    target.finish()?;
    Ok(bytes)
}

/// Shows a body of text, escaped. Refuses a binary one.
fn show_on_terminal<W: Write + Send>(
    response: &mut Response,
    out: &mut Paced<W>,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let (mut screened, mut text) = (Screened::default(), String::new());
    each_piece(response, |piece| {
        if piece.contains(&0) {
            let what = "the body is binary, and standard output is a terminal";
            let hint = "-o FILE writes it to a file; -o - writes it to the terminal unchanged";
            return Err(Failed::new(Kind::Local, what).hint(hint));
        }
        text.clear();
        screened.show(piece, &mut text);
        interrupt.done(piece.len());
        out.put(text.as_bytes()).map_err(Failed::stdout)
    })?;
    text.clear();
    screened.end(&mut text);
    out.put(text.as_bytes()).map_err(Failed::stdout)
}

/// Formats the head, escaped also if standard output is no terminal, since it may be read in a
/// pager.
fn head(response: &Response) -> Vec<u8> {
    let mut head = format!("HTTP/1.{} {} ", response.minor_version(), response.status()).into();
    harmless_bytes(response.reason(), &mut head);
    head.extend_from_slice(b"\r\n");
    for field in response.headers() {
        head.extend_from_slice(format!("{}: ", field.name()).as_bytes());
        harmless_bytes(field.value(), &mut head);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Returns standard output without the line buffering of Rust's own handle.
#[cfg(unix)]
fn stdout_without_lines() -> io::Result<File> {
    use std::os::fd::AsFd;
    stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Returns standard output. A Windows console takes text only, which Rust's own handle ensures.
#[cfg(not(unix))]
fn stdout_without_lines() -> io::Result<io::Stdout> {
    Ok(stdout())
}
