//! What this node has under way, an own lane for each endpoint, so that none delays another: bounded places, bounded
//! attempts at once, and a pace where one is due. Knows no database.

mod turns;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::publish::MAX_BODY;
use super::work::Work;
use crate::model::{DeliveryId, EndpointId, ProjectId, ResendId};

/// Deliveries in hand, for one endpoint and in all: being sent, waiting for that, or waiting to be recorded.
const PLACES_OF_LANE: usize = 512;
const PLACES: usize = 50_000;
/// Bytes of their bodies, likewise. What is claimed counts as the largest body until it was read.
const BYTES_OF_LANE: usize = 2 << 20;
const BYTES: usize = 192 << 20;
/// Attempts at once, for one endpoint and in all. Once three quarters are taken, an endpoint gets only a few, so
/// that it takes hundreds of them that hang to fill the rest. Each attempt has a connection, with some 40 KiB: twice as
/// many made 300 MiB of one event for 10,000 endpoints.
const ATTEMPTS_OF_LANE: usize = 64;
const FEW_ATTEMPTS: usize = 2;
const ATTEMPTS: usize = 2048;
/// Single attempts that were asked for, at once, for one endpoint and in all.
const RESENDS_OF_LANE: usize = 8;
const RESENDS: usize = 512;
/// Where sending is paced, so much is claimed ahead.
const AHEAD: Duration = Duration::from_millis(500);

/// An endpoint of a project.
type Spot = (ProjectId, EndpointId);

struct Lane {
    project: ProjectId,
    places: usize,
    bytes: usize,
    attempts: usize,
    resends: usize,
    queue: VecDeque<Work>,
    /// Noted in `State::waiting` or `State::crowded`.
    waits: bool,
    /// When the next paced attempt may begin.
    next_send: Option<Instant>,
    /// There is more in the database than had room.
    wanted: bool,
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
    bytes: usize,
    attempts: usize,
    /// Lanes with work that is not begun, each once: they take turns.
    waiting: VecDeque<EndpointId>,
    /// Those of them that get no more because many attempts are under way.
    crowded: Vec<EndpointId>,
    /// Deliveries in hand: a clock that jumps past a lease must not make this node send twice.
    in_hand: HashSet<DeliveryId>,
    /// The same of single attempts.
    resends_in_hand: HashSet<ResendId>,
    /// Lanes that have room again for what waits in the database.
    wanted: Vec<Spot>,
    stopping: bool,
}

/// All lanes of this node.
#[derive(Clone, Default)]
pub struct Lanes(Arc<Mutex<State>>);

/// A delivery's place in its lane, until it is dropped.
pub struct Place {
    lanes: Lanes,
    endpoint: EndpointId,
    holds: Holds,
    bytes: usize,
}

/// What a place is for.
#[derive(Clone, Copy)]
enum Holds {
    Delivery(DeliveryId),
    Resend(ResendId),
}

impl Lanes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new delivery whose body has so many bytes; none where the lane is full, which is then looked at
    /// once it has room.
    pub fn reserve(&self, spot: Spot, delivery: DeliveryId, bytes: usize) -> Option<Place> {
        let mut state = self.state();
        let full = state.is_full() || state.stopping;
        let lane = state.lane(spot);
        if full || lane.places >= PLACES_OF_LANE || lane.bytes >= BYTES_OF_LANE {
            lane.wanted = lane.places > 0;
            state.tidy(spot.1);
            return None;
        }
        Some(self.taken(&mut state, spot, Holds::Delivery(delivery), bytes))
    }

    /// A place for a claimed delivery: none if this node has it in hand already. To be weighed once it was read.
    pub fn take(&self, spot: Spot, delivery: DeliveryId) -> Option<Place> {
        let mut state = self.state();
        if state.stopping || state.in_hand.contains(&delivery) {
            return None;
        }
        Some(self.taken(&mut state, spot, Holds::Delivery(delivery), MAX_BODY))
    }

    /// A place for a single attempt that was asked for: none where it is in hand already, or enough of them are at
    /// its endpoint. To be weighed once it was read.
    pub fn take_resend(&self, spot: Spot, resend: ResendId) -> Option<Place> {
        let mut state = self.state();
        let enough = state.lanes.get(&spot.1).is_some_and(|lane| lane.resends >= RESENDS_OF_LANE);
        if enough || state.stopping || state.resends_in_hand.contains(&resend) {
            return None;
        }
        Some(self.taken(&mut state, spot, Holds::Resend(resend), MAX_BODY))
    }

    fn taken(&self, state: &mut State, spot: Spot, holds: Holds, bytes: usize) -> Place {
        state.places += 1;
        state.bytes += bytes;
        match holds {
            Holds::Delivery(id) => drop(state.in_hand.insert(id)),
            Holds::Resend(id) => drop(state.resends_in_hand.insert(id)),
        }
        let lane = state.lane(spot);
        lane.places += 1;
        lane.bytes += bytes;
        lane.resends += usize::from(holds.is_resend());
        Place { lanes: self.clone(), endpoint: spot.1, holds, bytes }
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
        let free = state.room_of(lane);
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
    pub fn pace(&self, spot: Spot, rate: u32) -> Instant {
        let mut state = self.state();
        let lane = state.lane(spot);
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

    pub fn note_released(&self, spot: Spot, release: i64, released: Released) {
        self.state().lane(spot).released = Some((release, released));
    }

    /// Nothing of any release is left at an endpoint, or it is another's to claim.
    pub fn forget_released(&self, endpoint: EndpointId) {
        let mut state = self.state();
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.released = None;
            state.tidy(endpoint);
        }
    }

    /// Has an endpoint looked at again as soon as its lane has room. One with nothing in hand has no such moment: it is
    /// looked at when its time comes.
    pub fn want(&self, endpoint: EndpointId) {
        if let Some(lane) = self.state().lanes.get_mut(&endpoint) {
            lane.wanted = lane.places > 0;
        }
    }

    /// Whether any lane has room again.
    pub fn are_any_wanted(&self) -> bool {
        !self.state().wanted.is_empty()
    }

    /// At most `most` endpoints whose lanes have room again.
    pub fn take_wanted(&self, most: usize) -> Vec<Spot> {
        let mut state = self.state();
        let from = state.wanted.len().saturating_sub(most);
        state.wanted.split_off(from)
    }

    /// The projects of which something is in hand. Forgets idle lanes on the way.
    pub fn projects(&self) -> BTreeSet<ProjectId> {
        let mut state = self.state();
        state.lanes.retain(|_, lane| !lane.is_idle());
        state.lanes.values().filter(|lane| lane.places > 0).map(|lane| lane.project).collect()
    }

    /// Begins an attempt if there is one to spare, else queues the work: whoever ends an attempt takes it up.
    /// Single attempts do not wait, and take no other's place.
    pub fn begin(&self, work: Work) -> Option<Work> {
        if work.place.is_single() {
            return Some(work);
        }
        let mut state = self.state();
        let (spot, most) = ((work.id_project, work.endpoint_id()), state.most_of_lane());
        let may = state.has_spare();
        let lane = state.lane(spot);
        lane.queue.push_back(work);
        if may && lane.attempts < most {
            let next = lane.queue.pop_front();
            lane.attempts += 1;
            state.attempts += 1;
            return next;
        }
        state.wait(spot.1);
        None
    }

    /// Ends an attempt, and gives what may begin now: mostly one, of the lane whose turn it is.
    pub fn end(&self, endpoint: EndpointId) -> Vec<Work> {
        let mut state = self.state();
        state.attempts = state.attempts.saturating_sub(1);
        if let Some(lane) = state.lanes.get_mut(&endpoint) {
            lane.attempts = lane.attempts.saturating_sub(1);
        }
        state.wait(endpoint);
        if !state.is_crowded() {
            let crowded = std::mem::take(&mut state.crowded);
            state.waiting.extend(crowded);
        }
        let mut begun = Vec::new();
        while state.has_spare()
            && let Some(next) = state.waiting.pop_front()
        {
            begun.extend(state.take_turn(next));
        }
        state.tidy(endpoint);
        begun
    }

    /// Takes what was not begun out of an endpoint's lane, where `gone` says so.
    pub fn withdraw(&self, endpoint: EndpointId, gone: impl Fn(&Work) -> bool) -> Vec<Work> {
        let mut state = self.state();
        let Some(lane) = state.lanes.get_mut(&endpoint) else { return Vec::new() };
        let (gone, stays): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut lane.queue).into_iter().partition(gone);
        lane.queue = stays;
        Vec::from(gone)
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

impl Holds {
    const fn is_resend(self) -> bool {
        matches!(self, Self::Resend(_))
    }
}

impl Place {
    /// Whether it is a single attempt's, which counts apart from the others.
    pub fn is_single(&self) -> bool {
        self.holds.is_resend()
    }

    /// Its body was read and has so many bytes.
    pub fn weigh(&mut self, bytes: usize) {
        let mut state = self.lanes.state();
        state.bytes = state.bytes.saturating_sub(self.bytes) + bytes;
        if let Some(lane) = state.lanes.get_mut(&self.endpoint) {
            lane.bytes = lane.bytes.saturating_sub(self.bytes) + bytes;
        }
        self.bytes = bytes;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        state.places = state.places.saturating_sub(1);
        state.bytes = state.bytes.saturating_sub(self.bytes);
        match self.holds {
            Holds::Delivery(id) => state.in_hand.remove(&id),
            Holds::Resend(id) => state.resends_in_hand.remove(&id),
        };
        let full = state.is_full();
        if let Some(lane) = state.lanes.get_mut(&self.endpoint) {
            lane.places = lane.places.saturating_sub(1);
            lane.bytes = lane.bytes.saturating_sub(self.bytes);
            lane.resends = lane.resends.saturating_sub(usize::from(self.holds.is_resend()));
            // The last one to go wakes it in any case.
            let has_room = !full && lane.places < PLACES_OF_LANE / 2 && lane.bytes < BYTES_OF_LANE;
            if lane.wanted && (has_room || lane.places == 0) {
                lane.wanted = false;
                let spot = (lane.project, self.endpoint);
                state.wanted.push(spot);
            }
        }
        state.tidy(self.endpoint);
    }
}

#[cfg(test)]
mod tests;
