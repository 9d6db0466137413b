//! Writes a body to the file of `-o FILE`.
//!
//! The body is written to `FILE.part` in the same directory. That file is renamed when the body is
//! complete, so that `FILE` never holds a part of a body. A `FILE.part` that a killed run left
//! behind is replaced. One that another run is writing is not touched.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

#[cfg(unix)]
use httpool_blocking::file_lock::{is_at, lock};

use crate::{exit::Failed, interrupt::Interrupt, paced::Paced};

/// A file that has another name until it is complete. A device or a pipe is written to directly.
pub(crate) struct Target<'i> {
    out: Paced<File>,
    path: PathBuf,
    /// The names of the partial and of the complete file; `None` for a device or a pipe, which
    /// needs no renaming.
    becomes: Option<(PathBuf, PathBuf)>,
    /// The time that the file gets; `None`: that of the last write.
    modified: Option<SystemTime>,
    /// Knows the partial file's name, and removes the file if the program must end at once.
    interrupt: &'i Interrupt,
}

impl<'i> Target<'i> {
    /// Opens the file. This happens before any request is sent.
    pub(crate) fn create(path: &Path, interrupt: &'i Interrupt) -> Result<Self, Failed> {
        let failed = |path: &Path, why: &io::Error| Failed::local(path.display(), why);
        let real = match fs::metadata(path) {
            // Resolves links, so that they stay links.
            Ok(old) if old.is_file() => fs::canonicalize(path).and_then(|real| {
                // Fails for a file without write permission, which renaming would replace.
                OpenOptions::new().append(true).open(&real)?;
                Ok(Some((real, Some(old.permissions()))))
            }),
            Ok(_) => Ok(None),
            Err(why) if why.kind() == io::ErrorKind::NotFound => new_name(path),
            Err(why) => Err(why),
        };
        let (file, becomes) = match real.map_err(|why| failed(path, &why))? {
            None => {
                let file = OpenOptions::new().write(true).open(path);
                (file.map_err(|why| failed(path, &why))?, None)
            }
            Some((real, permissions)) => {
                let partial = partial_name(&real);
                let file = create_partial(&partial).and_then(|file| {
                    interrupt.has_partial(&partial);
                    if let Some(permissions) = permissions {
                        file.set_permissions(permissions)?;
                    }
                    Ok(file)
                });
                match file {
                    Ok(file) => (file, Some((partial, real))),
                    Err(why) => {
                        interrupt.remove_partial(&partial);
                        return Err(failed(&partial, &why));
                    }
                }
            }
        };
        let (out, path) = (Paced::new(file), path.to_owned());
        Ok(Self { out, path, becomes, modified: None, interrupt })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the time of the last change that the file gets when it is complete.
    pub(crate) fn set_modified(&mut self, at: SystemTime) {
        self.modified = Some(at);
    }

    /// Writes a piece of the body.
    pub(crate) fn put(&mut self, piece: &[u8]) -> Result<(), Failed> {
        self.out.put(piece).map_err(|why| self.failed(&why))
    }

    /// Renames the file, which is complete.
    pub(crate) fn finish(self) -> Result<(), Failed> {
        self.out.finish().map_err(|why| self.failed(&why))?;
        match &self.becomes {
            None => Ok(()),
            Some((partial, name)) => {
                let timed = self.modified.map_or(Ok(()), |at| set_modified(partial, at));
                let renamed = timed.and_then(|()| self.interrupt.rename_partial(partial, name));
                renamed.map_err(|why| self.failed(&why))
            }
        }
    }

    fn failed(&self, why: &io::Error) -> Failed {
        Failed::local(self.path.display(), why)
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        // After `finish` there is no partial file to remove.
        if let Some((partial, _)) = &self.becomes {
            self.interrupt.remove_partial(partial);
        }
    }
}

/// Sets the time of the last change of a file.
pub(crate) fn set_modified(path: &Path, at: SystemTime) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.set_modified(at)
}

/// Returns the name of a file that does not exist yet.
fn new_name(path: &Path) -> io::Result<Option<(PathBuf, Option<fs::Permissions>)>> {
    let names_directory = path
        .as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|&last| std::path::is_separator(char::from(last)));
    if names_directory || path.file_name().is_none() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Some((path.to_owned(), None)))
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Creates the partial file. It must not exist, and a link in its place is not followed.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// How often another run may create and remove a partial file while this one is created.
#[cfg(unix)]
const TRIES: usize = 16;

/// Creates the partial file and locks it. An existing one without a lock was left behind.
#[cfg(unix)]
fn create_partial(path: &Path) -> io::Result<File> {
    for _ in 0..TRIES {
        match create_new(path) {
            Ok(file) => {
                lock(&file)?;
                if is_at(&file, path)? {
                    return Ok(file);
                }
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                match fs::symlink_metadata(path) {
                    Ok(old) if old.is_file() => remove_left_behind(path)?,
                    Ok(_) => {
                        return Err(io::Error::other("it exists, and is not a regular file"));
                    }
                    Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                    Err(why) => return Err(why),
                }
            }
            Err(why) => return Err(why),
        }
    }
    Err(io::Error::other("other runs keep creating and removing it"))
}

/// Creates the partial file. An existing one was left behind, or belongs to another run: they are
/// not told apart on this system.
#[cfg(not(unix))]
fn create_partial(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(old) if !old.is_file() => {
            return Err(io::Error::other("it exists, and is not a regular file"));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(why),
    }
    create_new(path)
}

#[cfg(unix)]
fn remove_left_behind(path: &Path) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let old = match open(path, flags, Mode::empty()) {
        Ok(old) => File::from(old),
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(why) => return Err(why.into()),
    };
    lock(&old)?;
    if is_at(&old, path)? { fs::remove_file(path) } else { Ok(()) }
}
