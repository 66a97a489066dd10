//! What the accounts say.

use serde::Serialize;

use crate::model::{EndpointId, EventId, text_enum};

text_enum! {
    /// What is wrong with an event at an endpoint.
    Found {
        /// The event was in scope and has no delivery there.
        NoDelivery = "no_delivery",
        /// There is a delivery of an event that is not there.
        NoEvent = "no_event",
        /// There is a delivery to an endpoint that is not there.
        NoEndpoint = "no_endpoint",
        /// It counts as delivered, and no attempt that was answered with a 2xx is recorded.
        NoAttempt = "no_attempt",
    }
}

/// One endpoint's events of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub project: String,
    pub id_webhook_endpoint: EndpointId,
    /// UTC, by when the events were made: `2026-01-31`.
    pub day: String,
    /// Events in the scope that was in force, the endpoint's own aside.
    pub in_scope: u64,
    #[serde(flatten)]
    pub counts: Counts,
    /// Deliveries of events that the scope did not ask for, as a recovery makes them; nor does it for those from
    /// before the scope was first noted.
    pub beyond_scope: u64,
}

/// What became of the events in scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub delivered: u64,
    pub pending: u64,
    pub waiting: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Those without a delivery.
    pub missing: u64,
}

/// An event at an endpoint, and what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id_event: EventId,
    pub position: Option<i64>,
    pub id_webhook_endpoint: EndpointId,
    pub found: Found,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Accounts {
    pub accounts: Vec<Account>,
    pub events: u64,
    pub deliveries: u64,
    /// Whatever is unaccounted for; of very many the first [`Accounts::LISTED`] are listed.
    pub exceptions: Vec<Finding>,
    pub exception_count: u64,
    /// What is odd and no exception; listed up to the same bound.
    pub notes: Vec<Finding>,
}

impl Accounts {
    /// So many findings are listed, so that a database in ruins does not fill the memory.
    pub const LISTED: usize = 100_000;

    pub fn are_complete(&self) -> bool {
        self.exception_count == 0
    }

    pub(super) fn except(&mut self, finding: Finding) {
        self.exception_count += 1;
        if self.exceptions.len() < Self::LISTED {
            self.exceptions.push(finding);
        }
    }

    pub(super) fn note(&mut self, finding: Finding) {
        if self.notes.len() < Self::LISTED {
            self.notes.push(finding);
        }
    }
}
