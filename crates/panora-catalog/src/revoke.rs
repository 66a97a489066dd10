//! Giving a grant back: RFC 7009, or the provider's own way. A retry is the caller's to plan.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::answer::{error_code, is_trouble};
use crate::credential::Client;
use crate::file::{GrantRequest, Reach, Template};
use crate::provider::Provider;
use crate::request::{HttpRequest, Pairs, encode, prove_client, renamed, typed};
use crate::values::{RenderError, Values, Variables};

/// What an answer to a revocation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// The grant is gone, now or before.
    Done,
    TryLater,
    /// The provider will not do it, however often it is asked.
    Refused,
}

impl Provider {
    /// Whether the provider has a way to revoke.
    pub fn can_revoke(&self) -> bool {
        self.file.revocation.is_some()
    }

    /// How far a revocation reaches.
    pub fn revocation_reach(&self) -> Reach {
        let said = self.file.revocation.as_ref().and_then(|revocation| revocation.ends);
        said.unwrap_or(if self.file.tenants.is_some() { Reach::Person } else { Reach::Account })
    }

    /// What to send, in this order; nothing where the provider has no way.
    pub fn revocation_requests(
        &self,
        client: &Client,
        access_token: &SecretString,
        refresh_token: Option<&SecretString>,
        variables: &Variables,
    ) -> Result<Vec<HttpRequest>, RenderError> {
        let mut values = Values::new(self, variables)
            .with_client(client)
            .with("access_token", access_token.expose_secret())
            .with("token", refresh_token.unwrap_or(access_token).expose_secret());
        if let Some(token) = refresh_token {
            values = values.with("refresh_token", token.expose_secret());
        }
        let requests = self.file.revocation.iter().flat_map(|revocation| &revocation.requests);
        requests
            .filter(|request| refresh_token.is_some() || !needs_refresh_token(request))
            .map(|request| render(request, client, &values))
            .collect()
    }

    /// Reads the answer to one of them; `body` is `Value::Null` where it was no JSON.
    pub fn read_revocation(&self, status: u16, body: &Value) -> RevocationOutcome {
        let Some(revocation) = &self.file.revocation else { return RevocationOutcome::Refused };
        let error = error_code(body, "/error");
        let gone = matches!(status, 404 | 410)
            || revocation.gone_statuses.contains(&status)
            || error.as_ref().is_some_and(|error| revocation.gone_errors.contains(error));
        // Some answer 200 and name an error.
        if gone || ((200..300).contains(&status) && error.is_none()) {
            RevocationOutcome::Done
        } else if is_trouble(status) {
            RevocationOutcome::TryLater
        } else {
            RevocationOutcome::Refused
        }
    }
}

fn needs_refresh_token(request: &GrantRequest) -> bool {
    let templates = request.headers.values().chain(request.parameters.values());
    templates.into_iter().any(|template| template.variables().any(|name| name == "refresh_token"))
}

pub(crate) fn render(
    request: &GrantRequest,
    client: &Client,
    values: &Values<'_>,
) -> Result<HttpRequest, RenderError> {
    let mut headers: Pairs = fill(&request.headers, values)?;
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        headers.push(("Accept".to_owned(), "application/json".to_owned()));
    }
    let mut parameters: Pairs = fill(&request.parameters, values)?;
    let mut proof = Pairs::new();
    prove_client(request.client_auth, client, &mut headers, &mut proof);
    parameters.extend(renamed(proof, &request.names));
    if let Some(body) = &request.body {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        let (method, body) = (request.method.clone(), Some(body.value.clone().into_bytes()));
        return Ok(HttpRequest { method, url: values.url(&request.url)?, headers, body, signing: None });
    }
    Ok(encode(
        request.method.clone(),
        values.url(&request.url)?,
        headers,
        &typed(parameters),
        request.encoding,
    ))
}

fn fill(templates: &BTreeMap<String, Template>, values: &Values<'_>) -> Result<Pairs, RenderError> {
    templates.iter().map(|(name, template)| Ok((name.clone(), values.text(template)?))).collect()
}
