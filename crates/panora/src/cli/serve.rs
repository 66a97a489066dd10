//! `panora serve`: the server, until SIGTERM or Ctrl-C.

use std::io::IsTerminal;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{warn_of_unknown_variables, with_causes};
use crate::config::{ConfigFile, DEFAULT_DATA_DIR, LogFormat, ServeArgs, StorageArgs};
use crate::server::{Server, Surroundings};

pub async fn run(args: ServeArgs, file: &ConfigFile) -> Result<(), String> {
    log_to_stderr(&args)?;
    raise_file_limit();
    let variables = file.with_environment();
    let folder = of_another_folder(&args.storage);
    let server = Server::start(args, Surroundings::of_machine(variables))
        .await
        .map_err(|error| with_causes(&error))?;
    let catalog = server.app.catalog.list("");
    let slugs: Vec<String> = catalog.iter().map(|provider| provider.slug().to_owned()).collect();
    warn_of_unknown_variables(file, &slugs);
    println!("Panora {} is running at {}", env!("CARGO_PKG_VERSION"), server.app.public_url.as_str());
    println!("  documentation  {}", server.app.public_url.join("/docs"));
    println!("  make a key     panora api-keys create{folder}");
    let result = tokio::select! {
        signal = wait_for_signal() => signal,
        // Whoever runs the process starts it again.
        () = server.failed() => Err("a part of the server ended by a fault of its own".into()),
    };
    tracing::info!("stopping");
    // A second signal ends the process at once; the next start finds everything.
    tokio::select! {
        () = server.stop() => result,
        _ = wait_for_signal() => Err("stopped at once".into()),
    }
}

/// Each connection is an open file, and what a shell allows at first is too few for thousands of endpoints.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "no more than {:?} files can be open at once", limit.current);
    }
}

/// What other commands must be told to find the same data.
fn of_another_folder(storage: &StorageArgs) -> String {
    if storage.database_url.is_some() || storage.data_dir == Path::new(DEFAULT_DATA_DIR) {
        return String::new();
    }
    format!(" --data-dir {}", storage.data_dir.display())
}

fn log_to_stderr(args: &ServeArgs) -> Result<(), String> {
    let filter = EnvFilter::try_new(&args.log).map_err(|error| format!("PANORA_LOG: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A line that cannot be written, to a file on a full disk, is lost; to complain of it there would be a panic.
    let builder = builder.with_ansi(std::io::stderr().is_terminal()).log_internal_errors(false);
    match args.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
    Ok(())
}

async fn wait_for_signal() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| with_causes(&error))?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.map_err(|error| with_causes(&error)),
        _ = terminate.recv() => Ok(()),
    }
}
