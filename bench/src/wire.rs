//! One keep-alive HTTP/1.1 connection to this machine. It never opens a second one: a broken one ends the run.
//!
//! Made by hand because it runs on the cores that are measured, and takes less of them than a general client.

use std::fmt::Display;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::because;

/// What is read at a time, and what an answer's head may take.
const PIECE: usize = 16 * 1024;
const MOST_OF_HEAD: usize = 64 * 1024;

pub struct Wire {
    stream: TcpStream,
    port: u16,
    /// Of a request, then of its answer: kept for the next.
    buffer: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to a port of this machine.
    pub async fn open(port: u16) -> Result<Self, String> {
        let stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(because("no connection"))?;
        stream.set_nodelay(true).map_err(because("no connection"))?;
        Ok(Self { stream, port, buffer: Vec::with_capacity(PIECE) })
    }

    /// Asks for a path; `headers` are whole lines, each with its line end.
    pub async fn send(
        &mut self,
        method: &str,
        path: impl Display,
        headers: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let (port, length) = (self.port, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.map_err(because("a connection was closed"))?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(because("no answer"))?;
            if read == 0 {
                return Err("a connection was closed before its answer".to_owned());
            }
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.send("GET", path, "", "").await?.expect(200, path)
    }
}

/// The answer, once all of it is there. The server and the receiver always tell its length beforehand.
fn whole(bytes: &[u8]) -> Result<Option<Answer>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        let endless = bytes.len() > MOST_OF_HEAD;
        return if endless { Err("an answer has an endless head".to_owned()) } else { Ok(None) };
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let length = header(&head, "content-length").and_then(|text| text.parse::<usize>().ok());
    let length = length.ok_or("an answer does not tell its length")?;
    let body = &bytes[end + 4..];
    if body.len() < length {
        return Ok(None);
    }
    let status = head.get(9..12).and_then(|text| text.parse().ok()).ok_or("an answer has no status")?;
    Ok(Some(Answer { status, head: head.into_owned(), body: body[..length].to_vec() }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// This answer, if it has that status; otherwise what came instead.
    pub fn expect(self, status: u16, asked: &str) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let text: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        Err(format!("{asked} answered {} instead of {status}: {text}", self.status))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX: a\r\n\r\nhello";
        for cut in 0..text.len() {
            assert_eq!(whole(&text[..cut]).unwrap(), None, "{cut}");
        }
        let answer = whole(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (201, b"hello".as_slice()));
        assert_eq!((answer.header("x"), answer.header("y")), (Some("a"), None));
        assert!(answer.expect(200, "it").unwrap_err().contains("201 instead of 200: hello"));
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(whole(&vec![b'x'; MOST_OF_HEAD + 1]).is_err());
    }
}
