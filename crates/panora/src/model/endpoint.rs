//! A URL subscribed to event types, as a person has set it up.

use super::{EndpointId, EndpointState, EndpointStatus, EventScope, ProjectId, RetrySchedule, Time};

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: EndpointId,
    pub id_project: ProjectId,
    pub url: String,
    pub description: String,
    pub scope: EventScope,
    /// Deliveries a second; none for no limit.
    pub rate_limit: Option<u32>,
    pub retry_schedule: RetrySchedule,
    pub created_at: Time,
    pub updated_at: Time,
    pub state: EndpointState,
    /// How often deliveries that a node had in hand were withdrawn: discarded, or erased. What was leased before is void.
    pub withdrawals: i64,
}

impl Endpoint {
    /// Whether a person or a 410 has not switched it off.
    pub fn is_active(&self) -> bool {
        self.state.status != EndpointStatus::Inactive
    }

    /// Switches it on or off.
    pub fn set_active(&mut self, active: bool, now: Time) {
        if active {
            self.state.activate(now);
        } else {
            self.state.deactivate();
        }
    }
}
