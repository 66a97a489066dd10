//! Single attempts that somebody asked for: they use no try and do not mind the endpoint's state.

use super::deliveries::millis_of;
use super::{Batch, Column, LEASE, Row, Sql, Store, StoreError, Tx};
use crate::model::{AttemptKind, DeliveryCause, DeliveryId, EndpointId, EventId, ProjectId, ResendId};

/// An attempt about to be asked for.
pub struct NewResend {
    pub id: ResendId,
    pub id_project: ProjectId,
    pub id_delivery: DeliveryId,
    pub id_endpoint: EndpointId,
    pub kind: AttemptKind,
}

/// An attempt that is due.
pub struct DueResend {
    pub id: ResendId,
    pub spot: (ProjectId, EndpointId),
}

/// Attempts that were taken in hand.
pub struct ClaimedResends {
    pub to_send: Vec<ClaimedResend>,
    /// Those of which nothing is left to send: the event was erased, or is gone.
    pub void: Vec<ResendId>,
}

/// An attempt that this node is to make.
#[derive(Clone, Debug)]
pub struct ClaimedResend {
    pub id: ResendId,
    pub id_project: ProjectId,
    pub id_delivery: DeliveryId,
    pub id_event: EventId,
    pub id_endpoint: EndpointId,
    pub kind: AttemptKind,
    pub tries: u32,
}

fn claimed(row: &Row) -> Result<ClaimedResend, StoreError> {
    Ok(ClaimedResend {
        id: row.parsed("id")?,
        id_project: row.parsed("id_project")?,
        id_delivery: row.parsed("id_delivery")?,
        id_event: row.parsed("id_event")?,
        id_endpoint: row.parsed("id_endpoint")?,
        kind: row.get::<String>("kind")?.parse().map_err(|()| StoreError::Corrupt("kind"))?,
        tries: row.count("tries")?,
    })
}

impl Store {
    pub async fn add_resends(
        &self,
        tx: &mut Tx,
        new: impl IntoIterator<Item = NewResend>,
    ) -> Result<(), StoreError> {
        use Column::Text;
        let (now, parameter) = self.db_now();
        let text = format!(
            "WITH new (id, id_project, id_delivery, id_endpoint, kind) AS ({{rows}}) INSERT INTO resends (id, id_project, \
             id_delivery, id_endpoint, kind, due_at, created_at) SELECT new.id, new.id_project, new.id_delivery, \
             new.id_endpoint, new.kind, {now}, {now} FROM new"
        );
        let mut batch = Batch::new(&text, &[Text, Text, Text, Text, Text]).bind(parameter);
        for it in new {
            batch.row([
                it.id.into(),
                it.id_project.into(),
                it.id_delivery.into(),
                it.id_endpoint.into(),
                it.kind.as_str().into(),
            ]);
        }
        tx.execute_batch(batch).await
    }

    /// At most `most` attempts that are due, oldest first; none to the endpoints in `busy`.
    pub async fn list_due_resends(
        &self,
        busy: &[EndpointId],
        most: u32,
    ) -> Result<Vec<DueResend>, StoreError> {
        let (now, parameter) = self.db_now();
        let text = format!("SELECT id, id_project, id_endpoint FROM resends WHERE due_at <= {now}");
        let mut sql = Sql::new(text).bind(parameter);
        if !busy.is_empty() {
            sql.push(" AND id_endpoint NOT IN ").push_list(busy.iter().copied());
        }
        sql.push(" ORDER BY due_at LIMIT ").push_bind(most);
        let rows = self.db.all(sql).await?;
        let due = |row: &Row| {
            let spot = (row.parsed("id_project")?, row.parsed("id_endpoint")?);
            Ok(DueResend { id: row.parsed("id")?, spot })
        };
        rows.iter().map(due).collect()
    }

    /// Claims those of these attempts that are still due for [`LEASE`]. The caller holds the locks of their projects.
    pub async fn claim_resends(
        &self,
        tx: &mut Tx,
        owner: &str,
        ids: &[ResendId],
    ) -> Result<ClaimedResends, StoreError> {
        let (now, parameter) = self.db_now();
        let mut sql = Sql::new(format!(
            "UPDATE resends SET lease_owner = $2, due_at = {now} + $3 WHERE due_at <= {now} AND id IN "
        ))
        .bind(parameter)
        .bind(owner)
        .bind(millis_of(LEASE));
        sql.push_list(ids.iter().copied());
        sql.push(
            " RETURNING id, id_project, id_delivery, id_endpoint, kind, \
             (SELECT id_event FROM deliveries d WHERE d.id = resends.id_delivery) AS id_event, \
             (SELECT tries FROM deliveries d WHERE d.id = resends.id_delivery) AS tries, \
             (SELECT ev.id FROM deliveries d JOIN events ev ON ev.id = d.id_event WHERE d.id = resends.id_delivery \
             AND ev.body IS NOT NULL) AS readable",
        );
        let (mut to_send, mut void) = (Vec::new(), Vec::new());
        for row in tx.all(sql).await? {
            match row.get::<Option<String>>("readable")? {
                Some(_) => to_send.push(claimed(&row)?),
                None => void.push(row.parsed("id")?),
            }
        }
        Ok(ClaimedResends { to_send, void })
    }

    /// Forgets attempts that were made.
    pub async fn finish_resends(&self, tx: &mut Tx, ids: &[ResendId]) -> Result<(), StoreError> {
        for part in ids.chunks(500) {
            let mut sql = Sql::new("DELETE FROM resends WHERE id IN ");
            sql.push_list(part.iter().copied());
            tx.execute(sql).await?;
        }
        Ok(())
    }

    /// How many attempts wait at an endpoint, or of one delivery there; counts to `most` at most.
    pub async fn count_resends(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
        delivery: Option<DeliveryId>,
        most: u32,
    ) -> Result<u32, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS number FROM (SELECT id FROM resends WHERE id_endpoint = ");
        sql.push_bind(endpoint);
        if let Some(delivery) = delivery {
            sql.push(" AND id_delivery = ").push_bind(delivery);
        }
        sql.push(" LIMIT ").push_bind(most).push(") waiting");
        tx.optional(sql).await?.ok_or(StoreError::Corrupt("count"))?.count("number")
    }

    /// Makes nothing of what was asked for at an endpoint, which is deleted: one step. Whether there may be more. A
    /// test had no other attempt to come, so it is cancelled. The caller holds the endpoint's lock.
    pub async fn forget_resends(&self, tx: &mut Tx, endpoint: EndpointId) -> Result<bool, StoreError> {
        const STEP: u32 = 500;
        let sql = Sql::new("SELECT id, id_delivery FROM resends WHERE id_endpoint = $1 LIMIT $2");
        let rows = tx.all(sql.bind(endpoint).bind(STEP)).await?;
        let (now, parameter) = self.db_now();
        let mut cancel = Sql::new(format!(
            "UPDATE deliveries SET state = 'cancelled', cause = $2, ended_at = {now} WHERE state = 'test' AND id IN "
        ))
        .bind(parameter)
        .bind(DeliveryCause::EndpointDeleted.as_str());
        let texts = |column| rows.iter().map(|row| row.get(column)).collect::<Result<Vec<String>, _>>();
        cancel.push_list(texts("id_delivery")?);
        tx.execute(cancel).await?;
        let mut forget = Sql::new("DELETE FROM resends WHERE id IN ");
        forget.push_list(texts("id")?);
        Ok(tx.execute(forget).await? == u64::from(STEP))
    }
}
