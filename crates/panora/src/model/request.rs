//! A call to a provider, as the request log keeps it: never with a query, a header or a body.

use super::{ConnectionId, ProjectId, RequestId};

#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// Of the moment when it was made.
    pub id: RequestId,
    pub id_project: ProjectId,
    pub id_connection: ConnectionId,
    pub method: String,
    /// As called, below the provider's base URL, without its query.
    pub path: String,
    /// The provider's; none when no answer came.
    pub status: Option<u16>,
    /// Why there was no answer, or not all of it: a stable code.
    pub error: Option<String>,
    /// From the call to the end of the answer's body.
    pub duration_ms: u64,
    /// How often the provider was asked.
    pub attempts: u32,
    /// Bytes of the request's body and of the answer's.
    pub sent_bytes: u64,
    pub received_bytes: u64,
}

/// What of a connection's log is wanted; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFilter {
    pub status: Option<u16>,
    /// Made at that time or later.
    pub since: Option<super::Time>,
    /// Made before that time.
    pub until: Option<super::Time>,
}
