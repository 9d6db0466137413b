//! The table of configurations.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use httpool::{error::TlsKind, message::TlsId};
use httpool_kit::{Layer, LayerError, Layers};

use crate::{Role, TlsConfig, TlsConfigError, TlsOptions};

/// The configurations of a client, each with the number by which the core knows it. Equal settings
/// get one number, so connections are shared exactly where all settings agree.
///
/// An entry is never removed: a program should not make new settings for every request.
#[derive(Debug)]
pub struct Configs {
    table: RwLock<Vec<Arc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    options: TlsOptions,
    /// Built at the first use. A failure is not kept: the next use tries again.
    config: Mutex<Option<TlsConfig>>,
}

impl Entry {
    fn new(options: TlsOptions, config: Option<TlsConfig>) -> Arc<Self> {
        Arc::new(Self { options, config: Mutex::new(config) })
    }

    fn config(&self) -> Result<TlsConfig, TlsConfigError> {
        // Locked while files are read, so that they are read once.
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        match &*config {
            Some(config) => Ok(config.clone()),
            None => Ok(config.insert(self.options.clone().build()?).clone()),
        }
    }
}

impl Configs {
    /// The number of the default configuration for servers of URLs.
    pub const DEFAULT: TlsId = TlsId::ORIGIN;

    /// The number of the default configuration for proxies. It has session tickets of its own.
    pub const DEFAULT_PROXY: TlsId = TlsId::PROXY;

    /// Makes a table with the default settings. They are built at the first use, so that a client
    /// that never needs TLS reads no files.
    pub fn new() -> Self {
        Self::with_default(TlsOptions::new())
    }

    /// Makes a table with other default settings. They are built at the first use. To find what is
    /// wrong with them before, [`add`](Self::add) them too.
    ///
    /// Those for proxies are [`TlsOptions::for_proxies`] of them.
    pub fn with_default(options: TlsOptions) -> Self {
        let proxies = options.for_proxies();
        Self::with_defaults(options, proxies)
    }

    /// Makes a table with other default settings, for servers of URLs and for proxies.
    pub fn with_defaults(origins: TlsOptions, proxies: TlsOptions) -> Self {
        let origin = Entry::new(origins.role(Role::Origin), None);
        let proxy = Entry::new(proxies.role(Role::Proxy), None);
        Self { table: RwLock::new(vec![origin, proxy]) }
    }

    /// Builds the settings, and returns the number of their configuration. Equal settings get the
    /// number that they have, and nothing is read again.
    ///
    /// # Errors
    /// The settings cannot be used: see [`TlsOptions::build`].
    pub fn add(&self, options: TlsOptions) -> Result<TlsId, TlsConfigError> {
        if let Some((tls, entry)) = self.find(&options) {
            return entry.config().map(|_| tls);
        }
        let config = options.build()?;
        Ok(self.insert(&config))
    }

    /// Returns the number of a configuration that is built already.
    pub fn insert(&self, config: &TlsConfig) -> TlsId {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = table.iter().position(|entry| entry.options == *config.options()) {
            return id(at);
        }
        table.push(Entry::new(config.options().clone(), Some(config.clone())));
        id(table.len() - 1)
    }

    /// Returns a configuration. The default one is built if it was not used yet. `None` if there is
    /// none with this number.
    pub fn get(&self, tls: TlsId) -> Option<Result<TlsConfig, TlsConfigError>> {
        let entry = {
            let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
            table.get(usize::try_from(tls.0).ok()?)?.clone()
        };
        Some(entry.config())
    }

    fn find(&self, options: &TlsOptions) -> Option<(TlsId, Arc<Entry>)> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let at = table.iter().position(|entry| entry.options == *options)?;
        Some((id(at), table[at].clone()))
    }
}

/// Returns the number of an entry. Four billion entries do not fit into memory.
fn id(at: usize) -> TlsId {
    TlsId(u32::try_from(at).unwrap_or(u32::MAX))
}

impl Default for Configs {
    fn default() -> Self {
        Self::new()
    }
}

impl Layers for Configs {
    fn begin(&self, tls: TlsId, name: &str) -> Result<Box<dyn Layer>, LayerError> {
        let Some(config) = self.get(tls) else {
            let text = format!("there is no TLS configuration with the number {}", tls.0);
            return Err(crate::error::own(TlsKind::Config, text));
        };
        config.map_err(|why| LayerError::with_source(TlsKind::Config, why))?.begin(name)
    }
}
