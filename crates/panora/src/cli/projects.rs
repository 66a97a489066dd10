//! `panora projects create|list`.

use clap::{Args, Subcommand};

use super::{WithStorage, existing, terminal::table, with_causes};
use crate::clock::Clock;
use crate::random::Random;
use crate::storage;
use crate::store::StoreError;

#[derive(Args)]
pub struct ProjectsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a project
    Create(WithStorage<Name>),
    /// List the projects
    List(WithStorage<Nothing>),
}

#[derive(Args)]
struct Name {
    /// What people will read as the name of who asks
    name: String,
}

#[derive(Args)]
struct Nothing {}

pub async fn run(args: ProjectsArgs) -> Result<(), String> {
    let (clock, random) = (Clock::system(), Random::system());
    match args.action {
        Action::Create(WithStorage { storage, action }) => {
            let storage =
                storage::open(&storage, clock, random).await.map_err(|error| with_causes(&error))?;
            let project = storage.add_project(&action.name).await.map_err(|error| match error {
                StoreError::Conflict => format!("there is a project `{}` already", action.name),
                error => with_causes(&error),
            })?;
            println!("{}", project.id);
        }
        Action::List(WithStorage { storage, .. }) => {
            existing(&storage)?;
            let storage =
                storage::open(&storage, clock, random).await.map_err(|error| with_causes(&error))?;
            let projects = storage.store.list_projects().await.map_err(|error| with_causes(&error))?;
            let row = |it: &crate::model::Project| {
                vec![it.id.to_string(), it.handle.clone(), it.name.clone(), it.created_at.to_string()]
            };
            table(&["ID", "PROJECT", "NAME", "CREATED"], &projects.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(())
}
