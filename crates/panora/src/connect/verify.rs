//! Asked by the customer: are a connection's credentials good, and can they be had anew? What is found counts, for the
//! connection's status too.

use panora_catalog::{Provider, Verification};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::client::{credential_of, with_settings};
use super::credentials::Credentials;
use super::error::ConnectError;
use super::oauth1::blames_token;
use super::provider_call::send;
use super::refresh::{RefreshError, fresh_credentials, lose, open, recover, renewed_credentials};
use crate::app::App;
use crate::model::{ConnectionStatus, NEW_TOKENS_REFUSED, ProjectId};
use crate::store::StoredConnection;

/// What the provider says of a connection's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundCredentials {
    Good,
    WrongCredentials,
    MissingPermission,
    WrongTenant,
    /// It has trouble: nothing is known.
    ProviderDown,
    /// An answer that its file does not explain: nothing is known.
    ProviderError,
    /// Its file names no way to try them.
    NotOffered,
}

/// As a loss is counted that a verification has found.
const WRONG_CREDENTIALS: &str = "wrong_credentials";
/// How often credentials are tried that replace those that were being tried.
const MOST_ROUNDS: u32 = 3;

/// Why no refresh was made.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error("these credentials have no refresh token")]
    NotRefreshable,
}

/// Refreshes a connection's credentials now. Lost ones that the provider takes again recover.
pub async fn refresh_connection(app: &App, stored: &StoredConnection) -> Result<(), AskError> {
    if !open(app, stored)?.can_refresh() {
        return Err(AskError::NotRefreshable);
    }
    renewed_credentials(app, stored).await?;
    Ok(())
}

/// Tries a connection's credentials at the provider, with fresh tokens where they can be had.
pub async fn verify_connection(
    app: &App,
    stored: &StoredConnection,
) -> Result<FoundCredentials, RefreshError> {
    let mut stored = stored.clone();
    for _ in 0..MOST_ROUNDS {
        let (found, tried) = match try_stored(app, &stored).await {
            Ok(Some(tried)) => tried,
            Ok(None) => return Ok(FoundCredentials::ProviderError),
            Err(error) => return of_refresh(error),
        };
        stored = now(app, &stored).await?;
        // Of what somebody has stored meanwhile nothing is known yet.
        if open(app, &stored)?.secret != tried.secret {
            continue;
        }
        match found {
            // New tokens that are refused as well say little of the refresh token.
            FoundCredentials::WrongCredentials => {
                lose(app, &stored, WRONG_CREDENTIALS, tried.can_refresh()).await?;
            }
            FoundCredentials::Good => recover(app, &stored).await?,
            _ => {}
        }
        return Ok(found);
    }
    Ok(FoundCredentials::ProviderDown)
}

/// What the provider says, and of which credentials; none where nobody knows the provider.
async fn try_stored(
    app: &App,
    stored: &StoredConnection,
) -> Result<Option<(FoundCredentials, Credentials)>, RefreshError> {
    let (project, slug) = (stored.connection.id_project, &stored.connection.provider_slug);
    let Some(provider) = app.provider(project, slug) else { return Ok(None) };
    let made_by = (&*provider, stored.connection.client_id.as_deref());
    let mut credentials = match stored.connection.status {
        ConnectionStatus::NeedsReauth if open(app, stored)?.can_refresh() => {
            renewed_credentials(app, stored).await?
        }
        ConnectionStatus::NeedsReauth => open(app, stored)?,
        _ => fresh_credentials(app, stored, None).await?,
    };
    let mut found = try_once(app, made_by, project, &credentials).await;
    if found == FoundCredentials::WrongCredentials && credentials.can_refresh() {
        let access = credentials.tokens().map(|(access, _)| access);
        let refused = access.as_ref().map(ExposeSecret::expose_secret);
        match fresh_credentials(app, &now(app, stored).await?, refused).await {
            Ok(renewed) => credentials = renewed,
            // A token that it has just given, and refuses: no newer one would do better.
            Err(RefreshError::TryLater(later)) if later.reason == NEW_TOKENS_REFUSED => {}
            Err(error) => return Err(error),
        }
        found = try_once(app, made_by, project, &credentials).await;
    }
    if found == FoundCredentials::WrongCredentials
        && !Box::pin(blames_token(app, project, made_by, &credentials.variables)).await
    {
        found = FoundCredentials::ProviderError;
    }
    Ok(Some((found, credentials)))
}

fn of_refresh(error: RefreshError) -> Result<FoundCredentials, RefreshError> {
    match error {
        RefreshError::NeedsReauth => Ok(FoundCredentials::WrongCredentials),
        RefreshError::TryLater(_) => Ok(FoundCredentials::ProviderDown),
        error => Err(error),
    }
}

async fn now(app: &App, stored: &StoredConnection) -> Result<StoredConnection, RefreshError> {
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let now = app.store.lookup_connection(project, id).await.map_err(ConnectError::from)?;
    now.ok_or(RefreshError::Revoked)
}

/// Tries credentials as they are.
pub(super) async fn try_once(
    app: &App,
    (provider, client_id): (&Provider, Option<&str>),
    project: ProjectId,
    credentials: &Credentials,
) -> FoundCredentials {
    let variables = credentials.variables.clone();
    let Ok(variables) = with_settings(app, project, provider, client_id, variables).await else {
        return FoundCredentials::ProviderError;
    };
    let credential = credential_of(app, project, (provider, client_id), credentials).await;
    let Ok(Some(credential)) = credential else { return FoundCredentials::ProviderError };
    let request = match provider.verify_request(&credential, &variables) {
        Ok(Some(request)) => request,
        Ok(None) => return FoundCredentials::NotOffered,
        Err(_) => return FoundCredentials::ProviderError,
    };
    let Ok(answer) = send(app, project, request).await else { return FoundCredentials::ProviderDown };
    match provider.read_verification(answer.status, &answer.body) {
        Verification::Good => FoundCredentials::Good,
        Verification::WrongKey => FoundCredentials::WrongCredentials,
        Verification::MissingPermission => FoundCredentials::MissingPermission,
        Verification::WrongTenant => FoundCredentials::WrongTenant,
        Verification::TryLater => FoundCredentials::ProviderDown,
        Verification::Unexplained => FoundCredentials::ProviderError,
    }
}
