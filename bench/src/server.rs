//! The server as its own process.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::because;
use crate::home::Home;
use crate::wire::Wire;

/// How long it may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_mins(1);
const LAST_LINES: usize = 20;

pub struct Server {
    pub pid: u32,
    pub port: u16,
    log: PathBuf,
    /// Killed with this value: what is not committed by then is not needed.
    process: Child,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub async fn start(home: &Home) -> Result<Self, String> {
        Self::start_with(home, &[]).await
    }

    /// The same with further variables of its environment.
    pub async fn start_with(home: &Home, variables: &[(&str, String)]) -> Result<Self, String> {
        let port = free_port()?;
        let log = home.folder.join("server.log");
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.map_err(because("the server's log"))?;
        let mut command = home.command();
        command.arg("serve").env("PANORA_BIND", format!("127.0.0.1:{port}"));
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let process = command.stdout(Stdio::null()).stderr(output).spawn();
        let process = process.map_err(because("the server cannot be started"))?;
        let pid = process.id().ok_or("the server has ended")?;
        let mut server = Self { pid, port, log, process };
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

    /// Asks it to end, as an operator would, and waits until it has: nobody may hold a connection to it.
    pub async fn stop(&mut self) -> Result<(), String> {
        let mut ask = Command::new("sh");
        ask.args(["-c", "kill -TERM \"$0\"", &self.pid.to_string()]);
        ask.status().await.map_err(because("the server cannot be asked to end"))?;
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        ended.map_err(|_| "the server did not end when asked to")?.map_err(because("the server's end"))?;
        Ok(())
    }

    /// The last that it has logged.
    pub fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    Ok(listener.map_err(because("no free port"))?.port())
}
