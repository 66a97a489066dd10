//! Imports that can only make a new connection are stored in groups, whoever's they are: one transaction for all that
//! wait. What does not fit into a group goes alone; one caller's data never fails another's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::establish::{Fresh, Wanted};
use super::grant::Grant;
use super::linked_users;
use super::object::connection_object;
use crate::app::App;
use crate::idempotency::{LIFE, Repeatable};
use crate::model::{EventType, ProjectId};
use crate::store::{StoreError, Tx};
use crate::webhooks::{Draft, Publication};

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

/// An import, and who waits for its answer: the connection object, or the import again if it must go alone.
pub struct Waiting {
    import: Box<Import>,
    answer: oneshot::Sender<Result<Value, Box<Import>>>,
}

/// The answers of a group, those that must go alone left out.
pub type Answers = Vec<Option<Value>>;

/// Stores an import with others. Gives it back if it must go alone; nothing of it was stored then.
pub async fn import_in_group(
    imports: &Sender<Waiting>,
    import: Import,
) -> Result<Result<Value, Box<Import>>, StoreError> {
    let (answer, wait) = oneshot::channel();
    match imports.send(Waiting { import: Box::new(import), answer }).await {
        Ok(()) => wait.await.map_err(|_| StoreError::Busy),
        Err(refused) => Ok(Err(refused.0.import)),
    }
}

impl Waiting {
    pub fn project(&self) -> ProjectId {
        self.import.project
    }

    /// Answers whoever waits; nothing means that the import must go alone.
    pub fn answer(self, answer: Option<Value>) {
        // A caller that went away needs no answer.
        drop(self.answer.send(answer.ok_or(self.import)));
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
    group: &[Waiting],
) -> Result<Answers, StoreError> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let imports: Vec<&Import> = group.iter().map(|waiting| &*waiting.import).collect();
    let named = imports.iter().map(|it| ((it.project, it.origin_id.as_str()), it.alias.as_deref()));
    let users = linked_users::ensure(app, tx, named).await?;
    let (mut fresh, mut answers, mut kept) = (Vec::with_capacity(imports.len()), Vec::new(), Vec::new());
    for import in &imports {
        let Some(user) = users.get(&(import.project, import.origin_id.as_str())) else {
            return Err(StoreError::Corrupt("linked user"));
        };
        let wanted =
            Wanted { project: import.project, linked_user: *user, renews: None, metadata: &import.metadata };
        let it = Fresh::new(app, &wanted, &import.grant);
        let object = connection_object(&it.connection, &it.token);
        let draft = Draft::new(EventType::ConnectionCreated, Some(*user), object.clone());
        // Too large an event: alone it says so to its caller.
        if publication.add(app, import.project, draft).is_err() {
            answers.push(None);
            continue;
        }
        kept.extend(import.key.map(|key| key.record(app, CREATED, &object)));
        answers.push(Some(object));
        fresh.push(it);
    }
    let rows: Vec<_> = fresh.iter().map(Fresh::row).collect();
    app.store.add_connections(tx, &rows).await?;
    let since = app.clock.now().minus(LIFE);
    app.store.add_idempotency_records(tx, &kept, since).await?;
    Ok(answers)
}
