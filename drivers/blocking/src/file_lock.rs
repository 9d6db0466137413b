//! Locks on partial files, so that two programs do not write the same one.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// How often another program may rename or remove a file while it is opened.
const TRIES: usize = 16;

/// Opens a file to write it, makes it if there is none, and locks it. It keeps its bytes.
///
/// # Errors
/// The file cannot be opened, is not a regular one, or another program is writing it.
pub(crate) fn open_locked(path: &Path) -> io::Result<File> {
    for _ in 0..TRIES {
        if fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
            return Err(io::Error::other("it exists, and is not a regular file"));
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        lock(&file)?;
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
    Err(io::Error::other("other programs keep renaming it"))
}

/// Locks the file. Fails if another program holds the lock. A lock ends with the process that holds
/// it.
///
/// # Errors
/// Another program holds the lock, or the system fails.
#[cfg(unix)]
pub fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::other("another run is writing it")),
        // Continues without a lock on file systems that have none.
        Err(rustix::io::Errno::NOLCK | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS)
        | Ok(()) => Ok(()),
        Err(why) => Err(why.into()),
    }
}

/// Does nothing: locks are not used on this system.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn lock(_: &File) -> io::Result<()> {
    Ok(())
}

/// Returns whether `path` names `file`.
///
/// # Errors
/// The system fails to say.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// Returns true: files are not told apart on this system.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}
