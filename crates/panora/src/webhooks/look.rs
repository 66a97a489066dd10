//! Looks at endpoints whose deliveries may be due, and claims what is to be sent now. One transaction for many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::Bytes;

use super::lanes::{Place, Released};
use super::notices::draft_of;
use super::publish::Publication;
use super::verdict::Word;
use super::work::{Work, send_all};
use crate::app::App;
use crate::model::{AttemptKind, EndpointId, EndpointStatus, EventId, Plan, ProjectId, Time};
use crate::store::{Claim, ClaimedDelivery, EndpointStanding, LEASE, NEVER, StoreError, StoredEvent, Tx};
use crate::vault::Slot;

/// Endpoints of one transaction.
const ENDPOINTS: u32 = 64;
/// How soon a drain is looked at again, and a lane that was full.
const DRAIN_LOOK: std::time::Duration = std::time::Duration::from_millis(250);
const FULL_LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// A delivery that was claimed, and how it is to be sent.
struct ToSend {
    delivery: ClaimedDelivery,
    kind: AttemptKind,
    not_before: Option<Instant>,
    place: Place,
}

impl ToSend {
    /// None if this node has it in hand already. Asked within the claim's transaction: an attempt that ends meanwhile
    /// gives its place back only when it is recorded, and what is recorded cannot be claimed.
    fn new(app: &App, delivery: ClaimedDelivery, kind: AttemptKind) -> Option<Self> {
        let place = app.lanes.take((delivery.id_project, delivery.id_endpoint), delivery.id)?;
        Some(Self { delivery, kind, not_before: None, place })
    }
}

/// Whether there may be more to look at now.
pub async fn look(app: &App) -> Result<bool, StoreError> {
    let mut due = app.store.list_endpoints_to_look_at(&app.node, ENDPOINTS).await?;
    let more = due.len() == ENDPOINTS as usize;
    due.extend(app.lanes.take_wanted(ENDPOINTS as usize));
    due.sort_unstable();
    due.dedup();
    if due.is_empty() {
        return Ok(false);
    }
    let claimed = claim_all(app, &due).await;
    if claimed.is_err() {
        // What was noted of claims that are void.
        for (_, id) in due {
            app.lanes.forget_released(id);
        }
    }
    claimed.map(|()| more)
}

/// Looks at these endpoints in one transaction, and begins to send what it claimed.
async fn claim_all(app: &App, due: &[(ProjectId, EndpointId)]) -> Result<(), StoreError> {
    let leased = Instant::now();
    let mut tx = app.store.begin().await?;
    let projects: BTreeMap<ProjectId, u32> = due.iter().map(|(project, _)| (*project, 0)).collect();
    let mut publication = Publication::open_many(app, &mut tx, &projects).await?;
    let ids: Vec<_> = due.iter().map(|(_, id)| *id).collect();
    let (now, standings) = app.store.lock_endpoints(&mut tx, &ids).await?;
    let (mut to_send, mut looked, mut changed) = (Vec::new(), Vec::new(), BTreeSet::new());
    for mut endpoint in standings {
        if lease(app, &mut endpoint, now) {
            let before = endpoint.state.status;
            to_send.extend(look_at(app, &mut tx, &mut publication, &mut endpoint, now).await?);
            if endpoint.state.status != before {
                app.store.mark_endpoints_changed(&mut tx, endpoint.id_project, &[endpoint.id]).await?;
                changed.insert(endpoint.id_project);
            }
            looked.push(endpoint);
        }
    }
    app.store.save_endpoint_states(&mut tx, &looked).await?;
    let recipients: BTreeMap<_, _> = to_send
        .iter()
        .filter_map(|it| publication.listener(it.delivery.id_project, it.delivery.id_endpoint))
        .map(|it| (it.endpoint.id, it.clone()))
        .collect();
    let events = read(app, &mut tx, to_send.iter().map(|it| it.delivery.id_event)).await?;
    publication.commit(app, tx).await?;
    app.listeners.refresh_if_possible(app, changed).await;
    send(app, to_send, &open(app, events), &recipients, leased);
    Ok(())
}

/// Takes the endpoint for this node alone where only one may send to it; false where another does.
fn lease(app: &App, endpoint: &mut EndpointStanding, now: Time) -> bool {
    if let Some((owner, until)) = &endpoint.lease
        && *owner != app.node
        && *until > now
        && endpoint.is_leased_out(now)
    {
        return false;
    }
    let sends = endpoint.is_leased_out(now) && endpoint.state.status != EndpointStatus::Inactive;
    endpoint.lease = sends.then(|| (app.node.clone(), now.plus(LEASE)));
    true
}

async fn look_at(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    endpoint: &mut EndpointStanding,
    now: Time,
) -> Result<Vec<ToSend>, StoreError> {
    if endpoint.deleted {
        // Cancelled step by step, see `discard`.
        app.lanes.forget_released(endpoint.id);
        return Ok(Vec::new());
    }
    let (plan, mut notice) = endpoint.state.plan(endpoint.rate_limit, now);
    let claimed = match plan {
        Plan::Rest => {
            app.lanes.forget_released(endpoint.id);
            endpoint.look_at = NEVER;
            Vec::new()
        }
        Plan::Wait(at) => {
            endpoint.look_at = at;
            Vec::new()
        }
        Plan::Probe => probe(app, tx, endpoint, now).await?,
        Plan::Send(rate) => {
            let room = app.lanes.room(endpoint.id, rate);
            let claimed = claim(app, tx, endpoint, (rate, room), now).await?;
            let draining = endpoint.state.status == EndpointStatus::Draining;
            // Without room nothing was looked for, so that finding nothing says nothing.
            let nothing_due = room > 0 && claimed.is_empty() && endpoint.look_at > now;
            if draining && nothing_due && app.lanes.is_empty(endpoint.id) {
                notice = endpoint.state.drained();
            } else if draining {
                endpoint.look_at = endpoint.look_at.min(now.plus(DRAIN_LOOK));
            }
            claimed
        }
    };
    if let Some(notice) = notice {
        let (project, draft) = draft_of(endpoint, &Word::Endpoint(notice), now, None);
        // A few ids and a URL: far below the bound.
        drop(publication.add(app, project, draft));
    }
    Ok(claimed)
}

/// One delivery, to see whether a held endpoint works again. With none waiting the next event is the probe.
async fn probe(
    app: &App,
    tx: &mut Tx,
    endpoint: &mut EndpointStanding,
    now: Time,
) -> Result<Vec<ToSend>, StoreError> {
    let place = (endpoint.id, endpoint.state.release);
    let claimed = app.store.claim_deliveries(tx, &app.node, place, Claim::Probe, 1).await?;
    if claimed.is_empty() {
        // What is open is being sent: should nobody record that, it is due again when its lease ends.
        endpoint.look_at = app.store.next_due(tx, endpoint.id).await?.unwrap_or(NEVER);
    } else {
        // Its end decides when the next one goes; should nobody record that, the lease's end does.
        endpoint.state.not_before = now.plus(LEASE);
        endpoint.look_at = endpoint.state.not_before;
    }
    let to_send = |delivery| ToSend::new(app, delivery, AttemptKind::Probe);
    Ok(claimed.into_iter().filter_map(to_send).collect())
}

/// What is due and has room: first what a release let go, oldest first, then the rest.
async fn claim(
    app: &App,
    tx: &mut Tx,
    endpoint: &mut EndpointStanding,
    (rate, room): (Option<u32>, u32),
    now: Time,
) -> Result<Vec<ToSend>, StoreError> {
    if room == 0 {
        app.lanes.want(endpoint.id);
        endpoint.look_at = now.plus(if rate.is_some() { DRAIN_LOOK } else { FULL_LOOK });
        return Ok(Vec::new());
    }
    let mut claimed = claim_released(app, tx, endpoint, room).await?;
    let left = room.saturating_sub(u32::try_from(claimed.len()).unwrap_or(room));
    let place = (endpoint.id, endpoint.state.release);
    if left > 0 {
        claimed.extend(app.store.claim_deliveries(tx, &app.node, place, Claim::Due, left).await?);
    }
    if claimed.len() == room as usize {
        app.lanes.want(endpoint.id);
        endpoint.look_at = now.plus(if rate.is_some() { DRAIN_LOOK } else { FULL_LOOK });
    } else {
        let next = app.store.next_due(tx, endpoint.id).await?;
        if next.is_none() {
            app.lanes.forget_released(endpoint.id);
        }
        endpoint.look_at = next.unwrap_or(NEVER);
    }
    let paced = |delivery| {
        let mut it = ToSend::new(app, delivery, AttemptKind::Try)?;
        it.not_before = rate.map(|rate| app.lanes.pace((endpoint.id_project, endpoint.id), rate));
        Some(it)
    };
    Ok(claimed.into_iter().filter_map(paced).collect())
}

async fn claim_released(
    app: &App,
    tx: &mut Tx,
    endpoint: &EndpointStanding,
    room: u32,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let (id, release) = (endpoint.id, endpoint.state.release);
    let after = match app.lanes.released(id, release) {
        Some(Released::All) => return Ok(Vec::new()),
        Some(Released::After(last)) => Some(last),
        None if release == 0 => return Ok(Vec::new()),
        None => None,
    };
    let claim = Claim::Released(after);
    let claimed = app.store.claim_deliveries(tx, &app.node, (id, release), claim, room).await?;
    let far = match claimed.last() {
        Some(last) if claimed.len() == room as usize => Released::After(last.id),
        _ => Released::All,
    };
    app.lanes.note_released((endpoint.id_project, id), release, far);
    Ok(claimed)
}

type Recipients = BTreeMap<EndpointId, std::sync::Arc<super::recipient::Recipient>>;

/// Adds to claimed deliveries what sending takes, and begins.
fn send(app: &App, to_send: Vec<ToSend>, bodies: &Bodies, recipients: &Recipients, leased: Instant) {
    let work = to_send.into_iter().filter_map(|mut it| {
        let (is_about_webhooks, body) = bodies.get(&it.delivery.id_event)?.clone();
        let recipient = recipients.get(&it.delivery.id_endpoint)?.clone();
        it.place.weigh(body.as_ref().map_or(0, Bytes::len));
        Some(Work {
            id: it.delivery.id,
            id_project: it.delivery.id_project,
            id_event: it.delivery.id_event,
            is_about_webhooks,
            kind: it.kind,
            resend: None,
            tries: it.delivery.tries,
            first_try_at: it.delivery.first_try_at,
            body,
            recipient,
            leased,
            not_before: it.not_before,
            place: it.place,
        })
    });
    send_all(app, work.collect::<Vec<_>>());
}

/// Whether an event tells of endpoints, and its body; none where it cannot be opened.
pub(super) type Bodies = BTreeMap<EventId, (bool, Option<Bytes>)>;

/// Those events that were not erased: of the others nothing is sent. Read in the transaction that claims them, so that
/// nothing is claimed that then cannot be read.
pub(super) async fn read(
    app: &App,
    tx: &mut Tx,
    events: impl Iterator<Item = EventId>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut ids: Vec<_> = events.collect();
    ids.sort_unstable();
    ids.dedup();
    app.store.read_events(tx, &ids).await
}

pub(super) fn open(app: &App, events: Vec<StoredEvent>) -> Bodies {
    let opened = events.into_iter().filter_map(|event| {
        let opened = app.vault.open(Slot::EventBody, event.id, event.body.as_ref()?);
        let tell = |error: &_| tracing::error!(event = %event.id, %error, "an event cannot be opened");
        let body = opened.inspect_err(tell).ok();
        Some((event.id, (event.is_about_webhooks, body.map(Bytes::from))))
    });
    opened.collect()
}
