//! The two limits: a bare client that signs and posts a body, and the same that commits it first.

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use panora_signature::{WebhookSecret, sign, verify_body};
use uuid::Uuid;

use crate::arrivals::connection_in;
use crate::because;
use crate::clock::now;
use crate::commit::Committer;

/// Bodies of the very shape that the server has sent.
#[derive(Clone)]
pub struct Template {
    body: Vec<u8>,
    place: usize,
    secret: WebhookSecret,
}

impl Template {
    /// From a delivery, which must be signed with the endpoint's secret.
    pub fn from_delivery(body: &[u8], signature: &str, secret: &WebhookSecret) -> Result<Self, String> {
        verify_body(body, signature, secret, seconds()).map_err(because("a delivery"))?;
        let (place, _) = connection_in(body).ok_or("a delivery names no connection")?;
        Ok(Self { body: body.to_vec(), place, secret: secret.clone() })
    }

    /// The bytes of a body.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    fn about(&self, id: Uuid) -> Bytes {
        let mut body = self.body.clone();
        id.hyphenated().encode_lower(&mut body[self.place..]);
        body.into()
    }
}

/// The client that a plain sender would use: its connections are kept and shared.
pub type Pooled = Client<HttpConnector, Full<Bytes>>;

/// What the callers of a limit share.
pub struct Poster {
    pub client: Pooled,
    /// Of the endpoints, to which posts go in turn.
    pub urls: Vec<Uri>,
    pub template: Template,
    pub committer: Option<Committer>,
}

/// A client without any connection yet.
pub fn pooled() -> Pooled {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

impl Poster {
    /// Sends one event; gives the id of its connection.
    pub async fn call(&self, number: u64) -> Result<u128, String> {
        let id = Uuid::from_u128(number.into());
        let body = self.template.about(id);
        if let Some(committer) = &self.committer {
            committer.commit(body.clone()).await?;
        }
        let (event, time) = (id.to_string(), seconds());
        let signed = sign(std::slice::from_ref(&self.template.secret), &event, time, &body);
        let turn = usize::try_from(number).unwrap_or_default() % self.urls.len();
        let request = Request::post(self.urls[turn].clone())
            .header("content-type", "application/json")
            .header("panora-signature", signed.panora_signature)
            .header("webhook-id", event)
            .header("webhook-timestamp", time)
            .header("webhook-signature", signed.webhook_signature)
            .body(Full::new(body))
            .map_err(because("no request"))?;
        self.post(request).await?;
        Ok(id.as_u128())
    }

    /// The answer's body is read, which gives the connection back.
    async fn post(&self, request: Request<Full<Bytes>>) -> Result<(), String> {
        let answer = self.client.request(request).await.map_err(because("the receiver gave no answer"))?;
        let status = answer.status();
        answer.into_body().collect().await.map_err(because("the receiver gave half an answer"))?;
        let taken = status == StatusCode::OK;
        taken.then_some(()).ok_or_else(|| format!("the receiver answered {status}"))
    }
}

fn seconds() -> i64 {
    i64::try_from(now() / 1_000_000_000).unwrap_or(i64::MAX)
}
