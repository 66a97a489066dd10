//! `/events/stream`: server-sent events, for consumers without a public URL.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::kind;
use crate::app::App;
use crate::events::{Follow, FollowError, Told};
use crate::http::auth::{Caller, PresentedKey};
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::stream_slots::{MOST_STREAMS, StreamSlot};
use crate::model::{EventPosition, EventType, ProjectId, Time};

/// Between two signs of life while nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two looks whether the key still works.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// Of this type only.
    #[serde(rename = "type")]
    #[param(value_type = Option<EventType>)]
    kind: Option<String>,
    /// For clients that cannot set the header, which wins.
    last_event_id: Option<String>,
}

/// The header by which consumers of server-sent events come back.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a parameter")]
struct LastEventId {
    /// The `id` of the last block that was received.
    #[param(rename = "Last-Event-ID", value_type = String, required = false)]
    id: Option<String>,
}

/// Streams events as they happen.
///
/// Server-sent events in the order in which they were told: `event` is the type, `data` the event on one line, `id`
/// where it stands. Whoever comes back with the last `id` as `Last-Event-ID` goes on behind it and misses nothing;
/// without it the stream begins with what comes from now on. Every 15 seconds without an event, and at the beginning,
/// comes a block with an `id` and no `data`: it says how far the stream is and raises no event. A key may hold 100
/// streams open.
#[utoipa::path(get, operation_id = "streamEvents", path = "/events/stream", tag = "events",
    params(StreamParams, LastEventId),
    responses((status = 200, content_type = "text/event-stream", body = String,
        description = "Events, for as long as both sides wish.")))]
pub async fn stream(
    State(app): State<App>,
    caller: Caller,
    key: PresentedKey,
    headers: HeaderMap,
    Query(params): Query<StreamParams>,
) -> Result<Response, Problem> {
    let kind = kind(params.kind.as_deref())?;
    let after = start(&app, caller.project, &headers, params.last_event_id.as_deref()).await?;
    let slot = app.stream_slots.take(caller.key).ok_or_else(|| {
        let detail = format!("This key holds {MOST_STREAMS} streams open.");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
            .retry_after(Duration::from_secs(5))
    })?;
    let follow = Follow::new(&app, caller.project, kind, after);
    // At once, so that who is cut off before the first event can come back without missing it.
    let beat_at = app.clock.now();
    let open = OpenStream { app, key, follow, beat_at, _slot: slot };
    let events =
        stream::unfold(open, |mut open| async { Some((Ok::<_, Infallible>(open.next().await?), open)) });
    let mut response = Sse::new(events).into_response();
    // Events hold connection tokens: nothing on the way may keep them, or keep them back.
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Behind which position to begin.
async fn start(
    app: &App,
    project: ProjectId,
    headers: &HeaderMap,
    parameter: Option<&str>,
) -> Result<EventPosition, Problem> {
    let known = app.store.list_last_positions(&[project]).await?;
    let (_, last) = known.first().ok_or_else(Problem::internal)?;
    let given = match headers.get("last-event-id") {
        Some(value) => Some(("Last-Event-ID", value.to_str().unwrap_or_default())),
        None => parameter.map(|text| ("?last_event_id", text)),
    };
    let Some((pointer, text)) = given else { return Ok(*last) };
    let position = text.parse().map_err(|_| Problem::field(pointer, "Not an `id` of this stream."))?;
    if position > *last {
        // Of another project, or of a database that was put back to an earlier state: waiting for it to be
        // reached would leave out what comes until then.
        return Err(Problem::field(pointer, "No event has come this far yet."));
    }
    Ok(position)
}

struct OpenStream {
    app: App,
    key: PresentedKey,
    follow: Follow,
    /// When something is to be said, if nothing happens until then.
    beat_at: Time,
    _slot: StreamSlot,
}

impl OpenStream {
    /// What is sent next; none ends the stream. Nothing is read ahead of a consumer that is slow.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.app.stopping.clone();
        loop {
            if !self.app.api_keys.is_live(&self.app, self.key).await.unwrap_or(false) {
                return None;
            }
            if self.app.clock.now() >= self.beat_at {
                self.beat_later();
                return Some(Event::default().id(self.follow.position().to_string()).comment("so far"));
            }
            let told = tokio::select! {
                () = stopping.cancelled() => return None,
                told = self.follow.next(LOOK) => told,
            };
            match told {
                Ok(Some(told)) => {
                    self.beat_later();
                    return Some(block(&told));
                }
                Ok(None) => {}
                Err(error) => {
                    tell_failure(&error);
                    return None;
                }
            }
        }
    }

    fn beat_later(&mut self) {
        self.beat_at = self.app.clock.now().plus(HEARTBEAT);
    }
}

fn block(told: &Told) -> Event {
    Event::default().id(told.position.to_string()).event(&told.kind).data(&told.envelope)
}

/// The stream ends, and whoever comes back goes on where it was.
fn tell_failure(error: &FollowError) {
    tracing::error!(error = error as &dyn std::error::Error, "a stream of events broke off");
}
