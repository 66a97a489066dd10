//! Magic links and their timelines.

use std::time::Duration;

use uuid::Uuid;

use super::row::{json_text, millis};
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{
    LinkStep, LinkedUserId, MagicLink, MagicLinkId, PageQuery, Paged, ProjectId, Time, TokenHash,
};

const COLUMNS: &str = "id, id_project, id_linked_user, email, providers, verticals, id_connection, return_url, \
                       locale, metadata, single_use, created_at, life_ms, expires_at, used_at, revoked_at";

/// A step about to be noted.
pub struct TimelineStep<'a> {
    pub id: Uuid,
    pub project: ProjectId,
    pub link: MagicLinkId,
    pub step: LinkStep,
    /// A provider's slug or an error's code; never anything of the person.
    pub detail: Option<&'a str>,
}

fn magic_link(row: &Row) -> Result<MagicLink, StoreError> {
    Ok(MagicLink {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_linked_user: row.parsed("id_linked_user")?,
        email: row.get("email")?,
        providers: row.json("providers")?,
        verticals: row.json("verticals")?,
        id_connection: row.parsed_option("id_connection")?,
        return_url: row.get("return_url")?,
        locale: row.get("locale")?,
        metadata: row.json("metadata")?,
        single_use: row.flag("single_use")?,
        created_at: row.time("created_at")?,
        life: Duration::from_millis(row.get::<i64>("life_ms")?.unsigned_abs()),
        expires_at: row.time("expires_at")?,
        used_at: row.time_option("used_at")?,
        revoked_at: row.time_option("revoked_at")?,
    })
}

impl Store {
    pub async fn add_magic_link(
        &self,
        tx: &mut Tx,
        link: &MagicLink,
        hash: TokenHash,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(format!(
            "INSERT INTO magic_links ({COLUMNS}, token_hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        ))
        .bind(link.id)
        .bind(link.id_project)
        .bind(link.id_linked_user)
        .bind(&link.email)
        .bind(json_text(&link.providers))
        .bind(json_text(&link.verticals))
        .bind(link.id_connection)
        .bind(&link.return_url)
        .bind(&link.locale)
        .bind(json_text(&link.metadata))
        .bind(link.single_use)
        .bind(link.created_at.millis())
        .bind(i64::try_from(link.life.as_millis()).unwrap_or(i64::MAX))
        .bind(link.expires_at.millis())
        .bind(millis(link.used_at))
        .bind(millis(link.revoked_at))
        .bind(hash);
        tx.execute(sql).await.map(|_| ())
    }

    pub async fn lookup_magic_link(
        &self,
        project: ProjectId,
        id: MagicLinkId,
    ) -> Result<Option<MagicLink>, StoreError> {
        self.db.optional(by_id(project, id, "")).await?.as_ref().map(magic_link).transpose()
    }

    /// The link as it is now, locked until the transaction ends: of two flows racing one waits here.
    pub async fn lock_magic_link(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: MagicLinkId,
    ) -> Result<Option<MagicLink>, StoreError> {
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        tx.optional(by_id(project, id, lock)).await?.as_ref().map(magic_link).transpose()
    }

    /// By the hash of the URL's token, which also tells the project.
    pub async fn lookup_magic_link_by_token(&self, hash: TokenHash) -> Result<Option<MagicLink>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM magic_links WHERE token_hash = $1")).bind(hash);
        self.db.optional(sql).await?.as_ref().map(magic_link).transpose()
    }

    /// Newest first.
    pub async fn list_magic_links(
        &self,
        project: ProjectId,
        page: &PageQuery,
    ) -> Result<Paged<MagicLink>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM magic_links WHERE id_project = "));
        sql.push_bind(project);
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(magic_link).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |link| link.id.to_string()))
    }

    pub async fn set_magic_link_used(
        &self,
        tx: &mut Tx,
        link: &MagicLink,
        at: Time,
    ) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE magic_links SET used_at = $1 WHERE id_project = $2 AND id = $3")
            .bind(at.millis())
            .bind(link.id_project)
            .bind(link.id);
        tx.execute(sql).await.map(|_| ())
    }

    pub async fn revoke_magic_link(&self, tx: &mut Tx, link: &MagicLink, at: Time) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE magic_links SET revoked_at = $1 WHERE id_project = $2 AND id = $3 AND revoked_at IS NULL",
        )
        .bind(at.millis())
        .bind(link.id_project)
        .bind(link.id);
        tx.execute(sql).await.map(|_| ())
    }

    /// Revokes what a linked user could still open, and erases what the links say of the person.
    pub async fn revoke_magic_links_of(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        user: LinkedUserId,
        at: Time,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE magic_links SET revoked_at = COALESCE(revoked_at, $1), email = NULL, return_url = NULL, \
             metadata = '{}' WHERE id_project = $2 AND id_linked_user = $3",
        )
        .bind(at.millis())
        .bind(project)
        .bind(user);
        tx.execute(sql).await.map(|_| ())
    }

    /// Gives the link a new URL and a new end; the old URL is unknown from now on.
    pub async fn replace_magic_link_token(
        &self,
        tx: &mut Tx,
        link: &MagicLink,
        hash: TokenHash,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE magic_links SET token_hash = $1, expires_at = $2 WHERE id_project = $3 AND id = $4",
        )
        .bind(hash)
        .bind(link.expires_at.millis())
        .bind(link.id_project)
        .bind(link.id);
        tx.execute(sql).await.map(|_| ())
    }

    /// Adds a step to a link's timeline. Of the steps that anybody can repeat at will 1,000 are kept.
    pub async fn add_link_step(&self, tx: &mut Tx, step: &TimelineStep<'_>) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO magic_link_steps (id, id_magic_link, id_project, step, at, detail) \
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), \
             CAST($6 AS TEXT) WHERE $7 = 0 OR (SELECT COUNT(*) FROM magic_link_steps \
             WHERE id_project = $3 AND id_magic_link = $2) < 1000",
        )
        .bind(step.id)
        .bind(step.link)
        .bind(step.project)
        .bind(step.step.as_str())
        .bind(self.now().millis())
        .bind(step.detail)
        .bind(step.step.is_repeatable());
        tx.execute(sql).await.map(|_| ())
    }

    /// `(step, at, detail)`, oldest first.
    pub async fn list_link_steps(
        &self,
        project: ProjectId,
        id: MagicLinkId,
    ) -> Result<Vec<(LinkStep, Time, Option<String>)>, StoreError> {
        let sql = Sql::new(
            "SELECT step, at, detail FROM magic_link_steps \
             WHERE id_project = $1 AND id_magic_link = $2 ORDER BY at LIMIT 2000",
        )
        .bind(project)
        .bind(id);
        let rows = self.db.all(sql).await?;
        let step = |row: &Row| Ok((row.parsed("step")?, row.time("at")?, row.get("detail")?));
        let mut steps = rows.iter().map(step).collect::<Result<Vec<(LinkStep, Time, _)>, StoreError>>()?;
        // Steps of one millisecond stand in the order in which a flow takes them.
        steps.sort_by_key(|(step, at, _)| (*at, *step));
        Ok(steps)
    }
}

fn by_id(project: ProjectId, id: MagicLinkId, lock: &str) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM magic_links WHERE id_project = $1 AND id = $2{lock}"))
        .bind(project)
        .bind(id)
}
