//! What an endpoint's bodies may say, and how an endpoint is shown.

use std::collections::BTreeMap;

use panora_signature::WebhookSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{check_headers, check_rate, check_schedule, check_url, scope_problem};
use crate::app::App;
use crate::http::extract::{BodyRules, given};
use crate::http::problem::Problem;
use crate::model::{EndpointStatus, EventScope, ProjectId, RetrySchedule, Time};
use crate::store::StoredEndpoint;
use crate::vault::Slot;
use crate::webhooks::{open_headers, open_secret};

/// What stands for a header's value that is never shown.
const REDACTED: &str = "[redacted]";

/// An endpoint to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpoint {
    /// Where events are sent.
    #[schema(format = "uri", example = "https://example.com/webhook")]
    pub url: String,
    /// For people.
    pub description: Option<String>,
    /// Event types, with trailing wildcards: `connection.created`, `connection.*`, `*`.
    #[schema(example = json!(["connection.created"]), min_items = 1)]
    pub scope: Vec<String>,
    /// Whether it takes deliveries; true unless given.
    pub active: Option<bool>,
    /// Deliveries a second, 1 to 10,000; no limit unless given.
    #[schema(minimum = 1, maximum = 10_000)]
    pub rate_limit: Option<i64>,
    /// Sent with each delivery; the values are never shown again.
    pub headers: Option<BTreeMap<String, String>>,
    /// Seconds between tries: 0 to 20 of 1 to 86,400.
    #[schema(max_items = 20)]
    pub retry_schedule: Option<Vec<i64>>,
    /// Your own `whsec_` of 24 to 64 bytes.
    pub secret: Option<String>,
}

impl BodyRules for NewEndpoint {}

/// What to change; fields that are left out stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedEndpoint {
    /// Where events are sent.
    #[schema(format = "uri")]
    url: Option<String>,
    /// For people.
    description: Option<String>,
    /// Event types, with trailing wildcards: `connection.created`, `connection.*`, `*`.
    scope: Option<Vec<String>>,
    /// Whether it takes deliveries.
    active: Option<bool>,
    /// Deliveries a second, 1 to 10,000; `null` for no limit.
    #[schema(minimum = 1, maximum = 10_000)]
    #[serde(default, deserialize_with = "given")]
    rate_limit: Option<Option<i64>>,
    /// Replaces them all; a value of `[redacted]` keeps the one that is there.
    headers: Option<BTreeMap<String, String>>,
    /// Seconds between tries: 0 to 20 of 1 to 86,400; `null` for the usual ones.
    #[schema(max_items = 20)]
    #[serde(default, deserialize_with = "given")]
    retry_schedule: Option<Option<Vec<i64>>>,
    /// Replaces the secret at once; `rotate_secret` lets both sign for a while.
    secret: Option<String>,
}

impl BodyRules for ChangedEndpoint {}

/// An endpoint as the API shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub struct Answer {
    #[schema(format = "uuid")]
    id_webhook_endpoint: String,
    #[schema(format = "uri", example = "https://example.com/webhook")]
    url: String,
    #[schema(required, example = "Tells the CRM about new connections")]
    endpoint_description: Option<String>,
    /// Whole after creation, rotation and revealing; `whsec_[redacted]` elsewhere.
    #[schema(example = "whsec_RVhBTVBMRUVYQU1QTEVFWEFNUExFRVhBTVBMRUVYQU0=")]
    secret: String,
    /// Whether it takes deliveries.
    active: bool,
    /// Event types, with trailing wildcards.
    #[schema(example = json!(["connection.created"]))]
    scope: Vec<String>,
    status: EndpointStatus,
    /// Failed attempts in a row.
    #[schema(example = 0)]
    failures: u32,
    /// Since when its deliveries have waited for it to work again; null where it is not held, nor drains after that.
    #[schema(value_type = Option<String>, required, format = DateTime, example = json!(null))]
    held_since: Option<Time>,
    /// When a held one is tried next, at the soonest; else null.
    #[schema(value_type = Option<String>, required, format = DateTime, example = json!(null))]
    next_probe_at: Option<Time>,
    /// Deliveries a second; null for no limit.
    #[schema(required, example = json!(null))]
    rate_limit: Option<u32>,
    /// Seconds between tries.
    #[schema(example = json!([5, 60, 300, 1800, 7200, 18000, 36000, 86400, 86400]))]
    retry_schedule: Vec<u32>,
    /// Custom headers by name; values read `[redacted]`.
    #[schema(example = json!({"x-team": "[redacted]"}))]
    headers: BTreeMap<String, &'static str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    last_update: Time,
    #[schema(format = "uuid")]
    id_project: String,
}

impl Answer {
    pub fn new(app: &App, it: &StoredEndpoint, secret: Option<&WebhookSecret>) -> Result<Self, Problem> {
        let endpoint = &it.endpoint;
        let headers = open_headers(app, it)?;
        Ok(Self {
            id_webhook_endpoint: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            endpoint_description: Some(endpoint.description.clone()).filter(|text| !text.is_empty()),
            secret: secret.map_or_else(|| "whsec_[redacted]".to_owned(), WebhookSecret::expose),
            active: endpoint.is_active(),
            scope: endpoint.scope.patterns().to_vec(),
            status: endpoint.state.status,
            failures: endpoint.state.failures,
            held_since: endpoint.state.held_since.filter(|_| endpoint.is_active()),
            next_probe_at: endpoint.state.next_probe_at(),
            rate_limit: endpoint.rate_limit,
            retry_schedule: endpoint.retry_schedule.gaps().to_vec(),
            headers: headers.into_iter().map(|(name, _)| (name, REDACTED)).collect(),
            created_at: endpoint.created_at,
            last_update: endpoint.updated_at,
            id_project: endpoint.id_project.to_string(),
        })
    }
}

/// A body whose every field holds; none means "not given".
#[derive(Default)]
pub struct Checked {
    pub url: Option<String>,
    pub description: Option<String>,
    pub scope: Option<EventScope>,
    pub active: Option<bool>,
    pub rate_limit: Option<Option<u32>>,
    pub headers: Option<Vec<(String, String)>>,
    pub retry_schedule: Option<RetrySchedule>,
    secret: Option<WebhookSecret>,
}

impl Checked {
    pub async fn of_new(app: &App, project: ProjectId, body: NewEndpoint) -> Result<Self, Problem> {
        let change = ChangedEndpoint {
            url: Some(body.url),
            description: body.description,
            scope: Some(body.scope),
            active: body.active,
            rate_limit: body.rate_limit.map(Some),
            headers: body.headers,
            retry_schedule: body.retry_schedule.map(Some),
            secret: body.secret,
        };
        let checked = Self::of_change(app, project, change).await?;
        checked.merged_headers(&[])?;
        Ok(checked)
    }

    pub async fn of_change(app: &App, project: ProjectId, body: ChangedEndpoint) -> Result<Self, Problem> {
        let scope = body
            .scope
            .map(|patterns| EventScope::parse(&patterns).map_err(|error| scope_problem("/scope", &error)))
            .transpose()?;
        let rate_limit = body
            .rate_limit
            .map(|rate| rate.map(|rate| check_rate("/rate_limit", rate)).transpose())
            .transpose()?;
        let schedule =
            body.retry_schedule.map(|gaps| gaps.map_or_else(|| Ok(RetrySchedule::default()), check_schedule));
        let checked = Self {
            url: body.url,
            description: body.description,
            scope,
            active: body.active,
            rate_limit,
            headers: body.headers.map(check_headers).transpose()?,
            retry_schedule: schedule.transpose()?,
            secret: body.secret.as_deref().map(super::secret::parse).transpose()?,
        };
        // Last: it may ask the network for the name's addresses.
        if let Some(url) = &checked.url {
            check_url(app, project, url).await?;
        }
        Ok(checked)
    }

    /// The headers to keep, where some were given: `[redacted]` stands for the value that is there.
    fn merged_headers(&self, known: &[(String, String)]) -> Result<Option<Vec<(String, String)>>, Problem> {
        let Some(given) = &self.headers else { return Ok(None) };
        let merged = given.iter().map(|(name, value)| {
            if value != REDACTED {
                return Ok((name.clone(), value.clone()));
            }
            let words = "There is no value to keep.";
            let kept = known.iter().find(|(known, _)| known == name).cloned();
            kept.ok_or_else(|| Problem::field(format!("/headers/{name}"), words))
        });
        merged.collect::<Result<_, _>>().map(Some)
    }

    /// Changes what was given.
    ///
    /// Another URL, secret or header may have mended what was wrong: a held endpoint is probed at once. What is written
    /// back as it was changes nothing. `now` is the database's.
    pub fn apply(self, app: &App, it: &mut StoredEndpoint, now: Time) -> Result<(), Problem> {
        let known = open_headers(app, it)?;
        let headers = self.merged_headers(&known)?;
        let endpoint = &mut it.endpoint;
        let other_url = self.url.as_ref().is_some_and(|url| *url != endpoint.url);
        let other_headers = headers.as_ref().is_some_and(|headers| *headers != known);
        // One that cannot be opened is another.
        let is_there = |given: &WebhookSecret| {
            let known = open_secret(app, Slot::EndpointSecret, endpoint.id, &it.secret);
            known.is_ok_and(|known| known.expose() == given.expose())
        };
        let other_secret = self.secret.filter(|given| !is_there(given));
        if other_url || other_headers || other_secret.is_some() {
            endpoint.state.reset(now);
        }
        if let Some(url) = self.url {
            endpoint.url = url;
        }
        if let Some(description) = self.description {
            endpoint.description = description;
        }
        if let Some(scope) = self.scope {
            endpoint.scope = scope;
        }
        if let Some(rate) = self.rate_limit {
            endpoint.rate_limit = rate;
        }
        if let Some(schedule) = self.retry_schedule {
            endpoint.retry_schedule = schedule;
        }
        if let Some(active) = self.active {
            endpoint.set_active(active, now);
        }
        if let Some(headers) = headers.filter(|_| other_headers) {
            it.headers = Some(app.vault.seal_json(Slot::EndpointHeaders, endpoint.id, &headers));
        }
        if let Some(secret) = other_secret {
            it.secret = app.vault.seal(Slot::EndpointSecret, endpoint.id, secret.expose().as_bytes());
            it.previous_secret = None;
        }
        Ok(())
    }
}
