//! `panora api-keys create|list|revoke`.

use clap::{Args, Subcommand};

use super::terminal::{print_once, table};
use super::{WithStorage, existing, with_causes};
use crate::clock::Clock;
use crate::config::StorageArgs;
use crate::model::{ApiKey, ApiKeyId, ApiKeyRecord, DEFAULT_PROJECT, Project};
use crate::random::Random;
use crate::storage::{self, Storage};

#[derive(Args)]
pub struct ApiKeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key; its text is printed once
    Create(WithStorage<Create>),
    /// List the keys, without their texts
    List(WithStorage<OfProject>),
    /// Revoke a key: refused everywhere within five seconds
    Revoke(WithStorage<Revoke>),
}

#[derive(Args)]
struct OfProject {
    /// The project, as the column PROJECT of `panora projects list` has it
    #[arg(long, default_value = DEFAULT_PROJECT)]
    project: String,
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    of: OfProject,
    /// What the key is for
    #[arg(long, default_value = "made with the command line")]
    name: String,
}

#[derive(Args)]
struct Revoke {
    #[command(flatten)]
    of: OfProject,
    /// The key's id, from `panora api-keys list`
    id: ApiKeyId,
}

pub async fn run(args: ApiKeysArgs) -> Result<(), String> {
    match args.action {
        Action::Create(WithStorage { storage, action }) => {
            let (is_new, folder) = (existing(&storage).is_err(), storage.data_dir.display().to_string());
            let (storage, project) = open(&storage, &action.of).await?;
            if is_new {
                eprintln!("panora: there was no data in {folder}: a new database was made there");
            }
            let key = ApiKey::generate(&storage.random);
            let made = storage.add_api_key(project.id, &action.name, &key).await;
            let made = made.map_err(|error| with_causes(&error))?;
            if let Err(error) = print_once(key.expose()) {
                let revoked = storage.store.revoke_api_key(project.id, made.id).await;
                revoked.map_err(|error| with_causes(&error))?;
                return Err(format!("the key could not be printed, so it is revoked: {error}"));
            }
        }
        Action::List(WithStorage { storage, action }) => {
            existing(&storage)?;
            let (storage, project) = open(&storage, &action).await?;
            let keys = storage.store.list_api_keys(project.id).await.map_err(|error| with_causes(&error))?;
            let now = storage.clock.now();
            let row = |it: &ApiKeyRecord| {
                let used = it.last_used_at.map_or_else(|| "never".into(), |at| at.to_string());
                let state = if it.is_live(now) { "live" } else { "revoked or expired" };
                vec![it.id.to_string(), it.name.clone(), format!("…{}", it.ending), state.into(), used]
            };
            let rows: Vec<_> = keys.iter().map(row).collect();
            table(&["ID", "NAME", "ENDS WITH", "STATE", "LAST USED"], &rows);
        }
        Action::Revoke(WithStorage { storage, action }) => {
            existing(&storage)?;
            let (storage, project) = open(&storage, &action.of).await?;
            let revoked = storage.store.revoke_api_key(project.id, action.id).await;
            if !revoked.map_err(|error| with_causes(&error))? {
                return Err(format!(
                    "there is no live key {} in the project `{}`",
                    action.id, project.handle
                ));
            }
            println!("revoked");
        }
    }
    Ok(())
}

async fn open(args: &StorageArgs, of: &OfProject) -> Result<(Storage, Project), String> {
    let storage =
        storage::open(args, Clock::system(), Random::system()).await.map_err(|error| with_causes(&error))?;
    if of.project == DEFAULT_PROJECT {
        let project = storage.ensure_default_project().await.map_err(|error| with_causes(&error))?;
        return Ok((storage, project));
    }
    let found =
        storage.store.lookup_project_by_handle(&of.project).await.map_err(|error| with_causes(&error))?;
    let project = found.ok_or_else(|| format!("there is no project `{}`", of.project))?;
    Ok((storage, project))
}
