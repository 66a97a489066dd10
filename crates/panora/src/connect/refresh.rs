//! Fresh access tokens: refreshed before they expire, one at a time for a connection.

use std::time::Duration;

use panora_catalog::{Provider, TokenRefusal, Verification};
use secrecy::ExposeSecret;

use super::client::{app_of, with_settings};
use super::credentials::{Credentials, Secret};
use super::error::ConnectError;
use super::object::connection_object;
use super::provider_call::send;
use super::revoke::{Revocation, promise_revocation};
use super::troubles::NO_REFRESH_TOKEN;
use crate::app::App;
use crate::model::{Connection, ConnectionId, ConnectionStatus, ConnectionToken, EventType, ProjectId, Time};
use crate::store::StoredConnection;
use crate::vault::Slot;
use crate::webhooks::{Draft, Publication};

/// A token that expires sooner is refreshed first.
const MARGIN: Duration = Duration::from_mins(1);

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Only the person can help, by authorising again.
    #[error("the provider no longer takes this connection's credentials")]
    NeedsReauth,
    /// The same may work later.
    #[error("the provider gave no new token ({0})")]
    TryLater(String),
    #[error("the connection was revoked")]
    Revoked,
}

/// The connection's credentials, refreshed first where they expire within a minute, or in any case where
/// `refused` is the access token that the provider has just answered 401 to.
pub async fn fresh_credentials(
    app: &App,
    stored: &StoredConnection,
    refused: Option<&str>,
) -> Result<Credentials, RefreshError> {
    let mut credentials = open(app, stored)?;
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    if !is_fresh(app, &stored.connection, &credentials, refused) {
        let (work, refused) = (app.clone(), refused.map(str::to_owned));
        // A caller that goes away must not take a rotated refresh token along.
        let turn = async move { take_turn(&work, (project, id), refused.as_deref()).await };
        credentials = app.to_the_end(turn).await?;
    }
    if let Some(provider) = app.provider(project, &stored.connection.provider_slug) {
        let (client_id, variables) = (stored.connection.client_id.as_deref(), credentials.variables);
        credentials.variables = with_settings(app, project, &provider, client_id, variables).await?;
    }
    Ok(credentials)
}

async fn take_turn(
    app: &App,
    (project, id): (ProjectId, ConnectionId),
    refused: Option<&str>,
) -> Result<Credentials, RefreshError> {
    let _turn = app.refresh_turns.take(id).await;
    // Whoever had the turn before may have done it.
    let now = app.store.lookup_connection(project, id).await.map_err(ConnectError::from)?;
    let now = now.ok_or(RefreshError::Revoked)?;
    let credentials = open(app, &now)?;
    if is_fresh(app, &now.connection, &credentials, refused) {
        return Ok(credentials);
    }
    refresh(app, now, credentials).await
}

fn open(app: &App, stored: &StoredConnection) -> Result<Credentials, RefreshError> {
    match stored.connection.status {
        ConnectionStatus::Valid => {}
        ConnectionStatus::NeedsReauth => return Err(RefreshError::NeedsReauth),
        ConnectionStatus::Revoked => return Err(RefreshError::Revoked),
    }
    let sealed = stored.credentials.as_ref().ok_or(RefreshError::Revoked)?;
    let opened = app.vault.open_json(Slot::ConnectionCredentials, stored.connection.id, sealed);
    Ok(opened.map_err(ConnectError::from)?)
}

/// Without a refresh token nothing can be done before the provider refuses.
fn is_fresh(app: &App, connection: &Connection, credentials: &Credentials, refused: Option<&str>) -> bool {
    let Secret::Tokens { access, refresh } = &credentials.secret else { return true };
    if refresh.is_none() {
        return refused != Some(access);
    }
    let lasts = connection.expires_at.is_none_or(|at| at > app.clock.now().plus(MARGIN));
    lasts && refused != Some(access)
}

async fn refresh(
    app: &App,
    stored: StoredConnection,
    credentials: Credentials,
) -> Result<Credentials, RefreshError> {
    let connection = &stored.connection;
    let provider = app.provider(connection.id_project, &connection.provider_slug);
    let gone = || RefreshError::TryLater("the provider is no longer in the catalog".into());
    let provider = provider.ok_or_else(gone)?;
    let Some((_, Some(refresh_token))) = credentials.tokens() else {
        return Err(lose_if_dead(app, stored, &provider, &credentials).await?);
    };
    let client = app_of(app, connection.id_project, &provider, connection.client_id.as_deref()).await?;
    let (client, settings) = client.map(|it| (it.client, it.settings)).unwrap_or_default();
    let client = client.ok_or_else(|| RefreshError::TryLater("its OAuth client is not configured".into()))?;
    let mut credentials = credentials;
    credentials.variables.extend(settings);
    let request = provider
        .refresh_request(&client, &refresh_token, &credentials.variables)
        .map_err(|error| RefreshError::TryLater(error.to_string()))?;
    let answer = send(app, connection.id_project, request)
        .await
        .map_err(|unanswered| RefreshError::TryLater(unanswered.error.code().to_owned()))?;
    match provider.read_token_answer(answer.status, &answer.body, app.clock.now().millis()) {
        Ok(grant) => {
            let secret = Secret::Tokens {
                access: grant.access_token.expose_secret().to_owned(),
                // Without a new one the old one stays good.
                refresh: Some(grant.refresh_token.unwrap_or(refresh_token).expose_secret().to_owned()),
            };
            let mut variables = credentials.variables;
            variables.extend(grant.kept);
            let renewed = Credentials { secret, variables };
            save(app, stored, &provider, renewed, grant.expires_at_ms.map(Time::from_millis)).await
        }
        Err(refusal) if refusal.permanent() => Err(lose(app, stored, &refusal.error).await?),
        Err(refusal) => Err(try_later(&provider, refusal)),
    }
}

fn try_later(provider: &Provider, refusal: TokenRefusal) -> RefreshError {
    tracing::warn!(provider = provider.slug(), error = %refusal.error, "a refresh was refused");
    RefreshError::TryLater(refusal.error)
}

/// A token that cannot be refreshed is dead only if the provider says so of the token itself: some answer 401
/// to a call that is merely not allowed.
async fn lose_if_dead(
    app: &App,
    stored: StoredConnection,
    provider: &Provider,
    credentials: &Credentials,
) -> Result<RefreshError, ConnectError> {
    let alive = || RefreshError::TryLater("the provider refused the call, not the token".into());
    let request = provider.verify_request(&credentials.credential(), &credentials.variables);
    let Ok(Some(request)) = request else { return lose(app, stored, NO_REFRESH_TOKEN).await };
    let Ok(answer) = send(app, stored.connection.id_project, request).await else { return Ok(alive()) };
    match provider.read_verification(answer.status, &answer.body) {
        Verification::WrongKey => lose(app, stored, NO_REFRESH_TOKEN).await,
        _ => Ok(alive()),
    }
}

/// How often a new token is tried to be saved: the old one may be worth nothing any more.
const SAVES: u32 = 5;

/// Saves what a refresh gave, and answers with what then counts.
async fn save(
    app: &App,
    stored: StoredConnection,
    provider: &Provider,
    renewed: Credentials,
    expires_at: Option<Time>,
) -> Result<Credentials, RefreshError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_save(app, &stored, provider, &renewed, expires_at).await {
            Ok(None) => return Ok(renewed),
            Ok(Some(newer)) => return open(app, &newer),
            Err(ConnectError::Store(error)) if tries < SAVES => {
                tracing::warn!(code = error.code(), "a refreshed token could not be saved yet");
                app.clock.sleep(Duration::from_millis(200) * tries).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// If somebody renewed the connection meanwhile, that counts and is returned.
async fn try_save(
    app: &App,
    stored: &StoredConnection,
    provider: &Provider,
    renewed: &Credentials,
    expires_at: Option<Time>,
) -> Result<Option<StoredConnection>, ConnectError> {
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let mut tx = app.store.begin().await?;
    let Some(now) = app.store.lock_connection(&mut tx, project, id).await? else { return Ok(None) };
    if !now.connection.status.stands() {
        // Revoked while the provider was asked: what it gave since must not live on.
        let revocation = Revocation::of(&now.connection, renewed.clone());
        promise_revocation(app, &mut tx, project, &revocation).await?;
        tx.commit().await?;
        app.wake.jobs.notify_one();
        return Ok(Some(now));
    }
    if now.credentials != stored.credentials {
        return Ok(Some(now));
    }
    let mut connection = now.connection;
    connection.expires_at = expires_at;
    connection.updated_at = app.clock.now();
    if let Ok(url) = provider.api_base_url(&renewed.variables) {
        url.as_str().trim_end_matches('/').clone_into(&mut connection.account_url);
    }
    let sealed = app.vault.seal_json(Slot::ConnectionCredentials, id, renewed);
    app.store.save_connection(&mut tx, &connection, Some(&sealed)).await?;
    tx.commit().await?;
    Ok(None)
}

/// The grant is gone: told once a loss. If somebody renewed it meanwhile, it is not.
async fn lose(app: &App, stored: StoredConnection, error: &str) -> Result<RefreshError, ConnectError> {
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let Some(now) = app.store.lock_connection(&mut tx, project, id).await? else {
        return Ok(RefreshError::Revoked);
    };
    if now.credentials != stored.credentials || now.connection.status != ConnectionStatus::Valid {
        return Ok(RefreshError::TryLater("the credentials were changed meanwhile".into()));
    }
    let token = app.vault.open_text(Slot::ConnectionToken, id, &now.token)?;
    let mut connection = now.connection;
    connection.status = ConnectionStatus::NeedsReauth;
    connection.updated_at = app.clock.now();
    app.store.save_connection(&mut tx, &connection, now.credentials.as_ref()).await?;
    let data = connection_object(&connection, &ConnectionToken::from_text(token));
    app.store.note_loss(&mut tx, &connection, error).await?;
    let draft = Draft::new(EventType::ConnectionNeedsReauth, Some(connection.id_linked_user), data);
    publication.add(app, project, draft)?;
    publication.commit(app, tx).await?;
    Ok(RefreshError::NeedsReauth)
}
