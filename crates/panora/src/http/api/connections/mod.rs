//! `/connections`: accounts that were connected.

mod batch;
mod change;
mod credentials;
mod import;
mod list;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use crate::app::App;
use crate::connect::{AtProvider, FoundCredentials, connection_object};
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, NoQuery};
use crate::http::problem::Problem;
use crate::model::{ConnectionId, ConnectionStatus, ConnectionToken, TokenType};
use crate::store::StoredConnection;
use crate::vault::Slot;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, import::create))
        .routes(routes!(batch::create))
        .routes(routes!(show, change::change, change::revoke))
        .routes(routes!(credentials::refresh))
        .routes(routes!(credentials::verify))
}

/// The Connection Object. The provider's credentials never leave the vault.
#[derive(utoipa::ToSchema)]
#[schema(as = Connection)]
#[expect(dead_code, reason = "describes the object that `connection_object` makes")]
struct ConnectionDocument {
    #[schema(format = "uuid")]
    id_connection: String,
    status: ConnectionStatus,
    /// A secret: send it as `x-connection-token`.
    #[schema(example = "ct_EXAMPLEexampleEXAMPLEexampleEXAMPLE")]
    connection_token: String,
    #[schema(example = "hubspot")]
    provider_slug: String,
    /// The provider's first vertical.
    #[schema(example = "crm")]
    vertical: String,
    token_type: TokenType,
    /// The exact kind, such as `oauth2_code`.
    #[schema(example = "oauth2_code")]
    auth_kind: String,
    /// This account's API base URL.
    #[schema(format = "uri", example = "https://api.hubapi.com")]
    account_url: String,
    /// When the access token expires; null where the credential does not.
    #[schema(required, format = DateTime, example = "2026-01-31T18:44:44.869Z")]
    expiration_timestamp: Option<String>,
    account: AccountDocument,
    /// What the provider granted.
    #[schema(example = json!(["crm.objects.contacts.read"]))]
    scopes: Vec<String>,
    /// Asked for and not granted.
    #[schema(example = json!([]))]
    missing_scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = "uuid")]
    id_project: String,
    #[schema(format = "uuid")]
    id_linked_user: String,
    /// Yours, from the magic link, the import or the last change.
    metadata: Map<String, Value>,
}

/// A connection as lists show it. The Python library requires the two fields, so that they are there.
#[derive(utoipa::ToSchema)]
#[schema(as = ListedConnection)]
#[expect(dead_code, reason = "describes an item of the list")]
struct ListedConnection {
    #[serde(flatten)]
    connection: ConnectionDocument,
    /// Always `[redacted]`.
    #[schema(example = "[redacted]")]
    access_token: String,
    /// Always `[redacted]`.
    #[schema(example = "[redacted]")]
    refresh_token: String,
}

/// A connection that was revoked.
#[derive(utoipa::ToSchema)]
#[schema(as = RevokedConnection)]
#[expect(dead_code, reason = "describes the answer of a revocation")]
struct RevokedConnection {
    #[serde(flatten)]
    connection: ConnectionDocument,
    /// Whether the grant is being revoked there (`promised`), stays because another standing connection has it too
    /// (`skipped_shared`), or cannot be revoked (`not_offered`).
    at_provider: AtProvider,
}

/// A connection whose credentials were tried.
#[derive(utoipa::ToSchema)]
#[schema(as = VerifiedConnection)]
#[expect(dead_code, reason = "describes the answer of a verification")]
struct VerifiedConnection {
    #[serde(flatten)]
    connection: ConnectionDocument,
    /// What the provider says of them; of the last three nothing is known.
    verification: FoundCredentials,
}

/// Who the provider says the account belongs to; nulls where it does not say.
#[derive(utoipa::ToSchema)]
#[schema(as = Account)]
#[expect(dead_code, reason = "describes a part of the Connection Object")]
struct AccountDocument {
    #[schema(required, example = "12345")]
    id: Option<String>,
    #[schema(required, example = "Acme Inc.")]
    name: Option<String>,
    #[schema(required, example = "ada@example.com")]
    email: Option<String>,
}

fn object(app: &App, it: &StoredConnection) -> Result<Value, Problem> {
    let token = app.vault.open_text(Slot::ConnectionToken, it.connection.id, &it.token)?;
    Ok(connection_object(&it.connection, &ConnectionToken::from_text(token)))
}

/// Shows a connection.
#[utoipa::path(get, operation_id = "getConnection", path = "/connections/{id}", tag = "connections", params(IdParam),
    responses((status = 200, body = ConnectionDocument, description = "The connection.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    let stored = app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(object(&app, &stored)?))
}
