//! Sending again what an endpoint has missed: which events a recovery is about, and what it does for each. Pure.

use std::time::Duration;

use super::text_enum::text_enum;
use super::{
    DeliveryId, DeliveryState, EndpointId, EventId, EventScope, EventType, ProjectId, RecoveryId, Time,
};

text_enum! {
    /// How a recovery stands: `stopped` by a person, or because its endpoint was deleted.
    RecoveryStatus { Running = "running", Done = "done", Stopped = "stopped" }
}

text_enum! {
    /// What can be recovered: deliveries in these states, and events in scope that have no delivery there.
    Recoverable { Failed = "failed", Cancelled = "cancelled", Missing = "missing", Delivered = "delivered" }
}

/// A walk along the positions of a project's events.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub id: RecoveryId,
    pub id_project: ProjectId,
    pub id_endpoint: EndpointId,
    /// Events made at that moment or later, and before this one.
    pub since: Time,
    pub until: Option<Time>,
    pub types: EventScope,
    pub statuses: Vec<Recoverable>,
    /// Deliveries a second.
    pub rate: u32,
    pub status: RecoveryStatus,
    /// Looked at up to here, of all up to there.
    pub position: i64,
    pub last_position: i64,
    /// Deliveries so far.
    pub recovered: u64,
    pub created_at: Time,
    pub ended_at: Option<Time>,
}

/// What is done for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The delivery gets a full schedule again.
    Restart(DeliveryId),
    /// A delivery is made.
    Add(EventId),
    /// The delivery is sent once more.
    Resend(DeliveryId),
}

/// An event as a recovery finds it.
#[derive(Clone, Debug)]
pub struct Found {
    pub id_event: EventId,
    pub position: i64,
    /// None of a type that this node does not know.
    pub kind: Option<EventType>,
    /// The person it is about was erased.
    pub erased: bool,
    /// The endpoint that it tells of.
    pub about_endpoint: Option<EndpointId>,
    /// The endpoint's delivery of it.
    pub delivery: Option<(DeliveryId, DeliveryState)>,
}

impl Recovery {
    /// So many deliveries a second unless somebody says otherwise.
    pub const DEFAULT_RATE: u32 = 100;
    /// The most deliveries of one step.
    const STEP: u32 = 500;

    /// What is done for this event; `scope` is the endpoint's present one.
    pub fn remedy(&self, scope: &EventScope, found: &Found) -> Option<Remedy> {
        let kind = found.kind.filter(|kind| self.types.takes(*kind))?;
        if found.erased {
            return None;
        }
        let Some((delivery, state)) = found.delivery else {
            let wanted = self.statuses.contains(&Recoverable::Missing) && scope.takes(kind);
            // No event about an endpoint goes to that endpoint.
            let wanted = wanted && found.about_endpoint != Some(self.id_endpoint);
            return wanted.then_some(Remedy::Add(found.id_event));
        };
        let (named, remedy) = match state {
            DeliveryState::Failed => (Recoverable::Failed, Remedy::Restart(delivery)),
            DeliveryState::Cancelled => (Recoverable::Cancelled, Remedy::Restart(delivery)),
            DeliveryState::Delivered => (Recoverable::Delivered, Remedy::Resend(delivery)),
            // It is on its way.
            DeliveryState::Open | DeliveryState::Test => return None,
        };
        self.statuses.contains(&named).then_some(remedy)
    }

    /// Deliveries a second to an endpoint that takes so many.
    pub fn pace(&self, limit: Option<u32>) -> u32 {
        limit.map_or(self.rate, |limit| limit.min(self.rate)).max(1)
    }

    /// How many deliveries a step may have, at this pace.
    pub fn step(pace: u32) -> usize {
        pace.min(Self::STEP) as usize
    }

    /// How long the next step waits after one of so many deliveries.
    pub fn rest(pace: u32, deliveries: usize) -> Duration {
        Duration::from_secs(u64::try_from(deliveries).unwrap_or(u64::MAX)) / pace.max(1)
    }

    /// Ends it, if it runs.
    pub fn end(&mut self, status: RecoveryStatus, now: Time) {
        if self.status == RecoveryStatus::Running {
            (self.status, self.ended_at) = (status, Some(now));
        }
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
