//! `/doctor/{slug}`: what keeps people from connecting a provider, and how to mend it.

use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::providers::provider_of;
use crate::app::App;
use crate::doctor::{Diagnosis, diagnose};
use crate::http::auth::Caller;
use crate::http::extract::NoQuery;
use crate::http::problem::Problem;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Looks for what is wrong with a provider.
///
/// The provider is asked without a person, at most every ten seconds; the rest comes of what was recorded. Changes
/// nothing and shows no secret. `/docs/doctor` explains every finding.
#[utoipa::path(get, operation_id = "diagnoseProvider", path = "/doctor/{slug}", tag = "providers",
    params(("slug" = String, Path, description = "The provider's slug.")),
    responses((status = 200, body = Diagnosis, description = "What was looked at and what was found.")))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(slug): Path<String>,
    _: NoQuery,
) -> Result<Json<Diagnosis>, Problem> {
    let provider = provider_of(&app, caller.project, &slug)?;
    Ok(Json(diagnose(&app, caller.project, &provider).await?))
}
