//! Linked users.

use std::collections::HashMap;

use super::{Batch, Column, Row, Sql, Store, StoreError, Tx};
use crate::model::{LinkedUser, LinkedUserId, PageQuery, Paged, ProjectId};

const COLUMNS: &str = "id, id_project, origin_id, alias, created_at";

fn linked_user(row: &Row) -> Result<LinkedUser, StoreError> {
    Ok(LinkedUser {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        origin_id: row.get("origin_id")?,
        alias: row.get("alias")?,
        created_at: row.time("created_at")?,
    })
}

const INSERT: &str = "INSERT INTO linked_users (id, id_project, origin_id, alias, created_at) {rows} \
                      ON CONFLICT (id_project, origin_id)";

/// Adds these, in the words of `text`.
fn insert<'a>(text: &'a str, users: &[LinkedUser]) -> Batch<'a> {
    use Column::{Int, Text};
    let mut batch = Batch::new(text, &[Text, Text, Text, Text, Int]);
    for user in users {
        batch.row([
            user.id.into(),
            user.id_project.into(),
            (&user.origin_id).into(),
            (&user.alias).into(),
            user.created_at.millis().into(),
        ]);
    }
    batch
}

impl Store {
    /// Adds linked users, or finds those whose origin ids are there already; an `alias` given replaces the
    /// stored one. The answer is in the order of `users`, who differ in project or origin id.
    pub async fn ensure_linked_users(
        &self,
        tx: &mut Tx,
        users: &[LinkedUser],
        replace_alias: bool,
    ) -> Result<Vec<LinkedUser>, StoreError> {
        // To name rows costs SQLite more than to add them, and mostly all are new.
        let added = tx.count_of_batch(insert(&format!("{INSERT} DO NOTHING"), users)).await?;
        if added == users.len() as u64 {
            return Ok(users.to_vec());
        }
        // An update that changes nothing still makes RETURNING name the row.
        let alias = if replace_alias { "excluded.alias" } else { "linked_users.alias" };
        let text = format!("{INSERT} DO UPDATE SET alias = {alias} RETURNING {COLUMNS}");
        let mut stored = HashMap::new();
        for row in tx.all_of_batch(insert(&text, users)).await? {
            let user = linked_user(&row)?;
            stored.insert((user.id_project, user.origin_id.clone()), user);
        }
        let mut find = |user: &LinkedUser| stored.remove(&(user.id_project, user.origin_id.clone()));
        users.iter().map(|user| find(user).ok_or(StoreError::Corrupt("linked user"))).collect()
    }

    pub async fn lookup_linked_user(
        &self,
        project: ProjectId,
        id: LinkedUserId,
    ) -> Result<Option<LinkedUser>, StoreError> {
        self.db.optional(by_id(project, id)).await?.as_ref().map(linked_user).transpose()
    }

    /// The same inside a transaction.
    pub async fn read_linked_user(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: LinkedUserId,
    ) -> Result<Option<LinkedUser>, StoreError> {
        tx.optional(by_id(project, id)).await?.as_ref().map(linked_user).transpose()
    }

    pub async fn lookup_linked_user_by_origin(
        &self,
        project: ProjectId,
        origin_id: &str,
    ) -> Result<Option<LinkedUser>, StoreError> {
        let sql =
            Sql::new(format!("SELECT {COLUMNS} FROM linked_users WHERE id_project = $1 AND origin_id = $2"))
                .bind(project)
                .bind(origin_id);
        self.db.optional(sql).await?.as_ref().map(linked_user).transpose()
    }

    /// Newest first.
    pub async fn list_linked_users(
        &self,
        project: ProjectId,
        page: &PageQuery,
    ) -> Result<Paged<LinkedUser>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM linked_users WHERE id_project = "));
        sql.push_bind(project);
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(linked_user).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |user| user.id.to_string()))
    }

    /// Whether there was one. What hangs on the person is ended by the caller, in the same transaction.
    pub async fn delete_linked_user(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        id: LinkedUserId,
    ) -> Result<bool, StoreError> {
        let sql =
            Sql::new("DELETE FROM linked_users WHERE id_project = $1 AND id = $2").bind(project).bind(id);
        Ok(tx.execute(sql).await? == 1)
    }
}

fn by_id(project: ProjectId, id: LinkedUserId) -> Sql {
    Sql::new(format!("SELECT {COLUMNS} FROM linked_users WHERE id_project = $1 AND id = $2"))
        .bind(project)
        .bind(id)
}

impl Sql {
    /// Appends what cuts a list, newest first by `id`, into pages.
    pub(super) fn push_page(&mut self, page: &PageQuery) {
        if let Some(after) = &page.after {
            self.push(" AND id < ");
            self.push_bind(after);
        }
        self.push(" ORDER BY id DESC LIMIT ");
        self.push_bind(page.fetch_limit());
    }
}
