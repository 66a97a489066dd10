//! The log of calls to providers: written in groups, read by connection, forgotten in steps.

use super::{Batch, Column, Row, Sql, Store, StoreError};
use crate::model::{
    ConnectionId, LinkedUserId, LoggedRequest, PageQuery, Paged, ProjectId, RequestFilter, RequestId, Time,
};

const COLUMNS: &str = "id, id_project, id_connection, method, path, status, error, duration_ms, attempts, \
                       sent_bytes, received_bytes";

fn logged(row: &Row) -> Result<LoggedRequest, StoreError> {
    let count = |column| u64::try_from(row.get::<i64>(column)?).map_err(|_| StoreError::Corrupt(column));
    let status = row.get::<Option<i64>>("status")?;
    Ok(LoggedRequest {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_connection: row.parsed("id_connection")?,
        method: row.get("method")?,
        path: row.get("path")?,
        status: status.map(u16::try_from).transpose().map_err(|_| StoreError::Corrupt("status"))?,
        error: row.get("error")?,
        duration_ms: count("duration_ms")?,
        attempts: row.count("attempts")?,
        sent_bytes: count("sent_bytes")?,
        received_bytes: count("received_bytes")?,
    })
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Store {
    /// Adds calls of any projects; one that is there already stays.
    pub async fn add_requests(&self, requests: &[LoggedRequest]) -> Result<(), StoreError> {
        use Column::{Int, Text};
        let text = format!("INSERT INTO requests ({COLUMNS}) {{rows}} ON CONFLICT (id) DO NOTHING");
        let columns = &[Text, Text, Text, Text, Text, Int, Text, Int, Int, Int, Int];
        let mut batch = Batch::new(&text, columns);
        for it in requests {
            batch.row([
                it.id.into(),
                it.id_project.into(),
                it.id_connection.into(),
                (&it.method).into(),
                (&it.path).into(),
                it.status.map(i64::from).into(),
                (&it.error).into(),
                number(it.duration_ms).into(),
                i64::from(it.attempts).into(),
                number(it.sent_bytes).into(),
                number(it.received_bytes).into(),
            ]);
        }
        let mut tx = self.begin().await?;
        tx.execute_batch(batch).await?;
        tx.commit().await
    }

    /// A connection's calls, newest first.
    pub async fn list_requests(
        &self,
        project: ProjectId,
        connection: ConnectionId,
        filter: &RequestFilter,
        page: &PageQuery,
    ) -> Result<Paged<LoggedRequest>, StoreError> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM requests WHERE id_project = "));
        sql.push_bind(project);
        sql.push(" AND id_connection = ").push_bind(connection);
        if let Some(status) = filter.status {
            sql.push(" AND status = ").push_bind(i64::from(status));
        }
        // Ids are in the order of time.
        if let Some(since) = filter.since {
            sql.push(" AND id >= ").push_bind(RequestId::floor(since));
        }
        if let Some(until) = filter.until {
            sql.push(" AND id < ").push_bind(RequestId::floor(until));
        }
        sql.push_page(page);
        let rows = self.db.all(sql).await?.iter().map(logged).collect::<Result<_, _>>()?;
        Ok(Paged::cut(rows, page, |it| it.id.to_string()))
    }

    /// The newest of a connection's calls beyond its newest `kept`.
    pub async fn newest_request_beyond(
        &self,
        (project, connection): (ProjectId, ConnectionId),
        kept: u32,
    ) -> Result<Option<RequestId>, StoreError> {
        // By the index alone: the project is not looked up in each row that is passed.
        let sql =
            Sql::new("SELECT id FROM requests WHERE id_connection = (SELECT id FROM connections WHERE id_project = $1 AND id = $2) \
             ORDER BY id DESC LIMIT 1 OFFSET $3",
        )
        .bind(project)
        .bind(connection)
        .bind(kept);
        self.db.optional(sql).await?.map(|row| row.parsed("id")).transpose()
    }

    /// Forgets at most `most` of a connection's calls up to `last`.
    pub async fn forget_requests_up_to(
        &self,
        (project, connection): (ProjectId, ConnectionId),
        last: RequestId,
        most: u32,
    ) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM requests WHERE id_project = $1 AND id IN (SELECT id FROM requests WHERE id_connection = $2 \
             AND id <= $3 ORDER BY id LIMIT $4)",
        )
        .bind(project)
        .bind(connection)
        .bind(last)
        .bind(most);
        self.db.execute(sql).await
    }

    /// Forgets at most `most` calls that were made before `before`.
    pub async fn forget_requests(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE id < $1 ORDER BY id LIMIT $2)",
        )
        .bind(RequestId::floor(before))
        .bind(most);
        self.db.execute(sql).await
    }

    /// Forgets at most `most` calls with a person's connections: a path may tell of people.
    pub async fn erase_requests_of(
        &self,
        project: ProjectId,
        user: LinkedUserId,
        most: u32,
    ) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM requests WHERE id_project = $1 AND id IN (SELECT r.id FROM connections c \
             JOIN requests r ON r.id_connection = c.id WHERE c.id_project = $1 AND c.id_linked_user = $2 LIMIT $3)",
        )
        .bind(project)
        .bind(user)
        .bind(most);
        self.db.execute(sql).await
    }
}
