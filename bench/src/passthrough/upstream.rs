//! The provider's part, in a process of its own: answers made beforehand, and as little work as a server can have.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::because;

pub struct Upstream {
    pub port: u16,
    /// Killed with this value.
    _process: Child,
}

impl Upstream {
    pub async fn start() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(because("no own path"))?;
        let mut command = Command::new(own);
        command.arg("upstream").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(because("the upstream cannot be started"))?;
        let output = process.stdout.take().ok_or("the upstream says nothing")?;
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line).await;
        read.map_err(because("the upstream says nothing"))?;
        let port = line.trim().parse().map_err(because("the upstream has no port"))?;
        Ok(Self { port, _process: process })
    }
}

/// The upstream's process: prints its port and answers until it is killed.
pub async fn serve() -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(because("no port"))?;
    println!("{}", listener.local_addr().map_err(because("no port"))?.port());
    let row =
        r#"{"id":"1","name":"Ada Lovelace","email":"ada@lovelace.example","company":"Analytical Engines"}"#;
    let small = format!(r#"{{"results":[{row},{row}]}}"#);
    let large = format!(r#"{{"results":["{}"]}}"#, "x".repeat(64 * 1024 - 16));
    let answers = Arc::new([answer(&small), answer(&large)]);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(converse(stream, answers.clone()));
    }
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-upstream: 1\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Requests without a body, one after another. One without the credential gets no answer.
async fn converse(mut stream: TcpStream, answers: Arc<[Vec<u8>; 2]>) {
    drop(stream.set_nodelay(true));
    let mut buffer = Vec::with_capacity(4096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        if !buffer.ends_with(b"\r\n\r\n") {
            continue;
        }
        let has_credential = buffer.windows(15).any(|part| part == b"upstream-secret");
        let large = buffer.starts_with(b"GET /api/large ");
        if !has_credential || stream.write_all(&answers[usize::from(large)]).await.is_err() {
            return;
        }
        buffer.clear();
    }
}
