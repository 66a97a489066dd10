//! Where a server keeps what it stores, and what it is told at its start. A fresh one for each server that is
//! measured; its folder and its database go with the run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;
use uuid::Uuid;

use crate::because;

/// Seals what is stored on PostgreSQL; nothing of it outlives the run.
const ENCRYPTION_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub struct Home {
    binary: PathBuf,
    pub folder: PathBuf,
    /// Of PostgreSQL.
    pub database: Option<String>,
    /// An API key of each project.
    pub keys: Arc<[String]>,
}

impl Home {
    /// Makes the folder, and as many projects in it.
    pub async fn make(
        binary: &Path,
        folder: PathBuf,
        database: Option<String>,
        projects: u16,
    ) -> Result<Self, String> {
        std::fs::create_dir(&folder).map_err(because("no folder"))?;
        let key = format!("bench_{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
        let mut home = Self { binary: binary.to_owned(), folder, database, keys: Arc::from([key]) };
        let mut keys = home.keys.to_vec();
        for number in 1..projects {
            let name = format!("bench-{number}");
            home.tell(&["projects", "create", &name]).await?;
            keys.push(home.tell(&["api-keys", "create", "--project", &name]).await?);
        }
        home.keys = keys.into();
        Ok(home)
    }

    /// The binary with its settings. The first project is the one that a server makes at its first start.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).env_clear().kill_on_drop(true).stdin(Stdio::null());
        command.env("PANORA_DATA_DIR", self.data());
        command.env("PANORA_BOOTSTRAP_API_KEY", &self.keys[0]).env("PANORA_API_RATE_LIMIT", "0");
        if let Some(url) = &self.database {
            command.env("DATABASE_URL", url).env("PANORA_ENCRYPTION_KEYS", ENCRYPTION_KEY);
        }
        command
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What a command line of the binary prints.
    async fn tell(&self, arguments: &[&str]) -> Result<String, String> {
        let words = arguments.join(" ");
        let output = self.command().args(arguments).output().await.map_err(because(&words))?;
        if !output.status.success() {
            return Err(format!("{words}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
