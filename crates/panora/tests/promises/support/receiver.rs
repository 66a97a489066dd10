//! Somebody's backend that receives webhooks: a real port, and any behaviour that a test asks for.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use panora::random::Random;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::wait::within;

/// How a receiver treats a request.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    /// A status, extra headers and a body.
    Full(u16, Vec<(String, String)>, String),
    /// Takes the request and never answers.
    Hang,
    /// Takes the request and closes the connection.
    Drop,
    /// Answers what is no HTTP.
    Garbage,
    /// Closes the connection within the answer's headers.
    CutShort,
    /// Answers 200 with a body that never ends.
    Endless,
}

impl Reply {
    fn accepts(&self) -> bool {
        matches!(self, Self::Status(200..300) | Self::Full(200..300, ..) | Self::Endless)
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Method and target of the request line.
    pub line: String,
    /// In the order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body as JSON; null where it is none.
    pub event: Value,
    pub at: Instant,
    /// Whether it was answered with a 2xx.
    pub accepted: bool,
}

pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    seen: Mutex<usize>,
}

struct Shared {
    script: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Reply>,
    /// Drops half of the connections, by these throws.
    unreliable: Mutex<Option<Random>>,
    /// Whether answers are given, or wait.
    answers: watch::Sender<bool>,
    arrived: watch::Sender<Vec<Delivery>>,
}

impl Receiver {
    /// Listens, and answers 200 to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            otherwise: Mutex::new(Reply::Status(200)),
            unreliable: Mutex::default(),
            answers: watch::Sender::new(true),
            arrived: watch::Sender::new(Vec::new()),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, seen: Mutex::new(0) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// Treats the next requests so, one after another.
    pub fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.shared.script).extend(replies);
    }

    /// Treats all requests so that no reply was planned for.
    pub fn always(&self, reply: Reply) {
        *lock(&self.shared.otherwise) = reply;
    }

    /// Treats what comes from now on by no plan.
    pub fn forget_plans(&self) {
        lock(&self.shared.script).clear();
    }

    /// From now on half of the connections are dropped: before reading, after reading, or within the answer.
    pub fn drops_half(&self, random: Random) {
        *lock(&self.shared.unreliable) = Some(random);
    }

    /// Keeps answers back, or lets those go that were kept.
    pub fn answers(&self, answers: bool) {
        self.shared.answers.send_replace(answers);
    }

    /// All that arrived so far.
    pub fn arrived(&self) -> Vec<Delivery> {
        self.shared.arrived.borrow().clone()
    }

    /// Waits until at least `count` requests have arrived, and gives all.
    pub async fn wait_for(&self, count: usize) -> Vec<Delivery> {
        self.wait_until(&format!("{count} deliveries"), |arrived| arrived.len() >= count).await
    }

    /// Waits until what arrived is enough.
    pub async fn wait_until(&self, what: &str, enough: impl FnMut(&Vec<Delivery>) -> bool) -> Vec<Delivery> {
        let mut arrivals = self.shared.arrived.subscribe();
        let arrived = within(what, arrivals.wait_for(enough)).await;
        arrived.expect("the receiver lives as long as its test").clone()
    }

    /// The first delivery that no earlier call has given.
    pub async fn next(&self) -> Delivery {
        let place = {
            let mut seen = lock(&self.seen);
            *seen += 1;
            *seen - 1
        };
        self.wait_for(place + 1).await.swap_remove(place)
    }

    /// Waits for the first delivery of this event type.
    pub async fn first(&self, event_type: &str) -> Delivery {
        let is_it = |delivery: &Delivery| delivery.event["type"] == event_type;
        let arrived = self.wait_until(event_type, |arrived| arrived.iter().any(is_it)).await;
        arrived.into_iter().find(is_it).expect("it was waited for")
    }
}

impl Delivery {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    pub fn id_event(&self) -> &str {
        self.event["id_event"].as_str().unwrap_or_default()
    }

    pub fn event_type(&self) -> &str {
        self.event["type"].as_str().unwrap_or_default()
    }

    pub fn data(&self) -> &Value {
        &self.event["data"]
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, shared.clone()));
    }
}

/// One request a connection is enough here.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    // From 0 to 2 it is dropped, each in another way.
    let fate = lock(&shared.unreliable).as_ref().map_or(3, |random| random.below(6));
    if fate == 0 {
        return;
    }
    let Some(mut delivery) = read_request(&mut stream).await else { return };
    let planned = || lock(&shared.script).pop_front().unwrap_or_else(|| lock(&shared.otherwise).clone());
    let reply = match fate {
        1 => Reply::Drop,
        2 => Reply::CutShort,
        _ => planned(),
    };
    delivery.accepted = reply.accepts();
    shared.arrived.send_modify(|arrived| arrived.push(delivery));
    drop(shared.answers.subscribe().wait_for(|answers| *answers).await);
    let text = match reply {
        Reply::Status(status) => http_answer(status, &[], "{\"received\":true}"),
        Reply::Full(status, headers, body) => http_answer(status, &headers, &body),
        Reply::Garbage => "what is this? not HTTP\r\n\r\n".to_owned(),
        Reply::CutShort => "HTTP/1.1 200 OK\r\ncontent-len".to_owned(),
        Reply::Endless => return write_without_end(stream).await,
        Reply::Drop => return,
        Reply::Hang => return std::future::pending().await,
    };
    // The sender may be gone; its side of the story is what counts.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.shutdown().await);
}

async fn write_without_end(mut stream: TcpStream) {
    let mut part = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec();
    while stream.write_all(&part).await.is_ok() {
        part = vec![b'x'; 1024];
        tokio::task::yield_now().await;
    }
}

fn http_answer(status: u16, headers: &[(String, String)], body: &str) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    format!("HTTP/1.1 {status} Told\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// None where the connection ended before a whole request came.
async fn read_request(stream: &mut TcpStream) -> Option<Delivery> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        read_more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    while bytes.len() < head_end + 4 + length {
        read_more(stream, &mut bytes).await?;
    }
    let body = bytes[head_end + 4..].to_vec();
    let event = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Delivery { line, headers, body, event, at: Instant::now(), accepted: false })
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut part = [0; 8192];
    let count = stream.read(&mut part).await.ok()?;
    bytes.extend_from_slice(&part[..count]);
    (count > 0).then_some(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
