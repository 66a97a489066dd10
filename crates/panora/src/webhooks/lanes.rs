//! What this node has under way, an own lane for each endpoint, so that none delays another: bounded places, bounded
//! attempts at once, and a pace where one is due. Knows no database.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::work::Work;
use crate::model::{DeliveryId, EndpointId, ProjectId};

/// Deliveries in hand, for one endpoint and in all: being sent, waiting for that, or waiting to be recorded.
const PLACES_OF_LANE: usize = 512;
const PLACES: usize = 50_000;
/// Attempts at once, for one endpoint and in all. Once three quarters are taken, an endpoint gets only a few, so
/// that it takes hundreds of them that hang to fill the rest.
const ATTEMPTS_OF_LANE: usize = 64;
const FEW_ATTEMPTS: usize = 2;
const ATTEMPTS: usize = 4096;
/// Single attempts that were asked for, at once, for one endpoint and in all.
const RESENDS_OF_LANE: usize = 8;
const RESENDS: usize = 512;
/// Where sending is paced, so much is claimed ahead.
const AHEAD: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Lane {
    places: usize,
    attempts: usize,
    resends: usize,
    queue: VecDeque<Work>,
    /// When the next paced attempt may begin.
    next_send: Option<Instant>,
    /// There is more in the database than had room.
    wanted: Option<ProjectId>,
    /// How far the deliveries of a release have been claimed.
    released: Option<(i64, Released)>,
}

/// How far the deliveries of a release have been claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    After(DeliveryId),
    All,
}

#[derive(Default)]
struct State {
    lanes: HashMap<EndpointId, Lane>,
    places: usize,
    attempts: usize,
    /// Lanes with work for which there was no attempt to spare.
    starved: VecDeque<EndpointId>,
    /// Deliveries in hand: a clock that jumps past a lease must not make this node send twice.
    in_hand: HashSet<DeliveryId>,
    /// Lanes that have room again for what waits in the database.
    wanted: Vec<(ProjectId, EndpointId)>,
    stopping: bool,
}

/// All lanes of this node.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Mutex<State>>);

/// A delivery's place in its lane, until it is dropped.
pub struct Place {
    lanes: Lanes,
    endpoint: EndpointId,
    delivery: Option<DeliveryId>,
    resend: bool,
}

impl Lanes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new delivery; none where the lane is full, which is then looked at once it has room.
    pub fn reserve(
        &self,
        (project, endpoint): (ProjectId, EndpointId),
        delivery: DeliveryId,
    ) -> Option<Place> {
        let mut state = self.state();
        let full = state.places >= PLACES || state.stopping;
        let lane = state.lanes.entry(endpoint).or_default();
        if full || lane.places >= PLACES_OF_LANE {
            lane.wanted = Some(project);
            return None;
        }
        lane.places += 1;
        Some(self.taken(&mut state, endpoint, delivery))
    }

    /// A place for a claimed delivery: none if this node has it in hand already.
    pub fn take(&self, endpoint: EndpointId, delivery: DeliveryId) -> Option<Place> {
        let mut state = self.state();
        if state.stopping || state.in_hand.contains(&delivery) {
            return None;
        }
        state.lanes.entry(endpoint).or_default().places += 1;
        Some(self.taken(&mut state, endpoint, delivery))
    }

    fn taken(&self, state: &mut State, endpoint: EndpointId, delivery: DeliveryId) -> Place {
        state.places += 1;
        state.in_hand.insert(delivery);
        Place { lanes: self.clone(), endpoint, delivery: Some(delivery), resend: false }
    }

    /// A place for a single attempt that was asked for.
    pub fn take_resend(&self, endpoint: EndpointId) -> Place {
        let mut state = self.state();
        let lane = state.lanes.entry(endpoint).or_default();
        (lane.places, lane.resends) = (lane.places + 1, lane.resends + 1);
        state.places += 1;
        Place { lanes: self.clone(), endpoint, delivery: None, resend: true }
    }

    /// How many single attempts may be claimed now.
    pub fn room_for_resends(&self) -> u32 {
        let state = self.state();
        let under_way: usize = state.lanes.values().map(|lane| lane.resends).sum();
        u32::try_from(RESENDS.saturating_sub(under_way)).unwrap_or(0)
    }

    /// Endpoints for which no further single attempts may be claimed now.
    pub fn busy_with_resends(&self) -> Vec<EndpointId> {
        let state = self.state();
        state.lanes.iter().filter(|(_, lane)| lane.resends >= RESENDS_OF_LANE).map(|(id, _)| *id).collect()
    }

    /// How many deliveries may be claimed for an endpoint now, at so many a second where it is paced.
    pub fn room(&self, endpoint: EndpointId, rate: Option<u32>) -> u32 {
        let state = self.state();
        let lane = state.lanes.get(&endpoint);
        let free = PLACES_OF_LANE.saturating_sub(lane.map_or(0, |lane| lane.places));
        let free = if state.stopping { 0 } else { free.min(PLACES.saturating_sub(state.places)).min(256) };
        let free = u32::try_from(free).unwrap_or(0);
        let Some(rate) = rate else { return free };
        let (now, horizon) = (Instant::now(), Instant::now() + AHEAD);
        let next = lane.and_then(|lane| lane.next_send).map_or(now, |next| next.max(now));
        if next > horizon {
            return 0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let ahead = ((horizon - next).as_secs_f64() * f64::from(rate)) as u32 + 1;
        ahead.min(free)
    }

    /// When the next attempt to a paced endpoint may begin.
    pub fn pace(&self, endpoint: EndpointId, rate: u32) -> Instant {
        let mut state = self.state();
        let lane = state.lanes.entry(endpoint).or_default();
        let now = Instant::now();
        let at = lane.next_send.map_or(now, |next| next.max(now));
        lane.next_send = Some(at + Duration::from_secs(1) / rate.max(1));
        at
    }

    /// Whether nothing is under way to an endpoint.
    pub fn is_empty(&self, endpoint: EndpointId) -> bool {
        self.state().lanes.get(&endpoint).is_none_or(|lane| lane.places == 0)
    }

    /// How far the deliveries of this release have been claimed.
    pub fn released(&self, endpoint: EndpointId, release: i64) -> Option<Released> {
        let state = self.state();
        let (of, released) = state.lanes.get(&endpoint)?.released?;
        (of == release).then_some(released)
    }

    pub fn note_released(&self, endpoint: EndpointId, release: i64, released: Released) {
        self.state().lanes.entry(endpoint).or_default().released = Some((release, released));
    }

    /// Has an endpoint looked at again as soon as its lane has room.
    pub fn want(&self, (project, endpoint): (ProjectId, EndpointId)) {
        self.state().lanes.entry(endpoint).or_default().wanted = Some(project);
    }

    /// Whether any lane has room again.
    pub fn are_any_wanted(&self) -> bool {
        !self.state().wanted.is_empty()
    }

    /// At most `most` endpoints whose lanes have room again.
    pub fn take_wanted(&self, most: usize) -> Vec<(ProjectId, EndpointId)> {
        let mut state = self.state();
        let from = state.wanted.len().saturating_sub(most);
        state.wanted.split_off(from)
    }

    /// Begins an attempt if there is one to spare, else queues the work: whoever ends an attempt takes it up.
    /// Single attempts do not wait, and take no other's place.
    pub fn begin(&self, work: Work) -> Option<Work> {
        let mut state = self.state();
        let endpoint = work.endpoint_id();
        if work.place.resend {
            return Some(work);
        }
        if state.spare_of(endpoint) {
            state.count_attempt(endpoint);
            return Some(work);
        }
        state.lanes.entry(endpoint).or_default().queue.push_back(work);
        state.note_starved(endpoint);
        None
    }

    /// Ends an attempt, and gives the next work: first of a lane that got no attempt, then of the same.
    pub fn next(&self, endpoint: EndpointId) -> Option<Work> {
        let mut state = self.state();
        state.attempts = state.attempts.saturating_sub(1);
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.attempts = lane.attempts.saturating_sub(1);
        }
        let starved = state.starved.pop_front();
        let next = starved.and_then(|id| state.pop(id)).or_else(|| state.pop(endpoint));
        if let Some(work) = &next {
            state.count_attempt(work.endpoint_id());
        }
        for id in starved.into_iter().chain([endpoint]) {
            state.note_starved(id);
        }
        state.tidy(endpoint);
        next
    }

    /// Takes what was not begun out of an endpoint's lane.
    pub fn withdraw(&self, endpoint: EndpointId) -> Vec<Work> {
        let mut state = self.state();
        state.lanes.get_mut(&endpoint).map(|lane| lane.queue.drain(..).collect()).unwrap_or_default()
    }

    /// Takes what was not begun out of the lanes, and begins nothing more.
    pub fn stop(&self) -> Vec<Work> {
        let mut state = self.state();
        state.stopping = true;
        let queues = state.lanes.values_mut().map(|lane| std::mem::take(&mut lane.queue));
        let queues: Vec<_> = queues.collect();
        drop(state);
        queues.into_iter().flatten().collect()
    }
}

impl Place {
    /// Whether it is a single attempt's, which counts apart from the others.
    pub fn is_single(&self) -> bool {
        self.resend
    }
}

impl State {
    fn spare_of(&self, endpoint: EndpointId) -> bool {
        let own = self.lanes.get(&endpoint).map_or(0, |lane| lane.attempts);
        let most = if self.attempts < ATTEMPTS / 4 * 3 { ATTEMPTS_OF_LANE } else { FEW_ATTEMPTS };
        own < most && self.attempts < ATTEMPTS && !self.stopping
    }

    fn count_attempt(&mut self, endpoint: EndpointId) {
        self.attempts += 1;
        self.lanes.entry(endpoint).or_default().attempts += 1;
    }

    fn pop(&mut self, endpoint: EndpointId) -> Option<Work> {
        if self.spare_of(endpoint) { self.lanes.get_mut(&endpoint)?.queue.pop_front() } else { None }
    }

    /// A lane with work and nobody at it gets the next attempt that ends.
    fn note_starved(&mut self, endpoint: EndpointId) {
        let starved = |lane: &Lane| lane.attempts == 0 && !lane.queue.is_empty();
        if self.lanes.get(&endpoint).is_some_and(starved) {
            self.starved.push_back(endpoint);
        }
    }

    /// Forgets a lane of which nothing is left to remember.
    fn tidy(&mut self, endpoint: EndpointId) {
        let idle = |lane: &Lane| {
            lane.places == 0
                && lane.attempts == 0
                && lane.wanted.is_none()
                && lane.released.is_none()
                && lane.next_send.is_none_or(|next| next <= Instant::now())
        };
        if self.lanes.get(&endpoint).is_some_and(idle) {
            self.lanes.remove(&endpoint);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        state.places = state.places.saturating_sub(1);
        if let Some(delivery) = self.delivery {
            state.in_hand.remove(&delivery);
        }
        let room = state.places < PLACES;
        if let Some(lane) = state.lanes.get_mut(&self.endpoint) {
            lane.places = lane.places.saturating_sub(1);
            lane.resends = lane.resends.saturating_sub(usize::from(self.resend));
            if room
                && lane.places < PLACES_OF_LANE / 2
                && let Some(project) = lane.wanted.take()
            {
                state.wanted.push((project, self.endpoint));
            }
        }
        state.tidy(self.endpoint);
    }
}
