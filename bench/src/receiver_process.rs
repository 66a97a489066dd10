//! The driver's side of the receiver: starts its process and asks it what has arrived.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::arrivals::Arrival;
use crate::because;
use crate::receiver::host;
use crate::trouble::Trouble;
use crate::usage::Processes;
use crate::wire::Wire;

/// How often it is asked, and how long nothing may arrive while something is missing: longer than the first
/// two retries of a delivery.
const ASK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Receiver {
    port: u16,
    hosts: u8,
    pid: u32,
    wire: Wire,
    /// Ends with this value, and with the driver however that ends: its standard input is then closed.
    _process: Child,
}

/// How many deliveries have arrived for the first time, and how many again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub arrived: usize,
    pub repeated: u64,
}

impl Receiver {
    pub async fn start(hosts: u8) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(because("no own path"))?;
        let mut command = Command::new(own);
        command.arg("receive").arg(hosts.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(because("the receiver cannot be started"))?;
        let output = process.stdout.take().ok_or("the receiver has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.map_err(because("the receiver said nothing"))?;
        let pid = process.id().ok_or("the receiver has ended")?;
        let port = line.trim().parse().map_err(because("the receiver named no port"))?;
        Ok(Self { port, hosts, pid, wire: Wire::open(port).await?, _process: process })
    }

    /// Of an endpoint, which may ask for trouble.
    pub fn url(&self, endpoint: u16, trouble: Option<Trouble>) -> String {
        let number = u8::try_from(endpoint % u16::from(self.hosts)).unwrap_or_default();
        let path = trouble.map_or_else(|| endpoint.to_string(), |trouble| trouble.path(endpoint));
        format!("http://{}/{path}", host(number, self.port))
    }

    /// CPU time since it began.
    pub fn cpu(&self) -> Result<Duration, String> {
        Processes { pid: self.pid, postmaster: None }.cpu()
    }

    pub async fn counts(&mut self) -> Result<Counts, String> {
        let answer = self.wire.get("/counts").await?;
        let text = String::from_utf8_lossy(&answer.body);
        let counts = text.split_once(' ').and_then(|(arrived, repeated)| {
            Some(Counts { arrived: arrived.parse().ok()?, repeated: repeated.parse().ok()? })
        });
        counts.ok_or_else(|| format!("the receiver counted {text:?}"))
    }

    /// Waits until so many have arrived since `before`.
    pub async fn wait_for(&mut self, before: Counts, count: usize) -> Result<(), String> {
        let (mut arrived, mut progress) = (0, Instant::now());
        while arrived < count {
            tokio::time::sleep(ASK).await;
            let now = self.counts().await?.arrived - before.arrived;
            if now > arrived {
                (arrived, progress) = (now, Instant::now());
            } else if progress.elapsed() > PATIENCE {
                return Err(format!("{} of {count} deliveries did not arrive", count - arrived));
            }
        }
        Ok(())
    }

    /// What has arrived since `before`.
    pub async fn arrivals(&mut self, before: Counts) -> Result<Vec<Arrival>, String> {
        let answer = self.wire.get(&format!("/arrivals?{}", before.arrived)).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let arrivals: Option<Vec<Arrival>> = text.lines().map(Arrival::parse).collect();
        arrivals.ok_or_else(|| "the receiver sent a line that is no arrival".to_owned())
    }

    /// The body of the last delivery, and its signature.
    pub async fn sample(&mut self) -> Result<(Vec<u8>, String), String> {
        let answer = self.wire.get("/sample").await?;
        let signature = answer.header("panora-signature").ok_or("a delivery has no signature")?.to_owned();
        Ok((answer.body, signature))
    }
}
