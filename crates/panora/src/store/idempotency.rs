//! Answers kept for callers that ask again with the same `Idempotency-Key`.

use super::{Batch, Column, Row, Sql, Store, StoreError, Tx};
use crate::model::{ProjectId, Time};
use crate::vault::Sealed;

#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    pub id_project: ProjectId,
    /// HMAC of method, path and key.
    pub key_mac: [u8; 32],
    /// HMAC of the request's body.
    pub request_mac: [u8; 32],
    /// A 2xx.
    pub status: u16,
    /// The answer's body, sealed.
    pub answer: Sealed,
    pub created_at: Time,
}

fn record(row: &Row) -> Result<IdempotencyRecord, StoreError> {
    let mac = |column| {
        <[u8; 32]>::try_from(row.get::<Vec<u8>>(column)?)
            .map_err(|_| StoreError::Corrupt("idempotency record"))
    };
    Ok(IdempotencyRecord {
        id_project: row.parsed("id_project")?,
        key_mac: mac("key_mac")?,
        request_mac: mac("request_mac")?,
        status: u16::try_from(row.count("status")?).map_err(|_| StoreError::Corrupt("status"))?,
        answer: Sealed(row.get("answer")?),
        created_at: row.time("created_at")?,
    })
}

impl Store {
    pub async fn lookup_idempotency_record(
        &self,
        project: ProjectId,
        key_mac: [u8; 32],
        not_before: Time,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.db.optional(by_key(project, key_mac, not_before)).await?.as_ref().map(record).transpose()
    }

    /// The same inside a transaction.
    pub async fn read_idempotency_record(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        key_mac: [u8; 32],
        not_before: Time,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        tx.optional(by_key(project, key_mac, not_before)).await?.as_ref().map(record).transpose()
    }

    /// Keeps answers, in the transaction that made them true. `Conflict` when somebody else was first with one of
    /// them; records older than `not_before` are replaced.
    pub async fn add_idempotency_records(
        &self,
        tx: &mut Tx,
        new: &[IdempotencyRecord],
        not_before: Time,
    ) -> Result<(), StoreError> {
        use Column::{Blob, Int, Text};
        let mut batch = Batch::new(
            "INSERT INTO idempotency_records (id_project, key_mac, request_mac, status, answer, created_at) {rows} \
             ON CONFLICT (id_project, key_mac) DO UPDATE SET request_mac = excluded.request_mac, \
             status = excluded.status, answer = excluded.answer, created_at = excluded.created_at \
             WHERE idempotency_records.created_at < $1 RETURNING status",
            &[Text, Blob, Blob, Int, Blob, Int],
        )
        .bind(not_before.millis());
        for it in new {
            batch.row([
                it.id_project.into(),
                it.key_mac.into(),
                it.request_mac.into(),
                u32::from(it.status).into(),
                it.answer.0.clone().into(),
                it.created_at.millis().into(),
            ]);
        }
        let written = tx.all_of_batch(batch).await?;
        if written.len() == new.len() { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Forgets at most `most` records made before `before`.
    pub async fn forget_idempotency_records(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM idempotency_records WHERE (id_project, key_mac) IN (SELECT id_project, key_mac \
             FROM idempotency_records WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await
    }
}

fn by_key(project: ProjectId, key_mac: [u8; 32], not_before: Time) -> Sql {
    Sql::new(
        "SELECT id_project, key_mac, request_mac, status, answer, created_at FROM idempotency_records \
         WHERE id_project = $1 AND key_mac = $2 AND created_at >= $3",
    )
    .bind(project)
    .bind(key_mac)
    .bind(not_before.millis())
}
