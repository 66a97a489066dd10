//! Fresh credentials: refreshed before they expire and once they are refused, by one task of one node at a time.
//! `docs/credential-life.md` says what survives which crash.

mod ask;
mod keeper;
mod settle;

use std::fmt;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use self::ask::{Answered, ask};
use super::client::with_settings;
use super::credentials::{Credentials, Secret};
use super::error::ConnectError;
use crate::app::App;
use crate::model::{ConnectionId, ConnectionStatus, ProjectId, Time};
use crate::store::StoredConnection;
use crate::vault::Slot;

pub use keeper::run as run_keeper;
pub(super) use settle::{due_before, lose, recover};

/// A token that expires sooner is refreshed first.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a caller waits for a refresh that somebody else makes.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it looks, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(25);
const LAST_LOOK: Duration = Duration::from_millis(400);

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Only the person can help, by authorising again.
    #[error("the provider no longer takes this connection's credentials")]
    NeedsReauth,
    /// The same may work later.
    #[error("the provider gave no new token ({0})")]
    TryLater(Later),
    #[error("the connection was revoked")]
    Revoked,
}

/// Why there is no token now, and when to ask again. Shown as the reason alone.
#[derive(Debug)]
pub struct Later {
    pub reason: String,
    pub retry_after: Duration,
}

impl Later {
    fn new(reason: impl Into<String>, retry_after: Duration) -> Self {
        Self { reason: reason.into(), retry_after }
    }
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Why credentials are to be refreshed.
#[derive(Clone, PartialEq, Eq)]
enum Cause {
    /// They expire.
    Expiry,
    /// The provider has just answered 401 to this access token.
    Refused(String),
    /// Somebody asks, or it is time: whatever replaces this access token will do.
    Wanted(String),
}

/// The connection's credentials, refreshed first where they expire within a minute, or in any case where
/// `refused` is the access token that the provider has just answered 401 to.
pub async fn fresh_credentials(
    app: &App,
    stored: &StoredConnection,
    refused: Option<&str>,
) -> Result<Credentials, RefreshError> {
    let mut credentials = open_valid(app, stored)?;
    let cause = refused.map_or(Cause::Expiry, |access| Cause::Refused(access.to_owned()));
    if !cause.is_met(app, stored, &credentials) {
        credentials = refreshed(app, stored, cause).await?;
    }
    let connection = &stored.connection;
    if let Some(provider) = app.provider(connection.id_project, &connection.provider_slug) {
        let (client_id, variables) = (connection.client_id.as_deref(), credentials.variables);
        credentials.variables =
            with_settings(app, connection.id_project, &provider, client_id, variables).await?;
    }
    Ok(credentials)
}

/// New credentials in place of those that `stored` has, those that were lost included. They must have a refresh token.
pub(super) async fn renewed_credentials(
    app: &App,
    stored: &StoredConnection,
) -> Result<Credentials, RefreshError> {
    let credentials = open(app, stored)?;
    let access = credentials.tokens().map(|(access, _)| access.expose_secret().to_owned());
    refreshed(app, stored, Cause::Wanted(access.unwrap_or_default())).await
}

async fn refreshed(app: &App, stored: &StoredConnection, cause: Cause) -> Result<Credentials, RefreshError> {
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let work = app.clone();
    // A caller that goes away must not take a rotated refresh token along.
    app.to_the_end(async move { take_turn(&work, (project, id), cause).await }).await
}

/// One task of this node at a time; of several nodes the one that gets the lease.
async fn take_turn(
    app: &App,
    (project, id): (ProjectId, ConnectionId),
    cause: Cause,
) -> Result<Credentials, RefreshError> {
    let began = Instant::now();
    let _turn = app.refresh_turns.take(id).await;
    let mut look = FIRST_LOOK;
    loop {
        // Whoever was first may have done it.
        let found = app.store.lookup_refresh(project, id).await.map_err(ConnectError::from)?;
        let (now, present) = found.ok_or(RefreshError::Revoked)?;
        let wanted = matches!(cause, Cause::Wanted(_));
        let credentials = if wanted { open(app, &now)? } else { open_valid(app, &now)? };
        if cause.is_met(app, &now, &credentials) {
            return Ok(credentials);
        }
        let later = match obstacle(&now, present, &cause) {
            None if credentials.can_refresh() => {
                let begun = app.store.begin_refresh(&now, &app.node).await.map_err(ConnectError::from)?;
                if begun {
                    return Refresh { app, stored: now, credentials, cause, began: Instant::now() }
                        .make()
                        .await;
                }
                // Somebody was faster: look again.
                continue;
            }
            None => return settle::lose_if_dead(app, now, &credentials).await,
            Some(later) => later,
        };
        if cause.bears(app, &now, &credentials) {
            return Ok(credentials);
        }
        let is_leased = now.life.leased_until > present;
        if !is_leased || began.elapsed() > PATIENCE {
            return Err(RefreshError::TryLater(later));
        }
        tokio::time::sleep(look + Duration::from_millis(app.random.below(25))).await;
        look = (look * 2).min(LAST_LOOK);
    }
}

/// What keeps this node from refreshing now.
fn obstacle(stored: &StoredConnection, present: Time, cause: &Cause) -> Option<Later> {
    let life = &stored.life;
    let until = |at: Time| Duration::from_millis(at.millis_since(present).max(0).unsigned_abs());
    if life.leased_until > present {
        return Some(Later::new("another node is asking for one", until(life.leased_until)));
    }
    let asked_to_wait = life.error.as_deref() == Some(RATE_LIMITED);
    // A person who asks may have mended what was wrong, but not the provider's own limit.
    let waits = !matches!(cause, Cause::Wanted(_)) || asked_to_wait;
    if waits && life.not_before > present {
        let reason = life.error.clone().unwrap_or_else(|| "unknown".to_owned());
        return Some(Later::new(reason, until(life.not_before)));
    }
    None
}

/// The error that is kept where the provider itself has asked to wait.
const RATE_LIMITED: &str = "rate_limited";

impl Cause {
    /// Whether the credentials need no refresh (any more).
    fn is_met(&self, app: &App, stored: &StoredConnection, credentials: &Credentials) -> bool {
        let (Secret::Tokens { access, .. } | Secret::Session { access, .. }) = &credentials.secret else {
            return !matches!(self, Self::Wanted(_));
        };
        let fixed = !credentials.can_refresh();
        match self {
            // Without a refresh token nothing can be done before the provider refuses.
            Self::Expiry => fixed || lasts(app, stored),
            Self::Refused(old) => access != old && (fixed || lasts(app, stored)),
            Self::Wanted(old) => access != old && stored.connection.status == ConnectionStatus::Valid,
        }
    }

    /// Whether the old credentials still serve, while there are no new ones.
    fn bears(&self, app: &App, stored: &StoredConnection, credentials: &Credentials) -> bool {
        let lasts = stored.connection.expires_at.is_none_or(|at| at > app.clock.now());
        match (self, &credentials.secret) {
            (Self::Expiry, _) => lasts,
            (Self::Refused(old), Secret::Tokens { access, .. } | Secret::Session { access, .. }) => {
                access != old && lasts
            }
            _ => false,
        }
    }
}

/// Whether the access token will do for a while: a minute, and of one that lives but minutes a quarter of its life.
fn lasts(app: &App, stored: &StoredConnection) -> bool {
    let Some(ends) = stored.connection.expires_at else { return true };
    let now = app.clock.now();
    let Some(refreshed) = stored.life.refreshed_at else { return ends > now.plus(MARGIN) };
    let life = Duration::from_millis(ends.millis_since(refreshed).max(0).unsigned_abs());
    // One that had ended when it was given is a slip of the provider's, and is used until it is refused.
    let was_over = life.is_zero() && stored.life.is_young(now);
    ends > now.plus(MARGIN.min(life / 4)) || was_over
}

/// A refresh that this node has leased.
struct Refresh<'a> {
    app: &'a App,
    stored: StoredConnection,
    credentials: Credentials,
    cause: Cause,
    /// Of the lease.
    began: Instant,
}

impl Refresh<'_> {
    async fn make(mut self) -> Result<Credentials, RefreshError> {
        let unresolved = self.stored.life.begun_at.is_some();
        let mut answered = ask(&self, None).await?;
        if let Answered::Lost(error) = &answered {
            tracing::warn!(
                connection = %self.stored.connection.id,
                provider = self.stored.connection.provider_slug,
                error,
                unresolved,
                "a refresh token is no longer taken"
            );
            if let Some(newer) = self.newer().await? {
                return Ok(newer);
            }
            // The provider may have forgotten a token that it gave: then the one before it may still be good.
            if let Some(previous) = self.credentials.previous() {
                if !self
                    .app
                    .store
                    .begin_refresh(&self.stored, &self.app.node)
                    .await
                    .map_err(ConnectError::from)?
                {
                    return Err(RefreshError::TryLater(Later::new("taken over by another node", FIRST_LOOK)));
                }
                self.began = Instant::now();
                answered = ask(&self, Some(previous)).await?;
            }
        }
        settle::settle(self, answered).await
    }

    /// What somebody else has stored since, if it can be used.
    async fn newer(&self) -> Result<Option<Credentials>, RefreshError> {
        let (project, id) = (self.stored.connection.id_project, self.stored.connection.id);
        let now = self.app.store.lookup_connection(project, id).await.map_err(ConnectError::from)?;
        let now = now.ok_or(RefreshError::Revoked)?;
        if now.credentials == self.stored.credentials {
            return Ok(None);
        }
        open_valid(self.app, &now).map(Some)
    }
}

fn open_valid(app: &App, stored: &StoredConnection) -> Result<Credentials, RefreshError> {
    if stored.connection.status == ConnectionStatus::NeedsReauth {
        return Err(RefreshError::NeedsReauth);
    }
    open(app, stored)
}

/// Those of a connection that stands.
pub(super) fn open(app: &App, stored: &StoredConnection) -> Result<Credentials, RefreshError> {
    let sealed = stored.credentials.as_ref().filter(|_| stored.connection.status.stands());
    let sealed = sealed.ok_or(RefreshError::Revoked)?;
    let opened = app.vault.open_json(Slot::ConnectionCredentials, stored.connection.id, sealed);
    Ok(opened.map_err(ConnectError::from)?)
}
