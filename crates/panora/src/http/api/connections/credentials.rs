//! Asking the provider for new credentials, and whether those at hand are good.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::{ConnectionDocument, VerifiedConnection};
use crate::app::App;
use crate::connect::{AskError, refresh_connection, verify_connection};
use crate::http::api::document::IdParam;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, JsonBody, NoBody};
use crate::http::problem::Problem;
use crate::model::{ConnectionId, ConnectionStatus};
use crate::store::StoredConnection;

/// Refreshes a connection's credentials.
///
/// At once, whether they expire or not; those that were lost are tried again, and `connection.recovered` tells of it if
/// they work. Of several at the same time one asks the provider.
#[utoipa::path(post, operation_id = "refreshConnection", path = "/connections/{id}/refresh", tag = "connections",
    params(IdParam), responses(
        (status = 200, body = ConnectionDocument, description = "The connection as it is now."),
        (status = 409, description = "`needs_reauth`: the person must connect again; or `connection_revoked`."),
        (status = 422, description = "`not_refreshable`: there is no refresh token."),
        (status = 502, description = "`refresh_failed`: the provider gave no new token for now; see `Retry-After`.")))]
pub async fn refresh(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    JsonBody(NoBody {}): JsonBody<NoBody>,
) -> Result<Json<Value>, Problem> {
    let stored = standing(&app, caller, id).await?;
    // Boxed, like all that few requests need.
    Box::pin(refresh_connection(&app, &stored)).await?;
    now(&app, caller, id).await
}

/// Tries a connection's credentials at the provider.
///
/// With fresh tokens where they can be had. `verification` says what was found; `wrong_credentials` makes the
/// connection `needs_reauth`, `good` makes such a one `valid` again, and the events tell of it.
#[utoipa::path(post, operation_id = "verifyConnection", path = "/connections/{id}/verify", tag = "connections",
    params(IdParam), responses(
        (status = 200, body = VerifiedConnection, description = "The connection as it is now, and what was found."),
        (status = 409, description = "`connection_revoked`")))]
pub async fn verify(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    JsonBody(NoBody {}): JsonBody<NoBody>,
) -> Result<Json<Value>, Problem> {
    let stored = standing(&app, caller, id).await?;
    let found = Box::pin(verify_connection(&app, &stored)).await?;
    let Json(mut object) = now(&app, caller, id).await?;
    object["verification"] = serde_json::to_value(found).map_err(|_| Problem::internal())?;
    Ok(Json(object))
}

async fn standing(app: &App, caller: Caller, id: ConnectionId) -> Result<StoredConnection, Problem> {
    let stored = app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    if stored.connection.status == ConnectionStatus::Revoked {
        return Err(Problem::conflict("connection_revoked", "This connection no longer stands."));
    }
    Ok(stored)
}

async fn now(app: &App, caller: Caller, id: ConnectionId) -> Result<Json<Value>, Problem> {
    let stored = app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(super::object(app, &stored)?))
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refresh(error) => error.into(),
            AskError::NotRefreshable => {
                let detail = "This connection has no refresh token: there is nothing to refresh.";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_refreshable", detail)
            }
        }
    }
}
