//! The body of a caller's request: whole where it is small, or passing on as it comes, kept up to 1 MiB for one repeat.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use panora_outbound::{BoxError, Upload};

/// What is kept for a repeat.
pub const KEPT: usize = 1024 * 1024;

/// A body that did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum CutShort {
    #[error("the request's body took too long")]
    TooSlow,
    #[error("the request's body ended too early")]
    Broken,
    /// A form whose fields have to be signed.
    #[error("a form of more than 1 MiB cannot be signed")]
    TooLong,
}

/// A body that can be sent once, and again if it was small.
pub enum CallerBody {
    Whole(Bytes),
    Passing { body: Option<Body>, kept: Arc<Mutex<Kept>> },
}

/// What has passed.
#[derive(Default)]
pub struct Kept {
    bytes: BytesMut,
    count: u64,
    too_much: bool,
    ended: bool,
}

impl CallerBody {
    /// Reads a body that announces at most 1 MiB; any other passes as it comes. `silence` is the longest pause.
    pub async fn take(body: Body, silence: Duration) -> Result<Self, CutShort> {
        let size = body.size_hint();
        if body.is_end_stream() {
            return Ok(Self::Whole(Bytes::new()));
        }
        let small = size.upper().is_some_and(|most| most <= KEPT as u64);
        if !small {
            let kept = Kept { too_much: size.lower() > KEPT as u64, ..Kept::default() };
            return Ok(Self::Passing { body: Some(body), kept: Arc::new(Mutex::new(kept)) });
        }
        read(body, silence).await.map(Self::Whole)
    }

    /// Takes in a body that would pass, of at most 1 MiB: what is signed must be known before it is sent.
    pub async fn gather(&mut self, silence: Duration) -> Result<(), CutShort> {
        let Self::Passing { body, .. } = self else { return Ok(()) };
        let body = Body::new(Limited::new(body.take().ok_or(CutShort::Broken)?, KEPT));
        *self = Self::Whole(read(body, silence).await?);
        Ok(())
    }

    /// The body where it is here.
    pub fn whole(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Passing { .. } => None,
        }
    }

    /// What is to be sent now; none if it has gone and cannot be sent again.
    pub fn upload(&mut self) -> Option<Upload> {
        match self {
            Self::Whole(bytes) => Some(Upload::Whole(bytes.clone())),
            Self::Passing { body, kept } => match body.take() {
                Some(body) => Some(Upload::Passing(UnsyncBoxBody::new(Tee { body, kept: kept.clone() }))),
                None => lock(kept).whole().map(Upload::Whole),
            },
        }
    }

    /// Whether it could be sent again.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Passing { kept, .. } => lock(kept).is_whole(),
        }
    }

    /// Bytes that were sent.
    pub fn count(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Passing { kept, .. } => lock(kept).count,
        }
    }
}

async fn read(mut body: Body, silence: Duration) -> Result<Bytes, CutShort> {
    let mut bytes = BytesMut::new();
    loop {
        let next = tokio::time::timeout(silence, body.frame()).await.map_err(|_| CutShort::TooSlow)?;
        let Some(frame) = next else { return Ok(bytes.freeze()) };
        if let Ok(data) = frame.map_err(of_broken)?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn of_broken(error: axum::Error) -> CutShort {
    let limited =
        std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
    if limited { CutShort::TooLong } else { CutShort::Broken }
}

impl Kept {
    fn keep(&mut self, data: &Bytes) {
        self.count += data.len() as u64;
        self.too_much |= self.count > KEPT as u64;
        if self.too_much {
            self.bytes = BytesMut::new();
        } else {
            self.bytes.extend_from_slice(data);
        }
    }

    fn is_whole(&self) -> bool {
        self.ended && !self.too_much
    }

    fn whole(&self) -> Option<Bytes> {
        self.is_whole().then(|| Bytes::copy_from_slice(&self.bytes))
    }
}

/// Passes a body on and keeps what passes.
struct Tee {
    body: Body,
    kept: Arc<Mutex<Kept>>,
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let mut kept = lock(&self.kept);
        match &frame {
            None => kept.ended = true,
            Some(Ok(frame)) => {
                // Trailers are the last that comes.
                kept.ended = frame.is_trailers();
                if let Some(data) = frame.data_ref() {
                    kept.keep(data);
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn lock(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
