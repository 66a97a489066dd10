//! Sending a person to the provider: a fresh `state`, bound to the browser by the flow's cookie, and PKCE.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use panora_catalog::{AuthKind, AuthorizeInput, Provider, Variables};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::Failure;
use super::client::app_for;
use super::error::ConnectError;
use super::flow::{OpenFlow, answers_of, note};
use super::oauth1::{self, Temporary};
use crate::app::App;
use crate::model::{LinkStep, OAuthState, PkceVerifier};
use crate::store::StoredState;
use crate::vault::Slot;

/// How long a person may take at the provider.
const STATE_LIFE: Duration = Duration::from_mins(10);

/// Why nobody is sent to the provider.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// What to tell the person.
    #[error("{}", .0.code())]
    Failed(Failure),
}

/// What the callback needs of the request; sealed with the state.
#[derive(Serialize, Deserialize)]
pub struct StateContext {
    pub verifier: Option<String>,
    pub variables: Variables,
    pub asked: Vec<String>,
    pub client_id: String,
    /// Of OAuth 1.0a: the request token that this state is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<Temporary>,
    /// Whether the person wants a new connection where the link names one to renew.
    pub as_new: bool,
}

/// The redirect URI of every OAuth client. Since it is one for all, a project's own provider file whose page leads people
/// on to another provider can collect that one's codes. `iss` keeps it from that only where the other provider's shared
/// file names its issuer: see the docs on adding a provider.
pub fn redirect_uri(app: &App) -> String {
    app.public_url.join("/connections/oauth/callback")
}

/// The URL that the person's browser goes to.
pub async fn authorization_url(
    app: &App,
    open: &OpenFlow,
    provider: &Arc<Provider>,
    as_new: bool,
) -> Result<Url, AuthorizeError> {
    let chosen = app_for(app, open.link.id_project, provider).await?;
    let ready = chosen.obstacle(provider).is_none();
    let client = chosen.client.clone().filter(|_| ready);
    let client = client.ok_or(AuthorizeError::Failed(Failure::SetUpWrongly))?;
    let mut variables = answers_of(app, &open.flow, provider.slug())?;
    variables.extend(chosen.settings.clone());
    let (state, verifier) = (OAuthState::generate(&app.random), PkceVerifier::generate(&app.random));
    let asked = chosen.scopes_of(provider);
    if provider.auth_kind() == AuthKind::Oauth1 {
        let departs =
            oauth1::depart(app, open.link.id_project, (provider, &client), &state, (&asked, &variables));
        let (url, temporary) = departs.await.map_err(AuthorizeError::Failed)?;
        let temporary = Some(temporary);
        let context =
            StateContext { verifier: None, variables, asked, client_id: client.id, temporary, as_new };
        leave(app, open, provider.slug(), &state, &context).await?;
        return Ok(url);
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
    let input = AuthorizeInput {
        client_id: &client.id,
        redirect_uri: &redirect_uri(app),
        state: state.expose(),
        code_challenge: provider.uses_pkce().then_some(challenge.as_str()),
        scopes: &asked,
        variables: &variables,
    };
    let unrendered = |_| AuthorizeError::Failed(Failure::WrongHost);
    let url = provider.authorization_url(&input).map_err(unrendered)?;
    let verifier = provider.uses_pkce().then(|| verifier.expose().to_owned());
    let context = StateContext { verifier, variables, asked, client_id: client.id, temporary: None, as_new };
    leave(app, open, provider.slug(), &state, &context).await?;
    Ok(url)
}

/// Remembers what the callback needs.
async fn leave(
    app: &App,
    open: &OpenFlow,
    slug: &str,
    state: &OAuthState,
    context: &StateContext,
) -> Result<(), ConnectError> {
    let (now, hash) = (app.clock.now(), state.hash());
    let stored = StoredState {
        hash,
        id_project: open.link.id_project,
        id_flow: open.flow.id,
        provider_slug: slug.to_owned(),
        context: app.vault.seal_json(Slot::OAuthState, hex::encode(hash), context),
        created_at: now,
        expires_at: now.plus(STATE_LIFE),
        used_at: None,
    };
    app.store.add_oauth_state(&stored).await?;
    note(app, &open.link, &[LinkStep::Consented, LinkStep::Away], slug).await
}
