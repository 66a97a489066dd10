//! One call: sent with the connection's credential, and repeated once where that helps.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use panora_catalog::is_form;
use panora_outbound::{AnswerBody, Failure, OpenAnswer, OpenRequest};
use secrecy::ExposeSecret;

use super::body::{CallerBody, CutShort};
use super::headers::{complete, to_caller};
use super::log::Entry;
use super::patience::pause;
use super::{Known, Passing};
use crate::app::App;
use crate::connect::{ConnectError, RefreshError, headers, stamp};

/// The longest time in which nothing moves, in either direction.
pub const SILENCE: Duration = Duration::from_mins(1);
/// What is read of an answer that is not handed on, so that its connection can be used again.
const READ_AWAY: usize = 64 * 1024;
const READ_AWAY_TIME: Duration = Duration::from_secs(1);

/// What the caller wants.
pub struct Call {
    pub method: Method,
    /// Path and query, below the provider's base URL.
    pub path: String,
    /// Another host that the provider's file lists.
    pub base: Option<String>,
    /// Filtered.
    pub headers: HeaderMap,
    pub body: CallerBody,
}

/// What the provider answered, and where: without credential parameters.
pub struct Called {
    pub url: String,
    pub status: StatusCode,
    /// Filtered.
    pub headers: HeaderMap,
    pub body: AnswerBody,
    pub entry: Entry,
}

/// Why no provider was asked, or none answered.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the provider is no longer in the catalog")]
    UnknownProvider,
    #[error(transparent)]
    Refused(#[from] panora_catalog::CallError),
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error("the provider gave no answer: {0}")]
    Unanswered(Failure),
    #[error(transparent)]
    Caller(#[from] CutShort),
}

impl From<ConnectError> for CallError {
    fn from(error: ConnectError) -> Self {
        Self::Refresh(error.into())
    }
}

impl CallError {
    /// A stable name for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::Refused(panora_catalog::CallError::Render(_)) => "connection_incomplete",
            Self::Refused(_) => "invalid_request",
            Self::Refresh(RefreshError::NeedsReauth) => "needs_reauth",
            Self::Refresh(RefreshError::Revoked) => "connection_revoked",
            Self::Refresh(RefreshError::TryLater(_)) => "refresh_failed",
            Self::Refresh(RefreshError::Connect(_)) => "internal_error",
            Self::Unanswered(failure) => failure.error.code(),
            Self::Caller(CutShort::TooSlow) => "request_too_slow",
            Self::Caller(CutShort::Broken) => "request_broken",
            Self::Caller(CutShort::TooLong) => "body_too_large",
        }
    }
}

impl Called {
    /// The body on its way to the caller; the log's entry goes with it.
    pub fn passing(self) -> (StatusCode, HeaderMap, Passing) {
        (self.status, self.headers, Passing::new(self.body, self.entry))
    }
}

/// Calls the provider. Whatever it answers is an answer. One repeat is made where the body was kept: with a newer
/// token where the provider no longer knew it, or, of a method that may be repeated, after a 429 or 503 that asks for
/// at most ten seconds. Where it was not kept, a refused token is still renewed for the next call.
pub async fn call(app: &App, known: Arc<Known>, mut call: Call) -> Result<Called, CallError> {
    let entry = Entry::new(app, &known, call.method.as_str(), &call.path);
    let mut one = OneCall { app, call: &mut call, entry };
    match one.make(&known).await {
        Ok((url, answer)) => Ok(one.answered(&known, url, answer)),
        Err(error) => {
            one.entry.sent(one.call.body.count());
            one.entry.failed(error.code());
            Err(error)
        }
    }
}

struct OneCall<'a> {
    app: &'a App,
    call: &'a mut Call,
    entry: Entry,
}

type Answered = (String, OpenAnswer);

impl OneCall<'_> {
    async fn make(&mut self, known: &Known) -> Result<Answered, CallError> {
        let answered = self.send(known).await?;
        let pause = self.pause(known, &answered.1);
        let refused = answered.1.status == StatusCode::UNAUTHORIZED && known.access_token.is_some();
        if pause.is_none() && !refused {
            return Ok(answered);
        }
        // Boxed: rare, and large where each call's state would carry it along.
        if !self.call.body.is_kept() {
            if refused {
                Box::pin(renew_for_the_next(self.app, known)).await;
            }
            return Ok(answered);
        }
        match pause {
            Some(pause) => Box::pin(self.repeat_later(known, answered.1, pause)).await,
            None => Box::pin(self.repeat_renewed(known, answered)).await,
        }
    }

    async fn repeat_later(
        &mut self,
        known: &Known,
        answer: OpenAnswer,
        pause: Duration,
    ) -> Result<Answered, CallError> {
        tokio::join!(self.app.clock.sleep(pause), read_away(answer));
        // The connection may have been revoked or renewed during the wait.
        let now = known.again(self.app).await?;
        self.send(&now).await
    }

    async fn repeat_renewed(&mut self, known: &Known, answered: Answered) -> Result<Answered, CallError> {
        let Some(refused) = &known.access_token else { return Ok(answered) };
        match known.renewed(self.app, refused.expose_secret()).await {
            Ok(renewed) => {
                let ((), again) = tokio::join!(read_away(answered.1), self.send(&renewed));
                again
            }
            Err(CallError::Refresh(RefreshError::Connect(error))) => Err(error.into()),
            // Without a better token the provider's own refusal is the answer.
            Err(_) => Ok(answered),
        }
    }

    fn pause(&self, known: &Known, answer: &OpenAnswer) -> Option<Duration> {
        if answer.status.is_success() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number up to 1,000")]
        let jitter = self.app.random.below(1001) as f64 / 1000.0;
        let limit = known.provider.rate_limit();
        let moment = (self.app.clock.now(), jitter);
        pause(&self.call.method, (answer.status, &answer.headers), limit, moment)
    }

    async fn send(&mut self, known: &Known) -> Result<Answered, CallError> {
        let Call { method, path, base, headers: own, body } = &mut *self.call;
        let access = known.access.as_ref().map_err(|error| panora_catalog::CallError::from(error.clone()))?;
        let to = known.provider.call(access, path, base.as_deref())?;
        let mut all = own.clone();
        complete(&mut all, &known.fixed_headers, &known.default_headers);
        if let Some(signing) = &access.signing {
            let form = own.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_form);
            if form {
                // Boxed: rare, and large where each call's state would carry it along.
                Box::pin(body.gather(SILENCE)).await?;
            }
            let form = body.whole().filter(|_| form);
            all.extend(headers(&[signing.header(method, &to.url, form, &stamp(self.app))]));
        }
        let Some(body) = body.upload() else { return Err(CutShort::Broken.into()) };
        let request = OpenRequest {
            project: &known.project,
            method: method.clone(),
            url: &to.url,
            headers: all,
            body,
            silence: SILENCE,
        };
        self.entry.tried();
        let answer = self.app.outbound.open(request).await.map_err(CallError::Unanswered)?;
        Ok((to.shown_url.into(), answer))
    }

    fn answered(mut self, known: &Known, url: String, answer: OpenAnswer) -> Called {
        let status = answer.status;
        self.entry.sent(self.call.body.count());
        self.entry.answered(status.as_u16());
        let headers = to_caller(&answer.headers, &known.provider, (&self.call.method, status));
        Called { url, status, headers, body: answer.body, entry: self.entry }
    }
}

/// The answer stays the refusal, but the next call goes with a newer token.
async fn renew_for_the_next(app: &App, known: &Known) {
    let Some(refused) = &known.access_token else { return };
    if let Err(error) = known.renewed(app, refused.expose_secret()).await {
        tracing::info!(code = error.code(), "a refused token was not refreshed");
    }
}

/// Reads a short answer to its end; of a longer one the connection is closed.
async fn read_away(answer: OpenAnswer) {
    drop(answer.body.read(READ_AWAY, READ_AWAY_TIME).await);
}
