//! Changing and revoking a connection.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConnectionDocument, RevokedConnection};
use crate::app::App;
use crate::connect::revoke_connection;
use crate::http::api::document::IdParam;
use crate::http::auth::Caller;
use crate::http::extract::{BodyRules, IdPath, JsonBody, metadata};
use crate::http::problem::Problem;
use crate::model::ConnectionId;

/// What to change of a connection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionChange {
    /// Replaces the whole. At most 16 KiB.
    #[schema(example = json!({"plan": "pro"}))]
    metadata: Map<String, Value>,
}

impl BodyRules for ConnectionChange {
    const OWN_BOUNDS: &'static [&'static str] = &["metadata"];
}

/// Replaces a connection's metadata.
#[utoipa::path(patch, operation_id = "updateConnection", path = "/connections/{id}", tag = "connections",
    params(IdParam), request_body = ConnectionChange,
    responses((status = 200, body = ConnectionDocument, description = "The connection as it is now.")))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    JsonBody(change): JsonBody<ConnectionChange>,
) -> Result<Json<Value>, Problem> {
    let metadata = metadata(Some(change.metadata))?;
    let mut tx = app.store.begin().await?;
    let stored = app.store.lock_connection(&mut tx, caller.project, id).await?;
    let mut stored = stored.ok_or_else(Problem::not_found)?;
    stored.connection.metadata = metadata;
    stored.connection.updated_at = app.clock.now();
    app.store.save_connection(&mut tx, &stored.connection, stored.credentials.as_ref()).await?;
    tx.commit().await?;
    Ok(Json(super::object(&app, &stored)?))
}

/// Revokes a connection.
///
/// At the provider where it can be, then here. `at_provider` says what becomes of the grant there.
#[utoipa::path(delete, operation_id = "revokeConnection", path = "/connections/{id}", tag = "connections",
    params(IdParam), responses((status = 200, body = RevokedConnection, description = "The revoked connection.")))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
) -> Result<Json<Value>, Problem> {
    let revoked = revoke_connection(&app, caller.project, id).await?;
    let (_, at_provider) = revoked.ok_or_else(Problem::not_found)?;
    let stored = app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let mut object = super::object(&app, &stored)?;
    object["at_provider"] = serde_json::to_value(at_provider).map_err(|_| Problem::internal())?;
    Ok(Json(object))
}
