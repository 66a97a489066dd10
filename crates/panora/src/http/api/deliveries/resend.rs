//! A delivery sent once more because somebody asks for it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::Answer;
use crate::app::App;
use crate::http::api::document::{IdParam, IdempotencyKey};
use crate::http::extract::{Create, IdPath, NoBody};
use crate::http::problem::Problem;
use crate::model::DeliveryId;
use crate::webhooks::{NotResent, ask_again};

/// Sends a delivery once more.
///
/// One extra attempt at once, whatever the endpoint's state. It uses no try and leaves the automatic retries as they
/// are; only a 2xx changes the delivery. The attempt shows in the log once it has ended.
#[utoipa::path(post, operation_id = "resendDelivery", path = "/deliveries/{id}/resend", tag = "webhooks",
    params(IdParam, IdempotencyKey),
    responses((status = 200, body = Answer, description = "The delivery as it is before that attempt."),
        (status = 409, description = "`erased`: the person it is about was forgotten; `endpoint_deleted`; \
            `too_many_resends`: ten wait already; or the `Idempotency-Key` came with another body.")))]
pub async fn resend(
    State(app): State<App>,
    IdPath(id): IdPath<DeliveryId>,
    create: Create<NoBody>,
) -> Result<Response, Problem> {
    let project = create.caller.project;
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, project).await?;
    let delivery = app.store.read_delivery(&mut tx, project, id).await?.ok_or_else(Problem::not_found)?;
    ask_again(&app, &mut tx, project, &delivery).await?.map_err(refused)?;
    let attempts = app.store.read_attempts(&mut tx, project, id).await?;
    let answer = Answer::whole(&app, delivery, attempts)?;
    create.idempotency.keep(&app, &mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    app.wake.deliveries.notify_one();
    Ok(Json(answer).into_response())
}

fn refused(why: NotResent) -> Problem {
    match why {
        NotResent::Erased => Problem::conflict("erased", "The person it is about was forgotten."),
        NotResent::EndpointDeleted => Problem::conflict("endpoint_deleted", "Its endpoint was deleted."),
        NotResent::TooMany => {
            Problem::conflict("too_many_resends", "Ten resends of this delivery wait already.")
        }
    }
}
