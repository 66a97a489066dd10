//! An endpoint made ready for sending: its URL read, its secrets and headers opened once and not at every attempt.

use std::sync::Arc;

use http::HeaderMap;
use panora_outbound::{Destination, Refusal};
use panora_signature::WebhookSecret;
use url::Url;

use super::secrets::{open_headers, open_secret};
use crate::app::App;
use crate::model::{Endpoint, Time};
use crate::store::StoredEndpoint;
use crate::vault::{Slot, VaultError};

/// Whom deliveries go to.
pub struct Recipient {
    pub endpoint: Endpoint,
    /// None where something sealed cannot be opened: attempts then say so.
    pub opened: Option<Opened>,
}

/// What sending takes.
pub struct Opened {
    /// Where to, or why nothing may go there.
    pub destination: Result<Destination, Refusal>,
    pub headers: HeaderMap,
    secret: WebhookSecret,
    /// Signs too until then.
    previous: Option<(WebhookSecret, Time)>,
}

impl Recipient {
    pub fn new(app: &App, stored: StoredEndpoint) -> Arc<Self> {
        let opened = Opened::of(app, &stored)
            .inspect_err(|error| {
                tracing::error!(endpoint = %stored.endpoint.id, %error, "an endpoint cannot be opened");
            })
            .ok();
        Arc::new(Self { endpoint: stored.endpoint, opened })
    }

    /// Whether any node may send to it at once: it has no limit, and is neither held, draining nor paused.
    pub fn is_free(&self, now: Time) -> bool {
        self.endpoint.rate_limit.is_none() && self.endpoint.state.is_free(now)
    }
}

fn destination(app: &App, endpoint: &Endpoint) -> Result<Destination, Refusal> {
    let url: Url = endpoint.url.parse().map_err(|_| Refusal::Malformed)?;
    app.outbound.destination(&url, &endpoint.id_project.to_string())
}

impl Opened {
    fn of(app: &App, stored: &StoredEndpoint) -> Result<Self, VaultError> {
        let id = stored.endpoint.id;
        let previous = match &stored.previous_secret {
            Some((sealed, until)) => {
                Some((open_secret(app, Slot::EndpointPreviousSecret, id, sealed)?, *until))
            }
            None => None,
        };
        Ok(Self {
            destination: destination(app, &stored.endpoint),
            headers: crate::connect::headers(&open_headers(app, stored)?),
            secret: open_secret(app, Slot::EndpointSecret, id, &stored.secret)?,
            previous,
        })
    }

    /// The secrets that sign now, the newest first: two while a rotation's grace lasts.
    pub fn live_secrets(&self, now: Time) -> Vec<WebhookSecret> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.secret).chain(previous.map(|(secret, _)| secret)).cloned().collect()
    }
}
