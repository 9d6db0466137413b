//! Writes a response to standard output or to a file.

use std::{
    io::{self, IsTerminal, Write, stdout},
    path::Path,
};

use httpool::message::Method;
use httpool_blocking::Response;

use crate::{
    args::Options,
    exit::{Failed, Kind},
    harmless::{Screened, harmless_bytes},
    interrupt::Interrupt,
    paced::Paced,
    pieces::each_piece,
    progress::Progress,
    save::Output,
    target::Target,
};

/// The limits on a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most bytes a second.
    pub(crate) rate: Option<u64>,
    /// The most bytes of the body.
    pub(crate) bytes_max: Option<u64>,
}

impl Limits {
    /// Fails if a body of this many bytes is too long.
    pub(crate) fn check(self, bytes: u64) -> Result<(), Failed> {
        match self.bytes_max {
            Some(max) if bytes > max => {
                let what = format!("the body is longer than the {max} bytes of --max-filesize");
                Err(Failed::new(Kind::TooLong, what))
            }
            _ => Ok(()),
        }
    }
}

/// Shows the body as it comes, if it is wanted. It goes to `target`, if there is one. `earlier` are
/// the heads of the responses before this one.
pub(crate) fn show(
    response: &mut Response,
    target: Option<Target<'_>>,
    earlier: &[Vec<u8>],
    (options, output, limits, has_body): (&Options, &Output, Limits, bool),
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let mut out = Paced::new(stdout_without_lines().map_err(Failed::stdout)?);
    if options.save.heads.as_deref().is_some_and(|path| path == Path::new("-")) {
        out.put(&heads(earlier, response, false)).map_err(Failed::stdout)?;
    }
    // The response to HEAD has only a head, so it is always shown.
    let shows_head = options.include || options.method() == Method::HEAD;
    if let Some(mut target) = target {
        out.finish().map_err(Failed::stdout)?;
        if shows_head {
            target.put(&heads(earlier, response, true))?;
        }
        let progress = options.progress(Some(target.path()), response.content_length());
        fill(target, response, progress, limits, interrupt)?;
        return Ok(());
    }
    if shows_head {
        out.put(&heads(earlier, response, false)).map_err(Failed::stdout)?;
    }
    if !has_body {
        return out.finish().map_err(Failed::stdout);
    }
    if *output == Output::Shown && stdout().is_terminal() {
        show_on_terminal(response, &mut out, limits, interrupt)?;
    } else {
        let mut bytes = 0;
        each_piece(response, limits.rate, |piece| {
            bytes += piece.len() as u64;
            limits.check(bytes)?;
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
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<u64, Failed> {
    let mut bytes = 0;
    each_piece(response, limits.rate, |piece| {
        bytes += piece.len() as u64;
        limits.check(bytes)?;
        target.put(piece)?;
        progress.add(piece.len());
        interrupt.done(piece.len());
        Ok(())
    })?;
    target.finish()?;
    Ok(bytes)
}

/// Shows a body of text, escaped. Refuses a binary one.
fn show_on_terminal<W: Write + Send>(
    response: &mut Response,
    out: &mut Paced<W>,
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let (mut screened, mut text, mut bytes) = (Screened::default(), String::new(), 0);
    each_piece(response, limits.rate, |piece| {
        bytes += piece.len() as u64;
        limits.check(bytes)?;
        if piece.contains(&0) {
            let what = "the body is binary, and standard output is a terminal";
            let hint = "-o FILE writes it to a file; -o - writes it to the terminal unchanged";
            return Err(Failed::new(Kind::Write, what).hint(hint));
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

/// Returns the heads of all responses: those before this one, and its own. Unless `raw`, they are
/// escaped also if standard output is no terminal, since it may be read in a pager.
pub(crate) fn heads(earlier: &[Vec<u8>], response: &Response, raw: bool) -> Vec<u8> {
    let put = |bytes: &[u8], out: &mut Vec<u8>| match raw {
        true => out.extend_from_slice(bytes),
        false => harmless_bytes(bytes, out),
    };
    let mut all = Vec::new();
    for line in earlier.iter().flat_map(|head| head.split_inclusive(|&byte| byte == b'\n')) {
        put(line.strip_suffix(b"\r\n").unwrap_or(line), &mut all);
        all.extend_from_slice(b"\r\n");
    }
    let status = response.status();
    all.extend_from_slice(format!("HTTP/1.{} {status} ", response.minor_version()).as_bytes());
    put(response.reason(), &mut all);
    all.extend_from_slice(b"\r\n");
    for field in response.headers() {
        all.extend_from_slice(format!("{}: ", field.name()).as_bytes());
        put(field.value(), &mut all);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"\r\n");
    all
}

/// Returns standard output without the line buffering of Rust's own handle.
#[cfg(unix)]
fn stdout_without_lines() -> io::Result<std::fs::File> {
    use std::{fs::File, os::fd::AsFd};
    stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Returns standard output. A Windows console takes text only, which Rust's own handle ensures.
#[cfg(not(unix))]
fn stdout_without_lines() -> io::Result<io::Stdout> {
    Ok(stdout())
}
