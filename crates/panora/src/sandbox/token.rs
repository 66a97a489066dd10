//! The token endpoint (RFC 6749, sections 4.1.3 and 6). Codes and tokens are stored by their hash alone.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use panora_pages::SandboxTrouble;

use super::answer::NewTokens;
use super::asked::Asked;
use super::quirk::Quirk;
use super::refusal::Refusal;
use super::{has_trouble, login, trouble};
use crate::app::App;
use crate::model::{SandboxToken, token_hash};
use crate::store::{SandboxGrant, SandboxKey};

const CODE_LIFE: Duration = Duration::from_mins(10);

/// `POST /sandbox/oauth/token`.
pub async fn give(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let asked = Asked::read(&headers, &body)?;
    match asked.fields.one("grant_type") {
        Some("client_credentials") => return login::client_credentials(&app, &asked).await,
        Some("password") => return login::password(&app, &asked).await,
        _ if !asked.names_a_client() => return Err(Refusal::invalid_client()),
        _ => {}
    }
    match asked.fields.one("grant_type") {
        Some("authorization_code") => exchange(&app, &asked).await,
        Some("refresh_token") => refresh(&app, &asked).await,
        Some(_) => Err(Refusal::unsupported_grant_type()),
        None => Err(Refusal::invalid_request("`grant_type` is missing, or came twice.")),
    }
}

async fn exchange(app: &App, asked: &Asked) -> Result<Response, Refusal> {
    let code = asked.fields.one("code").or(asked.fields.one("auth_code"));
    let code = code.ok_or(Refusal::invalid_request("`code` is missing, or came twice."))?;
    let hash = SandboxToken::from_text(code).hash();
    let grant = app.store.lookup_sandbox_grant(SandboxKey::Code, hash).await?;
    let grant = grant.ok_or(Refusal::invalid_grant("The code is not known."))?;
    redeem(app, asked, &grant).await.map_err(|refusal| refusal.of_grant(&grant))
}

async fn redeem(app: &App, asked: &Asked, grant: &SandboxGrant) -> Result<Response, Refusal> {
    asked.check(grant)?;
    trouble(app, grant).await?;
    check_code(app, asked, grant).await?;
    let new = NewTokens::first(app, grant);
    if !app.store.spend_sandbox_code(grant.id, &new.stored).await? {
        return Err(replayed(app, grant).await);
    }
    Ok(new.answer(grant))
}

async fn check_code(app: &App, asked: &Asked, grant: &SandboxGrant) -> Result<(), Refusal> {
    let fields = &asked.fields;
    if fields.one("auth_code").is_some() != grant.plays(Quirk::AuthCode) {
        return Err(Refusal::invalid_request("The code has another name."));
    }
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

async fn refresh(app: &App, asked: &Asked) -> Result<Response, Refusal> {
    let missing = Refusal::invalid_request("`refresh_token` is missing, or came twice.");
    let hash = SandboxToken::from_text(asked.fields.one("refresh_token").ok_or(missing)?).hash();
    let dead = || Refusal::invalid_grant("The refresh token is not known, was replaced or was revoked.");
    let grant = app.store.lookup_sandbox_grant(SandboxKey::Refresh, hash).await?.ok_or_else(dead)?;
    let renewed = async {
        asked.check(&grant)?;
        trouble(app, &grant).await?;
        let new = NewTokens::next(app, &grant, hash);
        let rotated = app.store.rotate_sandbox_tokens(hash, &new.stored).await?;
        if rotated { Ok(new.answer(&grant)) } else { Err(dead()) }
    };
    renewed.await.map_err(|refusal| refusal.of_grant(&grant))
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
