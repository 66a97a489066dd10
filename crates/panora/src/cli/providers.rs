//! `panora providers check|try|list`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use panora_catalog::{Catalog, Provider};
use url::Url;

use super::{terminal::table, trial, with_causes};
use crate::config::ConfigFile;

const LIST_HELP: &str = "UNVERIFIED counts the facts of a file that somebody has marked as not tried yet. None is no proof: it \
    only says that nobody has doubted what the provider's documentation says.";

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
    #[command(after_help = LIST_HELP)]
    List(ListArgs),
}

#[derive(Args)]
struct ListArgs {
    /// Folder with your own provider files
    #[arg(long, env = "PANORA_PROVIDERS_DIR", value_name = "DIR")]
    providers_dir: Option<PathBuf>,
    /// List them as this project sees them: its id (not its name), which is also the name of its folder in DIR
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// Name the facts that are unverified, one a line, instead
    #[arg(long)]
    unverified: bool,
}

pub async fn run(args: ProvidersArgs, file: &ConfigFile) -> Result<(), String> {
    match args.action {
        Action::Check { files } => check(&files),
        Action::Try(args) => trial::run(args, file).await,
        Action::List(args) => list(&args),
    }
}

fn check(files: &[PathBuf]) -> Result<(), String> {
    let mut broken = 0;
    for file in files {
        match Catalog::check_file(file) {
            Ok(note) => {
                println!("{}: good", file.display());
                if let Some(note) = note {
                    println!("{}: note: {note}", file.display());
                }
            }
            Err(error) => {
                broken += 1;
                eprintln!("{}", with_causes(&error));
            }
        }
    }
    match (broken, files.len()) {
        (0, _) => Ok(()),
        (_, 1) => Err("the file cannot be used".to_owned()),
        (broken, all) => Err(format!("{broken} of {all} files cannot be used")),
    }
}

fn list(args: &ListArgs) -> Result<(), String> {
    // Nothing is sent from here, so any address of our own does.
    let own = Url::parse("http://127.0.0.1/").map_err(|error| error.to_string())?;
    let catalog = Catalog::load(args.providers_dir.as_deref(), &own).map_err(|error| with_causes(&error))?;
    if let Some(project) = &args.project {
        has_files(&catalog, args, project)?;
    }
    let project = args.project.as_deref().unwrap_or_default();
    let providers = catalog.list(project);
    if args.unverified {
        let facts: Vec<_> = providers.iter().flat_map(|provider| facts(provider)).collect();
        table(&["PROVIDER", "UNVERIFIED"], &facts);
    } else {
        let rows: Vec<_> = providers.iter().map(|provider| row(provider)).collect();
        table(&["PROVIDER", "NAME", "VERTICAL", "AUTH", "UNVERIFIED"], &rows);
    }
    Ok(())
}

/// Nobody else knows the projects here: no database is opened.
fn has_files(catalog: &Catalog, args: &ListArgs, project: &str) -> Result<(), String> {
    let Some(dir) = &args.providers_dir else {
        return Err("--project needs --providers-dir: the files of projects are there".to_owned());
    };
    let known: Vec<&str> = catalog.projects().collect();
    if known.contains(&project) {
        return Ok(());
    }
    let known = if known.is_empty() {
        "there are none of any".to_owned()
    } else {
        format!("there are those of {}", known.join(", "))
    };
    Err(format!(
        "{} has no files of a project `{project}`; {known}. Give the project's id; one without files sees what is listed \
         without --project",
        dir.display()
    ))
}

fn row(provider: &Provider) -> Vec<String> {
    let count = provider.unverified().len();
    vec![
        provider.slug().to_owned(),
        provider.name().to_owned(),
        provider.vertical().to_owned(),
        provider.auth_kind().as_str().to_owned(),
        if count == 0 { "-".to_owned() } else { count.to_string() },
    ]
}

fn facts(provider: &Provider) -> impl Iterator<Item = Vec<String>> {
    provider.unverified().iter().map(|fact| vec![provider.slug().to_owned(), fact.clone()])
}
