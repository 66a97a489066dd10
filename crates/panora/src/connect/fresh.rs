//! A connection that will be new, with all that can be made of it before its transaction: what is sealed, its object, and
//! the event that tells of it.

use serde_json::Value;

use super::establish::{Wanted, fill, first_refresh};
use super::grant::Grant;
use super::object::{connection_object, connection_text};
use crate::app::App;
use crate::model::{
    Connection, ConnectionId, ConnectionStatus, ConnectionToken, EventType, LinkedUserId, Time,
};
use crate::store::NewConnection;
use crate::vault::{Sealed, Slot};
use crate::webhooks::{TooLarge, Written};

pub struct Fresh {
    pub connection: Connection,
    token: ConnectionToken,
    /// Its data is what the API answers.
    pub event: Written,
    sealed_token: Sealed,
    sealed_credentials: Sealed,
    refresh_due_at: Option<Time>,
}

impl Fresh {
    pub fn new(app: &App, wanted: &Wanted<'_>, grant: &Grant) -> Result<Self, TooLarge> {
        let now = app.clock.now();
        let id = ConnectionId::new(&app.clock, &app.random);
        let mut connection = Connection {
            id,
            id_project: wanted.project,
            id_linked_user: wanted.linked_user,
            provider_slug: grant.provider.slug().to_owned(),
            vertical: grant.provider.vertical().to_owned(),
            status: ConnectionStatus::Valid,
            token_type: grant.provider.token_type().to_owned(),
            auth_kind: grant.provider.auth_kind().as_str().to_owned(),
            account: grant.account.clone(),
            account_url: grant.account_url.clone(),
            scopes: Vec::new(),
            missing_scopes: Vec::new(),
            expires_at: None,
            metadata: wanted.metadata.clone(),
            client_id: None,
            created_at: now,
            updated_at: now,
        };
        fill(&mut connection, grant);
        let token = ConnectionToken::generate(&app.random, now);
        let event = told(app, &connection, &token)?;
        Ok(Self {
            sealed_token: app.vault.seal(Slot::ConnectionToken, id, token.expose().as_bytes()),
            sealed_credentials: app.vault.seal_json(Slot::ConnectionCredentials, id, &grant.credentials),
            refresh_due_at: first_refresh(app, grant).map(|span| now.plus(span)),
            connection,
            token,
            event,
        })
    }

    /// Makes it that person's.
    pub fn give_to(&mut self, app: &App, linked_user: LinkedUserId) -> Result<(), TooLarge> {
        if self.connection.id_linked_user != linked_user {
            self.connection.id_linked_user = linked_user;
            self.event = told(app, &self.connection, &self.token)?;
        }
        Ok(())
    }

    /// What the API answers.
    pub fn object(&self) -> Value {
        connection_object(&self.connection, &self.token)
    }

    pub fn row(&self) -> NewConnection<'_> {
        NewConnection {
            connection: &self.connection,
            token_key: self.token.key(),
            token: &self.sealed_token,
            credentials: &self.sealed_credentials,
            refresh_due_at: self.refresh_due_at,
        }
    }
}

fn told(app: &App, it: &Connection, token: &ConnectionToken) -> Result<Written, TooLarge> {
    let what = (EventType::ConnectionCreated, Some(it.id_linked_user));
    Written::new(app, it.id_project, what, &connection_text(it, token))
}
