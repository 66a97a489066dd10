//! An endpoint's secret: rotating it, and showing it again.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use panora_signature::WebhookSecret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::Answer;
use crate::app::App;
use crate::http::api::document::IdParam;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, IdPath, JsonBody, NoBody};
use crate::http::problem::Problem;
use crate::model::EndpointId;
use crate::vault::Slot;
use crate::webhooks::{new_secret, open_secret};

/// Both secrets sign for so long unless told otherwise.
const DEFAULT_GRACE: i64 = 24 * 3600;

/// How to rotate a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the old secret signs too: 0 to 604,800 seconds, a day unless given.
    #[schema(minimum = 0, maximum = 604_800)]
    grace_seconds: Option<i64>,
}

impl BodyRules for Rotation {
    const MAY_BE_EMPTY: bool = true;
}

/// A secret that somebody brings along.
pub fn parse(text: &str) -> Result<WebhookSecret, Problem> {
    WebhookSecret::parse(text)
        .map_err(|_| Problem::field("/secret", "`whsec_` and the base64 of 24 to 64 bytes."))
}

/// Gives an endpoint a new secret.
///
/// While the grace lasts, deliveries carry the signatures of both.
#[utoipa::path(post, operation_id = "rotateWebhookSecret", path = "/{id}/rotate_secret", tag = "webhooks",
    params(IdParam), request_body = Option<Rotation>,
    responses((status = 200, body = Answer, description = "The endpoint, with its new secret.")))]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Result<Json<Answer>, Problem> {
    let grace = rotation.grace_seconds.unwrap_or(DEFAULT_GRACE);
    if !(0..=604_800).contains(&grace) {
        return Err(Problem::field("/grace_seconds", "From 0 to 604,800 seconds."));
    }
    let mut tx = app.store.begin().await?;
    let position = app.store.lock_project(&mut tx, caller.project).await?.last;
    let stored = app.store.read_endpoint(&mut tx, caller.project, id).await?;
    let mut stored = stored.ok_or_else(Problem::not_found)?;
    let now = app.clock.now();
    let old = app.vault.open(Slot::EndpointSecret, id, &stored.secret)?;
    let until = now.plus(Duration::from_secs(grace.unsigned_abs()));
    stored.previous_secret = Some((app.vault.seal(Slot::EndpointPreviousSecret, id, &old), until));
    let secret = new_secret(&app);
    stored.secret = app.vault.seal(Slot::EndpointSecret, id, secret.expose().as_bytes());
    stored.endpoint.updated_at = now;
    stored.endpoint.state.reset(app.store.present());
    app.store.save_endpoint(&mut tx, &stored, position).await?;
    tx.commit().await?;
    app.listeners.refresh_if_possible(&app, [caller.project]).await;
    app.wake.deliveries.notify_one();
    Ok(Json(Answer::new(&app, &stored, Some(&secret))?))
}

/// Shows an endpoint's secret again.
#[utoipa::path(post, operation_id = "revealWebhookSecret", path = "/{id}/reveal_secret", tag = "webhooks",
    params(IdParam), responses((status = 200, body = Answer, description = "The endpoint, with its secret.")))]
pub async fn reveal(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<EndpointId>,
    JsonBody(NoBody {}): JsonBody<NoBody>,
) -> Result<Json<Answer>, Problem> {
    let stored = app.store.lookup_endpoint(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    tracing::info!(target: "audit", key = %caller.key, endpoint = %id, "a webhook secret was shown");
    let secret = open_secret(&app, Slot::EndpointSecret, id, &stored.secret)?;
    Ok(Json(Answer::new(&app, &stored, Some(&secret))?))
}
