//! Single attempts that somebody asked for: claimed apart from the rest, at once, whatever the endpoint's state.

use std::collections::BTreeMap;
use std::time::Instant;

use super::look::bodies;
use super::publish::Publication;
use super::work::{Work, send_all};
use crate::app::App;
use crate::model::ProjectId;
use crate::store::StoreError;

/// Claimed at a time.
const MOST: u32 = 64;

/// Whether there may be more.
pub async fn resend(app: &App) -> Result<bool, StoreError> {
    let (busy, most) = (app.lanes.busy_with_resends(), app.lanes.room_for_resends().min(MOST));
    if most == 0 || !app.store.are_resends_due(&busy).await? {
        return Ok(false);
    }
    let leased = Instant::now();
    let mut tx = app.store.begin().await?;
    let claimed = app.store.claim_resends(&mut tx, &app.node, &busy, most).await?;
    // Nothing to send: no attempt is made of it.
    app.store.finish_resends(&mut tx, &claimed.void).await?;
    tx.commit().await?;
    let full = claimed.to_send.len() + claimed.void.len() == most as usize;
    let claimed = claimed.to_send;
    let mut tx = app.store.begin().await?;
    let projects: BTreeMap<ProjectId, u32> = claimed.iter().map(|it| (it.id_project, 0)).collect();
    let publication = Publication::open_many(app, &mut tx, &projects).await?;
    drop(tx);
    let bodies = bodies(app, claimed.iter().map(|it| it.id_event)).await?;
    let work = claimed.into_iter().filter_map(|it| {
        let recipient = publication.listener(it.id_project, it.id_endpoint)?.clone();
        let (is_about_webhooks, body) = bodies.get(&it.id_event)?.clone();
        Some(Work {
            id: it.id_delivery,
            id_project: it.id_project,
            id_event: it.id_event,
            is_about_webhooks,
            kind: it.kind,
            resend: Some(it.id),
            tries: it.tries,
            first_try_at: None,
            body,
            recipient,
            leased,
            not_before: None,
            place: app.lanes.take_resend(it.id_endpoint),
        })
    });
    send_all(app, work.collect::<Vec<_>>());
    Ok(full)
}
