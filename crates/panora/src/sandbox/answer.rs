//! Token answers (RFC 6749, section 5.1), spelled as the grant's quirks have it.

use std::time::Duration;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use panora_pages::SandboxTrouble;
use serde_json::{Value, json};

use super::accounts::Account;
use super::has_trouble;
use super::quirk::Quirk;
use crate::app::App;
use crate::model::{SandboxToken, Time, TokenHash};
use crate::store::{SandboxGrant, SandboxTokens};

const ACCESS_LIFE: Duration = Duration::from_hours(1);
/// Of the first access token where the person asked for [`SandboxTrouble::Expired`]: long enough to ask who it is.
const BRIEF_LIFE: Duration = Duration::from_secs(5);

/// Fresh tokens, and what is kept of them.
pub struct NewTokens {
    access: SandboxToken,
    /// None where the answer tells none.
    refresh: Option<SandboxToken>,
    life: Duration,
    pub stored: SandboxTokens,
}

impl NewTokens {
    pub fn first(app: &App, grant: &SandboxGrant) -> Self {
        let brief = has_trouble(grant, SandboxTrouble::Expired);
        let mut new = Self::make(app, grant, if brief { BRIEF_LIFE } else { ACCESS_LIFE });
        if grant.plays(Quirk::NoRefreshToken) {
            new.refresh = None;
        }
        new
    }

    /// Those that follow on this refresh token.
    pub fn next(app: &App, grant: &SandboxGrant, refresh: TokenHash) -> Self {
        let mut new = Self::make(app, grant, ACCESS_LIFE);
        if grant.plays(Quirk::KeepsRefreshToken) {
            (new.refresh, new.stored.refresh) = (None, refresh);
        }
        new
    }

    /// Of a login, which is made again instead of refreshed.
    pub fn of_login(app: &App, grant: &SandboxGrant) -> Self {
        Self { refresh: None, ..Self::make(app, grant, ACCESS_LIFE) }
    }

    fn make(app: &App, grant: &SandboxGrant, life: Duration) -> Self {
        let (access, refresh) = (SandboxToken::generate(&app.random), SandboxToken::generate(&app.random));
        let access_expires_at = app.clock.now().plus(life);
        let access = if grant.plays(Quirk::Jwt) { jwt(&access, access_expires_at) } else { access };
        let stored = SandboxTokens { access: access.hash(), access_expires_at, refresh: refresh.hash() };
        Self { access, refresh: Some(refresh), life, stored }
    }

    pub fn answer(&self, grant: &SandboxGrant) -> Response {
        let mut body = json!({"access_token": self.access.expose(), "token_type": "Bearer"});
        let nested = grant.plays(Quirk::Nested);
        body["scope"] = if nested { json!(grant.scopes) } else { grant.scopes.join(" ").into() };
        if let Some(refresh) = &self.refresh {
            body["refresh_token"] = refresh.expose().into();
        }
        self.tell_end(grant, &mut body);
        if let Some(account) = Account::find(&grant.account).filter(|_| grant.plays(Quirk::TellsAccount)) {
            body["account"] = json!({"id": account.id, "name": account.name, "email": account.email});
        }
        let body = if nested { json!({"data": body}) } else { body };
        ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(body)).into_response()
    }

    fn tell_end(&self, grant: &SandboxGrant, body: &mut Value) {
        let end = self.stored.access_expires_at;
        let spelled = [
            (Quirk::AtSeconds, json!(end.millis() / 1000)),
            (Quirk::AtMilliseconds, json!(end.millis())),
            (Quirk::AtText, json!(end.to_string())),
        ];
        if let Some((_, end)) = spelled.into_iter().find(|(quirk, _)| grant.plays(*quirk)) {
            body["expires_at"] = end;
        } else if !grant.plays(Quirk::Jwt) && !grant.plays(Quirk::Unsaid) {
            body["expires_in"] = self.life.as_secs().into();
        }
    }
}

/// The token as the signature of one that tells its end (RFC 7519, section 4.1.4): nobody here reads it.
fn jwt(token: &SandboxToken, end: Time) -> SandboxToken {
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let (head, claims) =
        (part(json!({"alg": "HS256", "typ": "JWT"})), part(json!({"exp": end.millis() / 1000})));
    SandboxToken::from_text(format!("{head}.{claims}.{}", token.expose()))
}
