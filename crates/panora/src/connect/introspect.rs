//! When a token ends, asked of the provider where it does not say so by itself (RFC 7662). Nobody depends on the answer:
//! without it a token lives until it is refused.

use std::time::Duration;

use panora_catalog::Provider;
use secrecy::SecretString;

use super::client::client_of;
use super::provider_call::send;
use crate::app::App;
use crate::connect::credentials::Credentials;
use crate::model::{ProjectId, Time};

/// Somebody may be waiting for the token.
const PATIENCE: Duration = Duration::from_secs(5);

/// None where the provider is not asked, or does not say.
pub async fn ends_at(
    app: &App,
    project: ProjectId,
    (provider, client_id): (&Provider, Option<&str>),
    credentials: &Credentials,
) -> Option<Time> {
    let (access, _) = credentials.tokens().filter(|_| provider.introspects())?;
    let asked = ask(app, project, (provider, client_id), (&access, credentials));
    tokio::time::timeout(PATIENCE, asked).await.ok()?
}

async fn ask(
    app: &App,
    project: ProjectId,
    (provider, client_id): (&Provider, Option<&str>),
    (access, credentials): (&SecretString, &Credentials),
) -> Option<Time> {
    let client = client_of(app, project, provider, client_id).await.ok()??;
    let request = provider.introspection_request(&client, access, &credentials.variables).ok()??;
    let answer = send(app, project, request).await.ok()?;
    let ends = provider.read_introspection(answer.status, &answer.body, app.clock.now().millis());
    if ends.is_none() {
        tracing::info!(
            provider = provider.slug(),
            status = answer.status,
            "it is not said when a token ends"
        );
    }
    ends.map(Time::from_millis)
}
