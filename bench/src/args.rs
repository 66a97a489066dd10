//! What is measured, as the command line says it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Starts a server, drives connections into it, receives its webhooks, and prints what that took.
#[derive(Parser, Debug)]
#[command(name = "panora-bench")]
pub struct Args {
    #[command(subcommand)]
    pub part: Option<Part>,

    /// Events to drive in at full speed
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,

    /// Calls at once, each caller with a keep-alive connection of its own
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub callers: u32,

    /// Endpoints that receive each event
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub endpoints: u16,

    /// `sqlite`, or the postgres:// URL of a superuser: a database is made there, and dropped at the end
    #[arg(long, default_value = "sqlite", value_name = "sqlite|URL")]
    pub database: String,

    /// Events a second in the second part of the run; 0 leaves it out
    #[arg(long, default_value_t = 200)]
    pub rate: u32,

    /// Seconds that the second part lasts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub rate_seconds: u64,

    /// Posts at full speed of each limit; ten times the events unless given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub posts: Option<u64>,

    /// The server's binary; `panora` beside this one unless given
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,

    /// Folder in which the run makes its own, on the disk to be measured; the system's temporary folder unless
    /// given
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Seconds after which the run gives up
    #[arg(long, default_value_t = 900)]
    pub deadline: u64,
}

#[derive(Subcommand, Debug)]
pub enum Part {
    /// The receiver's process, which the run starts for itself
    #[command(hide = true)]
    Receive,
}

impl Args {
    /// Posts at full speed of each limit: more than events, because they are over so soon.
    pub fn posts(&self) -> u64 {
        self.posts.unwrap_or(10 * self.events)
    }

    /// The server's binary, or how to get one.
    pub fn server(&self) -> Result<PathBuf, String> {
        let beside = || std::env::current_exe().map(|own| own.with_file_name("panora"));
        let path = self.server.clone().map_or_else(beside, Ok).map_err(crate::because("no own path"))?;
        // The server is started in another folder, where a relative path would mean another file.
        let missing = |_| format!("{} is not there: cargo build --release -p panora", path.display());
        path.canonicalize().map_err(missing)
    }
}
