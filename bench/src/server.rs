//! The server as its own process, and its API as a product's backend uses it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use panora_signature::WebhookSecret;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::arrivals::connection_in;
use crate::because;
use crate::wire::Wire;

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_mins(1);
const LAST_LINES: usize = 20;
/// Seals what is stored on PostgreSQL; nothing of it outlives the run.
const ENCRYPTION_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub struct Server {
    pub pid: u32,
    pub port: u16,
    key: String,
    log: PathBuf,
    /// Killed with this value: nothing that it stored is needed again.
    process: Child,
}

impl Server {
    /// Starts it with its data in that folder, or in that PostgreSQL database, and waits until it is ready.
    pub async fn start(binary: &Path, folder: &Path, database: Option<&str>) -> Result<Self, String> {
        let port = free_port()?;
        let key = format!("bench_{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
        let log = folder.join("server.log");
        let output = File::create(&log).map_err(because("the server's log"))?;
        let mut command = Command::new(binary);
        command.arg("serve").current_dir(folder).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        command.env("PANORA_BIND", format!("127.0.0.1:{port}"));
        command.env("PANORA_DATA_DIR", folder.join("data"));
        command.env("PANORA_BOOTSTRAP_API_KEY", &key).env("PANORA_API_RATE_LIMIT", "0");
        if let Some(url) = database {
            command.env("DATABASE_URL", url).env("PANORA_ENCRYPTION_KEYS", ENCRYPTION_KEY);
        }
        let process = command.spawn().map_err(because("the server cannot be started"))?;
        let pid = process.id().ok_or("the server has ended")?;
        let mut server = Self { pid, port, key, log, process };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            if let Ok(mut wire) = Wire::open(self.port).await
                && wire.get("/ready").await.is_ok()
            {
                return Ok(());
            }
            let ended = self.process.try_wait().is_ok_and(|status| status.is_some());
            if ended || started.elapsed() > PATIENCE {
                return Err(format!("the server did not become ready; it said:\n{}", self.last_lines()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The last that it has logged.
    pub fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Registers an endpoint for `connection.created`.
    pub async fn register(&self, url: &str, secret: &WebhookSecret) -> Result<(), String> {
        let body = json!({"url": url, "scope": ["connection.created"], "secret": secret.expose()});
        self.importer().await?.post("/webhook", &body).await?;
        Ok(())
    }

    /// A caller of its API, with a connection of its own.
    pub async fn importer(&self) -> Result<Importer, String> {
        Ok(Importer { wire: Wire::open(self.port).await?, key: self.key.clone() })
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    Ok(listener.map_err(because("no free port"))?.port())
}

/// One caller of the API.
pub struct Importer {
    wire: Wire,
    key: String,
}

impl Importer {
    /// Imports a connection of a person of its own; gives the connection's id.
    pub async fn call(&mut self, number: u64) -> Result<u128, String> {
        let credentials = json!({"access_token": format!("access-{number}"), "expires_in": 3600});
        let origin = format!("person-{number}");
        let body =
            json!({"linked_user_origin_id": origin, "provider_slug": "sandbox", "credentials": credentials});
        let answer = self.post("/connections", &body).await?;
        let (_, id) = connection_in(&answer).ok_or("POST /connections named no connection")?;
        Ok(id.as_u128())
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<Bytes, String> {
        let request = self
            .wire
            .request(Method::POST, path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        let answer = self.wire.send(request, body.to_string().into()).await?;
        Ok(answer.expect(StatusCode::CREATED, path)?.body)
    }
}
