//! Fresh access tokens: refreshed before they expire, one at a time for a connection.

use std::sync::Arc;
use std::time::Duration;

use panora_catalog::{HttpRequest, Provider, Renewal, TokenRefusal, Verification};

use super::client::client_of;
use super::credentials::{Credentials, Secret};
use super::error::ConnectError;
use super::object::connection_object;
use super::provider_call::send;
use super::revoke::{Revocation, promise_revocation};
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
    let credentials = open(app, stored)?;
    if is_fresh(app, &stored.connection, &credentials, refused) {
        return Ok(credentials);
    }
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let (work, refused) = (app.clone(), refused.map(str::to_owned));
    // A caller that goes away must not take a rotated refresh token along.
    app.to_the_end(async move { take_turn(&work, (project, id), refused.as_deref()).await }).await
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
    let (access, renewable) = match &credentials.secret {
        Secret::Tokens { access, refresh } => (access, refresh.is_some()),
        Secret::Session { access, .. } => (access, true),
        Secret::Fields(_) => return true,
    };
    if !renewable {
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
    let Some(request) = renewal(app, connection, &provider, &credentials)? else {
        return Err(lose_if_dead(app, stored, &provider, &credentials).await?);
    };
    let answer = send(app, connection.id_project, request)
        .await
        .map_err(|unanswered| RefreshError::TryLater(unanswered.error.code().to_owned()))?;
    match provider.read_token_answer(answer.status, &answer.body, app.clock.now().millis()) {
        Ok(grant) => {
            let expires_at = grant.expires_at_ms.map(Time::from_millis);
            save(app, stored, &provider, credentials.renewed(grant), expires_at).await
        }
        Err(refusal) if refusal.permanent() => Err(lose(app, stored).await?),
        Err(refusal) => Err(try_later(&provider, refusal)),
    }
}

/// The request for a new token; none where there is nothing to get one with.
fn renewal(
    app: &App,
    connection: &Connection,
    provider: &Arc<Provider>,
    credentials: &Credentials,
) -> Result<Option<HttpRequest>, RefreshError> {
    let request = if let Some(fields) = credentials.login() {
        provider.renewal_request(Renewal::Login(&fields), &credentials.variables)
    } else {
        let Some((_, Some(refresh_token))) = credentials.tokens() else { return Ok(None) };
        let client = client_of(app, provider, connection.client_id.as_deref());
        let client =
            client.ok_or_else(|| RefreshError::TryLater("its OAuth client is not configured".into()))?;
        let renewal = Renewal::RefreshToken { client: &client, refresh_token: &refresh_token };
        provider.renewal_request(renewal, &credentials.variables)
    };
    request.map(Some).map_err(|error| RefreshError::TryLater(error.to_string()))
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
    let Ok(Some(request)) = request else { return lose(app, stored).await };
    let Ok(answer) = send(app, stored.connection.id_project, request).await else { return Ok(alive()) };
    match provider.read_verification(answer.status, &answer.body) {
        Verification::WrongKey => lose(app, stored).await,
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
async fn lose(app: &App, stored: StoredConnection) -> Result<RefreshError, ConnectError> {
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
    let draft = Draft::new(EventType::ConnectionNeedsReauth, Some(connection.id_linked_user), data);
    publication.add(app, project, draft)?;
    publication.commit(app, tx).await?;
    Ok(RefreshError::NeedsReauth)
}
