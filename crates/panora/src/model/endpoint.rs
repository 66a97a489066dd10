//! A URL subscribed to event types.

use super::{EndpointId, EventScope, ProjectId, RetrySchedule, Time};

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: EndpointId,
    pub id_project: ProjectId,
    pub url: String,
    pub description: String,
    pub scope: EventScope,
    pub active: bool,
    /// Deliveries a second; none for no limit.
    pub rate_limit: Option<u32>,
    pub retry_schedule: RetrySchedule,
    pub created_at: Time,
    pub updated_at: Time,
}
