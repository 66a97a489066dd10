//! The two limits: a bare client that signs and posts a body, and the same that commits it first.

use bytes::Bytes;
use http::{Method, StatusCode};
use panora_signature::{WebhookSecret, sign, verify_body};
use uuid::Uuid;

use crate::arrivals::connection_in;
use crate::clock::now;
use crate::commit::Committer;
use crate::wire::Wire;

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
        verify_body(body, signature, secret, seconds()).map_err(crate::because("a delivery"))?;
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

/// One caller of a limit, with its connection to the receiver.
pub struct Poster {
    pub wire: Wire,
    pub template: Template,
    /// Posts go to the endpoints in turn.
    pub endpoints: u16,
    pub committer: Option<Committer>,
}

impl Poster {
    /// Sends one event; gives the id of its connection.
    pub async fn call(&mut self, number: u64) -> Result<u128, String> {
        let id = Uuid::from_u128(number.into());
        let body = self.template.about(id);
        if let Some(committer) = &self.committer {
            committer.commit(body.clone()).await?;
        }
        let (event, time) = (id.to_string(), seconds());
        let signed = sign(std::slice::from_ref(&self.template.secret), &event, time, &body);
        let path = format!("/{}", number % u64::from(self.endpoints));
        let request = self
            .wire
            .request(Method::POST, &path)
            .header("content-type", "application/json")
            .header("panora-signature", signed.panora_signature)
            .header("webhook-id", event)
            .header("webhook-timestamp", time)
            .header("webhook-signature", signed.webhook_signature);
        self.wire.send(request, body).await?.expect(StatusCode::OK, "the receiver")?;
        Ok(id.as_u128())
    }
}

fn seconds() -> i64 {
    i64::try_from(now() / 1_000_000_000).unwrap_or(i64::MAX)
}
