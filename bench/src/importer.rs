//! One caller of the API, as a product's backend uses it: a keep-alive connection, one request after another.

use std::fmt::Display;

use panora_signature::WebhookSecret;
use uuid::Uuid;

use crate::arrivals::connection_in;
use crate::because;
use crate::home::Home;
use crate::server::Server;
use crate::wire::{Answer, Wire};

/// All that an endpoint is subscribed to, and what never happens in a run.
const MEASURED: &str = "connection.created";
const NEVER: &str = "webhook.disabled";

pub struct Importer {
    wire: Wire,
    /// Header lines of a request, by project.
    headers: Vec<String>,
}

/// Where an endpoint is, for the API.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    project: usize,
    id: Uuid,
}

impl Importer {
    pub async fn open(server: &Server, home: &Home) -> Result<Self, String> {
        let lines =
            |key: &String| format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n");
        Ok(Self { wire: Wire::open(server.port).await?, headers: home.keys.iter().map(lines).collect() })
    }

    /// Imports a connection of a person of its own, into the projects in turn; gives the connection's id.
    pub async fn call(&mut self, number: u64) -> Result<u128, String> {
        // Written, not built: this runs on the cores that are measured.
        let body = format!(
            r#"{{"linked_user_origin_id":"person-{number}","provider_slug":"sandbox","credentials":{{"access_token":"access-{number}","expires_in":3600}}}}"#
        );
        let project = usize::try_from(number).unwrap_or_default() % self.headers.len();
        let answer = self.ask(project, "POST", "/connections", &body).await?;
        let (_, id) = connection_in(&answer.body).ok_or("POST /connections named no connection")?;
        Ok(id.as_u128())
    }

    /// Registers an endpoint for `connection.created`.
    pub async fn register(
        &mut self,
        project: usize,
        url: &str,
        secret: &WebhookSecret,
        active: bool,
    ) -> Result<Registered, String> {
        let secret = secret.expose();
        let body =
            format!(r#"{{"url":"{url}","scope":["{MEASURED}"],"secret":"{secret}","active":{active}}}"#);
        let answer = self.ask(project, "POST", "/webhooks", &body).await?;
        let answer: serde_json::Value =
            serde_json::from_slice(&answer.body).map_err(because("an endpoint"))?;
        let id = answer["id_webhook_endpoint"].as_str().and_then(|text| text.parse().ok());
        Ok(Registered { project, id: id.ok_or("an endpoint has no id")? })
    }

    /// From now on nothing is sent there but what is due already.
    pub async fn unsubscribe(&mut self, endpoint: Registered) -> Result<(), String> {
        self.change(endpoint, &format!(r#"{{"scope":["{NEVER}"]}}"#)).await
    }

    pub async fn activate(&mut self, endpoint: Registered) -> Result<(), String> {
        self.change(endpoint, r#"{"active":true}"#).await
    }

    async fn change(&mut self, endpoint: Registered, body: &str) -> Result<(), String> {
        self.ask(endpoint.project, "PUT", format!("/webhooks/{}", endpoint.id), body).await.map(|_| ())
    }

    async fn ask(
        &mut self,
        project: usize,
        method: &str,
        path: impl Display,
        body: &str,
    ) -> Result<Answer, String> {
        let wanted = if method == "POST" { 201 } else { 200 };
        self.wire.send(method, path, &self.headers[project], body).await?.expect(wanted, method)
    }
}
