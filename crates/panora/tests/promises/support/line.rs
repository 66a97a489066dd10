//! HTTP/1.1 by hand, as a caller and as a provider: for what no library would send, and for the very moment at which
//! something is sent.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::wait::within;

/// A provider whose every byte the test sends itself.
pub struct Upstream {
    pub url: String,
    listener: TcpListener,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        Self { url, listener }
    }

    /// The next connection.
    pub async fn accept(&self) -> Line {
        let (stream, _) = within("a connection", self.listener.accept()).await.expect("it is accepted");
        Line::of(stream)
    }

    /// The next connection, and the head of the first request on it.
    pub async fn request(&self) -> (Line, String) {
        let mut line = self.accept().await;
        let head = line.head().await;
        (line, head)
    }

    /// Whether nobody has connected that was not accepted yet.
    pub async fn is_untouched(&self) -> bool {
        let accepted = tokio::time::timeout(std::time::Duration::from_millis(1), self.listener.accept());
        accepted.await.is_err()
    }
}

/// One end of a connection.
pub struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("it is a TCP connection");
        Self { stream, read: Vec::new() }
    }

    /// Connects to where a URL leads.
    pub async fn to(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("a plain URL");
        Self::of(TcpStream::connect(address).await.expect("somebody listens"))
    }

    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        within("the other end to read", self.stream.write_all(bytes.as_ref())).await.expect("it is open");
    }

    /// Says the same again and again until the other end goes away; how many bytes went out.
    pub async fn say_for_ever(&mut self, bytes: &[u8], mut count: impl FnMut(usize)) {
        while let Ok(written) = self.stream.write(bytes).await {
            count(written);
        }
    }

    /// Reads up to an empty line; in lower case but for the values.
    pub async fn head(&mut self) -> String {
        let head = within("a head", async {
            loop {
                if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                    let rest = self.read.split_off(end + 4);
                    return std::mem::replace(&mut self.read, rest);
                }
                assert!(self.more().await, "closed in a head: {}", String::from_utf8_lossy(&self.read));
            }
        })
        .await;
        String::from_utf8(head).expect("a head is text")
    }

    /// The next bytes, exactly so many.
    pub async fn take(&mut self, count: usize) -> Vec<u8> {
        within("some bytes", async {
            while self.read.len() < count {
                assert!(self.more().await, "closed too early");
            }
        })
        .await;
        let rest = self.read.split_off(count);
        std::mem::replace(&mut self.read, rest)
    }

    /// Everything up to this text, with it.
    pub async fn until(&mut self, end: &str) -> String {
        within("an end", async {
            loop {
                let found = self.read.windows(end.len()).position(|part| part == end.as_bytes());
                if let Some(found) = found {
                    let rest = self.read.split_off(found + end.len());
                    let part = std::mem::replace(&mut self.read, rest);
                    return String::from_utf8(part).expect("it is text");
                }
                assert!(self.more().await, "closed too early");
            }
        })
        .await
    }

    /// Everything until the other end closes or breaks the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        within("the end of a connection", async { while self.more().await {} }).await;
        std::mem::take(&mut self.read)
    }

    /// Breaks the connection off, without a proper end.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("it is a TCP connection");
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|read| read > 0)
    }
}

/// A header's values in a head.
pub fn header_of<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}
