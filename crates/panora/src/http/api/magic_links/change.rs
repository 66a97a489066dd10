//! A fresh URL for a magic link, and the end of one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{MagicLinkAnswer, answer};
use crate::app::App;
use crate::http::api::document::{IdParam, IdempotencyKey};
use crate::http::auth::Caller;
use crate::http::extract::{Create, IdPath, NoBody};
use crate::http::problem::Problem;
use crate::model::{LinkToken, MagicLinkId};

/// Gives a link a fresh URL with its original life.
///
/// The old URL and what was begun with it end.
#[utoipa::path(post, operation_id = "resendMagicLink", path = "/magic_links/{id}/resend", tag = "magic links",
    params(IdParam, IdempotencyKey),
    responses((status = 200, body = MagicLinkAnswer, description = "The link, with its fresh URL."),
        (status = 409, description = "The link was used or revoked; or the `Idempotency-Key` came with another body.")))]
pub async fn resend(
    State(app): State<App>,
    IdPath(id): IdPath<MagicLinkId>,
    create: Create<NoBody>,
) -> Result<Response, Problem> {
    let project = create.caller.project;
    let mut tx = app.store.begin().await?;
    let link = app.store.lock_magic_link(&mut tx, project, id).await?;
    let mut link = link.ok_or_else(Problem::not_found)?;
    if link.revoked_at.is_some() {
        return Err(Problem::conflict("link_revoked", "This link was revoked. Make a new one."));
    }
    if link.used_at.is_some() && link.single_use {
        return Err(Problem::conflict("link_used", "This link was used. Make a new one."));
    }
    link.expires_at = app.clock.now().plus(link.life);
    let token = LinkToken::generate(&app.random);
    app.store.replace_magic_link_token(&mut tx, &link, token.hash()).await?;
    app.store.end_flows_of(&mut tx, project, id).await?;
    let answer = answer(&app, link, Some(&token));
    create.idempotency.keep(&app, &mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(Json(answer).into_response())
}

/// Revokes a link, and what was begun with it.
#[utoipa::path(delete, operation_id = "revokeMagicLink", path = "/magic_links/{id}", tag = "magic links",
    params(IdParam), responses((status = 200, body = MagicLinkAnswer, description = "The revoked link.")))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath<MagicLinkId>,
) -> Result<Json<MagicLinkAnswer>, Problem> {
    let mut tx = app.store.begin().await?;
    let link = app.store.lock_magic_link(&mut tx, caller.project, id).await?;
    let mut link = link.ok_or_else(Problem::not_found)?;
    let now = app.clock.now();
    app.store.revoke_magic_link(&mut tx, &link, now).await?;
    app.store.end_flows_of(&mut tx, caller.project, id).await?;
    tx.commit().await?;
    link.revoked_at.get_or_insert(now);
    Ok(Json(answer(&app, link, None)))
}
