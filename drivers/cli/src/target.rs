//! The file that a body goes to.
//!
//! `-o FILE` writes to `FILE.part` in the same directory and renames it when it is whole, so that
//! half a file is never taken for one. A `FILE.part` that an earlier run left behind, because it
//! was killed, is replaced; one that another run is writing is not touched.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{exit::Failed, interrupt::Interrupt, paced::Paced};

/// A file under another name until it is whole. A device or a pipe is written to as it is.
pub(crate) struct Target<'i> {
    out: Paced<File>,
    path: PathBuf,
    /// The name that it gets; `None` for what has its name already.
    becomes: Option<PathBuf>,
    /// Has the name of the partial file, and removes it if the program has to end at once.
    interrupt: &'i Interrupt,
}

impl<'i> Target<'i> {
    /// Opens it, before anything is sent.
    pub(crate) fn create(path: &Path, interrupt: &'i Interrupt) -> Result<Self, Failed> {
        let failed = |path: &Path, why: &io::Error| Failed::local(path.display(), why);
        let real = match fs::metadata(path) {
            // Through links, so that they stay.
            Ok(old) if old.is_file() => fs::canonicalize(path).and_then(|real| {
                // A file without write permission is not replaced either.
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
                    Ok(file) => (file, Some(real)),
                    Err(why) => {
                        interrupt.remove_partial();
                        return Err(failed(&partial, &why));
                    }
                }
            }
        };
        Ok(Self { out: Paced::new(file), path: path.to_owned(), becomes, interrupt })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a piece of the body.
    pub(crate) fn put(&mut self, piece: &[u8]) -> Result<(), Failed> {
        self.out.put(piece).map_err(|why| self.failed(&why))
    }

    /// The body is whole.
    pub(crate) fn finish(self) -> Result<(), Failed> {
        self.out.finish().map_err(|why| self.failed(&why))?;
        match &self.becomes {
            None => Ok(()),
            Some(name) => self.interrupt.rename_partial(name).map_err(|why| self.failed(&why)),
        }
    }

    fn failed(&self, why: &io::Error) -> Failed {
        Failed::local(self.path.display(), why)
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        // Once it has its name there is none to remove.
        self.interrupt.remove_partial();
    }
}

/// The name for a file that does not exist yet.
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

/// Creates the partial file, which must not exist: a link in its place is not followed.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// How often a partial file may come and go while this one is created.
#[cfg(unix)]
const TRIES: usize = 16;

/// Creates the partial file and locks it. One that nobody has locked was left behind.
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
                        return Err(io::Error::other("it is in the way, and no ordinary file"));
                    }
                    Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                    Err(why) => return Err(why),
                }
            }
            Err(why) => return Err(why),
        }
    }
    Err(io::Error::other("others keep creating and removing it"))
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

/// Fails where another run holds the lock. It ends with the process that holds it.
#[cfg(unix)]
fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::other("another run is writing it")),
        // Some file systems have no locks.
        Err(rustix::io::Errno::NOLCK | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS)
        | Ok(()) => Ok(()),
        Err(why) => Err(why.into()),
    }
}

/// Whether `path` names `file`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// Creates the partial file. One that is there was left behind, or cannot be removed.
#[cfg(not(unix))]
fn create_partial(path: &Path) -> io::Result<File> {
    match create_new(path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create_new(path)
        }
        created => created,
    }
}
