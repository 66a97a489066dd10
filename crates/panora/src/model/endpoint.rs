//! A URL subscribed to event types.

use super::text_enum::text_enum;
use super::{EndpointId, EventScope, ProjectId, RetrySchedule, Time};

text_enum! {
    /// Whether an endpoint takes deliveries.
    EndpointStatus { Ok = "ok", Inactive = "inactive" }
}

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

impl Endpoint {
    pub const fn status(&self) -> EndpointStatus {
        if self.active { EndpointStatus::Ok } else { EndpointStatus::Inactive }
    }
}
