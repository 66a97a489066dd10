//! A consumer of `/events/stream`, as the HTML standard reads server-sent events (section 9.2.6).

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use super::api::Api;
use super::wait::within;

/// One block of the stream, up to its empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub id: String,
    pub event: String,
    pub data: String,
}

impl Block {
    pub fn position(&self) -> u64 {
        self.id.parse().expect("an id is a number")
    }

    pub fn envelope(&self) -> Value {
        serde_json::from_str(&self.data).expect("data is JSON")
    }

    /// The event's id.
    pub fn id_event(&self) -> String {
        super::text(&self.envelope()["id_event"])
    }
}

pub struct EventStream {
    response: Response,
    /// What has arrived of blocks that are not read yet.
    rest: Vec<u8>,
    /// The last id that arrived: with what a consumer comes back.
    pub last_id: String,
}

impl Api {
    /// Opens the stream; `query` begins with `?` or is empty.
    pub async fn stream(&self, query: &str) -> EventStream {
        EventStream::open(self.request(Method::GET, &format!("/events/stream{query}"))).await
    }

    /// Opens the stream behind an id.
    pub async fn stream_after(&self, id: &str) -> EventStream {
        let request = self.request(Method::GET, "/events/stream");
        EventStream::open(request.header("last-event-id", id)).await
    }
}

impl EventStream {
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut stream = Self { response, rest: Vec::new(), last_id: String::new() };
        // The stream begins by saying where it is.
        let first = stream.block().await.expect("a first block");
        assert_eq!((first.data.as_str(), first.event.as_str()), ("", ""));
        stream
    }

    /// The next block; none at the stream's end.
    pub async fn block(&mut self) -> Option<Block> {
        within("a block", async {
            loop {
                if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                    let block = parse(std::str::from_utf8(&block).expect("a stream is UTF-8"));
                    if !block.id.is_empty() {
                        self.last_id.clone_from(&block.id);
                    }
                    return Some(block);
                }
                // A connection that is cut is an end too.
                self.rest.extend(self.response.chunk().await.ok().flatten()?);
            }
        })
        .await
    }

    /// The next event.
    pub async fn next(&mut self) -> Block {
        loop {
            let block = self.block().await.expect("the stream goes on");
            if !block.data.is_empty() {
                return block;
            }
        }
    }

    /// Waits until the server ends the stream.
    pub async fn ended(mut self) {
        while self.block().await.is_some() {}
    }
}

fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').expect("a line has a colon");
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match name {
            "" => {}
            "id" => block.id = value,
            "event" => block.event = value,
            "data" => block.data = value,
            _ => panic!("unexpected: {line}"),
        }
    }
    block
}
