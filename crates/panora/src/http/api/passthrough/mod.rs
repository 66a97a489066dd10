//! Calling a provider with a connection token: as one JSON document, or streaming.

mod envelope;
mod stream;

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use panora_outbound::{Failure, OutboundError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::model::ConnectionToken;
use crate::passthrough::{CallError, CutShort, Known};

pub use stream::{describe, is_streamed, stream};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(envelope::passthrough))
}

/// The connection that `x-connection-token` names, ready to be called.
async fn known(app: &App, caller: Caller, headers: &HeaderMap) -> Result<Arc<Known>, Problem> {
    let token = headers.get("x-connection-token").and_then(|value| value.to_str().ok());
    let token = token.ok_or_else(|| {
        Problem::unauthorized(
            "missing_connection_token",
            "Send the connection's token as `x-connection-token`.",
        )
    })?;
    let found = app.connections.find(app, caller.project, &ConnectionToken::from_text(token)).await?;
    found.ok_or_else(|| {
        Problem::unauthorized(
            "invalid_connection_token",
            "This connection token is not known in this project.",
        )
    })
}

/// The request's own body did not come to its end.
fn broken_off(error: &CutShort) -> Problem {
    let (status, code) = match error {
        CutShort::TooSlow => (StatusCode::REQUEST_TIMEOUT, "request_too_slow"),
        CutShort::Broken => (StatusCode::BAD_REQUEST, "request_broken"),
        CutShort::TooLong => {
            let detail = "This provider's calls are signed, fields of forms too: a form may hold 1 MiB.";
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail);
        }
    };
    Problem::new(status, code, "The request's body did not come to its end.")
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::UnknownProvider => {
                Self::conflict("unknown_provider", "This connection's provider is no longer in the catalog.")
            }
            CallError::Refused(error @ panora_catalog::CallError::OverrideNotAllowed) => {
                Self::field("/overrideBaseUrl", error.to_string())
            }
            CallError::Refused(error @ panora_catalog::CallError::Path(_)) => {
                Self::field("/path", error.to_string())
            }
            CallError::Refused(panora_catalog::CallError::Render(error)) => {
                Self::conflict("connection_incomplete", error.to_string())
            }
            CallError::Refresh(error) => error.into(),
            CallError::Caller(error) => broken_off(&error),
            CallError::Unanswered(Failure { error: OutboundError::UploadTooSlow, .. }) => {
                broken_off(&CutShort::TooSlow)
            }
            CallError::Unanswered(Failure { error: OutboundError::UploadBroken, .. }) => {
                broken_off(&CutShort::Broken)
            }
            CallError::Unanswered(failure) => {
                let detail = format!("The provider gave no answer. {}", failure.error.likely_cause());
                Self::new(StatusCode::BAD_GATEWAY, failure.error.code(), detail)
            }
        }
    }
}
