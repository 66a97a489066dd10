//! Does what transactions promised: gives grants back at their providers, in bounded tries and then a line in the log;
//! erases people, until it is done.

use std::time::Duration;

use panora_catalog::RevocationOutcome;
use tokio_util::sync::CancellationToken;

use super::client::{client_of, with_settings};
use super::erasure::{self, ERASURE};
use super::error::ConnectError;
use super::parked::{self, PARKED};
use super::provider_call::send;
use super::revoke::{REVOCATION, Revocation};
use crate::app::App;
use crate::store::{Job, StoreError};
use crate::vault::Slot;

/// Jobs at once.
const MOST: u32 = 8;
/// Tries of one job: with doubling gaps from 10 s to 1 h they last about half a day.
const TRIES: u32 = 18;
const LOOK: Duration = Duration::from_secs(1);

pub async fn run(app: App, stop: CancellationToken) {
    let owner = app.random.base62(16);
    while !stop.is_cancelled() {
        match work(&app, &owner).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(code = error.code(), "jobs could not be claimed"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.wake.jobs.notified() => {}
            () = app.clock.sleep(LOOK) => {}
        }
    }
}

/// Whether there was any work.
async fn work(app: &App, owner: &str) -> Result<bool, StoreError> {
    let jobs = app.store.claim_jobs(owner, MOST).await?;
    let some = !jobs.is_empty();
    for result in futures_util::future::join_all(jobs.iter().map(|job| finish(app, job))).await {
        result?;
    }
    Ok(some)
}

async fn finish(app: &App, job: &Job) -> Result<(), StoreError> {
    let done = match job.kind.as_str() {
        ERASURE => return erasure::go_on(app, job).await,
        PARKED => match parked::expire(app, job).await {
            Ok(()) => return Ok(()),
            Err(ConnectError::Store(error)) => return Err(error),
            Err(_) => RevocationOutcome::Refused,
        },
        REVOCATION => match app.vault.open_json(Slot::JobPayload, job.id, &job.payload) {
            Ok(revocation) => {
                let outcome = give_back(app, job, revocation).await;
                app.witness.saw_giving_back(outcome);
                outcome
            }
            Err(_) => RevocationOutcome::Refused,
        },
        _ => RevocationOutcome::Refused,
    };
    match done {
        RevocationOutcome::Done => app.store.finish_job(job.id_project, job.id).await,
        RevocationOutcome::TryLater if job.tries < TRIES => {
            app.store.postpone_job(job, gap(app, job.tries)).await
        }
        _ => {
            tracing::warn!(job = %job.id, kind = %job.kind, tries = job.tries, "given up");
            app.store.finish_job(job.id_project, job.id).await
        }
    }
}

async fn give_back(app: &App, job: &Job, it: Revocation) -> RevocationOutcome {
    let provider = app.provider(job.id_project, &it.provider_slug);
    let Some((provider, (access, refresh))) = provider.zip(it.credentials.tokens()) else {
        return RevocationOutcome::Refused;
    };
    let (project, client_id) = (job.id_project, it.client_id.as_deref());
    let client = match client_of(app, project, &provider, client_id).await {
        Ok(Some(client)) => client,
        Ok(None) => return RevocationOutcome::Refused,
        Err(_) => return RevocationOutcome::TryLater,
    };
    match app.store.is_grant_in_use(&it.grant(project, &provider)).await {
        Ok(false) => {}
        // The person has connected the account again: what would be revoked now is the new connection.
        Ok(true) => return RevocationOutcome::Done,
        Err(_) => return RevocationOutcome::TryLater,
    }
    let variables = it.credentials.variables.clone();
    let Ok(variables) = with_settings(app, project, &provider, client_id, variables).await else {
        return RevocationOutcome::TryLater;
    };
    let Ok(requests) = provider.revocation_requests(&client, &access, refresh.as_ref(), &variables) else {
        return RevocationOutcome::Refused;
    };
    let signing = provider.signing(&it.credentials.credential_with(client), &variables);
    let Ok(signing) = signing else { return RevocationOutcome::Refused };
    for mut request in requests {
        request.signing.clone_from(&signing);
        let outcome = match send(app, job.id_project, request).await {
            Ok(answer) => provider.read_revocation(answer.status, &answer.body),
            Err(_) => RevocationOutcome::TryLater,
        };
        if outcome != RevocationOutcome::Done {
            return outcome;
        }
    }
    RevocationOutcome::Done
}

/// 10 s, doubling to 1 h, each 0 to 20 % later.
fn gap(app: &App, tries: u32) -> Duration {
    let millis = 10_000_u64.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(3_600_000);
    Duration::from_millis(millis + app.random.below(millis / 5 + 1))
}
