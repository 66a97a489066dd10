//! Which OAuth app speaks to a provider for a project: the project's own, else the installation's, else the
//! provider's public one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use panora_catalog::{Client, Credential, Provider, ProviderOrigin, Variables};
use secrecy::SecretString;

use super::credentials::Credentials;
use super::error::ConnectError;
use crate::app::App;
use crate::model::{AppSource, Obstacle, ProjectId};
use crate::store::StoredApp;
use crate::vault::{Slot, VaultError};

/// What is used for new connections, and what belongs to it.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    pub source: AppSource,
    /// None where there is none, or the provider takes none.
    pub client: Option<Client>,
    /// None for the provider file's own.
    pub scopes: Option<Vec<String>>,
    /// Answers to what the file asks the integrator; part of a connection's variables.
    pub settings: Variables,
}

/// What this node remembers of projects' own apps, for so short that every node learns of a change in time. A former
/// client serves what was begun with it.
pub struct KnownApps(moka::sync::Cache<(ProjectId, String), Option<Arc<StoredApp>>>);

impl Default for KnownApps {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(2)).build())
    }
}

impl KnownApps {
    /// To be called after a change.
    pub fn forget(&self, project: ProjectId, slug: &str) {
        self.0.invalidate(&(project, slug.to_owned()));
    }

    async fn find(
        &self,
        app: &App,
        project: ProjectId,
        slug: &str,
    ) -> Result<Option<Arc<StoredApp>>, ConnectError> {
        let key = (project, slug.to_owned());
        if let Some(known) = self.0.get(&key) {
            return Ok(known);
        }
        let found = Box::pin(app.store.lookup_app((project, slug))).await?.map(Arc::new);
        self.0.insert(key, found.clone());
        Ok(found)
    }
}

impl OAuthApp {
    /// What a new connection asks for.
    pub fn scopes_of(&self, provider: &Provider) -> Vec<String> {
        self.scopes.clone().unwrap_or_else(|| provider.default_scopes())
    }

    /// Names of what the file asks the integrator and nobody has answered.
    pub fn missing_settings(&self, provider: &Provider) -> Vec<String> {
        let asked = provider.app_settings().into_iter();
        let missing = asked.filter(|it| it.required() && !self.settings.contains_key(it.name()));
        missing.map(|it| it.name().to_owned()).collect()
    }

    /// Why nobody could connect, the project's own switch aside.
    pub fn obstacle(&self, provider: &Provider) -> Option<Obstacle> {
        if provider.takes_client() && self.client.is_none() {
            Some(Obstacle::ClientMissing)
        } else if !self.missing_settings(provider).is_empty() {
            Some(Obstacle::SettingsMissing)
        } else {
            None
        }
    }
}

/// The app in force for new connections.
pub async fn app_for(app: &App, project: ProjectId, provider: &Provider) -> Result<OAuthApp, ConnectError> {
    let own = app.known_apps.find(app, project, provider.slug()).await?;
    let mut chosen = choose(app, project, provider, own.as_deref())?;
    if let (AppSource::Project, Some(client)) = (chosen.source, &mut chosen.client) {
        let kept = Box::pin(kept_client(app, project, provider, &client.id));
        client.secret = kept.await?.and_then(|kept| kept.secret);
    }
    Ok(chosen)
}

/// The app whose client made a connection, with its secret and settings of now. None when nobody knows it any more.
pub async fn app_of(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    client_id: Option<&str>,
) -> Result<Option<OAuthApp>, ConnectError> {
    let Some(client_id) = client_id else { return Ok(None) };
    let is_it = |client: &Client| client.id == client_id;
    let in_force = app_for(app, project, provider).await?;
    if in_force.client.as_ref().is_some_and(is_it) {
        return Ok(Some(in_force));
    }
    if let Some(client) = kept_client(app, project, provider, client_id).await? {
        return Ok(Some(bare(AppSource::Project, client)));
    }
    let shared = choose(app, project, provider, None)?;
    if shared.client.as_ref().is_some_and(is_it) {
        return Ok(Some(shared));
    }
    let built_in = provider.built_in_client().filter(is_it);
    Ok(built_in.map(|client| bare(AppSource::BuiltIn, client)))
}

/// The client that made a connection.
pub async fn client_of(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    client_id: Option<&str>,
) -> Result<Option<Client>, ConnectError> {
    Ok(app_of(app, project, provider, client_id).await?.and_then(|it| it.client))
}

/// What a connection calls its provider with. None where that takes the client that it was made with, and nobody
/// knows it any more.
pub async fn credential_of(
    app: &App,
    project: ProjectId,
    (provider, client_id): (&Provider, Option<&str>),
    credentials: &Credentials,
) -> Result<Option<Credential>, ConnectError> {
    if !provider.calls_take_client() {
        return Ok(Some(credentials.credential()));
    }
    let client = Box::pin(client_of(app, project, provider, client_id)).await?;
    Ok(client.map(|client| credentials.credential_with(client)))
}

/// The integrator's settings of now, over the variables that a connection was made with: a new developer token
/// serves old connections too.
pub async fn with_settings(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    client_id: Option<&str>,
    mut variables: Variables,
) -> Result<Variables, ConnectError> {
    if provider.app_settings().is_empty() {
        return Ok(variables);
    }
    let current = match client_id {
        Some(_) => app_of(app, project, provider, client_id).await?,
        None => Some(app_for(app, project, provider).await?),
    };
    variables.extend(current.map(|it| it.settings).unwrap_or_default());
    Ok(variables)
}

/// What stands in the way of each of a project's providers.
pub struct Apps {
    own: BTreeMap<String, StoredApp>,
    switched: BTreeMap<String, bool>,
}

impl Apps {
    pub async fn of_project(app: &App, project: ProjectId) -> Result<Self, ConnectError> {
        let own = app.store.list_apps(project).await?;
        let switched = app.store.list_provider_settings(project).await?;
        Ok(Self { own, switched })
    }

    /// Whether the project offers it.
    pub fn is_on(&self, slug: &str) -> bool {
        self.switched.get(slug).copied().unwrap_or(true)
    }

    /// The app in force, without a project's own secret.
    pub fn app_for(
        &self,
        app: &App,
        project: ProjectId,
        provider: &Provider,
    ) -> Result<OAuthApp, ConnectError> {
        Ok(choose(app, project, provider, self.own.get(provider.slug()))?)
    }

    /// Why nobody could connect.
    pub fn obstacle(
        &self,
        app: &App,
        project: ProjectId,
        provider: &Provider,
    ) -> Result<Option<Obstacle>, ConnectError> {
        if !self.is_on(provider.slug()) {
            return Ok(Some(Obstacle::Disabled));
        }
        Ok(self.app_for(app, project, provider)?.obstacle(provider))
    }
}

/// The project's own app comes first, then the installation's. A project's own provider file never gets what is the
/// installation's: its URLs are the project's to choose.
fn choose(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    own: Option<&StoredApp>,
) -> Result<OAuthApp, VaultError> {
    let slug = provider.slug();
    if let Some(own) = own {
        let settings = app.vault.open_json(Slot::AppSettings, row(project, slug), &own.settings)?;
        let client = own.client_id.clone().map(|id| Client { id, secret: None });
        return Ok(OAuthApp { source: AppSource::Project, client, scopes: own.scopes.clone(), settings });
    }
    let is_projects_own = matches!(provider.origin(), ProviderOrigin::Project(_));
    if let Some(configured) = app.clients.get(slug).filter(|_| !is_projects_own) {
        let id = configured.id.clone();
        let client = id.map(|id| Client { id, secret: configured.secret.clone() });
        return Ok(OAuthApp {
            source: AppSource::Configuration,
            client: client.or_else(|| provider.built_in_client()),
            scopes: configured.scopes.clone(),
            settings: configured.settings.clone(),
        });
    }
    let nothing =
        OAuthApp { source: AppSource::None, client: None, scopes: None, settings: Variables::new() };
    Ok(provider.built_in_client().map_or(nothing, |client| bare(AppSource::BuiltIn, client)))
}

fn bare(source: AppSource, client: Client) -> OAuthApp {
    OAuthApp { source, client: Some(client), scopes: None, settings: Variables::new() }
}

/// A client that the project has or had.
async fn kept_client(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    client_id: &str,
) -> Result<Option<Client>, ConnectError> {
    let slug = provider.slug();
    let Some(sealed) = app.store.lookup_client((project, slug), client_id).await? else { return Ok(None) };
    let open =
        |sealed| app.vault.open_text(Slot::ClientSecret, client_row(project, slug, client_id), &sealed);
    let secret = sealed.map(open).transpose()?.map(SecretString::from);
    Ok(Some(Client { id: client_id.to_owned(), secret }))
}

/// As seals name the row of an app.
pub fn row(project: ProjectId, slug: &str) -> String {
    format!("{project}/{slug}")
}

/// As seals name the row of a client.
pub fn client_row(project: ProjectId, slug: &str, client_id: &str) -> String {
    format!("{project}/{slug}/{client_id}")
}
