//! `POST /webhooks/verifyEvent`: whether a payload was signed with a secret.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use panora_signature::WebhookSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::extract::{BodyRules, JsonBody};
use crate::http::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify_event))
}

/// A delivery as it was received.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignedEvent {
    /// The parsed body of a delivery.
    payload: Map<String, Value>,
    /// The delivery's `Panora-Signature` header.
    #[schema(example = "t=1767225600,v1=3c5a0000000000000000000000000000000000000000000000000000000000")]
    signature: String,
    /// The endpoint's `whsec_` secret.
    #[schema(example = "whsec_RVhBTVBMRUVYQU1QTEVFWEFNUExFRVhBTVBMRUVYQU0=")]
    secret: String,
}

impl BodyRules for SignedEvent {
    const OWN_BOUNDS: &'static [&'static str] = &["payload", "signature"];
    // The deepest `metadata` of a request stands three levels deeper here: payload, event, data.
    const LEVELS: usize = panora_signature::intake::MAX_LEVELS + 3;
}

/// Verifies a delivery.
///
/// For clients without a library: answers with the payload where the signature fits it.
#[utoipa::path(post, operation_id = "verifyEvent", path = "/verifyEvent", tag = "webhooks", request_body = SignedEvent,
    responses((status = 201, body = HashMap<String, Value>, description = "The payload: its signature fits."),
        (status = 400, description = "`invalid_signature`: the signature does not fit, or is too old.")))]
async fn verify_event(
    State(app): State<App>,
    JsonBody(event): JsonBody<SignedEvent>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_signature", detail);
    let secret = WebhookSecret::parse(&event.secret)
        .map_err(|_| Problem::field("/secret", "`whsec_` and the base64 of 24 to 64 bytes."))?;
    let payload = Value::Object(event.payload);
    panora_signature::verify_value(&payload, &event.signature, &secret, app.clock.now().seconds())
        .map_err(|error| invalid(error.to_string()))?;
    Ok((StatusCode::CREATED, Json(payload)))
}
