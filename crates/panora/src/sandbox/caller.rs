//! Who calls the pretend CRM's API: by an access token, or by a key.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use panora_pages::SandboxTrouble;

use super::accounts::Account;
use super::asked::pair;
use super::quirk::Quirk;
use super::refusal::Refusal;
use super::{SCOPES, has_trouble, idle_key_of, key_of, trouble};
use crate::app::App;
use crate::model::SandboxToken;
use crate::store::{SandboxGrant, SandboxKey};

/// Whoever holds a live access token, once the troubles asked for have happened.
pub struct Holder {
    grant: SandboxGrant,
    account: &'static Account,
}

/// Whose contacts are meant, and what may be done with them.
pub struct Caller {
    pub account: &'static Account,
    scopes: Vec<String>,
}

impl FromRequestParts<App> for Holder {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let token = credentials(&parts.headers, "bearer").ok_or_else(Refusal::invalid_token)?;
        let hash = SandboxToken::from_text(token).hash();
        let grant = app.store.lookup_sandbox_grant(SandboxKey::Access, hash).await?;
        let now = app.clock.now();
        let live =
            |it: &SandboxGrant| it.revoked_at.is_none() && it.access_expires_at.is_some_and(|end| now < end);
        let grant = grant.filter(live).ok_or_else(Refusal::invalid_token)?;
        trouble(app, &grant).await?;
        if has_trouble(&grant, SandboxTrouble::TooManyRequests)
            && app.store.count_sandbox_call(grant.id).await? % 2 == 0
        {
            return Err(Refusal::too_many_requests(&grant, now));
        }
        let account = Account::find(&grant.account).ok_or_else(Refusal::invalid_token)?;
        Ok(Self { grant, account })
    }
}

impl Holder {
    /// Those that the grant covers.
    pub fn companies(&self) -> impl Iterator<Item = &'static Account> {
        let (all, own) = (self.grant.plays(Quirk::Companies), self.account.id);
        Account::all().filter(move |account| all || account.id == own)
    }

    /// Where a grant may cover several companies, the one that the call names.
    fn into_caller(self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let mut account = Some(self.account);
        if self.grant.plays(Quirk::Companies) || self.grant.plays(Quirk::OneCompany) {
            let named = headers.get("x-company").and_then(|value| value.to_str().ok());
            account = self.companies().find(|account| named == Some(account.id));
        }
        let account = account.ok_or(Refusal::invalid_request("`X-Company` names none of the companies."))?;
        Ok(Caller { account, scopes: self.grant.scopes })
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        match by_key(&parts.headers) {
            Some(caller) => caller,
            None => Holder::from_request_parts(parts, app).await?.into_caller(&parts.headers),
        }
    }
}

impl Caller {
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    pub fn needs(&self, scope: &str) -> Result<(), Refusal> {
        if self.has(scope) { Ok(()) } else { Err(Refusal::insufficient_scope()) }
    }
}

/// Account and key come as two headers, or as HTTP Basic.
fn by_key(headers: &HeaderMap) -> Option<Result<Caller, Refusal>> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let two = text("x-sandbox-account").zip(text("x-sandbox-key"));
    let (account, key) = two.or_else(|| pair(credentials(headers, "basic")?))?;
    Some(match Account::find(&account) {
        None => Err(Refusal::unknown_account()),
        Some(account) if key == key_of(account) => {
            Ok(Caller { account, scopes: SCOPES.map(|(name, _)| name.to_owned()).to_vec() })
        }
        Some(account) if key == idle_key_of(account) => Err(Refusal::forbidden()),
        Some(_) => Err(Refusal::invalid_token()),
    })
}

/// What `Authorization` says in this scheme.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (given, text) = header.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| text.trim())
}
