//! A project's own OAuth apps, and the secrets of the clients that its connections were made with.

use std::collections::BTreeMap;

use super::row::json_text;
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{ProjectId, Time};
use crate::vault::Sealed;

/// A project's own app at one provider.
#[derive(Clone, Debug)]
pub struct StoredApp {
    /// None where the provider takes none.
    pub client_id: Option<String>,
    /// None for the provider file's own.
    pub scopes: Option<Vec<String>>,
    /// Answers to what the file asks the integrator: JSON, sealed.
    pub settings: Sealed,
    pub created_at: Time,
    pub updated_at: Time,
}

/// Whose app: a project's, at a provider.
pub type AppKey<'a> = (ProjectId, &'a str);

const COLUMNS: &str = "provider_slug, client_id, scopes, settings, created_at, updated_at";

/// No connection `c` that stands was made with the client `p`.
const UNUSED: &str = "(SELECT c.id FROM connections c WHERE c.id_project = p.id_project AND c.provider_slug = \
                      p.provider_slug AND c.client_id = p.client_id AND c.status <> 'revoked' LIMIT 1) IS NULL";

fn app(row: &Row) -> Result<StoredApp, StoreError> {
    let scopes = row.get::<Option<String>>("scopes")?;
    Ok(StoredApp {
        client_id: row.get("client_id")?,
        scopes: scopes.map(|_| row.json("scopes")).transpose()?,
        settings: Sealed(row.get("settings")?),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn by_key((project, slug): AppKey<'_>) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM provider_apps WHERE id_project = $1 AND provider_slug = $2"))
        .bind(project)
        .bind(slug)
}

impl Store {
    pub async fn lookup_app(&self, key: AppKey<'_>) -> Result<Option<StoredApp>, StoreError> {
        self.db.optional(by_key(key)).await?.as_ref().map(app).transpose()
    }

    /// The same inside a transaction, which has the project's lock.
    pub async fn read_app(&self, tx: &mut Tx, key: AppKey<'_>) -> Result<Option<StoredApp>, StoreError> {
        tx.optional(by_key(key)).await?.as_ref().map(app).transpose()
    }

    /// All of a project's own apps, by slug: at most one a provider.
    pub async fn list_apps(&self, project: ProjectId) -> Result<BTreeMap<String, StoredApp>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM provider_apps WHERE id_project = $1 LIMIT 5000"))
            .bind(project);
        self.db.all(sql).await?.iter().map(|row| Ok((row.get("provider_slug")?, app(row)?))).collect()
    }

    pub async fn save_app(&self, tx: &mut Tx, key: AppKey<'_>, it: &StoredApp) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO provider_apps (id_project, provider_slug, client_id, scopes, settings, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id_project, provider_slug) DO UPDATE SET \
             client_id = excluded.client_id, scopes = excluded.scopes, settings = excluded.settings, \
             updated_at = excluded.updated_at",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(&it.client_id)
        .bind(it.scopes.as_ref().map(json_text))
        .bind(it.settings.0.as_slice())
        .bind(it.created_at.millis())
        .bind(it.updated_at.millis());
        tx.execute(sql).await.map(|_| ())
    }

    /// Whether there was one.
    pub async fn delete_app(&self, tx: &mut Tx, key: AppKey<'_>) -> Result<bool, StoreError> {
        let sql = Sql::new("DELETE FROM provider_apps WHERE id_project = $1 AND provider_slug = $2")
            .bind(key.0)
            .bind(key.1);
        Ok(tx.execute(sql).await? == 1)
    }

    /// The secret of a client that the project has or had. None where it never had that client, or it is forgotten;
    /// `Some(None)` of a public one.
    pub async fn lookup_client(
        &self,
        key: AppKey<'_>,
        client_id: &str,
    ) -> Result<Option<Option<Sealed>>, StoreError> {
        let row = self.db.optional(client_by_key(key, client_id)).await?;
        row.map(|row| Ok(row.get::<Option<Vec<u8>>>("secret")?.map(Sealed))).transpose()
    }

    /// Whether the project has or had that client, inside a transaction.
    pub async fn has_client(
        &self,
        tx: &mut Tx,
        key: AppKey<'_>,
        client_id: &str,
    ) -> Result<bool, StoreError> {
        Ok(tx.optional(client_by_key(key, client_id)).await?.is_some())
    }

    /// Keeps a client's secret, for its older connections too.
    pub async fn save_client(
        &self,
        tx: &mut Tx,
        key: AppKey<'_>,
        client_id: &str,
        secret: Option<&Sealed>,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO provider_clients (id_project, provider_slug, client_id, secret) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id_project, provider_slug, client_id) DO UPDATE SET secret = excluded.secret",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(client_id)
        .bind(secret.map(|sealed| sealed.0.clone()));
        tx.execute(sql).await.map(|_| ())
    }

    /// Of the project's clients at a provider only this one is in force; the others wait for their connections' end.
    pub async fn retire_other_clients(
        &self,
        tx: &mut Tx,
        key: AppKey<'_>,
        in_force: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE provider_clients SET retired_at = CASE WHEN client_id = $3 THEN NULL ELSE COALESCE(retired_at, $4) END, \
             unused_since = NULL WHERE id_project = $1 AND provider_slug = $2",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(in_force.unwrap_or_default())
        .bind(self.now().millis());
        tx.execute(sql).await.map(|_| ())
    }

    /// Notes of retired clients since when no standing connection needs them.
    pub async fn mark_unused_clients(&self) -> Result<u64, StoreError> {
        let sql = Sql::new(format!(
            "UPDATE provider_clients AS p SET unused_since = $1 WHERE p.retired_at IS NOT NULL AND p.unused_since IS NULL \
             AND {UNUSED}"
        ))
        .bind(self.now().millis());
        self.db.execute(sql).await
    }

    /// Forgets clients that nothing has needed since before `before`.
    pub async fn forget_clients(&self, before: Time) -> Result<u64, StoreError> {
        let sql = Sql::new(format!(
            "DELETE FROM provider_clients AS p WHERE p.retired_at IS NOT NULL AND p.unused_since < $1 AND {UNUSED}"
        ))
        .bind(before.millis());
        self.db.execute(sql).await
    }
}

fn client_by_key(key: AppKey<'_>, client_id: &str) -> Sql {
    Sql::new(
        "SELECT secret FROM provider_clients WHERE id_project = $1 AND provider_slug = $2 AND client_id = $3",
    )
    .bind(key.0)
    .bind(key.1)
    .bind(client_id)
}
