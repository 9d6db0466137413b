//! Limits the descriptors of this process.

use std::{
    fs::File,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Restores the process's limit when dropped.
pub(crate) struct Scarce {
    before: Rlimit,
    _alone: MutexGuard<'static, ()>,
}

impl Scarce {
    /// Lets no other test open descriptors from now on.
    pub(crate) fn alone() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: getrlimit(Resource::Nofile), _alone: alone }
    }

    /// Limits the number of descriptors to `most`.
    pub(crate) fn limit(&self, most: u64) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..self.before }).unwrap();
    }
}

impl Drop for Scarce {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.before).unwrap();
    }
}

/// Takes all descriptors that are left.
pub(crate) fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}
