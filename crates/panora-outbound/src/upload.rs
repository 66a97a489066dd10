//! Bodies on their way out: whole, or passing as somebody else sends them. Keeps nothing of one that passes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// Why somebody else's body failed; it is never shown.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request's body.
pub enum Upload {
    /// All of it; empty for none.
    Whole(Bytes),
    /// As it comes; its trailers are left out.
    Passing(UnsyncBoxBody<Bytes, BoxError>),
}

impl Upload {
    pub(crate) fn outgoing(self, start: Instant) -> (Outgoing, Option<Arc<Pulse>>) {
        match self {
            Self::Whole(bytes) => (Outgoing::from(bytes), None),
            Self::Passing(body) => {
                let pulse = Arc::new(Pulse::new(start));
                (Outgoing::Passing(body, Arc::clone(&pulse)), Some(pulse))
            }
        }
    }
}

/// When a passing body moved last, and whose turn it is.
pub(crate) struct Pulse {
    start: Instant,
    /// Milliseconds after the start.
    last: AtomicU64,
    starves: AtomicBool,
}

impl Pulse {
    fn new(start: Instant) -> Self {
        Self { start, last: AtomicU64::new(0), starves: AtomicBool::new(false) }
    }

    fn beat(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Whether the peer would take more and nobody sends it.
    pub(crate) fn starves(&self) -> bool {
        self.starves.load(Ordering::Relaxed)
    }
}

/// What the pools send.
pub(crate) enum Outgoing {
    Whole(Full<Bytes>),
    Passing(UnsyncBoxBody<Bytes, BoxError>, Arc<Pulse>),
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                Pin::new(body).poll_frame(cx).map_err(|never: Infallible| -> BoxError { match never {} })
            }
            Self::Passing(body, pulse) => {
                let polled = Pin::new(body).poll_frame(cx);
                pulse.starves.store(polled.is_pending(), Ordering::Relaxed);
                let frame = ready!(polled);
                pulse.beat();
                // Trailers are the last that comes.
                Poll::Ready(frame.filter(|frame| frame.as_ref().map_or(true, Frame::is_data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Passing(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Passing(body, _) => body.size_hint(),
        }
    }
}
