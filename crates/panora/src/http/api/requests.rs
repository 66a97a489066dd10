//! `GET /connections/{id}/requests`: what was called with a connection, and how long it took.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::IdParam;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{IdPath, PageParams, Query, parameter, time};
use crate::http::problem::Problem;
use crate::model::{ConnectionId, LoggedRequest, RequestFilter};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A call to the provider. Its query, headers and bodies are not kept.
#[derive(Serialize, ToSchema)]
struct RequestAnswer {
    #[schema(format = "uuid")]
    id_request: String,
    #[schema(example = "GET")]
    method: String,
    /// As called, without its query.
    #[schema(example = "/crm/v3/objects/contacts")]
    path: String,
    /// The provider's; null when no answer came.
    #[schema(required, example = 200)]
    status: Option<u16>,
    /// Why there was no answer, or not all of it; null where all went well.
    #[schema(required, example = json!(null))]
    error: Option<String>,
    /// Milliseconds from the call to the end of the answer.
    duration_ms: u64,
    /// How often the provider was asked.
    attempts: u32,
    /// Bytes of the request's body.
    sent_bytes: u64,
    /// Bytes of the answer's body.
    received_bytes: u64,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<LoggedRequest> for RequestAnswer {
    fn from(it: LoggedRequest) -> Self {
        Self {
            id_request: it.id.to_string(),
            method: it.method,
            path: it.path,
            status: it.status,
            error: it.error,
            duration_ms: it.duration_ms,
            attempts: it.attempts,
            sent_bytes: it.sent_bytes,
            received_bytes: it.received_bytes,
            created_at: it.id.made_at().to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct RequestPage {
    data: Vec<RequestAnswer>,
    /// For `?cursor=`; null on the last page.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
    #[schema(required, example = json!(null))]
    prev_cursor: Option<String>,
}

/// Which page of a connection's log, and what of it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RequestParams {
    /// How many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Answered with this status only.
    #[param(value_type = Option<u16>, minimum = 100, maximum = 999)]
    status: Option<String>,
    /// Made at that time or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Made before that time.
    #[param(format = DateTime)]
    until: Option<String>,
}

impl RequestParams {
    fn filter(&self) -> Result<RequestFilter, Problem> {
        let status = parameter::<u16>("?status", self.status.as_deref(), "A status such as 404.")?;
        if status.is_some_and(|status| !(100..=999).contains(&status)) {
            return Err(Problem::field("?status", "A status such as 404."));
        }
        let since = time("?since", self.since.as_deref())?;
        let until = time("?until", self.until.as_deref())?;
        Ok(RequestFilter { status, since, until })
    }
}

/// Lists what was called with a connection, newest first.
///
/// Filters narrow the list together. A call appears within a second of its end; of a busy connection the newest 10,000
/// or so are kept, and none for longer than events.
#[utoipa::path(get, operation_id = "listRequests", path = "/connections/{id}/requests", tag = "connections",
    params(IdParam, RequestParams), responses((status = 200, body = RequestPage, description = "A page of calls.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<ConnectionId>,
    Query(params): Query<RequestParams>,
) -> Result<Json<RequestPage>, Problem> {
    let filter = params.filter()?;
    let page = PageParams { limit: params.limit, cursor: params.cursor }.query()?;
    app.store.lookup_connection(caller.project, id).await?.ok_or_else(Problem::not_found)?;
    let requests = app.store.list_requests(caller.project, id, &filter, &page).await?;
    let data = requests.items.into_iter().map(RequestAnswer::from).collect();
    Ok(Json(RequestPage { data, next_cursor: requests.next, prev_cursor: None }))
}
