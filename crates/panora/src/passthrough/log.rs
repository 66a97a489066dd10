//! The request log: calls leave an entry in a bounded queue, and one worker writes what has come in groups. A call never
//! waits for it: where the database does not keep up, the oldest entries are left out and counted.

use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Known;
use crate::app::App;
use crate::model::{ConnectionId, LoggedRequest, ProjectId, RequestId};
use crate::store::StoreError;

/// Entries that may wait.
const MOST_WAITING: usize = 16_384;
/// Entries of one transaction.
const GROUP: usize = 512;
/// For how long a group gathers. It is also the pace: of more than some thousand calls a second the oldest that wait are
/// left out, rather than that the log takes more of the machine than the calls.
const GATHERS: Duration = Duration::from_millis(100);
/// A database that is away is tried again after that.
const AWAY: Duration = Duration::from_secs(1);
const MOST_TRIES: u32 = 30;
/// What a connection's log holds at most, give or take [`TRIM_AFTER`].
const KEPT: u32 = 10_000;
/// So many new entries of a connection later its log is cut.
const TRIM_AFTER: u32 = 2_000;
/// Rows of one step.
const STEP: u32 = 500;
/// The caller has gone away.
const LEFT: &str = "caller_left";
/// A path is cut behind so many characters.
const LONGEST_PATH: usize = 2_048;

/// What waits to be written.
#[derive(Default)]
pub struct RequestLog {
    queue: Mutex<Queue>,
    came: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<LoggedRequest>,
    left_out: u64,
}

impl RequestLog {
    fn add(&self, request: LoggedRequest) {
        let mut queue = self.lock();
        if queue.waiting.len() >= MOST_WAITING {
            queue.waiting.pop_front();
            queue.left_out += 1;
        }
        queue.waiting.push_back(request);
        drop(queue);
        self.came.notify_one();
    }

    /// The oldest that wait, and how many were left out since the last time.
    fn take(&self) -> (Vec<LoggedRequest>, u64) {
        let mut queue = self.lock();
        let count = queue.waiting.len().min(GROUP);
        (queue.waiting.drain(..count).collect(), std::mem::take(&mut queue.left_out))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's entry: written when it is dropped, however the call ends.
pub struct Entry {
    app: App,
    request: LoggedRequest,
    began: Instant,
}

impl Entry {
    /// Of a call that is about to be made. Of the path the query is left out: it may hold anything.
    pub fn new(app: &App, known: &Known, method: &str, path_and_query: &str) -> Self {
        let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
        let connection = &known.stored.connection;
        let request = LoggedRequest {
            id: RequestId::new(&app.clock, &app.random),
            id_project: connection.id_project,
            id_connection: connection.id,
            method: method.chars().take(64).collect(),
            path: path.chars().filter(|it| *it != '\0').take(LONGEST_PATH).collect(),
            status: None,
            error: Some(LEFT.to_owned()),
            duration_ms: 0,
            attempts: 0,
            sent_bytes: 0,
            received_bytes: 0,
        };
        Self { app: app.clone(), request, began: Instant::now() }
    }

    pub(super) fn tried(&mut self) {
        self.request.attempts += 1;
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.request.sent_bytes = bytes;
    }

    pub fn answered(&mut self, status: u16) {
        self.request.status = Some(status);
    }

    pub fn received(&mut self, bytes: usize) {
        self.request.received_bytes += bytes as u64;
    }

    pub fn ended(&mut self) {
        self.request.error = None;
    }

    pub fn failed(&mut self, code: &str) {
        self.request.error = Some(code.to_owned());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let it = &mut self.request;
        it.duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Of no use to anybody else: what is copied below is short.
        let (method, path, error) = (take(&mut it.method), take(&mut it.path), it.error.take());
        self.app.request_log.add(LoggedRequest { method, path, error, ..it.clone() });
    }
}

/// Writes what comes until it is told to stop, and then what is left.
pub async fn run(app: App, stop: CancellationToken) {
    let (mut since_trim, mut left_out) = (HashMap::new(), LeftOut::default());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.request_log.came.notified() => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(GATHERS) => {}
                }
            }
        }
        if write_group(&app, &stop, &mut since_trim, &mut left_out).await {
            app.request_log.came.notify_one();
        }
    }
    while write_group(&app, &stop, &mut since_trim, &mut left_out).await {}
}

async fn trim_one(app: &App, place: (ProjectId, ConnectionId)) -> Result<(), StoreError> {
    // Looked for once for all steps: it takes a walk past all that is kept.
    let Some(last) = app.store.newest_request_beyond(place, KEPT).await? else { return Ok(()) };
    // Twice what has come: a log that was too long once becomes shorter.
    for _ in 0..=(2 * TRIM_AFTER / STEP) {
        if app.store.forget_requests_up_to(place, last, STEP).await? < u64::from(STEP) {
            break;
        }
    }
    Ok(())
}

/// How many entries were left out since that was told.
#[derive(Default)]
struct LeftOut {
    count: u64,
    told: Option<Instant>,
}

impl LeftOut {
    /// Tells at most once a minute.
    fn add(&mut self, count: u64) {
        self.count += count;
        if self.count > 0 && self.told.is_none_or(|at| at.elapsed() > Duration::from_mins(1)) {
            tracing::warn!(left_out = self.count, "calls are missing in the request log: there are too many");
            *self = Self { count: 0, told: Some(Instant::now()) };
        }
    }
}

/// New entries of each connection since its log was cut.
type SinceTrim = HashMap<(ProjectId, ConnectionId), u32>;

/// Writes the oldest that wait; whether more may be waiting.
async fn write_group(
    app: &App,
    stop: &CancellationToken,
    since_trim: &mut SinceTrim,
    left_out: &mut LeftOut,
) -> bool {
    let (group, count) = app.request_log.take();
    left_out.add(count);
    if group.is_empty() {
        return false;
    }
    let mut tries = 0;
    while let Err(error) = app.store.add_requests(&group).await {
        tries += 1;
        let over = stop.is_cancelled() || tries == MOST_TRIES;
        tracing::warn!(code = error.code(), over, "calls could not be written to the request log");
        if over {
            return false;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(AWAY) => {}
        }
    }
    for request in &group {
        // The first time sooner than full: who is restarted often would else never cut.
        let first = || u32::try_from(app.random.below(u64::from(TRIM_AFTER))).unwrap_or_default();
        *since_trim.entry((request.id_project, request.id_connection)).or_insert_with(first) += 1;
    }
    trim(app, since_trim).await;
    group.len() == GROUP
}

/// Cuts the logs of connections that have many new entries.
async fn trim(app: &App, since_trim: &mut SinceTrim) {
    let due: Vec<_> =
        since_trim.iter().filter(|(_, count)| **count >= TRIM_AFTER).map(|(place, _)| *place).collect();
    for place in due {
        since_trim.remove(&place);
        if let Err(error) = trim_one(app, place).await {
            tracing::warn!(code = error.code(), connection = %place.1, "a request log could not be cut yet");
        }
    }
    // Only a hint: what is forgotten here goes with the retention.
    if since_trim.len() > 10_000 {
        since_trim.retain(|_, count| *count > TRIM_AFTER / 2);
    }
}
