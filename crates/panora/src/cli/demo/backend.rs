//! The product's backend, as small as it can be: an endpoint that believes nothing it cannot verify.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use panora_signature::{WebhookSecret, verify_body};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::cli::api::unlike;
use crate::clock::Clock;

/// How long an event may take that follows at once.
const PATIENCE: Duration = Duration::from_secs(8);

pub struct Backend {
    pub url: String,
    secret: Arc<OnceLock<WebhookSecret>>,
    events: mpsc::Receiver<Result<Value, String>>,
}

#[derive(Clone)]
struct Desk {
    secret: Arc<OnceLock<WebhookSecret>>,
    clock: Clock,
    events: mpsc::Sender<Result<Value, String>>,
}

impl Backend {
    pub async fn listen(clock: Clock) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("the backend cannot listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
        let url = format!("http://{}/webhook", listener.local_addr().map_err(cannot)?);
        let secret = Arc::new(OnceLock::new());
        let (sender, events) = mpsc::channel(64);
        let desk = Desk { secret: secret.clone(), clock, events: sender };
        let router = Router::new().route("/webhook", post(receive)).with_state(desk);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { url, secret, events })
    }

    /// The secret that the endpoint was given.
    pub fn trust(&self, secret: &str) -> Result<(), String> {
        let secret =
            WebhookSecret::parse(secret).map_err(|error| unlike("a whsec_ secret", &error.to_string()))?;
        self.secret.set(secret).map_err(|_| "the backend has a secret already".to_owned())
    }

    /// What comes next, whenever that is: a verified event, or why something else was refused.
    pub async fn wait_for_event(&mut self) -> Option<Result<Value, String>> {
        self.events.recv().await
    }

    /// The next event, which must come soon and be verified.
    pub async fn next_event(&mut self) -> Result<Value, String> {
        let waited = tokio::time::timeout(PATIENCE, self.wait_for_event()).await.ok().flatten();
        waited.unwrap_or_else(|| Err(unlike("a webhook within 8 seconds", "none")))
    }
}

async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event = desk.read(&headers, &body);
    let status = if event.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    // The other end is gone only when the demo ends.
    let _ = desk.events.send(event).await;
    status
}

impl Desk {
    fn read(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
        let header =
            headers.get("panora-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let secret = self.secret.get().ok_or("an event came before the endpoint's secret")?;
        verify_body(body, header, secret, self.clock.now().seconds())
            .map_err(|error| unlike("a webhook with a valid Panora-Signature", &error.to_string()))?;
        serde_json::from_slice(body).map_err(|error| unlike("a webhook of JSON", &error.to_string()))
    }
}
