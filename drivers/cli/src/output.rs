//! An answer on standard output, or in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write, stdout},
    path::{Path, PathBuf},
};

use httpool::message::Method;
use httpool_blocking::Response;

use crate::{args::Options, exit::Failed, progress::Progress, request::each_piece};

/// Shows the head, if wanted, and the body as it comes.
pub(crate) fn show(response: &mut Response, options: &Options) -> Result<(), Failed> {
    let mut out = stdout().lock();
    // A HEAD request without its answer's head would show nothing at all.
    if options.include || options.method == Method::HEAD {
        write_head(response, &mut out).map_err(Failed::stdout)?;
    }
    match &options.output {
        Some(path) => {
            out.flush().map_err(Failed::stdout)?;
            save(response, path, options.trace)?;
        }
        None => each_piece(response, |piece| out.write_all(piece).map_err(Failed::stdout))?,
    }
    out.flush().map_err(Failed::stdout)
}

/// Writes the body to a file; says how many bytes that were. `quiet`: without a progress bar.
pub(crate) fn save(response: &mut Response, path: &Path, quiet: bool) -> Result<u64, Failed> {
    let failed = |why| Failed::local(path.display(), &why);
    let mut target = Target::create(path).map_err(failed)?;
    let mut progress = Progress::new(response.content_length(), quiet);
    let mut bytes = 0;
    each_piece(response, |piece| {
        target.file.write_all(piece).map_err(failed)?;
        progress.add(piece.len());
        bytes += piece.len() as u64;
        Ok(())
    })?;
    drop(progress);
    target.keep().map_err(failed)?;
    Ok(bytes)
}

fn write_head(response: &Response, out: &mut impl Write) -> io::Result<()> {
    write!(out, "HTTP/1.{} {} ", response.minor_version(), response.status())?;
    out.write_all(response.reason())?;
    out.write_all(b"\r\n")?;
    for field in response.fields() {
        write!(out, "{}: ", field.name())?;
        out.write_all(field.value())?;
        out.write_all(b"\r\n")?;
    }
    out.write_all(b"\r\n")
}

/// A file under another name until it is whole, so that half a file is never taken for one. What is
/// no ordinary file (a device, a pipe) is written to as it is.
struct Target {
    file: File,
    /// The name until then, and the one it gets; `None` once it has it.
    names: Option<(PathBuf, PathBuf)>,
}

impl Target {
    fn create(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(old) if old.is_file() => {
                // Through links, so that they stay.
                let target = Self::beside(fs::canonicalize(path)?)?;
                target.file.set_permissions(old.permissions())?;
                Ok(target)
            }
            Ok(_) => Ok(Self { file: OpenOptions::new().write(true).open(path)?, names: None }),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Self::beside(path.to_owned()),
            Err(why) => Err(why),
        }
    }

    fn beside(path: PathBuf) -> io::Result<Self> {
        let Some(name) = path.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
        let mut temporary = name.to_owned();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self { file, names: Some((temporary, path)) })
    }

    fn keep(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((temporary, path)) = &self.names {
            fs::rename(temporary, path)?;
        }
        self.names = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.names {
            // Another failure is being reported already.
            fs::remove_file(temporary).ok();
        }
    }
}
