//! Erasing what was told of a person: in small steps, at once, and where that is too much or is broken off by a durable
//! job of the transaction that forgot the person.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::model::JobId;
use crate::store::{Erasure, Job, NewJob, StoreError, Tx};
use crate::vault::Slot;

pub const ERASURE: &str = "erase_person";

/// How long whoever forgets a person waits for the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a job goes on before others have their turn.
const TURN: Duration = Duration::from_secs(2);
/// Calls of a step.
const REQUESTS: u32 = 500;
/// A job that cannot be read is looked at again, by a node with all keys.
const UNREADABLE: Duration = Duration::from_mins(10);

/// Promises it. Until [`erase_now`] has lost its patience the job need not begin.
pub async fn promise(app: &App, tx: &mut Tx, erasure: &Erasure) -> Result<JobId, StoreError> {
    let id = JobId::new(&app.clock, &app.random);
    let payload = app.vault.seal_json(Slot::JobPayload, id, erasure);
    let project = erasure.id_project;
    let job = NewJob { id, id_project: project, kind: ERASURE, payload: &payload, due_in: PATIENCE };
    app.store.add_job(tx, &job).await.map(|()| id)
}

/// Erases what can be erased within [`PATIENCE`]; the job does the rest.
pub async fn erase_now(app: &App, job: JobId, erasure: Erasure) {
    let project = erasure.id_project;
    let done = match erase(app, erasure, PATIENCE).await {
        Ok(None) => app.store.finish_job(project, job).await,
        Ok(Some(_)) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::warn!(code = error.code(), %job, "a person is erased a little later");
    }
}

/// Goes on with a job for its turn. It is never given up.
pub async fn go_on(app: &App, job: &Job) -> Result<(), StoreError> {
    let Ok(erasure) = app.vault.open_json::<Erasure>(Slot::JobPayload, job.id, &job.payload) else {
        tracing::error!(job = %job.id, "a person cannot be erased: the job cannot be opened");
        return app.store.postpone_job(job, UNREADABLE).await;
    };
    match erase(app, erasure, TURN).await? {
        None => app.store.finish_job(job.id_project, job.id).await,
        Some(left) => {
            let payload = app.vault.seal_json(Slot::JobPayload, job.id, &left);
            app.store.continue_job(job, &payload).await
        }
    }
}

/// Makes steps for so long; what is left then.
async fn erase(app: &App, mut erasure: Erasure, patience: Duration) -> Result<Option<Erasure>, StoreError> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let step = Instant::now();
        match erase_step(app, erasure).await? {
            None => return Ok(None),
            Some(left) => erasure = left,
        }
        // Others publish and settle meanwhile.
        tokio::time::sleep(step.elapsed()).await;
    }
    Ok(Some(erasure))
}

async fn erase_step(app: &App, erasure: Erasure) -> Result<Option<Erasure>, StoreError> {
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, erasure.id_project).await?;
    let left = app.store.erase_events(&mut tx, erasure, app.clock.now()).await?;
    tx.commit().await?;
    // What is in hand of it is given back.
    app.listeners.refresh_if_possible(app, [erasure.id_project]).await;
    match left {
        Some(left) => Ok(Some(left)),
        None => erase_requests(app, erasure).await,
    }
}

/// Forgets what was called with the person's connections: a path may tell of people. Of the events nothing is left to
/// do then; they are looked at again until this is done, too.
async fn erase_requests(app: &App, erasure: Erasure) -> Result<Option<Erasure>, StoreError> {
    let gone = app.store.erase_requests_of(erasure.id_project, erasure.id_linked_user, REQUESTS).await?;
    Ok((gone == u64::from(REQUESTS)).then_some(erasure))
}
