//! Writes recordings (`--record FILE`), and replays them (`httpool replay FILE`).

use std::{
    collections::VecDeque,
    fmt,
    fs::File,
    io::{self, BufWriter, Read, Write, stdin, stdout},
    path::{Path, PathBuf},
    string::FromUtf8Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use httpool::{
    replay::{self, Difference, Error, Summary},
    trace::{Recorder, Redaction, Sink},
};

use crate::exit::{Failed, Kind};

/// The number of lines of a machine that are shown before its first difference.
const CONTEXT: usize = 5;

/// A recording that is being written.
#[derive(Clone)]
pub(crate) struct Record {
    path: PathBuf,
    /// Names of fields whose values are hidden, in addition to the default ones.
    redact: Vec<String>,
    out: Arc<Mutex<Out>>,
}

struct Out {
    file: BufWriter<File>,
    /// The first write error. Later lines are dropped, and the request continues.
    broken: Option<io::Error>,
}

impl Record {
    /// Creates the file. `redact` names fields whose values are hidden, in addition to the default
    /// ones.
    pub(crate) fn create(path: &Path, redact: &[String]) -> Result<Self, Failed> {
        let file = File::create(path).map_err(|why| Failed::local(path.display(), &why))?;
        let out = Out { file: BufWriter::new(file), broken: None };
        let (path, redact) = (path.to_owned(), redact.to_vec());
        Ok(Self { path, redact, out: Arc::new(Mutex::new(out)) })
    }

    /// Returns the sink for the trace of the client's machines.
    pub(crate) fn sink(&self) -> impl Sink + use<> {
        let out = self.out.clone();
        let mut redaction = Redaction::default();
        redaction.fields = self.redact.iter().cloned().map(Into::into).collect();
        Recorder::new(redaction, move |line| locked(&out).write(line))
    }

    /// Flushes the file. Fails if any write has failed.
    pub(crate) fn finish(&self) -> Result<(), Failed> {
        let mut out = locked(&self.out);
        let written = match out.broken.take() {
            Some(why) => Err(why),
            None => out.file.flush(),
        };
        written.map_err(|why| Failed::local(self.path.display(), &why))
    }

    /// Flushes the file, unless another thread holds the lock.
    #[cfg(unix)]
    pub(crate) fn flush_now(&self) {
        if let Ok(mut out) = self.out.try_lock() {
            // Ignores the error, because the program ends for another reason, which is reported.
            out.file.flush().ok();
        }
    }
}

impl Out {
    fn write(&mut self, line: fmt::Arguments<'_>) {
        if self.broken.is_none() {
            self.broken = self.file.write_fmt(line).err();
        }
    }
}

fn locked(out: &Mutex<Out>) -> MutexGuard<'_, Out> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replays a recording and reports whether the machines make the same decisions; `-` is standard
/// input.
pub(crate) fn replay(path: &Path) -> Result<(), Failed> {
    let bytes = read(path).map_err(|why| Failed::reading_file(path.display(), &why))?;
    let text = String::from_utf8(bytes).map_err(|why| no_text(path, &why))?;
    match replay::check(&text) {
        Ok(summary) => {
            let mut out = stdout().lock();
            out.write_all(in_words(summary).as_bytes())
                .and_then(|()| out.flush())
                .map_err(Failed::stdout)
        }
        Err(Error::Differs(difference)) => {
            let what = format!("{}: {}", path.display(), in_context(&difference, &text));
            Err(Failed::new(Kind::Replay, what))
        }
        Err(why) => Err(no_recording(path, &why)),
    }
}

fn no_recording(path: &Path, why: &dyn fmt::Display) -> Failed {
    Failed::new(Kind::Replay, format!("{}: {why}", path.display()))
        .hint("make a recording with --record FILE")
}

/// Creates the failure for bytes that are not text. A recording is ASCII.
fn no_text(path: &Path, why: &FromUtf8Error) -> Failed {
    let fine = &why.as_bytes()[..why.utf8_error().valid_up_to()];
    let line = 1 + fine.iter().filter(|&&byte| byte == b'\n').count();
    no_recording(path, &format_args!("line {line}: this is not text, so it is not a recording"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn in_words(summary: Summary) -> String {
    let Summary { events, actions, pools, calls, dials, .. } = summary;
    let count = |number: usize, what: &str| {
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    format!(
        "no difference: {}, {} and {} were told {} and decided {}\n",
        count(pools, "pool"),
        count(calls, "call"),
        count(dials, "dial"),
        count(events, "thing"),
        count(actions, "thing"),
    )
}

/// Describes the difference, after the previous lines of the same machine.
fn in_context(difference: &Difference, text: &str) -> String {
    let who = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    let line = difference.expected.as_ref().or(difference.got.as_ref());
    let machine = line.and_then(|line| who(line));
    let mut before = VecDeque::new();
    for (number, line) in (1..difference.line).zip(text.lines()) {
        if who(line) == machine {
            before.push_back(format!("\n{number:>6}  {line}"));
            if before.len() > CONTEXT {
                before.pop_front();
            }
        }
    }
    let or_nothing = |line: &Option<String>| line.clone().unwrap_or_else(|| "nothing".to_owned());
    let (number, before) = (difference.line, before.into_iter().collect::<String>());
    format!(
        "a machine decides otherwise, at line {number}{before}\n\
         recorded  {}\n     now  {}",
        or_nothing(&difference.expected),
        or_nothing(&difference.got),
    )
}
