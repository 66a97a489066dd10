//! A delivery in hand, with all that sending it takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::lanes::Place;
use super::recipient::Recipient;
use crate::app::App;
use crate::model::{AttemptKind, DeliveryId, EndpointId, EventId, ProjectId, ResendId, Time};
use crate::store::{LEASE, StoreError};

/// A lease that ends sooner than this is left to whoever takes it next.
const LAST_START: Duration = Duration::from_secs(20);

pub struct Work {
    pub id: DeliveryId,
    pub id_project: ProjectId,
    pub id_event: EventId,
    /// Whether the event tells of endpoints: then its deliveries raise none.
    pub is_about_webhooks: bool,
    pub kind: AttemptKind,
    /// The wish that this fulfils.
    pub resend: Option<ResendId>,
    /// Tries used before this one.
    pub tries: u32,
    pub first_try_at: Option<Time>,
    /// The event's canonical body: the same bytes at every attempt. None where it cannot be opened.
    pub body: Option<Bytes>,
    pub recipient: Arc<Recipient>,
    /// Since when it is leased, by a clock that does not jump.
    pub leased: Instant,
    /// Where sending is paced: not before then.
    pub not_before: Option<Instant>,
    pub place: Place,
}

impl Work {
    pub fn endpoint_id(&self) -> EndpointId {
        self.recipient.endpoint.id
    }

    /// Whether its lease is over.
    pub fn may_be_sent_by_others(&self) -> bool {
        self.leased.elapsed() >= LEASE
    }

    /// Whether there is time for an attempt before somebody else may take the delivery.
    pub fn is_leased(&self) -> bool {
        self.leased.elapsed() + LAST_START < LEASE
    }
}

/// Begins the attempts of what this node has in hand. Must be called after the commit that leased it.
pub fn send_all(app: &App, work: impl IntoIterator<Item = Work>) {
    for work in work {
        if let Some(work) = app.lanes.begin(work) {
            send(app, work);
        }
    }
}

/// Makes one attempt, and then whatever waits for one to end.
fn send(app: &App, first: Work) {
    let app = app.clone();
    app.clone().sends.spawn(async move {
        if first.place.is_single() {
            return attempt(&app, first).await;
        }
        let mut next = Some(first);
        while let Some(work) = next {
            let turn = Turn { app: &app, endpoint: work.endpoint_id(), over: false };
            attempt(&app, work).await;
            next = turn.end();
        }
    });
}

async fn attempt(app: &App, mut work: Work) {
    if let Some(at) = work.not_before {
        tokio::time::sleep_until(at.into()).await;
    }
    if !app.listeners.may_send(&work, app.store.present()) {
        // Held, paused, switched off or deleted since this was handed over, or withdrawn: it waits in the database
        // with the rest, or is over there. What was asked for is over with its endpoint.
        let mut withdrawn = withdrawn(app, work.endpoint_id());
        withdrawn.extend(Some(work).filter(|work| work.resend.is_none()));
        // Boxed, since it is rare and large: the space for it would be moved with every attempt.
        return Box::pin(give_back(app, withdrawn)).await;
    }
    if work.is_leased() {
        // Another URL, secret or header counts at once.
        if let Some(newest) = app.listeners.newest(&work) {
            work.recipient = newest;
        }
        let finished = work.attempt(app).await;
        // The settler lives until all attempts have ended.
        drop(app.results.send(finished).await);
    }
}

/// Takes out of an endpoint's lane what may not be sent any more.
pub fn withdrawn(app: &App, endpoint: EndpointId) -> Vec<Work> {
    let now = app.store.present();
    app.lanes.withdraw(endpoint, |work| !app.listeners.may_send(work, now))
}

/// Gives back what was leased to this node and not begun.
pub async fn give_back(app: &App, work: Vec<Work>) {
    if work.is_empty() {
        return;
    }
    if let Err(error) = release(app, &work).await {
        tracing::warn!(
            code = error.code(),
            "deliveries could not be given back: their leases end by themselves"
        );
    }
}

async fn release(app: &App, work: &[Work]) -> Result<(), StoreError> {
    let ids: Vec<DeliveryId> = work.iter().map(|it| it.id).collect();
    let projects: BTreeSet<ProjectId> = work.iter().map(|it| it.id_project).collect();
    let endpoints: BTreeSet<EndpointId> = work.iter().map(Work::endpoint_id).collect();
    let endpoints = Vec::from_iter(endpoints);
    let mut tx = app.store.begin().await?;
    for project in projects {
        app.store.lock_project(&mut tx, project).await?;
    }
    app.store.lock_endpoints(&mut tx, &endpoints).await?;
    app.store.release_deliveries(&mut tx, &app.node, &ids).await?;
    app.store.look_at_once(&mut tx, &endpoints).await?;
    tx.commit().await
}

/// One of the attempts that may run at once; passed on even if it panics.
struct Turn<'a> {
    app: &'a App,
    endpoint: EndpointId,
    over: bool,
}

impl Turn<'_> {
    /// Ends it: what may begin next here; the rest of what may begin now has begun.
    fn end(mut self) -> Option<Work> {
        self.over = true;
        let mut begun = self.app.lanes.end(self.endpoint).into_iter();
        let next = begun.next();
        begun.for_each(|work| send(self.app, work));
        next
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.app.lanes.end(self.endpoint).into_iter().for_each(|work| send(self.app, work));
        }
    }
}
