//! The run in its order: a server and then the limits, or a server without something and then one with it.

use std::future::Future;

use panora_signature::WebhookSecret;
use tempfile::TempDir;
use uuid::Uuid;

use crate::args::Args;
use crate::backlog::Backlog;
use crate::because;
use crate::bench::Bench;
use crate::commit::Committer;
use crate::postgres::Postgres;
use crate::receiver_process::Receiver;
use crate::report::{Comparison, Limits};
use crate::subject::Scene;
use crate::table;

/// Measures and prints, until done or stopped; then cleans up, whatever came.
pub async fn run(args: &Args, stopped: impl Future<Output = String>) -> Result<(), String> {
    args.check()?;
    let binary = args.server()?;
    let parent = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = TempDir::with_prefix_in("panora-bench-", parent).map_err(because("no folder"))?;
    let postgres = match args.database.as_str() {
        "sqlite" => None,
        url => Some(Postgres::connect(url).await?),
    };
    println!("{}", table::setting(&binary, postgres.as_ref().map(|it| it.settings.as_str())));
    let measured = async {
        let (receiver, secret) =
            (Receiver::start(args.hosts()).await?, WebhookSecret::from_bytes(random_bytes()));
        let (folder, postgres) = (folder.path(), postgres.as_ref());
        Bench { args, binary, folder, postgres, receiver, secret, next: 0, homes: 0 }.measure_all().await
    };
    let outcome = tokio::select! {
        outcome = measured => outcome,
        why = stopped => Err(why),
    };
    if let Some(postgres) = postgres {
        postgres.drop_databases().await?;
    }
    outcome
}

impl Bench<'_> {
    async fn measure_all(self) -> Result<(), String> {
        let (args, rate) = (self.args, self.args.rate);
        let scene = Scene { trouble: &[], backlog: Backlog::NONE, events: args.events };
        if !args.trouble.is_empty() {
            let calm = args.trouble_without();
            let without = Scene { trouble: &calm, events: 0, ..scene };
            let with = Scene { trouble: &args.trouble, ..without };
            return self.compare("trouble", rate, [without, with]).await;
        }
        if args.backlog + args.due > 0 {
            let backlog = Backlog { stored: args.backlog, due: args.due, endpoint: args.due_endpoint };
            return self.compare("backlog", rate, [scene, Scene { backlog, ..scene }]).await;
        }
        self.measure_limits(scene).await
    }

    async fn measure_limits(mut self, scene: Scene<'_>) -> Result<(), String> {
        let (panora, template) = self.measure_server(scene).await?;
        println!("{}, posts of the limits: {}\n", table::load(self.args, template.size()), self.args.posts());
        let bare = self.measure_limit(&template, None).await?;
        let committer = Committer::open(self.folder).await?;
        let committed = self.measure_limit(&template, Some(committer)).await?;
        let (endpoints, rate) = (self.args.endpoints, self.args.rate);
        print!("{}", Limits { panora, bare, committed, endpoints, rate }.text());
        Ok(())
    }

    async fn compare(mut self, what: &'static str, rate: u32, scenes: [Scene<'_>; 2]) -> Result<(), String> {
        let [without, with] = scenes;
        let (without, template) = self.measure_server(without).await?;
        println!("{}\n{with}\n", table::load(self.args, template.size()));
        let (with, _) = self.measure_server(with).await?;
        print!("{}", Comparison { what, without, with, rate }.text());
        Ok(())
    }
}

/// Good for what lives as long as a run.
fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    bytes[16..].copy_from_slice(Uuid::now_v7().as_bytes());
    bytes
}
