//! Callers at work: as fast as they can, or at a steady rate. Each makes one call at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::clock::now;
use crate::importer::Importer;
use crate::post::Poster;

/// Who calls: the API's user, or one of the two limits.
pub enum Caller {
    Import(Importer),
    Post(Arc<Poster>),
}

/// How much is to be done, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The first call's number; no two calls of a run have the same.
    pub first: u64,
    pub count: u64,
    /// Calls a second; as fast as they can where none.
    pub rate: Option<u32>,
    /// No call begins later than that.
    pub within: Duration,
}

/// A call that was answered. Times are of [`crate::clock::now`].
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The connection that it made, or that its event tells of.
    pub id: u128,
    pub started: u64,
    pub ended: u64,
}

struct Turns {
    load: Load,
    next: AtomicU64,
    began: Instant,
}

impl Turns {
    /// The next call's number and when it is due.
    fn next(&self) -> Option<(u64, Option<Instant>)> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.load.rate.map(|rate| self.began + Duration::from_secs(turn) / rate);
        let goes_on = turn < self.load.count && self.began.elapsed() < self.load.within;
        goes_on.then_some((self.load.first + turn, due))
    }
}

/// Makes all calls of a load. Gives the callers back with their connections open.
pub async fn drive(callers: Vec<Caller>, load: Load) -> Result<(Vec<Caller>, Vec<Call>), String> {
    let turns = Arc::new(Turns { load, next: AtomicU64::new(0), began: Instant::now() });
    let mut working: JoinSet<_> = callers.into_iter().map(|caller| work(caller, turns.clone())).collect();
    let (mut callers, mut calls) = (Vec::new(), Vec::new());
    while let Some(ended) = working.join_next().await {
        let (caller, made) = ended.map_err(crate::because("a caller panicked"))??;
        callers.push(caller);
        calls.extend(made);
    }
    Ok((callers, calls))
}

async fn work(mut caller: Caller, turns: Arc<Turns>) -> Result<(Caller, Vec<Call>), String> {
    let mut calls = Vec::new();
    while let Some((number, due)) = turns.next() {
        let started = start(due).await;
        let id = match &mut caller {
            Caller::Import(importer) => importer.call(number).await?,
            Caller::Post(poster) => poster.call(number).await?,
        };
        calls.push(Call { id, started, ended: now() });
    }
    Ok((caller, calls))
}

/// Waits until a call is due. One that is late, because all callers were busy, counts from when it was due:
/// else a slow server would be asked less and look quick.
async fn start(due: Option<Instant>) -> u64 {
    let Some(due) = due else { return now() };
    let late = due.elapsed();
    tokio::time::sleep_until(due.into()).await;
    now() - u64::try_from(late.as_nanos()).unwrap_or(0)
}
