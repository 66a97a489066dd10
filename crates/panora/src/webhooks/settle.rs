//! Writes what attempts came to, as many as wait in one transaction: deliveries, the log, endpoints, and the events
//! that tell of those.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::attempt::Finished;
use super::publish::Publication;
use super::verdict::{Told, Verdicts};
use crate::app::App;
use crate::model::{DeliveryId, EndpointId, Outcome, ProjectId};
use crate::store::StoreError;

/// The most results of one transaction.
const GROUP: usize = 256;

/// Settles until no attempt runs any more, which `over` says: nothing that was attempted is forgotten at shutdown.
pub async fn run(app: App, finished: &mut Receiver<Finished>, over: CancellationToken) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            count = finished.recv_many(&mut group, GROUP) => if count == 0 { return },
            () = over.cancelled() => return,
        }
        if let Err(error) = settle(&app, &group).await {
            tracing::warn!(code = error.code(), "a group of attempts could not be recorded: one by one");
            for one in &group {
                if let Err(error) = settle(&app, std::slice::from_ref(one)).await {
                    // The lease ends by itself and the delivery is sent again.
                    let (id, code) = (one.work.id, error.code());
                    tracing::error!(delivery = %id, code, "an attempt could not be recorded");
                }
            }
        }
        // Gives the places in their lanes back.
        group.clear();
    }
}

/// Most groups tell nothing, so that they need no lock of a project; one that does begins again with the locks.
async fn settle(app: &App, group: &[Finished]) -> Result<(), StoreError> {
    let none = BTreeMap::new();
    if let Err(projects) = try_settle(app, group, &none).await? {
        let again = try_settle(app, group, &projects).await?;
        if again.is_err() {
            return Err(StoreError::Busy);
        }
    }
    Ok(())
}

/// `Err` names the projects that must be locked first, with how many events each; nothing was written then.
async fn try_settle(
    app: &App,
    group: &[Finished],
    locked: &BTreeMap<ProjectId, u32>,
) -> Result<Result<(), BTreeMap<ProjectId, u32>>, StoreError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open_many(app, &mut tx, locked).await?;
    let endpoints: BTreeSet<EndpointId> = group.iter().map(|it| it.work.endpoint_id()).collect();
    let (now, endpoints) = app.store.lock_endpoints(&mut tx, &Vec::from_iter(endpoints)).await?;
    let deliveries = app.store.lock_deliveries(&mut tx, &to_read(group)).await?;
    let mut verdicts = Verdicts::new(now, endpoints, deliveries);
    for finished in group {
        verdicts.judge(finished, &app.random);
    }
    let needed = verdicts.projects();
    if needed.keys().any(|project| !locked.contains_key(project)) {
        return Ok(Err(needed));
    }
    let Told { drafts, changed } = verdicts.told();
    for (project, draft) in drafts {
        // A few ids and a URL: far below the bound.
        drop(publication.add(app, project, draft));
    }
    for (project, ids) in changed {
        app.store.mark_endpoints_changed(&mut tx, project, &ids).await?;
    }
    let (endpoints, deliveries) = verdicts.into_parts();
    app.store.save_endpoint_states(&mut tx, &endpoints).await?;
    app.store.save_deliveries(&mut tx, deliveries).await?;
    app.store.add_attempts(&mut tx, group.iter().map(|it| (it.work.id_event, it.attempt.clone()))).await?;
    let resends: Vec<_> = group.iter().filter_map(|it| it.work.resend).collect();
    app.store.finish_resends(&mut tx, &resends).await?;
    publication.commit(app, tx).await?;
    Ok(Ok(()))
}

/// The deliveries whose present state decides: those that an attempt failed, and those whose tries are another's to
/// count. A 2xx wins over any state.
fn to_read(group: &[Finished]) -> Vec<DeliveryId> {
    let read = group.iter().filter(|it| it.outcome != Outcome::Accepted || it.work.resend.is_some());
    let ids: BTreeSet<_> = read.map(|it| it.work.id).collect();
    ids.into_iter().collect()
}
