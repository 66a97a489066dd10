//! nginx as a plain reverse proxy to the same upstream, with as little to do as it can have: connections are kept, and
//! one of its two ports writes no log. The other writes the log that Debian's settings have.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::because;
use crate::server::free_port;
use crate::wire::Wire;

pub struct Nginx {
    /// Of its master.
    pub pid: u32,
    pub port: u16,
    /// Where it writes a line for each call.
    pub logging_port: u16,
    process: Child,
}

impl Nginx {
    /// Starts it in a folder of the run; none where it is not installed.
    pub async fn start(folder: &Path, upstream: u16) -> Result<Option<Self>, String> {
        let (port, logging_port) = (free_port()?, free_port()?);
        let home = folder.join("nginx");
        std::fs::create_dir(&home).map_err(because("no folder"))?;
        std::fs::write(home.join("nginx.conf"), settings(&home, [port, logging_port], upstream))
            .map_err(because("nginx's settings"))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&home).arg("-c").arg(home.join("nginx.conf"));
        command.arg("-e").arg(home.join("error.log"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = match process {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("nginx cannot be started: {error}")),
        };
        let mut nginx = Self { pid: process.id(), port, logging_port, process };
        nginx.wait_until_ready(&home).await?;
        Ok(Some(nginx))
    }

    async fn wait_until_ready(&mut self, home: &Path) -> Result<(), String> {
        let started = Instant::now();
        while Wire::open(self.port).await.is_err() {
            let ended = self.process.try_wait().is_ok_and(|status| status.is_some());
            if ended || started.elapsed() > Duration::from_secs(10) {
                let log = std::fs::read_to_string(home.join("error.log")).unwrap_or_default();
                return Err(format!("nginx did not become ready; it said:\n{log}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Its workers end with the master only if that is asked to end.
impl Drop for Nginx {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-TERM", &self.pid.to_string()]).status());
        drop(self.process.wait());
    }
}

fn settings(home: &Path, [port, logging_port]: [u16; 2], upstream: u16) -> String {
    let home = home.display();
    // Where it is started by root it would give its workers to a user who may not enter the folder.
    let root = std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    let user = if root { "user root;" } else { "" };
    format!(
        "daemon off; worker_processes auto; pid {home}/pid; {user}
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  keepalive_requests 1000000000;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  proxy_http_version 1.1; proxy_set_header Connection \"\";
  server {{ listen 127.0.0.1:{port}; access_log off; location / {{ proxy_pass http://provider; }} }}
  server {{ listen 127.0.0.1:{logging_port}; access_log {home}/access.log; location / {{ proxy_pass http://provider; }} }}
}}
"
    )
}
