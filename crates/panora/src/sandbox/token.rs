//! The token endpoint (RFC 6749, sections 4.1.3 and 6) and revocation (RFC 7009). Codes and tokens are stored by
//! their hash alone.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use panora_pages::SandboxTrouble;
use serde_json::json;

use super::fields::Fields;
use super::refusal::Refusal;
use super::{CLIENT_ID, has_trouble, trouble};
use crate::app::App;
use crate::model::{SandboxToken, token_hash};
use crate::store::{SandboxGrant, SandboxKey, SandboxTokens};

const CODE_LIFE: Duration = Duration::from_mins(10);
const ACCESS_LIFE: Duration = Duration::from_hours(1);
/// Of the first access token where the person asked for [`SandboxTrouble::Expired`]: long enough to ask who it is.
const BRIEF_LIFE: Duration = Duration::from_secs(5);

/// `POST /sandbox/oauth/token`.
pub async fn give(State(app): State<App>, body: Bytes) -> Result<Response, Refusal> {
    let fields = Fields::parse(&body);
    check_client(&fields)?;
    match fields.one("grant_type") {
        Some("authorization_code") => exchange(&app, &fields).await,
        Some("refresh_token") => refresh(&app, &fields).await,
        Some(_) => Err(Refusal::unsupported_grant_type()),
        None => Err(Refusal::invalid_request("`grant_type` is missing, or came twice.")),
    }
}

fn check_client(fields: &Fields) -> Result<(), Refusal> {
    let known = fields.one("client_id") == Some(CLIENT_ID);
    if known { Ok(()) } else { Err(Refusal::invalid_client()) }
}

async fn exchange(app: &App, fields: &Fields) -> Result<Response, Refusal> {
    let code = fields.one("code").ok_or(Refusal::invalid_request("`code` is missing, or came twice."))?;
    let hash = SandboxToken::from_text(code).hash();
    let grant = app.store.lookup_sandbox_grant(SandboxKey::Code, hash).await?;
    let grant = grant.ok_or(Refusal::invalid_grant("The code is not known."))?;
    trouble(app, &grant).await?;
    check_code(app, fields, &grant).await?;
    let brief = has_trouble(&grant, SandboxTrouble::Expired);
    let new = NewTokens::make(app, if brief { BRIEF_LIFE } else { ACCESS_LIFE });
    if !app.store.spend_sandbox_code(grant.id, &new.stored).await? {
        return Err(replayed(app, &grant).await);
    }
    Ok(new.answer(&grant))
}

async fn check_code(app: &App, fields: &Fields, grant: &SandboxGrant) -> Result<(), Refusal> {
    if grant.code_used_at.is_some() {
        return Err(replayed(app, grant).await);
    }
    let ended = app.clock.now() > grant.created_at.plus(CODE_LIFE);
    if ended || grant.revoked_at.is_some() || has_trouble(grant, SandboxTrouble::ExpiredCode) {
        return Err(Refusal::invalid_grant("The code has expired."));
    }
    if fields.one("redirect_uri") != Some(grant.redirect_uri.as_str()) {
        return Err(Refusal::invalid_grant("`redirect_uri` is not the one that the code was sent to."));
    }
    if !proves(fields.one("code_verifier"), grant.code_challenge.as_deref()) {
        return Err(Refusal::invalid_grant("`code_verifier` does not fit the code's challenge."));
    }
    Ok(())
}

/// A code that comes twice may be stolen: what it gave is taken back (RFC 6749, section 4.1.2).
async fn replayed(app: &App, grant: &SandboxGrant) -> Refusal {
    match app.store.revoke_sandbox_grant(grant.id).await {
        Ok(()) => Refusal::invalid_grant("The code was used before; what it gave is revoked."),
        Err(error) => error.into(),
    }
}

/// PKCE with S256 (RFC 7636, section 4.6). A verifier without a challenge is refused too, since somebody took the
/// challenge away (RFC 9700, section 2.1.1).
fn proves(verifier: Option<&str>, challenge: Option<&str>) -> bool {
    verifier.map(|verifier| BASE64_URL_SAFE_NO_PAD.encode(token_hash(verifier))).as_deref() == challenge
}

async fn refresh(app: &App, fields: &Fields) -> Result<Response, Refusal> {
    let missing = Refusal::invalid_request("`refresh_token` is missing, or came twice.");
    let hash = SandboxToken::from_text(fields.one("refresh_token").ok_or(missing)?).hash();
    let dead = || Refusal::invalid_grant("The refresh token is not known, was replaced or was revoked.");
    let grant = app.store.lookup_sandbox_grant(SandboxKey::Refresh, hash).await?.ok_or_else(dead)?;
    trouble(app, &grant).await?;
    let new = NewTokens::make(app, ACCESS_LIFE);
    if !app.store.rotate_sandbox_tokens(hash, &new.stored).await? {
        return Err(dead());
    }
    Ok(new.answer(&grant))
}

/// `POST /sandbox/oauth/revoke`: either token takes the whole grant along. An unknown one is no error (RFC 7009,
/// section 2.2).
pub async fn revoke(State(app): State<App>, body: Bytes) -> Result<StatusCode, Refusal> {
    let fields = Fields::parse(&body);
    let Some(token) = fields.one("token") else { return Ok(StatusCode::OK) };
    let hash = SandboxToken::from_text(token).hash();
    for key in [SandboxKey::Refresh, SandboxKey::Access] {
        if let Some(grant) = app.store.lookup_sandbox_grant(key, hash).await? {
            app.store.revoke_sandbox_grant(grant.id).await?;
        }
    }
    Ok(StatusCode::OK)
}

/// A fresh pair, and what is kept of it.
struct NewTokens {
    access: SandboxToken,
    refresh: SandboxToken,
    life: Duration,
    stored: SandboxTokens,
}

impl NewTokens {
    fn make(app: &App, life: Duration) -> Self {
        let (access, refresh) = (SandboxToken::generate(&app.random), SandboxToken::generate(&app.random));
        let access_expires_at = app.clock.now().plus(life);
        let stored = SandboxTokens { access: access.hash(), access_expires_at, refresh: refresh.hash() };
        Self { access, refresh, life, stored }
    }

    fn answer(&self, grant: &SandboxGrant) -> Response {
        let body = json!({
            "access_token": self.access.expose(),
            "token_type": "Bearer",
            "expires_in": self.life.as_secs(),
            "refresh_token": self.refresh.expose(),
            "scope": grant.scopes.join(" "),
        });
        ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verifier_of_the_challenge_proves_it() {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(proves(Some(verifier), Some(challenge)));
        assert!(!proves(Some(challenge), Some(challenge)));
        assert!(!proves(None, Some(challenge)));
        assert!(!proves(Some(verifier), None));
        assert!(proves(None, None));
    }
}
