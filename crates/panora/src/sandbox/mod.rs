//! The pretend provider: a small OAuth 2 service with an API of contacts, for demos, tests and newcomers. The rest
//! of the server knows it through its catalog file alone, and nothing here knows projects, links or connections.

mod accounts;
mod answer;
mod api;
mod asked;
mod caller;
mod consent;
mod contact;
mod fields;
mod login;
mod quirk;
mod refusal;
mod revoke;
mod token;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use panora_pages::SandboxTrouble;

use self::accounts::Account;
use crate::app::App;
use crate::store::SandboxGrant;

/// The OAuth app that everybody has: public, so it has no secret (RFC 6749, section 2.1).
const CLIENT_ID: &str = "sandbox";

/// An app with a secret, which everybody may know: nothing here is real.
const APP: &str = "sandbox-app";
const APP_SECRET: &str = "sandbox-app-secret";

/// What a grant of the app with a secret remembers beside its troubles and quirks.
const BY_APP: &str = "app";

/// Who that app belongs to, as the consent page shows it.
const CLIENT_NAME: &str = "Panora";

/// Where that app may be sent back to: a path of the public URL.
const REDIRECT_PATH: &str = "/connections/oauth/callback";

const READ: &str = "contacts.read";
const WRITE: &str = "contacts.write";
const PROFILE: &str = "profile";

/// What can be granted, with the words of the consent page.
const SCOPES: [(&str, &str); 3] = [
    (READ, "Read your contacts"),
    (WRITE, "Add and change contacts"),
    (PROFILE, "See your name and e-mail address"),
];

/// No request here needs more.
const MAX_BODY: usize = 64 * 1024;

/// What a person sees.
pub fn pages() -> Router<App> {
    Router::new()
        .route("/sandbox/oauth/authorize", get(consent::ask).post(consent::decide))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// What programs call.
pub fn api() -> Router<App> {
    Router::new()
        .route("/sandbox/oauth/token", post(token::give))
        .route("/sandbox/oauth/revoke", post(revoke::revoke).delete(revoke::revoke))
        .route("/sandbox/api/companies", get(api::companies))
        .route("/sandbox/api/me", get(api::me))
        .route("/sandbox/api/contacts", get(api::list).post(api::add))
        .route("/sandbox/api/contacts/{id}", get(api::show).patch(api::change))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The secrets of an account: none is one, since everybody can read this.
fn client_secret_of(account: &Account) -> String {
    format!("{}-secret", account.id)
}

fn password_of(account: &Account) -> String {
    format!("{}-password", account.id)
}

/// Good for everything.
fn key_of(account: &Account) -> String {
    format!("{}-key", account.id)
}

/// Known, and good for nothing.
fn idle_key_of(account: &Account) -> String {
    format!("{}-idle-key", account.id)
}

impl SandboxGrant {
    /// Whether the app with a secret asked for it.
    fn client_is_app(&self) -> bool {
        self.troubles.iter().any(|code| code == BY_APP)
    }
}

/// Whether the person asked for this trouble.
fn has_trouble(grant: &SandboxGrant, trouble: SandboxTrouble) -> bool {
    grant.troubles.iter().any(|code| code == trouble.code())
}

/// What comes before every answer to a program: the troubles that concern them all.
async fn trouble(app: &App, grant: &SandboxGrant) -> Result<(), refusal::Refusal> {
    if has_trouble(grant, SandboxTrouble::Slow) {
        app.clock.sleep(std::time::Duration::from_secs(5)).await;
    }
    if has_trouble(grant, SandboxTrouble::ServerError) {
        return Err(refusal::Refusal::server_error("This trouble was asked for on the consent page."));
    }
    Ok(())
}
