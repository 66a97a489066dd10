//! Reads an answer's body within bounds. It never keeps more than was asked for and never waits longer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

use crate::error::OutboundError;

/// How the reading of a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// All of it was read.
    Complete,
    /// There is more than the caller takes.
    TooLarge,
    /// There may be more; the time given to it is over.
    TooSlow,
    /// The connection broke before its end.
    Broken,
}

impl BodyEnd {
    /// Nothing for a whole body, else the error of a caller that needs it whole.
    pub fn whole(self) -> Result<(), OutboundError> {
        match self {
            Self::Complete => Ok(()),
            Self::TooLarge => Err(OutboundError::BodyTooLarge),
            Self::TooSlow => Err(OutboundError::BodyTooSlow),
            Self::Broken => Err(OutboundError::BodyBroken),
        }
    }
}

/// Reads at most `max` bytes for at most `time` and drops the rest, and with it the connection.
pub(crate) async fn read(
    body: impl Body<Data = Bytes> + Unpin,
    max: usize,
    time: Duration,
) -> (Bytes, BodyEnd) {
    let mut kept = BytesMut::new();
    let end = timeout(time, fill(&mut kept, body, max)).await.unwrap_or(BodyEnd::TooSlow);
    (kept.freeze(), end)
}

async fn fill(kept: &mut BytesMut, mut body: impl Body<Data = Bytes> + Unpin, max: usize) -> BodyEnd {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return BodyEnd::Broken };
        // An endless run of empty frames is always ready; this lets the time limit be looked at.
        tokio::task::coop::consume_budget().await;
        let Ok(data) = frame.into_data() else { continue };
        let room = max - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return BodyEnd::TooLarge;
        }
    }
    BodyEnd::Complete
}
