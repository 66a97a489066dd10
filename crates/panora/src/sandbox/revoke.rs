//! Giving a grant back (RFC 7009), or as the grant's quirks have it. Either token takes the whole grant along.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};

use super::asked::Asked;
use super::quirk::Quirk;
use super::refusal::Refusal;
use crate::app::App;
use crate::model::SandboxToken;
use crate::store::{SandboxGrant, SandboxKey};

/// `POST` or `DELETE /sandbox/oauth/revoke`. An unknown token is no error (section 2.2).
pub async fn revoke(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let asked = Asked::read(&headers, &body)?;
    let by_bearer = method == Method::DELETE;
    let token = if by_bearer { asked.bearer.as_deref() } else { asked.fields.one("token") };
    let Some(token) = token else { return Ok(StatusCode::OK) };
    let hash = SandboxToken::from_text(token).hash();
    for key in [SandboxKey::Refresh, SandboxKey::Access] {
        if let Some(grant) = app.store.lookup_sandbox_grant(key, hash).await? {
            check(&asked, by_bearer, &grant)?;
            app.store.revoke_sandbox_grant(grant.id).await?;
        }
    }
    Ok(StatusCode::OK)
}

fn check(asked: &Asked, by_bearer: bool, grant: &SandboxGrant) -> Result<(), Refusal> {
    if by_bearer != grant.plays(Quirk::RevokeByBearer) {
        return Err(Refusal::invalid_request("This grant's quirks have another method."));
    }
    if !by_bearer {
        asked.check_encoding(grant.plays(Quirk::RevokeByJson))?;
    }
    let proven = !grant.plays(Quirk::RevokeByBasic) || asked.by_basic();
    if proven { Ok(()) } else { Err(Refusal::invalid_client()) }
}
