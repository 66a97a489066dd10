//! What attempts came to, as a part of one transaction: deliveries, the log, endpoints, and the events that tell of those.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::Finished;
use super::publish::Publication;
use super::verdict::{Told, Verdicts};
use crate::app::App;
use crate::model::{DeliveryId, EndpointId, Outcome, ProjectId};
use crate::store::{StoreError, Tx};

/// Writes what these attempts came to, and gives the projects whose endpoints were changed by it. `locked` are the
/// projects that the publication was opened for; `Err` names those that must be too, with how many events each:
/// nothing was written then. Without a project's lock no endpoint's is waited for, so that no two transactions that
/// hold some wait for each other.
pub async fn settle(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    group: &[Finished],
    locked: &BTreeMap<ProjectId, u32>,
) -> Result<Result<Vec<ProjectId>, BTreeMap<ProjectId, u32>>, StoreError> {
    if group.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let ids: BTreeSet<EndpointId> = group.iter().map(|it| it.work.endpoint_id()).collect();
    let ids = Vec::from_iter(ids);
    let (now, endpoints) = if locked.is_empty() {
        app.store.lock_free_endpoints(tx, &ids).await?
    } else {
        app.store.lock_endpoints(tx, &ids).await?
    };
    if locked.is_empty() && app.store.has_row_locks() && endpoints.len() < ids.len() {
        return Ok(Err(group.iter().map(|it| (it.work.id_project, 0)).collect()));
    }
    let deliveries = app.store.lock_deliveries(tx, &to_read(group)).await?;
    let mut verdicts = Verdicts::new(now, endpoints, deliveries);
    for finished in group {
        verdicts.judge(finished, &app.random);
    }
    let mut missing = verdicts.projects();
    missing.retain(|project, _| !locked.contains_key(project));
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let Told { drafts, changed } = verdicts.told();
    for (project, draft) in drafts {
        // A few ids and a URL: far below the bound.
        drop(publication.add(app, project, draft));
    }
    for (project, ids) in &changed {
        app.store.mark_endpoints_changed(tx, *project, ids).await?;
    }
    let (endpoints, deliveries) = verdicts.into_parts();
    app.store.save_endpoint_states(tx, &endpoints).await?;
    app.store.save_deliveries(tx, deliveries).await?;
    app.store.add_attempts(tx, group.iter().map(|it| (it.work.id_event, it.attempt.clone()))).await?;
    let resends: Vec<_> = group.iter().filter_map(|it| it.work.resend).collect();
    app.store.finish_resends(tx, &resends).await?;
    Ok(Ok(changed.into_keys().collect()))
}

/// The deliveries whose present state decides: those that an attempt failed, and those whose tries are another's to
/// count. A 2xx wins over any state.
fn to_read(group: &[Finished]) -> Vec<DeliveryId> {
    let read = group.iter().filter(|it| it.outcome != Outcome::Accepted || it.work.resend.is_some());
    let ids: BTreeSet<_> = read.map(|it| it.work.id).collect();
    ids.into_iter().collect()
}
