//! Flows: one browser's walk through the connect page, found by its cookie.

use super::row::millis;
use super::{Row, Sql, Store, StoreError, Tx};
use crate::model::{
    ConnectionId, FlowId, LinkRefusal, LinkedUserId, MagicLinkId, ProjectId, Time, TokenHash,
};
use crate::vault::Sealed;

#[derive(Clone, Debug)]
pub struct Flow {
    pub id: FlowId,
    pub id_project: ProjectId,
    pub id_magic_link: MagicLinkId,
    /// Answers to providers' questions: JSON, sealed.
    pub answers: Option<Sealed>,
    /// Credentials tried so far.
    pub tries: u32,
    /// What the flow connected.
    pub id_connection: Option<ConnectionId>,
    /// Whether that renewed a connection.
    pub renewed: bool,
    pub finished_at: Option<Time>,
    /// When its link was revoked or got another URL.
    pub ended_at: Option<Time>,
    pub created_at: Time,
}

const COLUMNS: &str = "id, id_project, id_magic_link, answers, tries, id_connection, renewed, finished_at, ended_at, \
                       created_at";

fn flow(row: &Row) -> Result<Flow, StoreError> {
    Ok(Flow {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_magic_link: row.parsed("id_magic_link")?,
        answers: row.get::<Option<Vec<u8>>>("answers")?.map(Sealed),
        tries: row.count("tries")?,
        id_connection: row.parsed_option("id_connection")?,
        renewed: row.flag("renewed")?,
        finished_at: row.time_option("finished_at")?,
        ended_at: row.time_option("ended_at")?,
        created_at: row.time("created_at")?,
    })
}

impl Store {
    pub async fn add_flow(&self, tx: &mut Tx, flow: &Flow, cookie: TokenHash) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO flows (id, id_project, id_magic_link, cookie_hash, tries, renewed, created_at) \
             VALUES ($1, $2, $3, $4, 0, 0, $5)",
        )
        .bind(flow.id)
        .bind(flow.id_project)
        .bind(flow.id_magic_link)
        .bind(cookie)
        .bind(flow.created_at.millis());
        tx.execute(sql).await.map(|_| ())
    }

    /// The flow with that id in the browser with that cookie; the pair tells the project.
    pub async fn lookup_flow(&self, id: FlowId, cookie: TokenHash) -> Result<Option<Flow>, StoreError> {
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM flows WHERE id = $1 AND cookie_hash = $2"))
            .bind(id)
            .bind(cookie);
        self.db.optional(sql).await?.as_ref().map(flow).transpose()
    }

    pub async fn save_flow_answers(&self, flow: &Flow, answers: &Sealed) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE flows SET answers = $1 WHERE id_project = $2 AND id = $3")
            .bind(answers.0.as_slice())
            .bind(flow.id_project)
            .bind(flow.id);
        self.db.execute(sql).await.map(|_| ())
    }

    /// Counts one more try of a credential and returns how many there were; none once there were more than
    /// `most`, so that the first one too many is told apart.
    pub async fn count_flow_try(&self, flow: &Flow, most: u32) -> Result<Option<u32>, StoreError> {
        let sql = Sql::new(
            "UPDATE flows SET tries = tries + 1 WHERE id_project = $1 AND id = $2 AND tries <= $3 RETURNING tries",
        )
        .bind(flow.id_project)
        .bind(flow.id)
        .bind(most);
        self.db.execute_returning(sql).await?.first().map(|row| row.count("tries")).transpose()
    }

    /// Notes what the flow connected.
    pub async fn finish_flow(
        &self,
        tx: &mut Tx,
        flow: &Flow,
        connection: ConnectionId,
        renewed: bool,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE flows SET id_connection = $1, renewed = $2, finished_at = $3, answers = NULL \
             WHERE id_project = $4 AND id = $5",
        )
        .bind(connection)
        .bind(renewed)
        .bind(millis(Some(self.now())))
        .bind(flow.id_project)
        .bind(flow.id);
        tx.execute(sql).await.map(|_| ())
    }

    /// Ends the unfinished flows of a link whose URL was replaced or that was revoked.
    pub async fn end_flows_of(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        link: MagicLinkId,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE flows SET ended_at = $1, answers = NULL \
             WHERE id_project = $2 AND id_magic_link = $3 AND finished_at IS NULL AND ended_at IS NULL",
        )
        .bind(self.now().millis())
        .bind(project)
        .bind(link);
        tx.execute(sql).await.map(|_| ())
    }

    /// Ends the unfinished flows of a person's links, and forgets what the person has answered there.
    pub async fn erase_flows_of(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        user: LinkedUserId,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE flows SET ended_at = COALESCE(ended_at, CASE WHEN finished_at IS NULL THEN $1 END), answers = NULL \
             WHERE id_project = $2 AND id_magic_link IN (SELECT id FROM magic_links WHERE id_project = $2 \
             AND id_linked_user = $3)",
        )
        .bind(self.now().millis())
        .bind(project)
        .bind(user);
        tx.execute(sql).await.map(|_| ())
    }

    /// Why a flow may no longer end in a connection: it did already, or its link's URL was withdrawn.
    pub async fn flow_refusal(&self, tx: &mut Tx, flow: &Flow) -> Result<Option<LinkRefusal>, StoreError> {
        let sql = Sql::new("SELECT finished_at, ended_at FROM flows WHERE id_project = $1 AND id = $2")
            .bind(flow.id_project)
            .bind(flow.id);
        let Some(row) = tx.optional(sql).await? else { return Ok(Some(LinkRefusal::Expired)) };
        Ok(match (row.time_option("finished_at")?, row.time_option("ended_at")?) {
            (Some(_), _) => Some(LinkRefusal::Used),
            (None, Some(_)) => Some(LinkRefusal::Revoked),
            (None, None) => None,
        })
    }

    /// Forgets at most `most` flows made before `before`, with their states.
    pub async fn forget_flows(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM oauth_states WHERE id_flow IN (SELECT id FROM flows WHERE created_at < $1 \
             ORDER BY created_at LIMIT $2)",
        )
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await?;
        let sql = Sql::new(
            "DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE created_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM oauth_states s WHERE s.id_flow = flows.id) ORDER BY created_at LIMIT $2)",
        )
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await
    }
}
