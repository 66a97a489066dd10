//! The command line, one file a command.

#[macro_use]
mod terminal;

mod api;
mod api_keys;
mod demo;
mod doctor;
mod openapi;
mod projects;
mod providers;
mod serve;
mod temporary;
mod trial;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{ConfigFile, ServeArgs, StorageArgs, unknown_variables};

/// Connect your users' accounts; get signed webhooks; call providers through one door.
#[derive(Parser)]
#[command(name = "panora", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    /// Settings file; `panora.toml` of this folder is read where there is one
    #[arg(long, global = true, env = "PANORA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(Box<ServeArgs>),
    /// Show the whole promise in one terminal
    Demo(demo::DemoArgs),
    /// Make, list and revoke API keys
    ApiKeys(api_keys::ApiKeysArgs),
    /// Make and list projects
    Projects(projects::ProjectsArgs),
    /// Find what keeps people from connecting a provider, and how to mend it
    Doctor(Box<doctor::DoctorArgs>),
    /// Check and try provider files, and list the providers of this installation
    Providers(providers::ProvidersArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Show for each endpoint and day what became of its events, and whatever is unaccounted for
    Verify(verify::VerifyArgs),
}

/// A command that works on the storage, with what it does there.
#[derive(Args)]
struct WithStorage<T: Args> {
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    action: T,
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let (cli, file) = match parse() {
        Ok(parsed) => parsed,
        Err(words) => return complain(&words),
    };
    let threads = match &cli.command {
        Command::Serve(args) => args.worker_threads.map(usize::from),
        _ => None,
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.to_string()),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(*args, &file).await,
            Command::Demo(args) => demo::run(args).await,
            Command::ApiKeys(args) => api_keys::run(args).await,
            Command::Projects(args) => projects::run(args).await,
            Command::Doctor(args) => doctor::run(*args, &file).await,
            Command::Providers(args) => providers::run(args, &file).await,
            Command::Openapi => openapi::run(),
            Command::Verify(args) => verify::run(args).await,
        }
    });
    runtime.shutdown_background();
    match result.and_then(|()| terminal::all_written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => complain(&words),
    }
}

fn complain(words: &str) -> ExitCode {
    eprintln!("panora: {words}");
    ExitCode::FAILURE
}

/// The file's values become the defaults of the flags, so that environment and flags win over them.
fn parse() -> Result<(Cli, ConfigFile), String> {
    let named = std::env::args().skip_while(|argument| argument != "--config").nth(1);
    let named =
        named.or_else(|| std::env::args().find_map(|it| it.strip_prefix("--config=").map(str::to_owned)));
    let named = named.or_else(|| std::env::var("PANORA_CONFIG").ok());
    let path = named.clone().unwrap_or_else(|| "panora.toml".into());
    let file = ConfigFile::read(&PathBuf::from(path), named.is_some()).map_err(|error| error.to_string())?;
    let mut command = Cli::command();
    let known = names(&command);
    for sub in command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>() {
        let changed = command.find_subcommand(&sub).cloned().expect("it was just listed");
        let changed = with_defaults(changed, &file, &known)?;
        command = command.mut_subcommand(&sub, |_| changed);
    }
    let matches = command.get_matches();
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    Ok((cli, file))
}

fn with_defaults(
    command: clap::Command,
    file: &ConfigFile,
    known: &[String],
) -> Result<clap::Command, String> {
    let mut command = file.as_defaults(command, known).map_err(|error| error.to_string())?;
    for sub in command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>() {
        let changed = command.find_subcommand(&sub).cloned().expect("it was just listed");
        let changed = with_defaults(changed, file, known)?;
        command = command.mut_subcommand(&sub, |_| changed);
    }
    Ok(command)
}

/// The settings of the server, by the name they have in the file.
fn names(command: &clap::Command) -> Vec<String> {
    let serve = command.find_subcommand("serve").expect("there is a command `serve`");
    serve.get_arguments().map(|argument| argument.get_id().to_string()).collect()
}

/// Warns of `PANORA_*` variables that nothing reads.
fn warn_of_unknown_variables(file: &ConfigFile, slugs: &[String]) {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("there is a command `serve`");
    let known: Vec<String> = serve
        .get_arguments()
        .filter_map(|argument| argument.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    for name in unknown_variables(file.with_environment().keys(), &known, slugs) {
        tracing::warn!("{name} is set, but nothing reads it");
    }
}

/// Refuses a folder without data: a command that only looks must not make one of a typing error.
fn existing(args: &StorageArgs) -> Result<(), String> {
    if args.database_url.is_some() || args.data_dir.join("panora.sqlite").exists() {
        return Ok(());
    }
    Err(format!("there is no data in {}", args.data_dir.display()))
}

/// An error with its causes, each once.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = next.source();
    }
    words
}
