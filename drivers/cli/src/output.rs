//! An answer on standard output, or in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write, stdout},
    path::{Path, PathBuf},
};

use httpool::message::Method;
use httpool_blocking::Response;

use crate::{args::Options, exit::Failed, progress::Progress, request::each_piece};

/// Shows the head, if wanted, and the body as it comes: in `target`, if there is one.
pub(crate) fn show(
    response: &mut Response,
    target: Option<Target>,
    options: &Options,
) -> Result<(), Failed> {
    let mut out = stdout().lock();
    // A HEAD request without its answer's head would show nothing at all.
    if options.include || options.method == Method::HEAD {
        write_head(response, &mut out).map_err(Failed::stdout)?;
        out.flush().map_err(Failed::stdout)?;
    }
    if let Some(target) = target {
        let progress = Progress::new(response.content_length(), options.trace);
        target.fill(response, progress)?;
        return Ok(());
    }
    each_piece(response, |piece| out.write_all(piece).map_err(Failed::stdout))?;
    out.flush().map_err(Failed::stdout)
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
pub(crate) struct Target {
    file: File,
    path: PathBuf,
    /// The name until then, and the one it gets; `None` once it has it.
    names: Option<(PathBuf, PathBuf)>,
}

impl Target {
    pub(crate) fn create(path: &Path) -> Result<Self, Failed> {
        let created = match fs::metadata(path) {
            // Through links, so that they stay.
            Ok(old) if old.is_file() => fs::canonicalize(path).and_then(|real| {
                let (file, names) = beside(real)?;
                file.set_permissions(old.permissions())?;
                Ok((file, Some(names)))
            }),
            Ok(_) => OpenOptions::new().write(true).open(path).map(|file| (file, None)),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                beside(path.to_owned()).map(|(file, names)| (file, Some(names)))
            }
            Err(why) => Err(why),
        };
        match created {
            Ok((file, names)) => Ok(Self { file, path: path.to_owned(), names }),
            Err(why) => Err(Failed::local(path.display(), &why)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the body into it; says how many bytes that were.
    pub(crate) fn fill(
        mut self,
        response: &mut Response,
        mut progress: Progress,
    ) -> Result<u64, Failed> {
        let mut bytes = 0;
        each_piece(response, |piece| {
            self.file.write_all(piece).map_err(|why| self.failed(&why))?;
            progress.add(piece.len());
            bytes += piece.len() as u64;
            Ok(())
        })?;
        if let Some((temporary, path)) = &self.names {
            fs::rename(temporary, path).map_err(|why| self.failed(&why))?;
        }
        self.names = None;
        Ok(bytes)
    }

    fn failed(&self, why: &io::Error) -> Failed {
        Failed::local(self.path.display(), why)
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

/// A new file in the directory of `path`, its name, and the one it is to have.
fn beside(path: PathBuf) -> io::Result<(File, (PathBuf, PathBuf))> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    Ok((file, (temporary, path)))
}
