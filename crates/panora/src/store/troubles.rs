//! What doctor remembers of a provider: failures, counted, and how long grants lived.

use super::{AppKey, Row, Sql, Store, StoreError, Tx};
use crate::model::{Connection, Time, TroublePlace};

/// Kinds of trouble that are remembered of one provider of a project; the one that was seen last longest ago goes.
const MOST_KINDS: u32 = 30;

/// A kind of failure, and how often it was met.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub place: TroublePlace,
    pub code: String,
    pub times: u32,
    pub first_at: Time,
    pub last_at: Time,
}

/// A grant that the provider ended.
#[derive(Clone, Debug)]
pub struct Loss {
    pub authorized_at: Time,
    pub lost_at: Time,
    /// The provider's error.
    pub error: String,
}

/// Who left for a provider, of those who must be back by now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Departures {
    pub left: u32,
    pub came_back: u32,
}

fn trouble(row: &Row) -> Result<Trouble, StoreError> {
    Ok(Trouble {
        place: row.get::<String>("place")?.parse().map_err(|()| StoreError::Corrupt("place"))?,
        code: row.get("code")?,
        times: row.count("times")?,
        first_at: row.time("first_at")?,
        last_at: row.time("last_at")?,
    })
}

impl Store {
    /// Counts a failure. `code` is ours, or an error code of the provider that was cleaned and cut.
    pub async fn note_trouble(
        &self,
        tx: &mut Tx,
        key: AppKey<'_>,
        place: TroublePlace,
        code: &str,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO provider_troubles (id_project, provider_slug, place, code, times, first_at, last_at) \
             VALUES ($1, $2, $3, $4, 1, $5, $5) ON CONFLICT (id_project, provider_slug, place, code) DO UPDATE SET \
             times = provider_troubles.times + 1, last_at = excluded.last_at",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(place.as_str())
        .bind(code)
        .bind(self.now().millis());
        tx.execute(sql).await?;
        let sql = Sql::new(
            "DELETE FROM provider_troubles WHERE id_project = $1 AND provider_slug = $2 AND (place, code) IN \
             (SELECT place, code FROM provider_troubles WHERE id_project = $1 AND provider_slug = $2 \
             ORDER BY last_at DESC, place, code LIMIT 100 OFFSET $3)",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(MOST_KINDS);
        tx.execute(sql).await.map(|_| ())
    }

    /// What was met since then, the most recent first.
    pub async fn list_troubles(&self, key: AppKey<'_>, since: Time) -> Result<Vec<Trouble>, StoreError> {
        let sql = Sql::new(
            "SELECT place, code, times, first_at, last_at FROM provider_troubles WHERE id_project = $1 \
             AND provider_slug = $2 AND last_at >= $3 ORDER BY last_at DESC LIMIT 100",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(since.millis());
        self.db.all(sql).await?.iter().map(trouble).collect()
    }

    /// Forgets at most `most` kinds that were last met before `before`.
    pub async fn forget_troubles(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM provider_troubles WHERE (id_project, provider_slug, place, code) IN \
             (SELECT id_project, provider_slug, place, code FROM provider_troubles WHERE last_at < $1 \
             ORDER BY last_at LIMIT $2)",
        )
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await
    }

    /// A person has granted this connection, now.
    pub async fn note_authorization(&self, tx: &mut Tx, it: &Connection) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO grant_lives (id_connection, id_project, provider_slug, authorized_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id_connection) DO UPDATE SET authorized_at = excluded.authorized_at, lost_at = NULL, error = NULL",
        )
        .bind(it.id)
        .bind(it.id_project)
        .bind(&it.provider_slug)
        .bind(self.now().millis());
        tx.execute(sql).await.map(|_| ())
    }

    /// The provider has ended it, with that error.
    pub async fn note_loss(&self, tx: &mut Tx, it: &Connection, error: &str) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE grant_lives SET lost_at = $3, error = $4 WHERE id_project = $1 AND id_connection = $2 \
             AND lost_at IS NULL",
        )
        .bind(it.id_project)
        .bind(it.id)
        .bind(self.now().millis())
        .bind(error);
        tx.execute(sql).await.map(|_| ())
    }

    /// At most a hundred losses, the most recent first.
    pub async fn list_losses(&self, key: AppKey<'_>, since: Time) -> Result<Vec<Loss>, StoreError> {
        let sql = Sql::new(
            "SELECT authorized_at, lost_at, error FROM grant_lives WHERE id_project = $1 AND provider_slug = $2 \
             AND lost_at IS NOT NULL AND lost_at >= $3 ORDER BY lost_at DESC LIMIT 100",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(since.millis());
        let loss = |row: &Row| {
            Ok(Loss {
                authorized_at: row.time("authorized_at")?,
                lost_at: row.time("lost_at")?,
                error: row.get::<Option<String>>("error")?.unwrap_or_default(),
            })
        };
        self.db.all(sql).await?.iter().map(loss).collect()
    }

    /// Forgets at most `most` losses of before `before`.
    pub async fn forget_losses(&self, before: Time, most: u32) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "DELETE FROM grant_lives WHERE id_connection IN (SELECT id_connection FROM grant_lives \
             WHERE lost_at IS NOT NULL AND lost_at < $1 ORDER BY lost_at LIMIT $2)",
        )
        .bind(before.millis())
        .bind(most);
        self.db.execute(sql).await
    }

    /// Of the last hundred who left for the provider since the one time, how many came back. Who left after the other and
    /// did not come back may still do so, and is not counted.
    pub async fn count_departures(
        &self,
        key: AppKey<'_>,
        (since, away_after): (Time, Time),
    ) -> Result<Departures, StoreError> {
        let sql = Sql::new(
            "SELECT COUNT(*) AS departed, COUNT(used_at) AS returned FROM (SELECT used_at FROM oauth_states \
             WHERE id_project = $1 AND provider_slug = $2 AND created_at >= $3 \
             AND (created_at < $4 OR used_at IS NOT NULL) ORDER BY created_at DESC LIMIT 100) newest",
        )
        .bind(key.0)
        .bind(key.1)
        .bind(since.millis())
        .bind(away_after.millis());
        let row = self.db.optional(sql).await?;
        row.map_or(Ok(Departures::default()), |row| {
            Ok(Departures { left: row.count("departed")?, came_back: row.count("returned")? })
        })
    }
}
