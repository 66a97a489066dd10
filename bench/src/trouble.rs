//! How an endpoint of the receiver misbehaves. Its path says so, and the receiver counts no arrival there.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use tokio::time::{Interval, interval};

/// What an endless answer sends, and how often: too little to be cut for its size before it is for its time.
const DROP: &[u8] = &[b'x'; 512];
const BETWEEN_DROPS: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(1);

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Takes the request and never answers
    Hang,
    /// Answers 500
    Error,
    /// Answers 200 at once, with a body that never ends
    Endless,
    /// Answers 200 after a second
    Slow,
    /// Answers 200 at once, only that its arrivals are not counted
    None,
}

/// The receiver's answers: all but one are whole.
pub type Answer = Response<Either<Full<Bytes>, Endless>>;

impl Trouble {
    /// Reads `<endpoint>/<trouble>`.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::from_str(path.rsplit('/').next()?, false).ok()
    }

    /// The path of such an endpoint, without the first slash.
    pub fn path(self, endpoint: u16) -> String {
        let name = self.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default();
        format!("{endpoint}/{name}")
    }

    /// Answers so, if at all.
    pub async fn answer(self) -> Answer {
        match self {
            Self::Hang => pending().await,
            Self::Error => answer(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
            Self::Endless => Response::new(Either::Right(Endless(interval(BETWEEN_DROPS)))),
            Self::Slow => {
                tokio::time::sleep(SLOW).await;
                answer(StatusCode::OK, Bytes::new())
            }
            Self::None => answer(StatusCode::OK, Bytes::new()),
        }
    }
}

/// A whole answer.
pub fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    answer
}

/// A body that ends with its connection.
pub struct Endless(Interval);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(context));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(DROP)))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_trouble() {
        for trouble in Trouble::value_variants() {
            assert_eq!(Trouble::of_path(&trouble.path(7)), Some(*trouble));
        }
        assert_eq!([Trouble::of_path("/7"), Trouble::of_path("")], [None, None]);
    }

    #[tokio::test]
    async fn an_endless_body_tells_no_end() {
        let answer = Trouble::Endless.answer().await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.body().is_end_stream());
        assert_eq!(answer.body().size_hint().upper(), None);
    }
}
