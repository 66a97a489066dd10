//! Claims what is due and sends it, a bounded number at once for each endpoint, so that none delays another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::Work;
use super::settle::{self, Finished};
use crate::app::App;
use crate::model::{DeliveryId, EndpointId};
use crate::store::{ClaimedDelivery, LEASE, StoreError};
use crate::vault::Slot;

/// Attempts at once, in all and for one endpoint. Once three quarters of the places are taken, an endpoint
/// gets only a few: those that hang never fill the last quarter, however many they are.
const MOST: usize = 4096;
const MOST_OF_ENDPOINT: usize = 64;
const FEW_OF_ENDPOINT: usize = 2;
/// The most claimed at a time.
const CLAIM: usize = 256;
/// How long a retry that came due may go unnoticed; fresh deliveries are announced.
const LOOK: Duration = Duration::from_millis(500);

/// How many attempts run, by endpoint.
#[derive(Default)]
pub struct InFlight(Mutex<HashMap<EndpointId, usize>>);

impl InFlight {
    fn counts<T>(&self, use_counts: impl FnOnce(&mut HashMap<EndpointId, usize>) -> T) -> T {
        use_counts(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn total(&self) -> usize {
        self.counts(|counts| counts.values().sum())
    }

    fn busy(&self) -> Vec<EndpointId> {
        self.counts(|counts| {
            let room = room_of_endpoint(counts);
            counts.iter().filter(|(_, count)| **count >= room).map(|(id, _)| *id).collect()
        })
    }

    /// Whether the endpoint has room for one more, which is then taken.
    fn begin(&self, endpoint: EndpointId) -> bool {
        self.counts(|counts| {
            let room = room_of_endpoint(counts);
            let count = counts.entry(endpoint).or_default();
            let free = *count < room;
            *count += usize::from(free);
            free
        })
    }

    pub fn end(&self, endpoint: EndpointId) {
        self.counts(|counts| {
            if let Some(count) = counts.get_mut(&endpoint) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&endpoint);
                }
            }
        });
    }
}

fn room_of_endpoint(counts: &HashMap<EndpointId, usize>) -> usize {
    let total: usize = counts.values().sum();
    if total < MOST / 4 * 3 { MOST_OF_ENDPOINT } else { FEW_OF_ENDPOINT }
}

/// A place among the attempts that run, given back when the attempt is recorded, or dropped by a panic.
struct Place {
    in_flight: Arc<InFlight>,
    endpoint: EndpointId,
    kept: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            self.in_flight.end(self.endpoint);
        }
    }
}

/// Works until told to stop, then waits for the attempts in flight and records them.
pub async fn run(app: App, stop: CancellationToken) {
    let owner = app.random.base62(16);
    let in_flight = Arc::new(InFlight::default());
    let (results, finished) = settle::queue();
    let settler = tokio::spawn(settle::run(app.clone(), finished, in_flight.clone()));
    let attempts = TaskTracker::new();
    while !stop.is_cancelled() {
        let claimed = claim_and_send(&app, &owner, &in_flight, &attempts, &results).await;
        match claimed {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(code = error.code(), "deliveries could not be claimed"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.wake.deliveries.notified() => {}
            () = app.clock.sleep(LOOK) => {}
        }
    }
    attempts.close();
    attempts.wait().await;
    drop(results);
    if settler.await.is_err() {
        tracing::error!("the settler panicked");
    }
}

/// Whether there may be more to claim at once.
async fn claim_and_send(
    app: &App,
    owner: &str,
    in_flight: &Arc<InFlight>,
    attempts: &TaskTracker,
    results: &Sender<Finished>,
) -> Result<bool, StoreError> {
    let room = MOST.saturating_sub(in_flight.total()).min(CLAIM);
    if room == 0 {
        return Ok(false);
    }
    let most = u32::try_from(room).unwrap_or(u32::MAX);
    let since = Instant::now();
    let claimed = app.store.claim_deliveries(owner, most, &in_flight.busy()).await?;
    let full = claimed.len() == room;
    let mut unused: Vec<DeliveryId> = Vec::new();
    for work in prepare(app, claimed).await? {
        if !in_flight.begin(work.delivery.id_endpoint) {
            unused.push(work.delivery.id);
            continue;
        }
        let place = Place { in_flight: in_flight.clone(), endpoint: work.delivery.id_endpoint, kept: false };
        let (app, results) = (app.clone(), results.clone());
        attempts.spawn(async move { send(&app, work, since, &results, place).await });
    }
    app.store.release_deliveries(owner, &unused).await?;
    Ok(full)
}

/// Adds to claimed deliveries what sending takes.
async fn prepare(app: &App, claimed: Vec<ClaimedDelivery>) -> Result<Vec<Work>, StoreError> {
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let mut event_ids: Vec<_> = claimed.iter().map(|it| it.id_event).collect();
    let mut endpoint_ids: Vec<_> = claimed.iter().map(|it| it.id_endpoint).collect();
    event_ids.sort_unstable();
    event_ids.dedup();
    endpoint_ids.sort_unstable();
    endpoint_ids.dedup();
    let endpoints = app.store.lookup_endpoints(&endpoint_ids).await?;
    let endpoints: HashMap<_, _> = endpoints.into_iter().map(|it| (it.endpoint.id, Arc::new(it))).collect();
    let mut bodies = HashMap::new();
    for event in app.store.lookup_events(&event_ids).await? {
        let body = event.body.as_ref().and_then(|sealed| {
            let opened = app.vault.open(Slot::EventBody, event.id, sealed);
            opened
                .inspect_err(|error| tracing::error!(event = %event.id, %error, "an event cannot be opened"))
                .ok()
        });
        bodies.insert(event.id, body.map(Bytes::from));
    }
    let work = |delivery: ClaimedDelivery| {
        let endpoint = endpoints.get(&delivery.id_endpoint)?.clone();
        let body = bodies.get(&delivery.id_event)?.clone();
        Some(Work { delivery, endpoint, body })
    };
    Ok(claimed.into_iter().filter_map(work).collect())
}

async fn send(app: &App, work: Work, claimed: Instant, results: &Sender<Finished>, mut place: Place) {
    // A claim that is nearly over belongs to whoever takes it next.
    if claimed.elapsed() + Duration::from_secs(20) >= LEASE {
        return;
    }
    let finished = work.attempt(app).await.unwrap_or_else(|error| {
        tracing::error!(%error, delivery = %work.delivery.id, "an attempt could not be made");
        work.unreadable(app)
    });
    place.kept = results.send(finished).await.is_ok();
}
