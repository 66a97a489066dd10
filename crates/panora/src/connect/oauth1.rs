//! OAuth 1.0a: temporary credentials before a person leaves, exchanged for lasting ones when they come back. The
//! flow's state is bound to them: nobody can end a flow with a token that it did not ask for (RFC 5849, section 4).

use std::sync::Arc;

use panora_catalog::{AuthKind, Client, HttpRequest, Provider, RequestToken, TokenRefusal, Variables};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use url::Url;

use super::Failure;
use super::authorize::{StateContext, redirect_uri};
use super::callback::{CallbackQuery, LONGEST_CODE};
use super::client::client_of;
use super::grant::{Grant, failure_of, granted};
use super::provider_call::{ProviderAnswer, send_for_form};
use super::troubles::note_refusal;
use crate::app::App;
use crate::model::{OAuthState, ProjectId, TroublePlace};

/// Temporary credentials; sealed with the state.
#[derive(Serialize, Deserialize)]
pub struct Temporary {
    token: String,
    secret: String,
}

/// Asks for temporary credentials, and says where the person goes with them.
pub async fn depart(
    app: &App,
    project: ProjectId,
    (provider, client): (&Provider, &Client),
    state: &OAuthState,
    (asked, variables): (&[String], &Variables),
) -> Result<(Url, Temporary), Failure> {
    let mut callback = Url::parse(&redirect_uri(app)).map_err(|_| Failure::Unexpected)?;
    callback.query_pairs_mut().append_pair("state", state.expose());
    let request = provider.request_token_request(client, callback.as_str(), variables);
    let answer = answered(app, project, provider, request.map_err(|_| Failure::WrongHost)?).await?;
    let temporary = match provider.read_request_token(answer.status, &answer.body) {
        Ok(temporary) => temporary,
        Err(refusal) => return Err(refused(app, project, provider, &refusal).await),
    };
    let url = provider.oauth1_authorization_url(&temporary, asked, variables);
    let url = url.map_err(|_| Failure::WrongHost)?;
    let secret = temporary.secret.expose_secret().to_owned();
    Ok((url, Temporary { token: temporary.token, secret }))
}

/// The callback's verifier for a grant. `context` is that of the state, with what the callback told.
pub async fn redeem(
    app: &App,
    project: ProjectId,
    (provider, client): (&Arc<Provider>, &Client),
    query: &CallbackQuery,
    context: StateContext,
) -> Result<Grant, Failure> {
    let temporary = context.temporary.ok_or(Failure::ProviderError)?;
    if refuses(query) {
        return Err(Failure::Denied);
    }
    // Somebody else's token would connect somebody else's account.
    let sent = query.get("oauth_token").map(String::as_bytes).unwrap_or_default();
    if !bool::from(sent.ct_eq(temporary.token.as_bytes())) {
        return Err(Failure::ProviderError);
    }
    let verifier =
        query.get("oauth_verifier").filter(|verifier| (1..=LONGEST_CODE).contains(&verifier.len()));
    let verifier = SecretString::from(verifier.ok_or(Failure::ProviderError)?.as_str());
    let temporary = RequestToken { token: temporary.token, secret: temporary.secret.into() };
    let request = provider.access_token_request(client, &temporary, &verifier, &context.variables);
    let answer = answered(app, project, provider, request.map_err(|_| Failure::WrongHost)?).await?;
    match provider.read_access_token(answer.status, &answer.body) {
        Ok(tokens) => Ok(granted(provider, client, (&context.asked, context.variables), tokens)),
        Err(refusal) => Err(refused(app, project, provider, &refusal).await),
    }
}

/// Whether a refusal is about the token. A 401 of this kind may as well mean the client's secret or the clock; then
/// temporary credentials, which need both and no token, are refused too.
pub async fn blames_token(
    app: &App,
    project: ProjectId,
    (provider, client_id): (&Provider, Option<&str>),
    variables: &Variables,
) -> bool {
    if provider.auth_kind() != AuthKind::Oauth1 {
        return true;
    }
    let Ok(Some(client)) = client_of(app, project, provider, client_id).await else { return false };
    let request = provider.request_token_request(&client, &redirect_uri(app), variables);
    let Ok(request) = request else { return false };
    let answer = send_for_form(app, project, request).await;
    answer.is_ok_and(|answer| provider.read_request_token(answer.status, &answer.body).is_ok())
}

/// The answer to a request for credentials; that there is none is noted.
async fn answered(
    app: &App,
    project: ProjectId,
    provider: &Provider,
    request: HttpRequest,
) -> Result<ProviderAnswer, Failure> {
    match send_for_form(app, project, request).await {
        Ok(answer) => Ok(answer),
        Err(unanswered) => {
            note_refusal(app, project, provider.slug(), TroublePlace::Token, unanswered.error.code()).await;
            Err(Failure::ProviderDown)
        }
    }
}

/// The standard has no word for a person who refuses; these are the usual ones.
fn refuses(query: &CallbackQuery) -> bool {
    let problem = query.get("oauth_problem").map(String::as_str);
    query.contains_key("denied") || matches!(problem, Some("user_refused" | "permission_denied"))
}

async fn refused(app: &App, project: ProjectId, provider: &Provider, refusal: &TokenRefusal) -> Failure {
    tracing::warn!(provider = provider.slug(), error = %refusal.error, "no token was given");
    note_refusal(app, project, provider.slug(), TroublePlace::Token, &refusal.error).await;
    failure_of(refusal)
}
