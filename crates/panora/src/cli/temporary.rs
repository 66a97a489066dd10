//! What a server for the time of one command needs: a folder that goes with it, and settings that reach nobody else.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::config::{LogFormat, ServeArgs, StorageArgs};
use crate::model::ApiKey;
use crate::random::Random;

/// A folder's name that nobody has; what is in it goes with the value.
pub struct TempFolder(pub PathBuf);

impl TempFolder {
    /// `command` becomes part of the name.
    pub fn new(command: &str, random: &Random) -> Self {
        Self(std::env::temp_dir().join(format!("panora-{command}-{}", random.base62(16))))
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own tidying of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// SQLite in `data_dir`, `key` for the API, and defaults.
pub fn settings(data_dir: PathBuf, key: &ApiKey, bind: SocketAddr) -> ServeArgs {
    ServeArgs {
        worker_threads: None,
        storage: StorageArgs { database_url: None, data_dir, encryption_keys: None },
        bind,
        public_url: None,
        bootstrap_api_key: Some(SecretString::from(key.expose())),
        allowed_private_networks: String::new(),
        providers_dir: None,
        api_rate_limit: 0,
        retention_days: 30,
        shutdown_seconds: 2,
        log_format: LogFormat::Text,
        log: String::new(),
    }
}
