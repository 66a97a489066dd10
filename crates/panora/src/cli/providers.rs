//! `panora providers check|try|list`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use panora_catalog::{Catalog, Provider};
use url::Url;

use super::{terminal::table, trial, with_causes};
use crate::config::ConfigFile;

#[derive(Args)]
pub struct ProvidersArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Say what is wrong with provider files, by line
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Walk a real authorisation with a provider file, and say what each step sent and received
    #[command(after_help = trial::MORE_HELP)]
    Try(trial::TryArgs),
    /// List the providers: those built in, and those of this installation
    List {
        /// Folder with your own provider files
        #[arg(long, env = "PANORA_PROVIDERS_DIR", value_name = "DIR")]
        providers_dir: Option<PathBuf>,
        /// List them as this project sees them
        #[arg(long, value_name = "ID", default_value = "")]
        project: String,
    },
}

pub async fn run(args: ProvidersArgs, file: &ConfigFile) -> Result<(), String> {
    match args.action {
        Action::Check { files } => check(&files),
        Action::Try(args) => trial::run(args, file).await,
        Action::List { providers_dir, project } => {
            // Nothing is sent from here, so any address of our own does.
            let own = Url::parse("http://127.0.0.1/").map_err(|error| error.to_string())?;
            let catalog =
                Catalog::load(providers_dir.as_deref(), &own).map_err(|error| with_causes(&error))?;
            let rows: Vec<_> = catalog.list(&project).iter().map(|provider| row(provider)).collect();
            table(&["PROVIDER", "NAME", "VERTICAL", "AUTH", "TRIED"], &rows);
            Ok(())
        }
    }
}

fn check(files: &[PathBuf]) -> Result<(), String> {
    let mut broken = 0;
    for file in files {
        match Catalog::check_file(file) {
            Ok(()) => println!("{}: good", file.display()),
            Err(error) => {
                broken += 1;
                eprintln!("{}", with_causes(&error));
            }
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("{broken} of {} files cannot be used", files.len())) }
}

fn row(provider: &Provider) -> Vec<String> {
    let tried = if provider.unverified().is_empty() { "yes" } else { "in part" };
    vec![
        provider.slug().to_owned(),
        provider.name().to_owned(),
        provider.vertical().to_owned(),
        provider.auth_kind().as_str().to_owned(),
        tried.to_owned(),
    ]
}
