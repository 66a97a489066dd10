//! Tokens without a person at a page: a client's own (RFC 6749, section 4.4), and those for a password (section 4.3).

use axum::response::Response;

use super::accounts::Account;
use super::answer::NewTokens;
use super::asked::Asked;
use super::quirk::{self, Quirk};
use super::refusal::Refusal;
use super::{SCOPES, client_secret_of, password_of};
use crate::app::App;
use crate::model::SandboxToken;
use crate::store::SandboxGrant;

/// Each account has a client of its own, of its name.
pub async fn client_credentials(app: &App, asked: &Asked) -> Result<Response, Refusal> {
    let quirks = quirk::read(asked.fields.one("play"))?;
    if asked.has_basic() != quirks.contains(&Quirk::Basic) {
        return Err(Refusal::invalid_client());
    }
    let account = asked
        .client()
        .and_then(|(id, secret)| Account::find(id).filter(|account| client_secret_of(account) == secret));
    log_in(app, asked, account.ok_or(Refusal::invalid_client())?, &quirks).await
}

/// The user's name is the account's e-mail address.
pub async fn password(app: &App, asked: &Asked) -> Result<Response, Refusal> {
    let quirks = quirk::read(asked.fields.one("play"))?;
    let (user, password) = (asked.fields.one("username"), asked.fields.one("password"));
    let account = Account::all().find(|account| user == Some(account.email));
    let account = account.filter(|account| password == Some(password_of(account).as_str()));
    let refused = Refusal::invalid_grant("User name or password are wrong.");
    log_in(app, asked, account.ok_or(refused)?, &quirks).await
}

async fn log_in(app: &App, asked: &Asked, account: &Account, quirks: &[Quirk]) -> Result<Response, Refusal> {
    asked.check_encoding(quirks.contains(&Quirk::Json))?;
    let scopes: Vec<String> = match asked.fields.one("scope") {
        Some(scope) => scope.split_ascii_whitespace().map(str::to_owned).collect(),
        None => SCOPES.map(|(name, _)| name.to_owned()).to_vec(),
    };
    let grant = SandboxGrant {
        id: app.random.uuid(app.clock.now()),
        account: account.id.to_owned(),
        scopes,
        troubles: quirks.iter().map(|quirk| quirk.code().to_owned()).collect(),
        redirect_uri: String::new(),
        code_challenge: None,
        code_used_at: None,
        access_expires_at: None,
        created_at: app.clock.now(),
        revoked_at: None,
    };
    let (code, new) = (SandboxToken::generate(&app.random), NewTokens::of_login(app, &grant));
    app.store.add_sandbox_grant(&grant, code.hash()).await?;
    app.store.spend_sandbox_code(grant.id, &new.stored).await?;
    Ok(new.answer(&grant))
}
