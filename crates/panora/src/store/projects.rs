//! Projects.

use super::row::json_text;
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{Project, ProjectId};

/// Event positions of a project, taken with its lock.
#[derive(Clone, Copy, Debug)]
pub struct TakenPositions {
    /// The last one taken; with none taken the last there is.
    pub last: i64,
    /// Tells whether its endpoints were changed since somebody read them.
    pub endpoints_version: i64,
    /// Whoever has read them at an older version than this has to read all of them again.
    pub endpoints_forgotten: i64,
}

const COLUMNS: &str = "id, handle, name, logo_url, color, support_email, privacy_url, allowed_origins, return_urls, \
                       hand_over, created_at";

fn project(row: &Row) -> Result<Project, StoreError> {
    Ok(Project {
        id: row.parsed("id")?,
        handle: row.get("handle")?,
        name: row.get("name")?,
        logo_url: row.get("logo_url")?,
        color: row.get("color")?,
        support_email: row.get("support_email")?,
        privacy_url: row.get("privacy_url")?,
        allowed_origins: row.json("allowed_origins")?,
        return_urls: row.json("return_urls")?,
        hand_over: row.flag("hand_over")?,
        created_at: row.time("created_at")?,
    })
}

impl Store {
    /// Adds a project; [`StoreError::Conflict`] when the handle is taken.
    pub async fn add_project(&self, project: &Project) -> Result<(), StoreError> {
        let sql = Sql::new(format!(
            "INSERT INTO projects ({COLUMNS}, last_position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)"
        ));
        self.db.execute(bind_project(sql, project).bind(project.created_at.millis())).await.map(|_| ())
    }

    pub async fn lookup_project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM projects WHERE id = $1")).bind(id);
        self.db.optional(sql).await?.as_ref().map(project).transpose()
    }

    /// The same inside a transaction.
    pub async fn read_project(&self, tx: &mut Tx, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM projects WHERE id = $1")).bind(id);
        tx.optional(sql).await?.as_ref().map(project).transpose()
    }

    /// By its handle: for the command line and the first start, never for a request.
    pub async fn lookup_project_by_handle(&self, handle: &str) -> Result<Option<Project>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM projects WHERE handle = $1")).bind(handle);
        self.db.optional(sql).await?.as_ref().map(project).transpose()
    }

    /// Every project, for the command line: at most 1,000.
    pub async fn list_projects(&self) -> Result<Vec<Project>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM projects ORDER BY id LIMIT 1000"));
        self.db.all(sql).await?.iter().map(project).collect()
    }

    pub async fn save_project(&self, tx: &mut Tx, project: &Project) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE projects SET handle = $2, name = $3, logo_url = $4, color = $5, support_email = $6, \
             privacy_url = $7, allowed_origins = $8, return_urls = $9, hand_over = $10 WHERE id = $1",
        );
        tx.execute(bind_project(sql, project)).await.map(|_| ())
    }

    /// Takes `count` event positions and with them the project's lock: the first statement of any transaction
    /// that publishes or changes an endpoint.
    pub async fn take_positions(
        &self,
        tx: &mut Tx,
        id: ProjectId,
        count: u32,
    ) -> Result<TakenPositions, StoreError> {
        let sql = Sql::new(
            "UPDATE projects SET last_position = last_position + $1 WHERE id = $2 \
             RETURNING last_position, endpoints_version, endpoints_forgotten",
        )
        .bind(count)
        .bind(id);
        let row = tx.optional(sql).await?.ok_or(StoreError::Corrupt("project"))?;
        Ok(TakenPositions {
            last: row.get("last_position")?,
            endpoints_version: row.get("endpoints_version")?,
            endpoints_forgotten: row.get("endpoints_forgotten")?,
        })
    }

    /// A new version of the project's endpoints, for those that are changed in this transaction, which has the
    /// project's lock.
    pub async fn next_endpoints_version(&self, tx: &mut Tx, id: ProjectId) -> Result<i64, StoreError> {
        let sql = Sql::new(
            "UPDATE projects SET endpoints_version = endpoints_version + 1 WHERE id = $1 RETURNING endpoints_version",
        )
        .bind(id);
        tx.optional(sql).await?.ok_or(StoreError::Corrupt("project"))?.get("endpoints_version")
    }

    /// The versions of these projects' endpoints.
    pub async fn list_endpoints_versions(
        &self,
        projects: &[ProjectId],
    ) -> Result<Vec<(ProjectId, i64)>, StoreError> {
        let mut sql = Sql::new("SELECT id, endpoints_version FROM projects WHERE id IN ");
        sql.push_list(projects.iter().copied());
        let rows = self.db.all(sql).await?;
        rows.iter().map(|row| Ok((row.parsed("id")?, row.get("endpoints_version")?))).collect()
    }

    /// Takes the project's lock without publishing: so does whoever changes an endpoint.
    pub async fn lock_project(&self, tx: &mut Tx, id: ProjectId) -> Result<TakenPositions, StoreError> {
        self.take_positions(tx, id, 0).await
    }
}

fn bind_project(sql: Sql, project: &Project) -> Sql {
    sql.bind(project.id)
        .bind(&project.handle)
        .bind(&project.name)
        .bind(&project.logo_url)
        .bind(&project.color)
        .bind(&project.support_email)
        .bind(&project.privacy_url)
        .bind(json_text(&project.allowed_origins))
        .bind(json_text(&project.return_urls))
        .bind(project.hand_over)
}
