//! Single attempts that somebody asked for: claimed apart from the rest, at once, whatever the endpoint's state.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::look::{open, read};
use super::publish::Publication;
use super::work::{Work, send_all};
use crate::app::App;
use crate::model::ProjectId;
use crate::store::{DueResend, StoreError};

/// Claimed at a time.
const MOST: u32 = 64;

/// Whether there may be more.
pub async fn resend(app: &App) -> Result<bool, StoreError> {
    let (busy, most) = (app.lanes.busy_with_resends(), app.lanes.room_for_resends().min(MOST));
    if most == 0 {
        return Ok(false);
    }
    let due = app.store.list_due_resends(&busy, most).await?;
    let place = |it: &DueResend| Some((it.id, app.lanes.take_resend(it.spot, it.id)?));
    let mut places: BTreeMap<_, _> = due.iter().filter_map(place).collect();
    if places.is_empty() {
        return Ok(false);
    }
    let leased = Instant::now();
    let mut tx = app.store.begin().await?;
    let placed = due.iter().filter(|it| places.contains_key(&it.id));
    let projects: BTreeMap<ProjectId, u32> = placed.map(|it| (it.spot.0, 0)).collect();
    let publication = Publication::open_many(app, &mut tx, &projects).await?;
    let ids: Vec<_> = places.keys().copied().collect();
    let claimed = app.store.claim_resends(&mut tx, &app.node, &ids).await?;
    // Nothing to send: no attempt is made of it.
    app.store.finish_resends(&mut tx, &claimed.void).await?;
    let claimed = claimed.to_send;
    let events = read(app, &mut tx, claimed.iter().map(|it| it.id_event)).await?;
    tx.commit().await?;
    let bodies = open(app, events);
    let work = claimed.into_iter().filter_map(|it| {
        let recipient = publication.listener(it.id_project, it.id_endpoint)?.clone();
        let (is_about_webhooks, body) = bodies.get(&it.id_event)?.clone();
        let mut place = places.remove(&it.id)?;
        place.weigh(body.as_ref().map_or(0, Bytes::len));
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
            place,
        })
    });
    send_all(app, work.collect::<Vec<_>>());
    Ok(due.len() == most as usize)
}
