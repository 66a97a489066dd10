//! What all parts of a run share: who receives, the numbers of the calls, and how a load is measured.

use std::path::{Path, PathBuf};
use std::time::Duration;

use panora_signature::WebhookSecret;

use crate::args::Args;
use crate::home::Home;
use crate::load::{Caller, Load, drive};
use crate::measure::{Figures, Setting, measure};
use crate::postgres::Postgres;
use crate::receiver_process::Receiver;

/// Calls that each caller makes before anything is measured, where they bring no more deliveries than that.
const WARM_UP: u64 = 8;
const WARM_UP_DELIVERIES: u64 = 20_000;

pub struct Bench<'a> {
    pub args: &'a Args,
    pub binary: PathBuf,
    pub folder: &'a Path,
    pub postgres: Option<&'a Postgres>,
    pub receiver: Receiver,
    /// Of every endpoint.
    pub secret: WebhookSecret,
    /// The number of the next call, and of the next server.
    pub next: u64,
    pub homes: u32,
}

/// Figures of the parts that were asked for.
pub struct Pair {
    pub full: Option<Figures>,
    pub steady: Option<Figures>,
}

impl Bench<'_> {
    /// A place for a server that begins with nothing but its projects.
    pub async fn home(&mut self) -> Result<Home, String> {
        let database = match self.postgres {
            Some(postgres) => Some(postgres.make_database().await?),
            None => None,
        };
        self.homes += 1;
        let folder = self.folder.join(format!("server-{}", self.homes));
        Home::make(&self.binary, folder, database, self.args.projects).await
    }

    /// Calls until everything has been done once, and all of it has arrived.
    pub async fn warm_up(&mut self, callers: Vec<Caller>, setting: Setting) -> Result<Vec<Caller>, String> {
        let before = self.receiver.counts().await?;
        let most = WARM_UP_DELIVERIES / u64::from(setting.copies);
        let load = self.load((WARM_UP * u64::from(self.args.callers)).min(most).max(1), None);
        let (callers, calls) = drive(callers, load).await?;
        self.receiver.wait_for(before, calls.len() * usize::from(setting.copies)).await?;
        setting.processes.rest(setting.patience).await?;
        Ok(callers)
    }

    /// So many calls at full speed, or as many as can be begun within that time, then those at the steady rate.
    pub async fn measure_pair(
        &mut self,
        mut callers: Vec<Caller>,
        (count, within): (u64, Duration),
        setting: Setting,
    ) -> Result<Pair, String> {
        let mut pair = Pair { full: None, steady: None };
        if count > 0 {
            let load = Load { within, ..self.load(count, None) };
            let (again, figures) = measure(&mut self.receiver, callers, load, setting).await?;
            (callers, pair.full) = (again, Some(figures));
        }
        if self.args.rate > 0 {
            let count = u64::from(self.args.rate) * self.args.rate_seconds;
            let load = self.load(count, Some(self.args.rate));
            pair.steady = Some(measure(&mut self.receiver, callers, load, setting).await?.1);
        }
        Ok(pair)
    }

    /// No two calls of a run have the same number.
    pub fn load(&mut self, count: u64, rate: Option<u32>) -> Load {
        let first = self.next;
        self.next += count;
        Load { first, count, rate, within: Duration::MAX }
    }
}
