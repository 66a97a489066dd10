//! Settings: `panora.toml` < environment < flags. One struct, one page of help.

mod clients;
mod file;
mod public_url;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

pub use clients::{ClientError, ProviderClient, client_variable, provider_clients};
pub use file::{ConfigFile, unknown_variables};
pub use public_url::PublicUrl;

/// Where the data is unless another folder is named.
pub const DEFAULT_DATA_DIR: &str = "./panora-data";

/// Where the data is: all commands that open it take these.
#[derive(Args, Clone, Debug)]
pub struct StorageArgs {
    /// PostgreSQL to use instead of SQLite: postgres://user:password@host/database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, hide_default_value = true, value_name = "URL")]
    pub database_url: Option<SecretString>,

    /// Folder of the SQLite database and of generated keys; made with mode 0700
    #[arg(long, env = "PANORA_DATA_DIR", default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Keys that seal secrets: base64 of 32 bytes each, comma-separated, newest first. Required with
    /// PostgreSQL; with SQLite made at first start and kept in the data folder
    #[arg(
        long,
        env = "PANORA_ENCRYPTION_KEYS",
        hide_env_values = true,
        hide_default_value = true,
        value_name = "KEYS"
    )]
    pub encryption_keys: Option<SecretString>,
}

/// Settings of the server.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub storage: StorageArgs,

    /// Address and port to listen on
    // Who asks for a port alone is told what to give with it.
    #[arg(
        long,
        alias = "port",
        env = "PANORA_BIND",
        default_value = "127.0.0.1:3000",
        value_name = "ADDR:PORT",
        value_parser = bind_address
    )]
    pub bind: SocketAddr,

    /// URL under which browsers and providers reach this server. Unless given, the bound address; required
    /// when that is not a loopback address
    #[arg(long, env = "PANORA_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// An API key of the project `default`, made at first start if absent: at least 32 characters
    #[arg(
        long,
        env = "PANORA_BOOTSTRAP_API_KEY",
        hide_env_values = true,
        hide_default_value = true,
        value_name = "KEY"
    )]
    pub bootstrap_api_key: Option<SecretString>,

    /// Private networks that may be called, comma-separated: CIDR, or CIDR@id_project for one project alone
    #[arg(long, env = "PANORA_ALLOWED_PRIVATE_NETWORKS", default_value = "", value_name = "NETWORKS")]
    pub allowed_private_networks: String,

    /// Folder with provider files of your own; they win over built-in ones of the same slug
    #[arg(long, env = "PANORA_PROVIDERS_DIR", value_name = "DIR")]
    pub providers_dir: Option<PathBuf>,

    /// API requests a second that one key may make; 0 for no limit
    #[arg(long, env = "PANORA_API_RATE_LIMIT", default_value_t = 1000, value_name = "N")]
    pub api_rate_limit: u32,

    /// Threads that serve requests; unless given, as many as there are cores.
    /// Calls to providers in great numbers go faster with one a core
    #[arg(long, env = "PANORA_WORKER_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub worker_threads: Option<u16>,

    /// Days that an event is kept with its deliveries and attempts, from the day the last of its deliveries was
    /// delivered, failed or cancelled: 1 to 3650
    #[arg(long, env = "PANORA_RETENTION_DAYS", default_value_t = 30, value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub retention_days: u32,

    /// Seconds that requests and deliveries in flight have to end after SIGTERM or Ctrl-C
    #[arg(long, env = "PANORA_SHUTDOWN_SECONDS", default_value_t = 20, value_name = "SECONDS")]
    pub shutdown_seconds: u64,

    /// How log lines are written: `text` for people, `json` for machines
    #[arg(long, env = "PANORA_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// Which log lines are written, such as `info` or `panora=debug`
    #[arg(long, env = "PANORA_LOG", default_value = "info,sqlx=warn", value_name = "FILTER")]
    pub log: String,
}

/// An address to listen on; what is none is answered with one.
pub fn bind_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = || text.rsplit(':').next().and_then(|port| port.parse().ok());
        let meant = match text.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, 3000),
            Err(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port().unwrap_or(3000)),
        };
        format!("give an IP address and a port, such as {meant}")
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}
