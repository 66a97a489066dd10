//! Publishing: events and their deliveries, in the transaction of what they tell. What can be sent at once is leased to
//! this node as it is written, and handed over after the commit without reading it back.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use super::listeners::Listeners;
use super::recipient::Recipient;
use super::work::{Work, send_all};
use crate::app::App;
use crate::model::{
    AttemptKind, DeliveryId, DeliveryState, EndpointId, EndpointStatus, EventHead, EventId, EventType,
    LinkedUserId, ProjectId, Time,
};
use crate::store::{LookAt, NewDelivery, NewEvent, StoreError, TakenPositions, Tx};
use crate::vault::{Sealed, Slot};

/// The most bytes of an event's canonical body.
pub(super) const MAX_BODY: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("an event's body would exceed 64 KiB")]
pub struct TooLarge;

/// A fact to tell.
pub struct Draft {
    pub kind: EventType,
    /// Whom it is about.
    pub id_linked_user: Option<LinkedUserId>,
    /// The endpoint that it is about, which does not get it.
    pub about_endpoint: Option<EndpointId>,
    pub data: Value,
}

/// An event with its body, before it is published: what can be done without a transaction.
pub struct Written {
    id: EventId,
    id_project: ProjectId,
    kind: EventType,
    id_linked_user: Option<LinkedUserId>,
    about_endpoint: Option<EndpointId>,
    created_at: Time,
    body: Bytes,
    /// Where the data stands in the body.
    data: Range<usize>,
    sealed: Sealed,
}

impl Draft {
    /// A fact about a person, or about nobody.
    pub const fn new(kind: EventType, id_linked_user: Option<LinkedUserId>, data: Value) -> Self {
        Self { kind, id_linked_user, about_endpoint: None, data }
    }

    /// Writes it out as an event of now.
    pub fn written(self, app: &App, project: ProjectId) -> Result<Written, TooLarge> {
        let data = panora_signature::canonical_json(&self.data);
        let event = Written::new(app, project, (self.kind, self.id_linked_user), &data)?;
        Ok(Written { about_endpoint: self.about_endpoint, ..event })
    }
}

impl Written {
    /// An event of now with data that is canonical JSON.
    pub fn new(
        app: &App,
        id_project: ProjectId,
        (kind, id_linked_user): (EventType, Option<LinkedUserId>),
        data: &[u8],
    ) -> Result<Self, TooLarge> {
        let (id, created_at) = (EventId::new(&app.clock, &app.random), app.clock.now());
        let (body, data) = EventHead { id, id_project, kind: kind.as_str(), created_at }.around(data);
        if body.len() > MAX_BODY {
            return Err(TooLarge);
        }
        let sealed = app.vault.seal(Slot::EventBody, id, &body);
        let body = Bytes::from(body);
        Ok(Self {
            id,
            id_project,
            kind,
            id_linked_user,
            about_endpoint: None,
            created_at,
            body,
            data,
            sealed,
        })
    }

    /// Its data: JSON.
    pub fn data(&self) -> Bytes {
        self.body.slice(self.data.clone())
    }

    /// What is stored of it, without a position: a test has none, others get theirs when all is known (see `number`).
    pub(super) fn row(&self) -> NewEvent {
        NewEvent {
            id: self.id,
            id_project: self.id_project,
            position: None,
            kind: self.kind,
            id_linked_user: self.id_linked_user,
            about_endpoint: self.about_endpoint,
            created_at: self.created_at,
            body: self.sealed.clone(),
        }
    }
}

/// The right to publish in a transaction: holds the locks of projects, so that readers of positions never miss a
/// late commit, and knows who listens.
pub struct Publication {
    projects: BTreeMap<ProjectId, Opened>,
    events: Vec<NewEvent>,
    deliveries: Vec<Planned>,
    looks: BTreeMap<EndpointId, LookAt>,
    work: Vec<Work>,
    leased: Instant,
}

/// A project that is published in.
struct Opened {
    taken: TakenPositions,
    /// Positions taken and not used yet.
    left: u32,
    listeners: Arc<Listeners>,
}

/// A delivery to write.
struct Planned {
    id: DeliveryId,
    project: ProjectId,
    event: EventId,
    endpoint: EndpointId,
    release: i64,
    leased: bool,
}

impl Publication {
    /// Opens a transaction's publication. Must be the transaction's first statement: every publisher takes this lock
    /// before any other.
    pub async fn open(app: &App, tx: &mut Tx, project: ProjectId, count: u32) -> Result<Self, StoreError> {
        Self::open_many(app, tx, &BTreeMap::from([(project, count)])).await
    }

    /// The same for several projects, locked in the order of their ids; each with how many events are expected,
    /// which saves a statement.
    pub async fn open_many(
        app: &App,
        tx: &mut Tx,
        counts: &BTreeMap<ProjectId, u32>,
    ) -> Result<Self, StoreError> {
        let mut projects = BTreeMap::new();
        for (project, count) in counts {
            let taken = app.store.take_positions(tx, *project, *count).await?;
            let listeners = app.listeners.at(app, tx, *project, taken).await?;
            projects.insert(*project, Opened { taken, left: *count, listeners });
        }
        let (events, deliveries, work) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { projects, events, deliveries, looks: BTreeMap::new(), work, leased: Instant::now() })
    }

    /// The project's last position before this publication: what is changed now counts from the next one on.
    pub fn last_position(&self, project: ProjectId) -> i64 {
        self.projects.get(&project).map_or(0, |opened| opened.taken.last)
    }

    /// Who listens to a project.
    pub fn listener(&self, project: ProjectId, endpoint: EndpointId) -> Option<&Arc<Recipient>> {
        self.projects.get(&project)?.listeners.get(endpoint)
    }

    /// Adds an event, with one delivery for each endpoint in scope; written by [`Publication::commit`] or [`Publication::commit_here`].
    ///
    /// # Panics
    /// For a project that the publication was not opened for.
    pub fn add(&mut self, app: &App, project: ProjectId, draft: Draft) -> Result<EventId, TooLarge> {
        let event = draft.written(app, project)?;
        self.add_written(app, &event);
        Ok(event.id)
    }

    /// The same of one that is written out already.
    ///
    /// # Panics
    /// For a project that the publication was not opened for.
    pub fn add_written(&mut self, app: &App, event: &Written) {
        let opened = self.projects.get(&event.id_project);
        let listeners = opened.expect("a publication is opened for its projects").listeners.clone();
        for recipient in listeners.of(event.kind, event.about_endpoint) {
            self.plan(app, event, recipient);
        }
        self.events.push(event.row());
    }

    fn plan(&mut self, app: &App, event: &Written, recipient: &Arc<Recipient>) {
        let (id, endpoint) = (DeliveryId::new(&app.clock, &app.random), recipient.endpoint.id);
        let place = recipient
            .is_free(app.store.present())
            .then(|| app.lanes.reserve((event.id_project, endpoint), id, event.body.len()));
        let place = place.flatten();
        self.deliveries.push(Planned {
            id,
            project: event.id_project,
            event: event.id,
            endpoint,
            release: recipient.endpoint.state.release,
            leased: place.is_some(),
        });
        let look = if place.is_some() { LookAt::LeaseEnd } else { LookAt::Once };
        if recipient.endpoint.state.status != EndpointStatus::Inactive {
            self.looks.entry(endpoint).and_modify(|known| *known = look.min(*known)).or_insert(look);
        }
        self.work.extend(place.map(|place| Work {
            id,
            id_project: event.id_project,
            id_event: event.id,
            is_about_webhooks: event.kind.is_about_webhooks(),
            kind: AttemptKind::Try,
            resend: None,
            tries: 0,
            first_try_at: None,
            body: Some(event.body.clone()),
            recipient: recipient.clone(),
            leased: self.leased,
            not_before: None,
            place,
        }));
    }

    /// Writes what was added, commits, and only then hands over what this node sends at once: also where whoever asked
    /// goes away while it is committed.
    pub async fn commit(mut self, app: &App, mut tx: Tx) -> Result<(), StoreError> {
        if self.events.is_empty() {
            return tx.commit().await;
        }
        self.write(app, &mut tx).await?;
        let here = app.clone();
        app.to_the_end(async move { self.end(&here, tx).await }).await
    }

    /// The same, for who never goes away meanwhile: what is committed is committed on the caller's own thread.
    pub async fn commit_here(mut self, app: &App, mut tx: Tx) -> Result<(), StoreError> {
        self.write(app, &mut tx).await?;
        self.end(app, tx).await
    }

    async fn write(&mut self, app: &App, tx: &mut Tx) -> Result<(), StoreError> {
        self.number(app, tx).await?;
        app.store.add_events(tx, std::mem::take(&mut self.events)).await?;
        app.store.add_deliveries(tx, &rows(app, &self.deliveries)).await?;
        app.store.look_at_endpoints(tx, std::mem::take(&mut self.looks)).await
    }

    async fn end(self, app: &App, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        let handed_over = self.work.len();
        send_all(app, self.work);
        if handed_over < self.deliveries.len() {
            app.wake.deliveries.notify_one();
        }
        self.projects.keys().for_each(|project| app.followers.tell(*project));
        Ok(())
    }

    /// Gives the events their positions, in the order in which they were added.
    async fn number(&mut self, app: &App, tx: &mut Tx) -> Result<(), StoreError> {
        for (project, opened) in &mut self.projects {
            let events = self.events.iter_mut().filter(|event| event.id_project == *project);
            let events: Vec<_> = events.collect();
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            if count > opened.left {
                let more = count - opened.left;
                opened.taken = app.store.take_positions(tx, *project, more).await?;
                opened.left = count;
            }
            let first = opened.taken.last - i64::from(opened.left) + 1;
            for (position, event) in (first..).zip(events) {
                event.position = Some(position);
            }
        }
        Ok(())
    }
}

fn rows<'a>(app: &'a App, planned: &[Planned]) -> Vec<NewDelivery<'a>> {
    let row = |it: &Planned| NewDelivery {
        id: it.id,
        id_project: it.project,
        id_event: it.event,
        id_endpoint: it.endpoint,
        state: DeliveryState::Open,
        lease_owner: it.leased.then_some(app.node.as_str()),
        release: it.release,
    };
    planned.iter().map(row).collect()
}
