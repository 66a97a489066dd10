//! An answer's body on its way to the caller, counted, with the call's entry in the log, which is complete when the body
//! has ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use panora_outbound::{AnswerBody, OutboundError};

use super::log::Entry;

/// Dropping it before its end ends the call.
pub struct Passing {
    body: AnswerBody,
    entry: Entry,
}

impl Passing {
    pub fn new(body: AnswerBody, mut entry: Entry) -> Self {
        if body.is_end_stream() {
            entry.ended();
        }
        Self { body, entry }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutboundError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => this.entry.ended(),
            Poll::Ready(Some(Ok(frame))) => {
                this.entry.received(frame.data_ref().map_or(0, Bytes::len));
                // Whoever knows the length does not ask for the end.
                if this.body.is_end_stream() {
                    this.entry.ended();
                }
            }
            Poll::Ready(Some(Err(error))) => this.entry.failed(error.code()),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
