//! Connections, and the metadata by which they are filtered.

use super::row::{json_text, millis};
use super::{Batch, Column, Row, Sql, Store, StoreError, Tx};
use crate::model::{
    Account, Connection, ConnectionId, ConnectionStatus, CredentialLife, LinkedUserId, PageQuery, Paged,
    ProjectId, Time,
};
use crate::vault::Sealed;

/// A connection with what is sealed of it.
#[derive(Clone, Debug)]
pub struct StoredConnection {
    pub connection: Connection,
    pub token: Sealed,
    /// None once revoked.
    pub credentials: Option<Sealed>,
    pub life: CredentialLife,
}

/// A connection about to be added.
pub struct NewConnection<'a> {
    pub connection: &'a Connection,
    /// By what the token is found: see `ConnectionToken::key`.
    pub token_key: Vec<u8>,
    pub token: &'a Sealed,
    pub credentials: &'a Sealed,
    /// When the credentials are refreshed first, though nobody asks.
    pub refresh_due_at: Option<Time>,
}

/// What tells one provider's grant from another.
pub struct GrantKey<'a> {
    pub id_project: ProjectId,
    pub slug: &'a str,
    pub client_id: Option<&'a str>,
    /// Where the provider has not said whose it is, any of the linked user's accounts may be the one.
    pub account_id: Option<&'a str>,
    /// Two that are known and differ are of two logins.
    pub account_email: Option<&'a str>,
    pub id_linked_user: LinkedUserId,
    /// Whether it is all that the person granted to the client: every account, at every provider with that client.
    pub of_person: bool,
    /// This connection does not count.
    pub except: Option<ConnectionId>,
}

impl GrantKey<'_> {
    fn in_use(&self) -> Sql {
        // Two halves, since each has an index of its own.
        Sql::new(
            "SELECT id FROM connections WHERE client_id = $1 AND account_id = $2 AND status <> 'revoked' \
             AND id <> $3 AND (provider_slug = $4 OR $5 = 1) \
             UNION ALL SELECT id FROM connections WHERE id_project = $6 AND id_linked_user = $7 AND client_id = $1 \
             AND status <> 'revoked' AND id <> $3 \
             AND (($5 = 1 AND (account_email IS NULL OR account_email = $9 OR $10 = 1)) \
             OR (provider_slug = $4 AND (account_id IS NULL OR $8 = 1))) LIMIT 1",
        )
        .bind(self.client_id)
        .bind(self.account_id)
        .bind(self.except.map(|id| id.to_string()).unwrap_or_default())
        .bind(self.slug)
        .bind(self.of_person)
        .bind(self.id_project)
        .bind(self.id_linked_user)
        .bind(self.account_id.is_none())
        .bind(self.account_email)
        .bind(self.account_email.is_none())
    }
}

/// What `GET /connections` may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    pub provider_slug: Option<String>,
    pub vertical: Option<String>,
    pub id_linked_user: Option<LinkedUserId>,
    pub status: Option<ConnectionStatus>,
    /// `(key, value)` pairs that all must hold.
    pub metadata: Vec<(String, String)>,
}

macro_rules! written {
    () => {
        "id, id_project, id_linked_user, provider_slug, vertical, status, token_type, auth_kind, account_id, \
         account_name, account_email, account_url, scopes, missing_scopes, expires_at, metadata, client_id, created_at, \
         updated_at, token_sealed, credentials, refresh_due_at"
    };
}

/// What is written of a new connection.
const WRITTEN: &str = written!();
/// What is read.
pub(super) const COLUMNS: &str = concat!(
    written!(),
    ", refresh_lease_until, refresh_begun_at, refresh_failures, refresh_error, refresh_not_before, refreshed_at"
);

pub(super) fn stored(row: &Row) -> Result<StoredConnection, StoreError> {
    let connection = Connection {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_linked_user: row.parsed("id_linked_user")?,
        provider_slug: row.get("provider_slug")?,
        vertical: row.get("vertical")?,
        status: row.get::<String>("status")?.parse().map_err(|()| StoreError::Corrupt("status"))?,
        token_type: row.get("token_type")?,
        auth_kind: row.get("auth_kind")?,
        account: Account {
            id: row.get("account_id")?,
            name: row.get("account_name")?,
            email: row.get("account_email")?,
        },
        account_url: row.get("account_url")?,
        scopes: row.json("scopes")?,
        missing_scopes: row.json("missing_scopes")?,
        expires_at: row.time_option("expires_at")?,
        metadata: row.json("metadata")?,
        client_id: row.get("client_id")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    let credentials = row.get::<Option<Vec<u8>>>("credentials")?.map(Sealed);
    let life = CredentialLife {
        due_at: row.time_option("refresh_due_at")?,
        leased_until: row.time("refresh_lease_until")?,
        begun_at: row.time_option("refresh_begun_at")?,
        failures: row.count("refresh_failures")?,
        error: row.get("refresh_error")?,
        not_before: row.time("refresh_not_before")?,
        refreshed_at: row.time_option("refreshed_at")?,
    };
    Ok(StoredConnection { connection, token: Sealed(row.get("token_sealed")?), credentials, life })
}

impl Store {
    /// Adds connections. Where one stands for the same account the unique index refuses it: `Conflict`.
    pub async fn add_connections(&self, tx: &mut Tx, new: &[NewConnection<'_>]) -> Result<(), StoreError> {
        use Column::{Blob, Int, Text};
        let text = format!("INSERT INTO connections ({WRITTEN}, token_hash) {{rows}}");
        let mut batch = Batch::new(
            &text,
            &[
                Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Int,
                Text, Text, Int, Int, Blob, Blob, Int, Blob,
            ],
        );
        for NewConnection { connection: it, token_key, token, credentials, refresh_due_at } in new {
            batch.row([
                it.id.into(),
                it.id_project.into(),
                it.id_linked_user.into(),
                (&it.provider_slug).into(),
                (&it.vertical).into(),
                it.status.as_str().into(),
                (&it.token_type).into(),
                (&it.auth_kind).into(),
                (&it.account.id).into(),
                (&it.account.name).into(),
                (&it.account.email).into(),
                (&it.account_url).into(),
                json_text(&it.scopes).into(),
                json_text(&it.missing_scopes).into(),
                millis(it.expires_at).into(),
                json_text(&it.metadata).into(),
                (&it.client_id).into(),
                it.created_at.millis().into(),
                it.updated_at.millis().into(),
                token.0.clone().into(),
                credentials.0.clone().into(),
                millis(*refresh_due_at).into(),
                token_key.clone().into(),
            ]);
        }
        tx.execute_batch(batch).await?;
        self.save_metadata_index(tx, new.iter().map(|it| it.connection)).await
    }

    /// Writes what a renewal, a loss or a PATCH changed.
    pub async fn save_connection(
        &self,
        tx: &mut Tx,
        it: &Connection,
        credentials: Option<&Sealed>,
    ) -> Result<(), StoreError> {
        self.changed_connections.note(it.id);
        let sql = Sql::new(
            "UPDATE connections SET status = $3, account_name = $4, account_email = $5, account_url = $6, \
             scopes = $7, missing_scopes = $8, expires_at = $9, metadata = $10, client_id = $11, updated_at = $12, \
             credentials = $13, account_id = $14, auth_kind = $15, token_type = $16 WHERE id_project = $1 AND id = $2",
        )
        .bind(it.id_project)
        .bind(it.id)
        .bind(it.status.as_str())
        .bind(&it.account.name)
        .bind(&it.account.email)
        .bind(&it.account_url)
        .bind(json_text(&it.scopes))
        .bind(json_text(&it.missing_scopes))
        .bind(millis(it.expires_at))
        .bind(json_text(&it.metadata))
        .bind(&it.client_id)
        .bind(it.updated_at.millis())
        .bind(credentials.map(|sealed| sealed.0.clone()))
        .bind(&it.account.id)
        .bind(&it.auth_kind)
        .bind(&it.token_type);
        tx.execute(sql).await?;
        let sql = Sql::new("DELETE FROM connection_metadata WHERE id_connection = $1").bind(it.id);
        tx.execute(sql).await?;
        self.save_metadata_index(tx, [it]).await
    }

    /// Of the first 20 top-level keys, those with a string of at most 255 characters.
    async fn save_metadata_index<'a>(
        &self,
        tx: &mut Tx,
        connections: impl IntoIterator<Item = &'a Connection>,
    ) -> Result<(), StoreError> {
        use Column::Text;
        let mut batch = Batch::new(
            "INSERT INTO connection_metadata (id_connection, id_project, name, value) {rows}",
            &[Text, Text, Text, Text],
        );
        for it in connections {
            let texts = it.metadata.iter().take(20).filter_map(|(key, value)| Some((key, value.as_str()?)));
            for (key, value) in texts.filter(|(_, value)| value.chars().count() <= 255) {
                batch.row([it.id.into(), it.id_project.into(), key.into(), value.into()]);
            }
        }
        tx.execute_batch(batch).await
    }

    pub async fn lookup_connection(
        &self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<StoredConnection>, StoreError> {
        self.db.optional(by_id(project, id, "")).await?.as_ref().map(stored).transpose()
    }

    /// The connection as it is now, locked until the transaction ends.
    pub async fn lock_connection(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<StoredConnection>, StoreError> {
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        tx.optional(by_id(project, id, lock)).await?.as_ref().map(stored).transpose()
    }

    pub async fn lookup_connection_by_token(
        &self,
        project: ProjectId,
        key: Vec<u8>,
    ) -> Result<Option<StoredConnection>, StoreError> {
        let sql =
            Sql::new(format!("SELECT {COLUMNS} FROM connections WHERE id_project = $1 AND token_hash = $2"))
                .bind(project)
                .bind(key);
        self.db.optional(sql).await?.as_ref().map(stored).transpose()
    }

    /// The connection that stands for this account, locked: what a flow renews.
    pub async fn lock_standing_connection(
        &self,
        tx: &mut Tx,
        user: (ProjectId, LinkedUserId),
        slug: &str,
        account: &str,
    ) -> Result<Option<StoredConnection>, StoreError> {
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        let sql = Sql::new(format!(
            "SELECT {COLUMNS} FROM connections WHERE id_project = $1 AND id_linked_user = $2 AND \
             provider_slug = $3 AND account_id = $4 AND status <> 'revoked'{lock}"
        ))
        .bind(user.0)
        .bind(user.1)
        .bind(slug)
        .bind(account);
        tx.optional(sql).await?.as_ref().map(stored).transpose()
    }

    /// Whether a standing connection lives on this grant. Asked across projects: the OAuth client is the
    /// installation's, so one person's grant may serve several of them.
    pub async fn is_grant_in_use(&self, grant: &GrantKey<'_>) -> Result<bool, StoreError> {
        Ok(self.db.optional(grant.in_use()).await?.is_some())
    }

    /// The same inside a transaction.
    pub async fn is_grant_in_use_now(&self, tx: &mut Tx, grant: &GrantKey<'_>) -> Result<bool, StoreError> {
        Ok(tx.optional(grant.in_use()).await?.is_some())
    }

    /// A linked user's standing connections, oldest first.
    pub async fn list_standing_connections(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        user: LinkedUserId,
    ) -> Result<Vec<StoredConnection>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT {COLUMNS} FROM connections WHERE id_project = $1 AND id_linked_user = $2 \
             AND status <> 'revoked' ORDER BY id LIMIT 1000"
        ))
        .bind(project)
        .bind(user);
        tx.all(sql).await?.iter().map(stored).collect()
    }

    /// Newest first.
    pub async fn list_connections(
        &self,
        project: ProjectId,
        filter: &ConnectionFilter,
        page: &PageQuery,
    ) -> Result<Paged<StoredConnection>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM connections WHERE id_project = "));
        sql.push_bind(project);
        let user = filter.id_linked_user.map(|id| id.to_string());
        let equal = [
            ("provider_slug", filter.provider_slug.as_deref()),
            ("vertical", filter.vertical.as_deref()),
            ("id_linked_user", user.as_deref()),
            ("status", filter.status.map(ConnectionStatus::as_str)),
        ];
        for (column, value) in equal.into_iter().filter_map(|(column, value)| Some((column, value?))) {
            sql.push(&format!(" AND {column} = ")).push_bind(value);
        }
        for (name, value) in &filter.metadata {
            sql.push(" AND id IN (SELECT id_connection FROM connection_metadata WHERE id_project = ");
            sql.push_bind(project).push(" AND name = ").push_bind(name);
            sql.push(" AND value = ").push_bind(value).push(")");
        }
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(stored).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |it| it.connection.id.to_string()))
    }

    /// Erases what a deleted person's connections still hold of that person.
    pub async fn erase_connections_of(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        user: LinkedUserId,
        at: Time,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "DELETE FROM connection_metadata WHERE id_project = $1 AND id_connection IN \
             (SELECT id FROM connections WHERE id_project = $1 AND id_linked_user = $2)",
        )
        .bind(project)
        .bind(user);
        tx.execute(sql).await?;
        let sql = Sql::new(
            "UPDATE connections SET account_id = NULL, account_name = NULL, account_email = NULL, metadata = '{}', \
             updated_at = $3 WHERE id_project = $1 AND id_linked_user = $2",
        )
        .bind(project)
        .bind(user)
        .bind(at.millis());
        tx.execute(sql).await.map(|_| ())
    }
}

fn by_id(project: ProjectId, id: ConnectionId, lock: &str) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM connections WHERE id_project = $1 AND id = $2{lock}"))
        .bind(project)
        .bind(id)
}
