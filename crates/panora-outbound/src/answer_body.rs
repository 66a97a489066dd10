//! An answer's body that passes as it comes, as fast as it is taken. It ends with an error where the peer is silent for
//! too long or breaks off, so that nobody takes a part for the whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::body::{self, BodyEnd};
use crate::error::OutboundError;
use crate::upload::Pulse;

/// The body of an [`crate::OpenAnswer`]. Trailers are left out.
pub struct AnswerBody {
    incoming: Incoming,
    silence: Duration,
    /// Runs only while somebody waits for the peer: who takes slowly is not the peer's fault.
    alarm: Option<Pin<Box<Sleep>>>,
    /// A request's body may still be on its way.
    upload: Option<Arc<Pulse>>,
}

impl AnswerBody {
    pub(crate) fn new(incoming: Incoming, silence: Duration, upload: Option<Arc<Pulse>>) -> Self {
        Self { incoming, silence, alarm: None, upload }
    }

    /// Reads at most `max` bytes for at most `time` and drops the rest, and with it the connection.
    pub async fn read(self, max: usize, time: Duration) -> (Bytes, BodyEnd) {
        body::read(self, max, time).await
    }

    /// Whether nothing has moved for too long.
    fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        let silence = self.silence;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + silence)));
        while alarm.as_mut().poll(cx).is_ready() {
            let until = self.upload.as_ref().map(|upload| upload.last() + silence);
            match until {
                Some(until) if until > Instant::now() => alarm.as_mut().reset(until),
                _ => return true,
            }
        }
        false
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutboundError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.alarm = None;
                // Trailers are the last that comes.
                Poll::Ready(Some(Ok(frame)).filter(|frame| frame.as_ref().is_ok_and(Frame::is_data)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(OutboundError::BodyBroken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.is_silent(cx) => Poll::Ready(Some(Err(OutboundError::BodyTooSlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
