//! What is written often is written together: one transaction for all imports that wait and all attempts that have
//! ended. Whatever makes a group fail concerns nobody else: its parts are then written apart.

use std::collections::BTreeMap;
use std::time::Duration;

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
/// The most deliveries that the imports of one transaction may come to, unless one alone has more.
const DELIVERIES: usize = 20_000;
/// How long attempts wait for more: nobody waits for their record.
const PATIENCE: Duration = Duration::from_millis(2);
/// How soon attempts that could not be recorded are tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Where imports and attempts come from.
pub struct Queues {
    pub imports: Receiver<Waiting>,
    pub results: Receiver<Finished>,
}

#[derive(Default)]
struct Group {
    imports: Vec<Waiting>,
    /// Those that could not be recorded before are the first.
    results: Vec<Finished>,
    /// When attempts are tried again that could not be recorded: none but imports are taken in until then.
    again: Option<Instant>,
}

/// Writes until told that nothing more comes, and what waits then.
pub async fn run(app: App, mut queues: Queues, over: CancellationToken) {
    let mut group = Group::default();
    while group.fill(&mut queues, &over).await {
        group.write(&app).await;
        // Places in lanes were given back: those that have room now are looked at.
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
            () = std::future::ready(()), if !self.imports.is_empty() => {}
            _ = imports.recv_many(&mut self.imports, IMPORTS) => {}
            () = tokio::time::sleep_until(self.again.unwrap_or_else(Instant::now)), if self.again.is_some() => {}
            _ = results.recv_many(&mut self.results, RESULTS), if self.again.is_none() => {
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
            () = over.cancelled(), if self.again.is_none() => return false,
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
        while self.again.is_none()
            && self.results.len() < RESULTS
            && let Ok(finished) = queues.results.try_recv()
        {
            self.results.push(finished);
        }
    }

    /// Writes what there is, and answers the imports first. Of a group that cannot be written the imports go alone, and
    /// the attempts one by one.
    async fn write(&mut self, app: &App) {
        let mut imports = std::mem::take(&mut self.imports);
        self.imports = imports.split_off(bounded(app, &imports));
        let due = self.again.is_none_or(|at| at <= Instant::now());
        let with = if due { self.with_imports(app, &imports) } else { 0 };
        let written = together(app, &mut imports, &self.results[..with]).await;
        if let Err(error) = &written {
            tracing::warn!(code = error.code(), "a group could not be written: its parts are written apart");
            if matches!(error, StoreError::Unconfirmed(_)) {
                // They may be there, and must not come twice: their callers are told that this went wrong.
                imports.clear();
            }
        }
        let failed = written.is_err();
        for waiting in imports {
            waiting.answer(!failed);
        }
        if due {
            let left = self.results.split_off(if failed { 0 } else { with });
            self.results.clear();
            self.record(app, left).await;
        }
    }

    /// How many of the attempts may be written with these imports. Whoever holds an endpoint's lock without its
    /// project's must wait for no other's, so that no two wait for each other: such attempts go by themselves.
    fn with_imports(&mut self, app: &App, imports: &[Waiting]) -> usize {
        if imports.is_empty() || !app.store.has_row_locks() {
            return self.results.len();
        }
        let locked = import_group::projects(imports);
        self.results.sort_by_key(|it| !locked.contains_key(&it.work.id_project));
        self.results.partition_point(|it| locked.contains_key(&it.work.id_project))
    }

    /// Records attempts together, or one by one. What the database does not take now is kept for as long as nobody else
    /// may send it.
    async fn record(&mut self, app: &App, attempts: Vec<Finished>) {
        self.again = None;
        if together(app, &mut [], &attempts).await.is_ok() {
            return;
        }
        let mut out = false;
        for one in attempts {
            let error =
                if out { None } else { together(app, &mut [], std::slice::from_ref(&one)).await.err() };
            match error {
                // It is there: what was written was only not confirmed.
                Some(StoreError::Conflict) => continue,
                Some(error) if one.work.may_be_sent_by_others() => {
                    let (id, code) = (one.work.id, error.code());
                    tracing::error!(delivery = %id, code, "an attempt could not be recorded");
                    continue;
                }
                Some(error) => out = error.is_outage(),
                None if !out => continue,
                None => {}
            }
            self.results.push(one);
            self.again = Some(Instant::now() + AGAIN);
        }
        if self.again.is_some() {
            tracing::warn!(attempts = self.results.len(), "attempts wait to be recorded");
        }
    }
}

/// How many of these imports are written at once: each comes to a delivery for each endpoint that listens.
fn bounded(app: &App, imports: &[Waiting]) -> usize {
    let mut deliveries = 0;
    let fits = imports.iter().take_while(|waiting| {
        let first = deliveries == 0;
        deliveries += app.listeners.count(waiting.project()).max(1);
        first || deliveries <= DELIVERIES
    });
    fits.count()
}

/// Attempts mostly tell nothing, so that they need no lock of a project; if they do, the transaction begins again
/// with those locks.
async fn together(app: &App, imports: &mut [Waiting], results: &[Finished]) -> Result<(), StoreError> {
    if imports.is_empty() && results.is_empty() {
        return Ok(());
    }
    let mut locks = import_group::projects(imports);
    for _ in 0..3 {
        match try_together(app, imports, results, &locks).await? {
            Ok(()) => return Ok(()),
            Err(missing) => {
                for (project, events) in missing {
                    *locks.entry(project).or_default() += events;
                }
                // Events go to endpoints whose locks follow: see `with_imports`.
                for it in results {
                    locks.entry(it.work.id_project).or_default();
                }
            }
        }
    }
    Err(StoreError::Busy)
}

type Locks = BTreeMap<ProjectId, u32>;

async fn try_together(
    app: &App,
    imports: &mut [Waiting],
    results: &[Finished],
    locks: &Locks,
) -> Result<Result<(), Locks>, StoreError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open_many(app, &mut tx, locks).await?;
    // First, since it may find that locks are missing.
    let changed = match settle::settle(app, &mut tx, &mut publication, results, locks).await? {
        Ok(changed) => changed,
        Err(missing) => return Ok(Err(missing)),
    };
    import_group::store(app, &mut tx, &mut publication, imports).await?;
    publication.commit_here(app, tx).await?;
    app.listeners.refresh_if_possible(app, changed).await;
    Ok(Ok(()))
}
