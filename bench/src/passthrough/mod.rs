//! A call to a provider through the server, beside the same call through nginx and without anything between. All three
//! ask the same upstream on this machine, in turn, so that each has the same share of good and bad moments.

mod callers;
mod nginx;
mod report;
mod upstream;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use self::callers::{Target, measure};
use self::nginx::Nginx;
use self::report::{Round, Rounds};
use self::upstream::Upstream;
use crate::args::Args;
use crate::because;
use crate::home::Home;
use crate::server::Server;
use crate::usage::Processes;
use crate::wire::Wire;

pub use upstream::serve;

/// Paths of the upstream, and what they answer.
const ANSWERS: [(&str, &str); 2] = [("/small", "JSON of 200 bytes"), ("/large", "64 KiB")];

const PROVIDER: &str = r##"
slug: upstream
name: Upstream
verticals: [crm]
colour: "#123456"
docs: https://upstream.example/docs
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/api"
  headers: {Authorization: "Bearer {api_key}"}
"##;

/// Measures and prints, until done or stopped; then cleans up, whatever came.
pub async fn run(args: &Args, stopped: impl Future<Output = String>) -> Result<(), String> {
    let binary = args.server()?;
    let parent = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = TempDir::with_prefix_in("panora-bench-", parent).map_err(because("no folder"))?;
    println!("{}", crate::table::setting(&binary, None));
    tokio::select! {
        outcome = measure_all(args, &binary, folder.path()) => outcome,
        why = stopped => Err(why),
    }
}

async fn measure_all(args: &Args, binary: &Path, folder: &Path) -> Result<(), String> {
    let upstream = Upstream::start().await?;
    let nginx = Nginx::start(folder, upstream.port).await?;
    if nginx.is_none() {
        println!("nginx is not installed: there is nothing to compare with but the upstream itself");
    }
    let home = Home::make(binary, folder.join("server"), None, 1).await?;
    let (server, token) = start_server(&home, upstream.port, args.workers).await?;
    let headers = format!("x-api-key: {}\r\nx-connection-token: {token}\r\n", home.keys[0]);
    let credential = "authorization: Bearer upstream-secret\r\n".to_owned();
    let mut targets = vec![Target {
        name: "direct",
        port: upstream.port,
        prefix: "/api",
        headers: credential.clone(),
        processes: None,
    }];
    if let Some(nginx) = &nginx {
        let processes = Some(Processes { pid: nginx.pid, postmaster: Some(nginx.pid) });
        for (name, port) in [("nginx", nginx.port), ("nginx with log", nginx.logging_port)] {
            targets.push(Target { name, port, prefix: "/api", headers: credential.clone(), processes });
        }
    }
    let processes = Some(Processes { pid: server.pid, postmaster: None });
    targets.push(Target { name: "panora", port: server.port, prefix: "/passthrough", headers, processes });
    for (path, words) in ANSWERS {
        for (callers, span) in [(1, 2), (args.callers, 4)] {
            let rounds = measure_rounds(&targets, path, callers, Duration::from_secs(span)).await?;
            print!("{}", rounds.text(&format!("{words}, {callers} at once")));
        }
    }
    Ok(())
}

/// Each target in turn, three times, after a warm-up.
async fn measure_rounds(
    targets: &[Target],
    path: &'static str,
    callers: u32,
    span: Duration,
) -> Result<Rounds, String> {
    let mut rounds = Rounds::new(targets.iter().map(|target| target.name));
    for target in targets {
        measure(target, path, callers, Duration::from_millis(500)).await?;
    }
    for _ in 0..3 {
        let mut round = Round::new();
        for target in targets {
            round.push(measure(target, path, callers, span).await?);
        }
        rounds.add(round);
    }
    Ok(rounds)
}

/// The server with one connection to the upstream; gives its token.
async fn start_server(home: &Home, upstream: u16, workers: Option<u16>) -> Result<(Server, String), String> {
    let providers = home.folder.join("providers");
    std::fs::create_dir(&providers).map_err(because("no folder"))?;
    std::fs::write(providers.join("upstream.yaml"), PROVIDER).map_err(because("no provider"))?;
    // A provider's file may lead to this machine by the public URL only.
    let mut settings = vec![
        ("PANORA_PUBLIC_URL", format!("http://127.0.0.1:{upstream}")),
        ("PANORA_PROVIDERS_DIR", providers.display().to_string()),
    ];
    settings.extend(workers.map(|count| ("PANORA_WORKER_THREADS", count.to_string())));
    let server = Server::start_with(home, &settings).await?;
    let import = json!({"linked_user_origin_id": "bench", "provider_slug": "upstream",
        "credentials": {"api_key": "upstream-secret"}});
    let headers = format!("x-api-key: {}\r\ncontent-type: application/json\r\n", home.keys[0]);
    let mut wire = Wire::open(server.port).await?;
    let made = wire.send("POST", "/connections", &headers, &import.to_string()).await?;
    let made = made.expect(201, "POST /connections")?;
    let made: serde_json::Value = serde_json::from_slice(&made.body).map_err(because("the connection"))?;
    let token = made["connection_token"].as_str().ok_or("the connection has no token")?.to_owned();
    Ok((server, token))
}
