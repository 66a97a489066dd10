//! Imports that can only make a new connection are stored in groups, whoever's they are: one transaction for all that
//! wait. What does not fit into a group goes alone; one caller's data never fails another's.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::establish::Wanted;
use super::fresh::Fresh;
use super::grant::Grant;
use super::linked_users::{self, Named};
use crate::app::App;
use crate::idempotency::{LIFE, Repeatable};
use crate::model::{LinkedUserId, ProjectId};
use crate::store::{StoreError, Tx};
use crate::webhooks::Publication;

/// The status of an answer about what is new.
const CREATED: u16 = 201;

/// An import of which the connection will be new.
pub struct Import {
    pub project: ProjectId,
    pub origin_id: String,
    pub alias: Option<String>,
    pub metadata: Map<String, Value>,
    pub grant: Grant,
    pub key: Option<Repeatable>,
}

/// An import with the connection that it will be, and who waits for its answer: the connection object as JSON, or the
/// import again if it must go alone.
pub struct Waiting {
    import: Box<Import>,
    /// Of a new person with that id, until it is known that there is one already.
    fresh: Box<Fresh>,
    id_if_new: LinkedUserId,
    answer: oneshot::Sender<Result<Bytes, Box<Import>>>,
}

/// Stores an import with others. Gives it back if it must go alone; nothing of it was stored then.
pub async fn import_in_group(app: &App, import: Import) -> Result<Result<Bytes, Box<Import>>, StoreError> {
    let import = Box::new(import);
    let id_if_new = LinkedUserId::new(&app.clock, &app.random);
    let wanted =
        Wanted { project: import.project, linked_user: id_if_new, renews: None, metadata: &import.metadata };
    // Before it waits, so that the group does no more than what needs the transaction.
    let Ok(fresh) = Fresh::new(app, &wanted, &import.grant) else {
        // Too large an event: alone it says so to its caller.
        return Ok(Err(import));
    };
    let (answer, wait) = oneshot::channel();
    match app.imports.send(Waiting { import, fresh: Box::new(fresh), id_if_new, answer }).await {
        Ok(()) => wait.await.map_err(|_| StoreError::Busy),
        Err(refused) => Ok(Err(refused.0.import)),
    }
}

impl Waiting {
    pub fn project(&self) -> ProjectId {
        self.import.project
    }

    /// Answers whoever waits. What was not stored must go alone.
    pub fn answer(self, stored: bool) {
        // A caller that went away needs no answer.
        drop(self.answer.send(if stored { Ok(self.fresh.event.data()) } else { Err(self.import) }));
    }
}

/// The projects that a group is for, with how many events each.
pub fn projects(group: &[Waiting]) -> BTreeMap<ProjectId, u32> {
    let mut counts = BTreeMap::new();
    for waiting in group {
        *counts.entry(waiting.import.project).or_default() += 1;
    }
    counts
}

/// Stores a group in a transaction whose publication is open for its [`projects`].
pub async fn store(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    group: &mut [Waiting],
) -> Result<(), StoreError> {
    if group.is_empty() {
        return Ok(());
    }
    give_to_people(app, tx, group).await?;
    let (mut rows, mut kept) = (Vec::with_capacity(group.len()), Vec::new());
    for Waiting { import, fresh, .. } in &*group {
        publication.add_written(app, &fresh.event);
        kept.extend(import.key.map(|key| key.record(app, CREATED, &fresh.event.data())));
        rows.push(fresh.row());
    }
    app.store.add_connections(tx, &rows).await?;
    let since = app.clock.now().minus(LIFE);
    app.store.add_idempotency_records(tx, &kept, since).await
}

/// Finds or makes the people, and corrects what was made for a person who is not new.
async fn give_to_people(app: &App, tx: &mut Tx, group: &mut [Waiting]) -> Result<(), StoreError> {
    let named = group.iter().map(|Waiting { import, id_if_new, .. }| Named {
        name: (import.project, &import.origin_id),
        alias: import.alias.as_deref(),
        id_if_new: *id_if_new,
    });
    let users = linked_users::ensure(app, tx, named).await?;
    let name = |it: &Waiting| users.get(&(it.import.project, it.import.origin_id.as_str())).copied();
    let owners: Option<Vec<_>> = group.iter().map(name).collect();
    for (waiting, owner) in group.iter_mut().zip(owners.ok_or(StoreError::Corrupt("linked user"))?) {
        // All ids are of one length, so it fits as it did.
        waiting.fresh.give_to(app, owner).map_err(|_| StoreError::Corrupt("event"))?;
    }
    Ok(())
}
