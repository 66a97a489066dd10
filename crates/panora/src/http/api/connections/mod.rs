//! `/connections`: accounts that were connected.

mod change;
mod import;
mod list;

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::connect::connection_object;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery};
use crate::http::problem::{Problem, ProblemDocument};
use crate::model::{ConnectionId, ConnectionToken};
use crate::store::StoredConnection;
use crate::vault::Slot;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list, import::create)).routes(routes!(
        show,
        change::change,
        change::revoke
    ))
}

/// The Connection Object. The provider's credentials never leave the vault.
#[derive(utoipa::ToSchema)]
#[schema(as = Connection)]
#[expect(dead_code, reason = "describes the object that `connection_object` makes")]
struct ConnectionDocument {
    id_connection: String,
    /// `valid`, `needs_reauth` or `revoked`.
    status: String,
    /// Send it as `x-connection-token`.
    connection_token: String,
    provider_slug: String,
    /// The provider's first vertical.
    vertical: String,
    /// `oauth2`, `apikey` or `basic`.
    token_type: String,
    /// The exact kind, such as `oauth2_code`.
    auth_kind: String,
    /// This account's API base URL.
    account_url: String,
    #[schema(format = DateTime)]
    expiration_timestamp: Option<String>,
    account: AccountDocument,
    scopes: Vec<String>,
    /// Asked for and not granted.
    missing_scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    id_project: String,
    id_linked_user: String,
    #[schema(value_type = Object)]
    metadata: Value,
    /// In lists only, and always `[redacted]`.
    access_token: Option<String>,
    /// In lists only, and always `[redacted]`.
    refresh_token: Option<String>,
}

/// Who the provider says the account belongs to.
#[derive(utoipa::ToSchema)]
#[schema(as = Account)]
#[expect(dead_code, reason = "describes a part of the Connection Object")]
struct AccountDocument {
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

fn object(app: &App, it: &StoredConnection) -> Result<Value, Problem> {
    let token = app.vault.open_text(Slot::ConnectionToken, it.connection.id, &it.token)?;
    Ok(connection_object(&it.connection, &ConnectionToken::from_text(token)))
}

/// Shows a connection.
#[utoipa::path(get, operation_id = "getConnection", path = "/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = ConnectionDocument), (status = 404, body = ProblemDocument)))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    let stored = app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(object(&app, &stored)?))
}
