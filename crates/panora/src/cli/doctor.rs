//! `panora doctor [PROVIDER]`: what keeps people from connecting, and how to mend it. Takes the server's own settings and
//! looks beside a server that runs, whose public URL it knows; ends with 1 if anything asks for mending.

use std::sync::Arc;

use clap::Args;
use panora_catalog::Provider;

use super::{existing, with_causes};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{ConfigFile, ServeArgs};
use crate::connect::Apps;
use crate::doctor::{CheckOutcome, Diagnosis, Finding, diagnose};
use crate::model::{AppSource, DEFAULT_PROJECT, ProjectId};
use crate::random::Random;
use crate::server::{Surroundings, open_only};
use crate::storage;

/// The server's settings that change nothing here: taken, since both read one file, and not offered.
const UNREAD: [&str; 7] = [
    "bootstrap_api_key",
    "api_rate_limit",
    "worker_threads",
    "retention_days",
    "shutdown_seconds",
    "log_format",
    "log",
];

#[derive(Args)]
#[command(mut_args(without_unread))]
pub struct DoctorArgs {
    /// The provider's slug; all that have an OAuth app unless given
    provider: Option<String>,
    /// The project's name
    #[arg(long, default_value = DEFAULT_PROJECT)]
    project: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServeArgs,
}

fn without_unread(setting: clap::Arg) -> clap::Arg {
    let is_unread = UNREAD.contains(&setting.get_id().as_str());
    setting.hide(is_unread)
}

pub async fn run(args: DoctorArgs, file: &ConfigFile) -> Result<(), String> {
    existing(&args.server.storage)?;
    let around = Surroundings::of_machine(file.with_environment());
    let server = beside(&args.server).await?;
    let app = open_only(&server, around).await.map_err(|error| with_causes(&error))?;
    let project = app.store.lookup_project_by_handle(&args.project).await;
    let project = project.map_err(|error| with_causes(&error))?;
    let project = project.ok_or_else(|| format!("there is no project `{}`", args.project))?;
    let mut found = Vec::new();
    for provider in wanted(&app, project.id, args.provider.as_deref()).await? {
        let diagnosis = Box::pin(diagnose(&app, project.id, &provider)).await;
        found.push(diagnosis.map_err(|error| with_causes(&error))?);
    }
    app.store.close().await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found).map_err(|error| error.to_string())?);
    } else {
        print(&found);
    }
    let sick = found.iter().filter(|it| !it.healthy).count();
    match sick {
        0 => Ok(()),
        1 => Err("one provider asks for mending".to_owned()),
        more => Err(format!("{more} providers ask for mending")),
    }
}

/// The settings, with the public URL of the server that was started last unless another is given: it is that server's
/// redirect URI that counts.
async fn beside(args: &ServeArgs) -> Result<ServeArgs, String> {
    let storage = storage::open(&args.storage, Clock::system(), Random::system()).await;
    let storage = storage.map_err(|error| with_causes(&error))?;
    let known = storage.store.last_public_url().await.map_err(|error| with_causes(&error))?;
    storage.store.close().await;
    let Some(known) = known else { return Ok(args.clone()) };
    if let Some(given) = args.public_url.as_ref().filter(|given| given.as_str() != known) {
        let given = given.as_str();
        eprintln!("panora: the server that was started last has the public URL {known}, not {given}");
        return Ok(args.clone());
    }
    let public_url = known.parse().map_err(|error| format!("the server's public URL {known}: {error}"))?;
    Ok(ServeArgs { public_url: Some(public_url), ..args.clone() })
}

async fn wanted(app: &App, project: ProjectId, slug: Option<&str>) -> Result<Vec<Arc<Provider>>, String> {
    if let Some(slug) = slug {
        let provider = app.provider(project, slug);
        return Ok(vec![
            provider.ok_or_else(|| format!("`{slug}`: {}", app.no_such_provider(project, slug)))?,
        ]);
    }
    let apps = Apps::of_project(app, project).await.map_err(|error| with_causes(&error))?;
    let mut all = app.providers(project);
    all.retain(|provider| {
        let chosen = apps.app_for(app, project, provider);
        chosen.is_ok_and(|it| matches!(it.source, AppSource::Project | AppSource::Configuration))
    });
    Ok(all)
}

fn print(found: &[Diagnosis]) {
    if found.is_empty() {
        println!("No provider has an OAuth app yet. Name one to see what it needs: panora doctor hubspot");
    }
    for (index, diagnosis) in found.iter().enumerate() {
        if index > 0 {
            println!();
        }
        print_one(diagnosis);
    }
}

fn print_one(it: &Diagnosis) {
    let state = if it.healthy { "nothing to mend" } else { "asks for mending" };
    println!("{} ({}): {state}", it.provider_name, it.provider_slug);
    if let Some(url) = &it.redirect_uri {
        println!("  redirect URI to register  {url}");
    }
    for check in &it.checks {
        let mark = match check.outcome {
            CheckOutcome::Passed => "ok",
            CheckOutcome::Failed => "!!",
            CheckOutcome::Skipped => "--",
        };
        println!("  {mark}  {:<22}  {}", check.name.as_str(), check.seen);
    }
    it.findings.iter().for_each(print_finding);
}

fn print_finding(it: &Finding) {
    println!("\n  {}: {} [{}]", it.severity, it.title, it.code);
    println!("    seen   {}", it.seen);
    println!("    mend   {}", it.mend);
    if let Some(value) = &it.value {
        println!("    paste  {value}");
    }
}
