//! Asking the provider when a token ends (RFC 7662), where the answer that gave it does not say. A token that the provider
//! calls inactive is not judged here: its next use will tell.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::answer::{LONGEST_LIFE_MS, expires_at_ms};
use crate::credential::Client;
use crate::file::Introspection;
use crate::provider::Provider;
use crate::request::HttpRequest;
use crate::revoke;
use crate::values::{RenderError, Values, Variables};

impl Provider {
    /// Whether the provider is asked when a token ends.
    pub fn introspects(&self) -> bool {
        self.introspection().is_some()
    }

    /// The question; none where the file knows of no way to ask.
    pub fn introspection_request(
        &self,
        client: &Client,
        access_token: &SecretString,
        variables: &Variables,
    ) -> Result<Option<HttpRequest>, RenderError> {
        let values = Values::new(self, variables)
            .with_client(client)
            .with("access_token", access_token.expose_secret())
            .with("token", access_token.expose_secret());
        self.introspection().map(|it| revoke::render(&it.request, client, &values)).transpose()
    }

    /// When the token ends, Unix milliseconds; none where the answer does not say. `at_ms` is the time of the answer.
    pub fn read_introspection(&self, status: u16, body: &Value, at_ms: i64) -> Option<i64> {
        let active = body.get("active").and_then(Value::as_bool) != Some(false);
        let it = self.introspection().filter(|_| active && (200..300).contains(&status))?;
        let ends = expires_at_ms(&it.expires, (body, &Value::Null), at_ms)?;
        Some(ends.clamp(0, at_ms + LONGEST_LIFE_MS))
    }

    fn introspection(&self) -> Option<&Introspection> {
        self.file.token.as_ref()?.introspection.as_ref()
    }
}
