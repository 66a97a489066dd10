//! Keeps alive what nobody uses: refreshes credentials that are due, a few of a provider at a time, and tries again
//! what was interrupted or lost.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{RefreshError, open, renewed_credentials};
use crate::app::App;
use crate::connect::error::ConnectError;
use crate::store::{DueRefresh, StoreError};

/// Connections of one claim; those for which it is not their provider's turn come due again in a minute.
const CLAIM: u32 = 256;
/// Of one provider, in a claim and at once.
const OF_PROVIDER: usize = 16;
const AT_ONCE: usize = 4;
const LOOK: Duration = Duration::from_secs(5);
/// Nodes that began together drift apart.
const SPREAD: u64 = 1000;

pub async fn run(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match keep(&app, &stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(code = error.code(), "due credentials could not be claimed"),
        }
        let wait = LOOK + Duration::from_millis(app.random.below(SPREAD));
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.clock.sleep(wait) => {}
        }
    }
}

/// Whether there may be more.
async fn keep(app: &App, stop: &CancellationToken) -> Result<bool, StoreError> {
    let due = app.store.claim_due_refreshes(CLAIM).await?;
    let full = due.len() == CLAIM as usize;
    let mut providers: BTreeMap<String, Vec<DueRefresh>> = BTreeMap::new();
    for it in due {
        providers.entry(it.provider_slug.clone()).or_default().push(it);
    }
    join_all(providers.into_values().map(|some| keep_some(app, stop, some))).await;
    Ok(full)
}

/// Connections of one provider. Once it has trouble the others wait for their next turn.
async fn keep_some(app: &App, stop: &CancellationToken, mut some: Vec<DueRefresh>) {
    some.truncate(OF_PROVIDER);
    for few in some.chunks(AT_ONCE) {
        let kept = join_all(few.iter().map(|it| keep_one(app, it))).await;
        if stop.is_cancelled() || kept.contains(&Kept::Trouble) {
            return;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Kept {
    Done,
    Trouble,
}

async fn keep_one(app: &App, it: &DueRefresh) -> Kept {
    match try_keep(app, it).await {
        Ok(()) | Err(RefreshError::NeedsReauth | RefreshError::Revoked) => Kept::Done,
        Err(RefreshError::TryLater(_)) => Kept::Trouble,
        Err(RefreshError::Connect(error)) => {
            tracing::warn!(connection = %it.id, %error, "credentials could not be kept alive");
            Kept::Trouble
        }
    }
}

async fn try_keep(app: &App, it: &DueRefresh) -> Result<(), RefreshError> {
    let stored = app.store.lookup_connection(it.id_project, it.id).await.map_err(ConnectError::from)?;
    let stored = stored.ok_or(RefreshError::Revoked)?;
    if open(app, &stored)?.can_refresh() {
        renewed_credentials(app, &stored).await.map(drop)
    } else {
        Ok(app.store.stop_refreshing(&stored).await.map_err(ConnectError::from)?)
    }
}
