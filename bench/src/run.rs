//! The run in its order: the server and its figures, then the limits on the machine that it has left.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use panora_signature::WebhookSecret;
use tempfile::TempDir;
use uuid::Uuid;

use crate::args::Args;
use crate::because;
use crate::commit::Committer;
use crate::load::{Caller, Load, drive};
use crate::measure::{Figures, Setting, measure};
use crate::post::{Poster, Template, pooled};
use crate::postgres::Postgres;
use crate::receiver_process::Receiver;
use crate::server::Server;
use crate::table::{self, Part};
use crate::usage::Processes;

/// Calls that each caller makes before anything is measured.
const WARM_UP: u64 = 8;

/// Figures at full speed, and at the steady rate where one was asked for.
struct Pair {
    full: Figures,
    steady: Option<Figures>,
}

/// What all parts of a run share.
struct Bench<'a> {
    args: &'a Args,
    binary: PathBuf,
    folder: &'a Path,
    postgres: Option<&'a Postgres>,
    receiver: Receiver,
    /// Of every endpoint.
    secret: WebhookSecret,
    /// The number of the next call.
    next: u64,
}

/// Measures and prints, until done or stopped; then cleans up, whatever came.
pub async fn run(args: &Args, stopped: impl Future<Output = String>) -> Result<(), String> {
    let binary = args.server()?;
    let parent = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = TempDir::with_prefix_in("panora-bench-", parent).map_err(because("no folder"))?;
    let postgres = match args.database.as_str() {
        "sqlite" => None,
        url => Some(Postgres::create(url).await?),
    };
    println!("{}", table::setting(&binary, postgres.as_ref().map(|it| it.settings.as_str())));
    let measured = async {
        let (receiver, secret) = (Receiver::start().await?, WebhookSecret::from_bytes(random_bytes()));
        let (folder, postgres) = (folder.path(), postgres.as_ref());
        Bench { args, binary, folder, postgres, receiver, secret, next: 0 }.measure_all().await
    };
    let outcome = tokio::select! {
        outcome = measured => outcome,
        why = stopped => Err(why),
    };
    if let Some(postgres) = postgres {
        postgres.drop_database().await?;
    }
    outcome
}

impl Bench<'_> {
    async fn measure_all(mut self) -> Result<(), String> {
        let (panora, template) = self.measure_server().await?;
        println!("{}", table::load(self.args, template.size()));
        let bare = self.measure_limit(&template, None).await?;
        let committer = Committer::open(self.folder).await?;
        let committed = self.measure_limit(&template, Some(committer)).await?;

        let title = "at full speed".to_owned();
        let full = Part { title, panora: panora.full, bare: bare.full, committed: committed.full };
        println!("{}", full.table());
        let mut summary = full.ratios(self.args.endpoints);
        if let (Some(panora), Some(bare), Some(committed)) = (panora.steady, bare.steady, committed.steady) {
            let steady = Part { title: format!("at {} a second", self.args.rate), panora, bare, committed };
            println!("{}", steady.table());
            summary.push_str(&steady.delays());
        }
        print!("{summary}");
        Ok(())
    }

    /// The server ends with this function. An error brings the last lines that it has logged.
    async fn measure_server(&mut self) -> Result<(Pair, Template), String> {
        let url = self.postgres.map(Postgres::url);
        let server = Server::start(&self.binary, self.folder, url.as_deref()).await?;
        let measured = self.measure_api(&server).await;
        measured.map_err(|error| format!("{error}\nthe server's last lines:\n{}", server.last_lines()))
    }

    async fn measure_api(&mut self, server: &Server) -> Result<(Pair, Template), String> {
        for endpoint in 0..self.args.endpoints {
            server.register(&format!("{}/{endpoint}", self.receiver.url()), &self.secret).await?;
        }
        let mut callers = Vec::new();
        for _ in 0..self.args.callers {
            callers.push(Caller::Import(server.importer().await?));
        }
        let processes = Processes { pid: server.pid, postmaster: self.postgres.map(|it| it.postmaster) };
        let setting = Setting { processes, copies: self.args.endpoints };
        let callers = self.warm_up(callers, setting).await?;
        let (body, signature) = self.receiver.sample().await?;
        let template = Template::from_delivery(&body, &signature, &self.secret)?;
        Ok((self.measure_pair(callers, self.args.events, setting).await?, template))
    }

    /// The limits run in this process: its CPU time is theirs.
    async fn measure_limit(
        &mut self,
        template: &Template,
        committer: Option<Committer>,
    ) -> Result<Pair, String> {
        let (template, url, endpoints) = (template.clone(), self.receiver.url(), self.args.endpoints);
        let poster = Arc::new(Poster { client: pooled(), url, template, endpoints, committer });
        let callers = (0..self.args.callers).map(|_| Caller::Post(poster.clone())).collect();
        let processes = Processes { pid: std::process::id(), postmaster: None };
        let setting = Setting { processes, copies: 1 };
        let callers = self.warm_up(callers, setting).await?;
        self.measure_pair(callers, self.args.posts(), setting).await
    }

    async fn warm_up(&mut self, callers: Vec<Caller>, setting: Setting) -> Result<Vec<Caller>, String> {
        let before = self.receiver.counts().await?;
        let load = self.load(WARM_UP * u64::from(self.args.callers), None);
        let (callers, calls) = drive(callers, load).await?;
        self.receiver.wait_for(before, calls.len() * usize::from(setting.copies)).await?;
        setting.processes.rest().await?;
        Ok(callers)
    }

    async fn measure_pair(
        &mut self,
        callers: Vec<Caller>,
        count: u64,
        setting: Setting,
    ) -> Result<Pair, String> {
        let load = self.load(count, None);
        let (callers, full) = measure(&mut self.receiver, callers, load, setting).await?;
        if self.args.rate == 0 {
            return Ok(Pair { full, steady: None });
        }
        let load = self.load(u64::from(self.args.rate) * self.args.rate_seconds, Some(self.args.rate));
        let (_, steady) = measure(&mut self.receiver, callers, load, setting).await?;
        Ok(Pair { full, steady: Some(steady) })
    }

    fn load(&mut self, count: u64, rate: Option<u32>) -> Load {
        let first = self.next;
        self.next += count;
        Load { first, count, rate }
    }
}

/// Good for what lives as long as a run.
fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    bytes[16..].copy_from_slice(Uuid::now_v7().as_bytes());
    bytes
}
