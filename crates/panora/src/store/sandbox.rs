//! The pretend provider's memory. It belongs to no project: the Sandbox stands for somebody else's service, and
//! of its codes and tokens only hashes are kept.

use uuid::Uuid;

use super::row::{json_text, millis};
use super::{Row, Sql, Store, StoreError};
use crate::model::{Time, TokenHash};

/// What a person allowed.
#[derive(Clone, Debug)]
pub struct SandboxGrant {
    pub id: Uuid,
    pub account: String,
    pub scopes: Vec<String>,
    /// Codes of the troubles chosen on the consent page, and of the quirks that the provider's file asked for.
    pub troubles: Vec<String>,
    pub redirect_uri: String,
    /// PKCE S256 challenge (RFC 7636, section 4.2), if one was sent.
    pub code_challenge: Option<String>,
    pub code_used_at: Option<Time>,
    pub access_expires_at: Option<Time>,
    pub created_at: Time,
    pub revoked_at: Option<Time>,
}

/// By which of its secrets a grant is looked up.
#[derive(Clone, Copy, Debug)]
pub enum SandboxKey {
    Code,
    Access,
    Refresh,
}

impl SandboxKey {
    const fn column(self) -> &'static str {
        match self {
            Self::Code => "code_hash",
            Self::Access => "access_hash",
            Self::Refresh => "refresh_hash",
        }
    }
}

/// A fresh pair of tokens, as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct SandboxTokens {
    pub access: TokenHash,
    pub access_expires_at: Time,
    pub refresh: TokenHash,
}

/// A contact that was changed or added: its number in the account, and its JSON.
#[derive(Clone, Debug)]
pub struct ContactRow {
    pub number: i64,
    pub body: String,
}

fn grant(row: &Row) -> Result<SandboxGrant, StoreError> {
    Ok(SandboxGrant {
        id: row.parsed("id")?,
        account: row.get("account")?,
        scopes: row.json("scopes")?,
        troubles: row.json("troubles")?,
        redirect_uri: row.get("redirect_uri")?,
        code_challenge: row.get("code_challenge")?,
        code_used_at: row.time_option("code_used_at")?,
        access_expires_at: row.time_option("access_expires_at")?,
        created_at: row.time("created_at")?,
        revoked_at: row.time_option("revoked_at")?,
    })
}

fn contact(row: &Row) -> Result<ContactRow, StoreError> {
    Ok(ContactRow { number: row.get("number")?, body: row.get("body")? })
}

impl Store {
    pub async fn add_sandbox_grant(&self, grant: &SandboxGrant, code: TokenHash) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO sandbox_grants (id, account, scopes, troubles, code_hash, code_challenge, redirect_uri, \
             calls, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
        )
        .bind(grant.id)
        .bind(&grant.account)
        .bind(json_text(&grant.scopes))
        .bind(json_text(&grant.troubles))
        .bind(code)
        .bind(&grant.code_challenge)
        .bind(&grant.redirect_uri)
        .bind(grant.created_at.millis());
        self.db.execute(sql).await.map(|_| ())
    }

    /// Finds a grant, whatever its state, by the hash of one of its secrets.
    pub async fn lookup_sandbox_grant(
        &self,
        key: SandboxKey,
        hash: TokenHash,
    ) -> Result<Option<SandboxGrant>, StoreError> {
        let sql = Sql::new(format!(
            "SELECT id, account, scopes, troubles, redirect_uri, code_challenge, code_used_at, access_expires_at, \
             created_at, revoked_at FROM sandbox_grants WHERE {} = $1",
            key.column()
        ))
        .bind(hash);
        self.db.optional(sql).await?.as_ref().map(grant).transpose()
    }

    /// Spends the code for the first tokens; false when it was spent before or the grant was revoked.
    pub async fn spend_sandbox_code(&self, id: Uuid, tokens: &SandboxTokens) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "UPDATE sandbox_grants SET code_used_at = $1, access_hash = $2, access_expires_at = $3, refresh_hash = $4 \
             WHERE id = $5 AND code_used_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.now().millis())
        .bind(tokens.access)
        .bind(tokens.access_expires_at.millis())
        .bind(tokens.refresh)
        .bind(id);
        Ok(self.db.execute(sql).await? == 1)
    }

    /// Replaces both tokens; false when `refresh` is no longer the grant's or the grant was revoked.
    pub async fn rotate_sandbox_tokens(
        &self,
        refresh: TokenHash,
        tokens: &SandboxTokens,
    ) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "UPDATE sandbox_grants SET access_hash = $1, access_expires_at = $2, refresh_hash = $3 \
             WHERE refresh_hash = $4 AND revoked_at IS NULL",
        )
        .bind(tokens.access)
        .bind(tokens.access_expires_at.millis())
        .bind(tokens.refresh)
        .bind(refresh);
        Ok(self.db.execute(sql).await? == 1)
    }

    pub async fn revoke_sandbox_grant(&self, id: Uuid) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE sandbox_grants SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(millis(Some(self.now())))
            .bind(id);
        self.db.execute(sql).await.map(|_| ())
    }

    /// Counts one more API call of the grant: its number, from 1.
    pub async fn count_sandbox_call(&self, id: Uuid) -> Result<i64, StoreError> {
        let sql =
            Sql::new("UPDATE sandbox_grants SET calls = calls + 1 WHERE id = $1 RETURNING calls").bind(id);
        let rows = self.db.execute_returning(sql).await?;
        rows.first().map_or(Ok(1), |row| row.get("calls"))
    }

    /// At most `most` stored contacts with a number above `after`, by number.
    pub async fn list_sandbox_contacts(
        &self,
        account: &str,
        after: i64,
        most: u32,
    ) -> Result<Vec<ContactRow>, StoreError> {
        let sql = Sql::new(
            "SELECT number, body FROM sandbox_contacts WHERE account = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(account)
        .bind(after)
        .bind(most);
        self.db.all(sql).await?.iter().map(contact).collect()
    }

    pub async fn lookup_sandbox_contact(
        &self,
        account: &str,
        number: i64,
    ) -> Result<Option<ContactRow>, StoreError> {
        let sql = Sql::new("SELECT number, body FROM sandbox_contacts WHERE account = $1 AND number = $2")
            .bind(account)
            .bind(number);
        self.db.optional(sql).await?.as_ref().map(contact).transpose()
    }

    /// Keeps a new contact under the account's highest number, at least `above`, and one; tells the number.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another node took the number at the same moment: try again.
    pub async fn add_sandbox_contact(
        &self,
        account: &str,
        above: i64,
        body: &str,
    ) -> Result<i64, StoreError> {
        let sql = Sql::new(
            "INSERT INTO sandbox_contacts (account, number, body) \
             SELECT $1, COALESCE(MAX(number), $2) + 1, $3 FROM sandbox_contacts WHERE account = $1 AND number > $2 \
             RETURNING number",
        )
        .bind(account)
        .bind(above)
        .bind(body);
        let rows = self.db.execute_returning(sql).await?;
        rows.first().ok_or(StoreError::Corrupt("sandbox contact"))?.get("number")
    }

    /// Keeps a contact in place of what had its number.
    pub async fn save_sandbox_contact(&self, account: &str, contact: &ContactRow) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO sandbox_contacts (account, number, body) VALUES ($1, $2, $3) \
             ON CONFLICT (account, number) DO UPDATE SET body = excluded.body",
        )
        .bind(account)
        .bind(contact.number)
        .bind(&contact.body);
        self.db.execute(sql).await.map(|_| ())
    }
}
