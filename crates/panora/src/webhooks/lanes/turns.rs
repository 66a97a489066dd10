//! How much may be in hand, and whose turn it is to begin an attempt.

use std::collections::VecDeque;
use std::time::Instant;

use super::{
    ATTEMPTS, ATTEMPTS_OF_LANE, BYTES, BYTES_OF_LANE, FEW_ATTEMPTS, Lane, PLACES, PLACES_OF_LANE, Spot, State,
};
use crate::model::{EndpointId, ProjectId};
use crate::webhooks::publish::MAX_BODY;
use crate::webhooks::work::Work;

impl Lane {
    pub(super) const fn new(project: ProjectId) -> Self {
        Self {
            project,
            places: 0,
            bytes: 0,
            attempts: 0,
            resends: 0,
            queue: VecDeque::new(),
            waits: false,
            next_send: None,
            wanted: false,
            released: None,
        }
    }

    /// Whether nothing of it is left to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.places == 0
            && self.attempts == 0
            && self.released.is_none()
            && self.next_send.is_none_or(|next| next <= Instant::now())
    }
}

impl State {
    pub(super) fn lane(&mut self, (project, endpoint): Spot) -> &mut Lane {
        self.lanes.entry(endpoint).or_insert_with(|| Lane::new(project))
    }

    pub(super) const fn is_full(&self) -> bool {
        self.places >= PLACES || self.bytes >= BYTES
    }

    pub(super) const fn is_crowded(&self) -> bool {
        self.attempts >= ATTEMPTS / 4 * 3
    }

    pub(super) const fn has_spare(&self) -> bool {
        self.attempts < ATTEMPTS && !self.stopping
    }

    pub(super) const fn most_of_lane(&self) -> usize {
        if self.is_crowded() { FEW_ATTEMPTS } else { ATTEMPTS_OF_LANE }
    }

    pub(super) fn room_of(&self, lane: Option<&Lane>) -> u32 {
        if self.stopping || lane.is_some_and(|lane| lane.bytes >= BYTES_OF_LANE) {
            return 0;
        }
        let free = PLACES_OF_LANE.saturating_sub(lane.map_or(0, |lane| lane.places));
        let in_all = PLACES.saturating_sub(self.places).min(BYTES.saturating_sub(self.bytes) / MAX_BODY);
        u32::try_from(free.min(in_all).min(256)).unwrap_or(0)
    }

    /// Notes a lane with work that was not begun.
    pub(super) fn wait(&mut self, endpoint: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint)
            && !lane.waits
            && !lane.queue.is_empty()
        {
            lane.waits = true;
            self.waiting.push_back(endpoint);
        }
    }

    /// A lane's next work, if it may have one more attempt. If not, it is noted again when one of its own ends, or
    /// when fewer are under way in all.
    pub(super) fn take_turn(&mut self, endpoint: EndpointId) -> Option<Work> {
        let most = self.most_of_lane();
        let lane = self.lanes.get_mut(&endpoint)?;
        lane.waits = false;
        if lane.attempts >= most {
            if lane.attempts < ATTEMPTS_OF_LANE && !lane.queue.is_empty() {
                lane.waits = true;
                self.crowded.push(endpoint);
            }
            return None;
        }
        let work = lane.queue.pop_front()?;
        lane.attempts += 1;
        self.attempts += 1;
        self.wait(endpoint);
        Some(work)
    }

    /// Forgets a lane of which nothing is left to remember.
    pub(super) fn tidy(&mut self, endpoint: EndpointId) {
        if self.lanes.get(&endpoint).is_some_and(Lane::is_idle) {
            self.lanes.remove(&endpoint);
        }
    }
}
