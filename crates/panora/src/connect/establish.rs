//! Storing a connection: credentials, connection, event and deliveries, all or nothing.

use std::time::Duration;

use serde_json::{Map, Value};

use super::error::ConnectError;
use super::fresh::Fresh;
use super::grant::Grant;
use super::object::connection_object;
use super::refresh::due_before;
use crate::app::App;
use crate::model::{
    Connection, ConnectionId, ConnectionStatus, ConnectionToken, CredentialLife, EventType, LinkedUserId,
    ProjectId,
};
use crate::store::{StoredConnection, Tx};
use crate::vault::Slot;
use crate::webhooks::{Draft, Publication};

/// Whom a connection is for, and what it may renew.
pub struct Wanted<'a> {
    pub project: ProjectId,
    pub linked_user: LinkedUserId,
    /// Only this connection may come of it.
    pub renews: Option<ConnectionId>,
    /// Copied to a new connection.
    pub metadata: &'a Map<String, Value>,
}

/// What was stored.
pub struct Established {
    pub connection: Connection,
    /// What the API answers.
    pub object: Value,
    pub renewed: bool,
}

/// Makes a connection of a grant, or renews the one that stands for its account. `publication` has the
/// project's lock, so of two that race for one account the second renews what the first made.
pub async fn establish(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    wanted: &Wanted<'_>,
    grant: &Grant,
) -> Result<Established, ConnectError> {
    let Some(standing) = standing(app, tx, wanted, grant).await? else {
        let fresh = Fresh::new(app, wanted, grant)?;
        app.store.add_connections(tx, &[fresh.row()]).await?;
        publication.add_written(app, &fresh.event);
        let object = fresh.object();
        return Ok(Established { connection: fresh.connection, object, renewed: false });
    };
    let established = renew(app, tx, standing, grant).await?;
    let (kind, data) = (EventType::ConnectionReauthorized, established.object.clone());
    publication.add(app, wanted.project, Draft::new(kind, Some(wanted.linked_user), data))?;
    Ok(established)
}

/// The connection to renew: the one that was named, else the one that stands for this account.
async fn standing(
    app: &App,
    tx: &mut Tx,
    wanted: &Wanted<'_>,
    grant: &Grant,
) -> Result<Option<StoredConnection>, ConnectError> {
    if let Some(id) = wanted.renews {
        let found = app.store.lock_connection(tx, wanted.project, id).await?;
        let own = |it: &StoredConnection| {
            let same_user = it.connection.id_linked_user == wanted.linked_user;
            it.connection.status.stands() && same_user && it.connection.provider_slug == grant.provider.slug()
        };
        let found = found.filter(own).ok_or(ConnectError::Gone)?;
        let (known, granted) = (found.connection.account.id.as_deref(), grant.account.id.as_deref());
        if known == granted || (known.is_none() && of_account(app, tx, wanted, grant).await?.is_none()) {
            return Ok(Some(found));
        }
        return Err(ConnectError::OtherAccount);
    }
    of_account(app, tx, wanted, grant).await
}

/// The connection that stands for the grant's account.
async fn of_account(
    app: &App,
    tx: &mut Tx,
    wanted: &Wanted<'_>,
    grant: &Grant,
) -> Result<Option<StoredConnection>, ConnectError> {
    let Some(account) = grant.account.id.as_deref() else { return Ok(None) };
    let user = (wanted.project, wanted.linked_user);
    Ok(app.store.lock_standing_connection(tx, user, grant.provider.slug(), account).await?)
}

async fn renew(
    app: &App,
    tx: &mut Tx,
    standing: StoredConnection,
    grant: &Grant,
) -> Result<Established, ConnectError> {
    let mut connection = standing.connection;
    let token = app.vault.open_text(Slot::ConnectionToken, connection.id, &standing.token)?;
    fill(&mut connection, grant);
    connection.status = ConnectionStatus::Valid;
    connection.updated_at = app.clock.now();
    let sealed = app.vault.seal_json(Slot::ConnectionCredentials, connection.id, &grant.credentials);
    app.store.save_connection(tx, &connection, Some(&sealed)).await?;
    let life = CredentialLife::begins(connection.updated_at, first_refresh(app, grant));
    app.store.save_credential_life(tx, (connection.id_project, connection.id), &life).await?;
    let object = connection_object(&connection, &ConnectionToken::from_text(token));
    Ok(Established { connection, object, renewed: true })
}

/// When what was granted is refreshed though nobody asks; none where it cannot be.
pub(super) fn first_refresh(app: &App, grant: &Grant) -> Option<Duration> {
    if !grant.credentials.can_refresh() {
        return None;
    }
    Some(due_before(app, grant.expires_at))
}

/// What a grant decides, of a new connection and of a renewed one.
pub(super) fn fill(connection: &mut Connection, grant: &Grant) {
    connection.account = grant.account.clone();
    connection.account_url = grant.account_url.clone();
    connection.scopes = bounded(&grant.scopes);
    connection.missing_scopes = bounded(&grant.missing_scopes);
    connection.expires_at = grant.expires_at;
    connection.client_id = grant.client_id.clone();
}

/// At most 256 scopes are kept, of at most 255 characters and 12 KiB in all: a grant of any size still fits
/// into its event.
pub fn bounded(scopes: &[String]) -> Vec<String> {
    let mut room = 12 * 1024_usize;
    let cut = scopes.iter().take(256).map(|scope| scope.chars().take(255).collect::<String>());
    cut.take_while(|scope| {
        let fits = scope.len() <= room;
        room = room.saturating_sub(scope.len());
        fits
    })
    .collect()
}
