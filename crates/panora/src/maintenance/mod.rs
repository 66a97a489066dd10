//! Forgets what is over and ends what waits too long: passes of small steps, each a transaction of its own, with as much
//! rest between them as they took. Every node makes them; a step that another has made changes nothing.

mod apps;
mod expiry;
mod forgotten;
mod retention;
mod short_lived;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store::StoreError;

const EVERY: Duration = Duration::from_mins(10);
/// Short enough that little is left for whoever commits, and that whoever commits meanwhile does not wait long for the disk.
const CHECKPOINT: Duration = Duration::from_millis(300);
/// Two nodes that began together drift apart.
const SPREAD: u64 = 60_000;
/// The longest rest after a step.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What is gone through again and again, independently of the others.
enum Pass {
    ShortLived,
    Expiry,
    Retention(retention::Walk),
    Forgotten,
    Apps,
}

pub async fn run(app: App, stop: CancellationToken) {
    tokio::join!(
        repeat(&app, &stop, Pass::ShortLived),
        repeat(&app, &stop, Pass::Expiry),
        repeat(&app, &stop, Pass::Retention(retention::Walk::default())),
        repeat(&app, &stop, Pass::Forgotten),
        repeat(&app, &stop, Pass::Apps),
        checkpoints(&app, &stop),
    );
}

/// Keeps SQLite's log short.
async fn checkpoints(app: &App, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECKPOINT) => {}
        }
        if let Err(error) = app.store.checkpoint().await {
            tracing::warn!(code = error.code(), "the log could not be copied into the database yet");
        }
    }
}

async fn repeat(app: &App, stop: &CancellationToken, mut pass: Pass) {
    loop {
        let result = tokio::select! {
            // A step that is broken off was never made.
            () = stop.cancelled() => return,
            result = pass.make(app) => result,
        };
        if let Err(error) = result {
            tracing::warn!(code = error.code(), "{}", pass.complaint());
        }
        let wait = EVERY + Duration::from_millis(app.random.below(SPREAD));
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.clock.sleep(wait) => {}
        }
    }
}

impl Pass {
    async fn make(&mut self, app: &App) -> Result<(), StoreError> {
        match self {
            Self::ShortLived => short_lived::forget(app).await,
            Self::Expiry => expiry::expire(app).await,
            Self::Retention(walk) => walk.go_on(app).await,
            Self::Forgotten => forgotten::forget(app).await,
            Self::Apps => apps::forget(app).await,
        }
    }

    const fn complaint(&self) -> &'static str {
        match self {
            Self::ShortLived => "old flows and answers could not be forgotten yet",
            Self::Expiry => "deliveries that waited too long could not be ended yet",
            Self::Retention(_) => "old events could not be forgotten yet",
            Self::Apps => "former OAuth clients could not be forgotten yet",
            Self::Forgotten => "deleted endpoints, old recoveries and old calls could not be forgotten yet",
        }
    }
}

/// Leaves the database to others for as long as the step took that began then.
async fn rest(began: Instant) {
    tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
}
