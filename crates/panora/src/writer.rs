//! What is written often is written together: one transaction for all imports that wait and all attempts that have
//! ended. Whatever makes a group fail concerns nobody else: its parts are then written apart.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::connect::import_group::{self, Waiting};
use crate::model::ProjectId;
use crate::store::StoreError;
use crate::webhooks::{Finished, Publication, settle};

/// The most imports of one transaction, and the most attempts.
const IMPORTS: usize = 128;
const RESULTS: usize = 256;
/// How long attempts wait for more: nobody waits for their record.
const PATIENCE: Duration = Duration::from_millis(2);

/// Where imports and attempts come from.
pub struct Queues {
    pub imports: Receiver<Waiting>,
    pub results: Receiver<Finished>,
}

#[derive(Default)]
struct Group {
    imports: Vec<Waiting>,
    results: Vec<Finished>,
}

/// Writes until told that nothing more comes, and what waits then.
pub async fn run(app: App, mut queues: Queues, over: CancellationToken) {
    let mut group = Group::default();
    while group.fill(&mut queues, &over).await {
        let answers = write(&app, &group).await.unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), "a group could not be written: its parts are written apart");
            if matches!(error, StoreError::Unconfirmed(_)) {
                // They may be there, and must not come twice: their callers are told that this went wrong.
                group.imports.clear();
            }
            vec![None; group.imports.len()]
        });
        for (waiting, answer) in group.imports.drain(..).zip(answers) {
            waiting.answer(answer);
        }
        // Gives the places in their lanes back: those that have room now are looked at.
        group.results.clear();
        if app.lanes.are_any_wanted() {
            app.wake.deliveries.notify_one();
        }
    }
}

impl Group {
    /// Takes in what waits; false once it is over and nothing waits.
    async fn fill(&mut self, queues: &mut Queues, over: &CancellationToken) -> bool {
        let Queues { imports, results } = queues;
        tokio::select! {
            biased;
            _ = imports.recv_many(&mut self.imports, IMPORTS) => {}
            _ = results.recv_many(&mut self.results, RESULTS) => {
                // An import that comes meanwhile is written at once.
                let until = Instant::now() + PATIENCE;
                while self.results.len() < RESULTS {
                    let room = RESULTS - self.results.len();
                    tokio::select! {
                        biased;
                        _ = imports.recv_many(&mut self.imports, IMPORTS) => break,
                        _ = results.recv_many(&mut self.results, room), if !over.is_cancelled() => {}
                        () = tokio::time::sleep_until(until) => break,
                    }
                }
            }
            () = over.cancelled() => return false,
        }
        // What is being asked for at this moment comes along.
        tokio::task::yield_now().await;
        self.take(queues);
        true
    }

    fn take(&mut self, queues: &mut Queues) {
        while self.imports.len() < IMPORTS
            && let Ok(import) = queues.imports.try_recv()
        {
            self.imports.push(import);
        }
        while self.results.len() < RESULTS
            && let Ok(finished) = queues.results.try_recv()
        {
            self.results.push(finished);
        }
    }
}

/// Writes a group, and if it cannot be written its attempts one by one; the imports then go alone.
async fn write(app: &App, group: &Group) -> Result<Vec<Option<Value>>, StoreError> {
    let written = together(app, &group.imports, &group.results).await;
    if written.is_err() {
        for one in &group.results {
            if let Err(error) = together(app, &[], std::slice::from_ref(one)).await {
                // The lease ends by itself and the delivery is sent again.
                let (id, code) = (one.work.id, error.code());
                tracing::error!(delivery = %id, code, "an attempt could not be recorded");
            }
        }
    }
    written
}

/// Attempts mostly tell nothing, so that they need no lock of a project; if they do, the transaction begins again
/// with those locks.
async fn together(
    app: &App,
    imports: &[Waiting],
    results: &[Finished],
) -> Result<Vec<Option<Value>>, StoreError> {
    let mut locks = import_group::projects(imports);
    for _ in 0..3 {
        match try_together(app, imports, results, &locks).await? {
            Ok(answers) => return Ok(answers),
            Err(missing) => {
                for (project, events) in missing {
                    *locks.entry(project).or_default() += events;
                }
            }
        }
    }
    Err(StoreError::Busy)
}

type Locks = BTreeMap<ProjectId, u32>;

async fn try_together(
    app: &App,
    imports: &[Waiting],
    results: &[Finished],
    locks: &Locks,
) -> Result<Result<Vec<Option<Value>>, Locks>, StoreError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open_many(app, &mut tx, locks).await?;
    // First, since it may find that locks are missing.
    let changed = match settle::settle(app, &mut tx, &mut publication, results, locks).await? {
        Ok(changed) => changed,
        Err(missing) => return Ok(Err(missing)),
    };
    let answers = import_group::store(app, &mut tx, &mut publication, imports).await?;
    publication.commit(app, tx).await?;
    app.listeners.refresh_if_possible(app, changed).await;
    Ok(Ok(answers))
}
