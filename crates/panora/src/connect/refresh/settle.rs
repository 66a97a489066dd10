//! What a refresh came to is recorded, in one transaction, before anybody uses it.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::ask::{Answered, Renewed, Trouble};
use super::{Cause, Later, Refresh, RefreshError, open, open_valid};
use crate::app::App;
use crate::connect::credentials::Credentials;
use crate::connect::error::ConnectError;
use crate::connect::introspect::ends_at;
use crate::connect::oauth1::blames_token;
use crate::connect::object::connection_object;
use crate::connect::revoke::{Revocation, promise_revocation};
use crate::connect::troubles::NO_REFRESH_TOKEN;
use crate::connect::verify::{FoundCredentials, try_once};
use crate::model::{
    Connection, ConnectionStatus, ConnectionToken, CredentialLife, EventType, Time, due_in,
    next_try_after_loss, setback,
};
use crate::store::{StoreError, StoredConnection, Tx};
use crate::vault::Slot;
use crate::webhooks::{Draft, Publication};

/// How often new tokens are tried to be saved: the old ones may be worth nothing any more.
const SAVES: u32 = 12;

/// The soonest that lost credentials are tried again though nobody asks.
const LOST_DUE: Duration = Duration::from_hours(1);

pub(super) async fn settle(refresh: Refresh<'_>, answered: Answered) -> Result<Credentials, RefreshError> {
    match answered {
        Answered::Renewed(renewed) => {
            let saved = save(&refresh, *renewed).await?;
            learn_end(&refresh, &saved).await;
            Ok(saved)
        }
        Answered::Later(trouble) => postpone(refresh, trouble).await,
        Answered::Lost(error) => {
            let (app, id) = (refresh.app, refresh.stored.connection.id);
            let project = refresh.stored.connection.id_project;
            if lose(app, &refresh.stored, &error, true).await? {
                return Err(RefreshError::NeedsReauth);
            }
            // Somebody has stored others meanwhile: those count.
            let now = app.store.lookup_connection(project, id).await.map_err(ConnectError::from)?;
            open_valid(app, &now.ok_or(RefreshError::Revoked)?)
        }
    }
}

async fn postpone(refresh: Refresh<'_>, trouble: Trouble) -> Result<Credentials, RefreshError> {
    let Refresh { app, stored, credentials, cause, .. } = refresh;
    let Trouble { error, retry_after, unknown } = trouble;
    tracing::warn!(
        connection = %stored.connection.id,
        provider = stored.connection.provider_slug,
        error,
        unknown,
        "a refresh gave no token for now"
    );
    let mut setback = setback(stored.life.failures + 1, retry_after, unknown, app.random.below(100));
    if stored.connection.status == ConnectionStatus::NeedsReauth {
        // What is lost has no hurry.
        setback.due_in = setback.due_in.max(LOST_DUE);
    }
    let outcome = (setback, error.as_str(), unknown);
    app.store.postpone_refresh(&stored, &app.node, outcome).await.map_err(ConnectError::from)?;
    if cause.bears(app, &stored, &credentials) {
        return Ok(credentials);
    }
    Err(RefreshError::TryLater(Later::new(error, setback.pause)))
}

/// Asks when the new access token ends, where that has to be asked: after it is saved, since a new refresh token must
/// not wait for it.
async fn learn_end(refresh: &Refresh<'_>, credentials: &Credentials) {
    let (app, it) = (refresh.app, &refresh.stored.connection);
    let provider = app.provider(it.id_project, &it.provider_slug);
    let Some(provider) = provider.filter(|provider| provider.introspects()) else { return };
    let Ok(Some(now)) = app.store.lookup_connection(it.id_project, it.id).await else { return };
    let access =
        |credentials: &Credentials| credentials.tokens().map(|(access, _)| access.expose_secret().to_owned());
    let same = open(app, &now).is_ok_and(|saved| access(&saved) == access(credentials));
    if !same || now.connection.expires_at.is_some() {
        return;
    }
    let of = (&*provider, it.client_id.as_deref());
    let Some(ends) = ends_at(app, it.id_project, of, credentials).await else { return };
    let due_in = due_before(app, Some(ends));
    if let Err(error) = app.store.note_expiry(&now, ends, due_in).await {
        tracing::warn!(code = error.code(), "the end of a token could not be noted");
    }
}

/// Saves what a refresh gave, and answers with what then counts.
async fn save(refresh: &Refresh<'_>, renewed: Renewed) -> Result<Credentials, RefreshError> {
    let (app, mut tries) = (refresh.app, 0);
    let mut recovers = refresh.stored.connection.status == ConnectionStatus::NeedsReauth;
    loop {
        tries += 1;
        match try_save(refresh, &renewed, recovers).await {
            Ok(Saved::Stored) => return Ok(renewed.credentials),
            Ok(Saved::Newer(newer)) => return open_valid(app, &newer),
            Ok(Saved::Recovers) => recovers = true,
            Err(ConnectError::Store(error)) if tries < SAVES => {
                tracing::warn!(code = error.code(), "a refreshed token could not be saved yet");
                app.clock.sleep(Duration::from_millis(200) * tries).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

enum Saved {
    Stored,
    /// Somebody renewed or ended the connection meanwhile: that counts.
    Newer(Box<StoredConnection>),
    /// It was lost meanwhile, and is not: that is to be told, by a transaction that begins anew.
    Recovers,
}

async fn try_save(refresh: &Refresh<'_>, renewed: &Renewed, recovers: bool) -> Result<Saved, ConnectError> {
    let Refresh { app, stored: before, cause, .. } = refresh;
    let (project, id) = (before.connection.id_project, before.connection.id);
    let mut tx = app.store.begin().await?;
    let publication = if recovers { Some(Publication::open(app, &mut tx, project, 1).await?) } else { None };
    let Some((now, present)) = app.store.lock_refresh(&mut tx, project, id).await? else {
        return Err(ConnectError::Gone);
    };
    if !now.connection.status.stands() {
        // Revoked while the provider was asked: what it gave since must not live on.
        let revocation = Revocation::of(&now.connection, renewed.credentials.clone());
        promise_revocation(app, &mut tx, project, &revocation).await?;
        tx.commit().await?;
        app.wake.jobs.notify_one();
        return Ok(Saved::Newer(Box::new(now)));
    }
    if now.credentials != before.credentials {
        return Ok(Saved::Newer(Box::new(now)));
    }
    let mut connection = now.connection.clone();
    apply(app, &mut connection, renewed);
    let sealed = app.vault.seal_json(Slot::ConnectionCredentials, id, &renewed.credentials);
    let mut life = begins(app, present, &connection);
    if matches!(cause, Cause::Refused(_)) && now.life.is_young(present) {
        life.replaces_young(now.life.failures, present, app.random.below(100));
    }
    let was_lost = now.connection.status == ConnectionStatus::NeedsReauth;
    match publication {
        Some(mut publication) if was_lost => {
            app.store.save_refreshed(&mut tx, &connection, &sealed, &life).await?;
            tell(app, &mut publication, EventType::ConnectionRecovered, &now, &connection)?;
            publication.commit(app, tx).await?;
        }
        None if was_lost => return Ok(Saved::Recovers),
        _ => {
            app.store.save_refreshed(&mut tx, &connection, &sealed, &life).await?;
            tx.commit().await?;
        }
    }
    Ok(Saved::Stored)
}

fn apply(app: &App, connection: &mut Connection, renewed: &Renewed) {
    connection.status = ConnectionStatus::Valid;
    connection.expires_at = renewed.expires_at;
    connection.updated_at = app.clock.now();
    let provider = app.provider(connection.id_project, &connection.provider_slug);
    let Some(provider) = provider else { return };
    if let Ok(url) = provider.api_base_url(&renewed.credentials.variables) {
        url.as_str().trim_end_matches('/').clone_into(&mut connection.account_url);
    }
    if let Some(scopes) = &renewed.scopes {
        // What was asked for at first is what was granted then and what was missing.
        let mut asked = std::mem::take(&mut connection.scopes);
        asked.append(&mut connection.missing_scopes);
        connection.missing_scopes = provider.missing_scopes(&asked, Some(scopes));
        connection.scopes = crate::connect::establish::bounded(scopes);
    }
}

/// The life of credentials that were just refreshed.
fn begins(app: &App, present: Time, connection: &Connection) -> CredentialLife {
    let due_in = due_before(app, connection.expires_at);
    CredentialLife { refreshed_at: Some(present), ..CredentialLife::begins(present, Some(due_in)) }
}

/// How long after now a token that ends then is refreshed though nobody asks.
pub fn due_before(app: &App, ends: Option<Time>) -> Duration {
    let millis = |at: Time| at.millis_since(app.clock.now()).max(0).unsigned_abs();
    due_in(ends.map(|at| Duration::from_millis(millis(at))), app.random.below(100))
}

fn tell(
    app: &App,
    publication: &mut Publication,
    kind: EventType,
    stored: &StoredConnection,
    connection: &Connection,
) -> Result<(), ConnectError> {
    let token = app.vault.open_text(Slot::ConnectionToken, connection.id, &stored.token)?;
    let data = connection_object(connection, &ConnectionToken::from_text(token));
    publication.add(app, connection.id_project, Draft::new(kind, Some(connection.id_linked_user), data))?;
    Ok(())
}

/// A token that cannot be refreshed is dead only if the provider says so of the token itself: some answer 401
/// to a call that is merely not allowed.
pub(super) async fn lose_if_dead(
    app: &App,
    stored: StoredConnection,
    credentials: &Credentials,
) -> Result<Credentials, RefreshError> {
    let alive = || {
        let reason = "the provider refused the call, not the token";
        RefreshError::TryLater(Later::new(reason, Duration::from_secs(30)))
    };
    let connection = &stored.connection;
    let provider = app.provider(connection.id_project, &connection.provider_slug).ok_or_else(alive)?;
    let made_by = (&*provider, connection.client_id.as_deref());
    let found = try_once(app, made_by, connection.id_project, credentials).await;
    // Where there is no way to try it, the refusal of the call is all that will ever be said.
    let dead = matches!(found, FoundCredentials::WrongCredentials | FoundCredentials::NotOffered);
    let variables = &credentials.variables;
    if !dead || !Box::pin(blames_token(app, connection.id_project, made_by, variables)).await {
        return Err(alive());
    }
    if lose(app, &stored, NO_REFRESH_TOKEN, false).await? {
        return Err(RefreshError::NeedsReauth);
    }
    let (project, id) = (connection.id_project, connection.id);
    let now = app.store.lookup_connection(project, id).await.map_err(ConnectError::from)?;
    open_valid(app, &now.ok_or(RefreshError::Revoked)?)
}

/// These credentials are refused for good, with this error code: told once a loss. With `again` they are tried a few
/// times more, in case that the provider was wrong. False if somebody has stored others meanwhile.
pub(in crate::connect) async fn lose(
    app: &App,
    stored: &StoredConnection,
    error: &str,
    again: bool,
) -> Result<bool, ConnectError> {
    let (project, id) = (stored.connection.id_project, stored.connection.id);
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let Some((now, present)) = lock_unchanged(app, &mut tx, stored).await? else { return Ok(false) };
    let was_lost = now.connection.status == ConnectionStatus::NeedsReauth;
    let refusals = if was_lost { now.life.failures + 1 } else { 1 };
    let gap = again.then(|| next_try_after_loss(refusals, app.random.below(100))).flatten();
    let life = CredentialLife {
        failures: refusals,
        refreshed_at: now.life.refreshed_at,
        ..CredentialLife::begins(present, gap)
    };
    if was_lost {
        app.store.save_credential_life(&mut tx, (project, id), &life).await?;
        tx.commit().await?;
        return Ok(true);
    }
    let mut connection = now.connection.clone();
    connection.status = ConnectionStatus::NeedsReauth;
    connection.updated_at = app.clock.now();
    app.store.save_connection(&mut tx, &connection, now.credentials.as_ref()).await?;
    app.store.save_credential_life(&mut tx, (project, id), &life).await?;
    app.store.note_loss(&mut tx, &connection, error).await?;
    tell(app, &mut publication, EventType::ConnectionNeedsReauth, &now, &connection)?;
    publication.commit(app, tx).await?;
    Ok(true)
}

/// The provider takes these lost credentials again, as they are.
pub(in crate::connect) async fn recover(app: &App, stored: &StoredConnection) -> Result<(), ConnectError> {
    let project = stored.connection.id_project;
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let Some((now, present)) = lock_unchanged(app, &mut tx, stored).await? else { return Ok(()) };
    if now.connection.status != ConnectionStatus::NeedsReauth {
        return Ok(());
    }
    let mut connection = now.connection.clone();
    connection.status = ConnectionStatus::Valid;
    connection.updated_at = app.clock.now();
    app.store.save_connection(&mut tx, &connection, now.credentials.as_ref()).await?;
    let can_refresh = open(app, &now).is_ok_and(|credentials| credentials.can_refresh());
    let life =
        if can_refresh { begins(app, present, &connection) } else { CredentialLife::begins(present, None) };
    app.store.save_credential_life(&mut tx, (project, connection.id), &life).await?;
    tell(app, &mut publication, EventType::ConnectionRecovered, &now, &connection)?;
    publication.commit(app, tx).await?;
    Ok(())
}

/// The connection, locked, if it stands on the same credentials.
async fn lock_unchanged(
    app: &App,
    tx: &mut Tx,
    stored: &StoredConnection,
) -> Result<Option<(StoredConnection, Time)>, StoreError> {
    let found = app.store.lock_refresh(tx, stored.connection.id_project, stored.connection.id).await?;
    let unchanged =
        |it: &StoredConnection| it.connection.status.stands() && it.credentials == stored.credentials;
    Ok(found.filter(|(now, _)| unchanged(now)))
}
