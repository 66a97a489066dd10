//! Ending a connection: here in one transaction, at the provider by a durable job of that transaction.

use std::time::Duration;

use panora_catalog::{Provider, Reach};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::credentials::Credentials;
use super::error::ConnectError;
use crate::app::App;
use crate::model::{
    Connection, ConnectionId, ConnectionStatus, CredentialLife, EventType, JobId, LinkedUserId, ProjectId,
};
use crate::store::{GrantKey, NewJob, StoreError, StoredConnection, Tx};
use crate::vault::Slot;
use crate::webhooks::{Draft, Publication};

pub const REVOCATION: &str = "revoke_grant";

/// A grant to give back at its provider.
#[derive(Serialize, Deserialize)]
pub struct Revocation {
    pub provider_slug: String,
    pub client_id: Option<String>,
    pub account_id: Option<String>,
    #[serde(default)]
    pub account_email: Option<String>,
    pub id_linked_user: LinkedUserId,
    pub credentials: Credentials,
}

impl Revocation {
    /// Of what a connection lived on.
    pub fn of(connection: &Connection, credentials: Credentials) -> Self {
        Self {
            provider_slug: connection.provider_slug.clone(),
            client_id: connection.client_id.clone(),
            account_id: connection.account.id.clone(),
            account_email: connection.account.email.clone(),
            id_linked_user: connection.id_linked_user,
            credentials,
        }
    }

    /// By what it is known whether somebody lives on the grant; asked again just before it is given back.
    pub fn grant(&self, project: ProjectId, provider: &Provider) -> GrantKey<'_> {
        GrantKey {
            id_project: project,
            slug: &self.provider_slug,
            client_id: self.client_id.as_deref(),
            account_id: self.account_id.as_deref(),
            account_email: self.account_email.as_deref(),
            id_linked_user: self.id_linked_user,
            of_person: provider.revocation_reach() == Reach::Person,
            except: None,
        }
    }
}

/// What became of the grant at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtProvider {
    /// It is being revoked there.
    Promised,
    /// Another standing connection has the same OAuth client and account, or would end with it.
    SkippedShared,
    /// The provider has no way, or the credential is not one that it made for us.
    NotOffered,
}

/// Revokes a connection. None if there is no such standing connection.
pub async fn revoke_connection(
    app: &App,
    project: ProjectId,
    id: ConnectionId,
) -> Result<Option<(Connection, AtProvider)>, ConnectError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let Some(stored) = app.store.lock_connection(&mut tx, project, id).await? else { return Ok(None) };
    if !stored.connection.status.stands() {
        return Ok(Some((stored.connection, AtProvider::NotOffered)));
    }
    let ended = end(app, &mut tx, &mut publication, stored).await?;
    publication.commit(app, tx).await?;
    app.wake.jobs.notify_one();
    Ok(Some(ended))
}

/// Ends one connection inside a transaction that publishes.
pub async fn end(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    stored: StoredConnection,
) -> Result<(Connection, AtProvider), ConnectError> {
    let mut connection = stored.connection;
    let at_provider = match &stored.credentials {
        Some(sealed) => {
            let credentials = app.vault.open_json(Slot::ConnectionCredentials, connection.id, sealed)?;
            promise(app, tx, &connection, credentials).await?
        }
        None => AtProvider::NotOffered,
    };
    connection.status = ConnectionStatus::Revoked;
    connection.updated_at = app.clock.now();
    app.store.save_connection(tx, &connection, None).await?;
    let over = CredentialLife::begins(connection.updated_at, None);
    app.store.save_credential_life(tx, (connection.id_project, connection.id), &over).await?;
    // Ids only: the person may be about to be forgotten.
    let data = json!({
        "id_connection": connection.id.to_string(),
        "id_linked_user": connection.id_linked_user.to_string(),
        "id_project": connection.id_project.to_string(),
        "provider_slug": connection.provider_slug,
        "status": connection.status.as_str(),
    });
    let draft = Draft::new(EventType::ConnectionRevoked, None, data);
    publication.add(app, connection.id_project, draft)?;
    Ok((connection, at_provider))
}

/// Promises that a grant is given back, unless another standing connection lives on it.
async fn promise(
    app: &App,
    tx: &mut Tx,
    connection: &Connection,
    credentials: Credentials,
) -> Result<AtProvider, ConnectError> {
    let project = connection.id_project;
    let provider = app.provider(project, &connection.provider_slug);
    let provider = provider.filter(|it| it.can_revoke() && connection.client_id.is_some());
    let Some(provider) = provider else { return Ok(AtProvider::NotOffered) };
    let revocation = Revocation::of(connection, credentials);
    let others = GrantKey { except: Some(connection.id), ..revocation.grant(project, &provider) };
    if app.store.is_grant_in_use_now(tx, &others).await? {
        return Ok(AtProvider::SkippedShared);
    }
    promise_revocation(app, tx, project, &revocation).await?;
    Ok(AtProvider::Promised)
}

/// Adds the job that gives a grant back.
pub async fn promise_revocation(
    app: &App,
    tx: &mut Tx,
    project: ProjectId,
    revocation: &Revocation,
) -> Result<(), StoreError> {
    let id = JobId::new(&app.clock, &app.random);
    let payload = app.vault.seal_json(Slot::JobPayload, id, revocation);
    app.store
        .add_job(
            tx,
            &NewJob { id, id_project: project, kind: REVOCATION, payload: &payload, due_in: Duration::ZERO },
        )
        .await
}
