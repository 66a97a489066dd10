//! The person comes back: the state is checked and spent, the code becomes tokens, the tokens an account.

use std::collections::BTreeMap;
use std::sync::Arc;

use panora_catalog::{Client, ExchangeInput, Provider};
use secrecy::SecretString;

use super::Failure;
use super::authorize::{StateContext, redirect_uri};
use super::client::client_of;
use super::error::ConnectError;
use super::failed::record_failure;
use super::finish::finish;
use super::flow::{Cookies, FlowHere, OpenFlow, find_flow, note};
use super::grant::{Grant, failure_of, read_tokens};
use super::provider_call::send;
use crate::app::App;
use crate::model::{FlowId, LinkStep, OAuthState};
use crate::store::StoredState;
use crate::vault::Slot;

/// The longest code (or value in its place), in bytes; a longer one is refused, never cut.
const LONGEST_CODE: usize = 16 * 1024;

/// The callback's query parameters. The last of several of one name counts.
pub type CallbackQuery = BTreeMap<String, String>;

/// What a callback came to.
pub enum Arrival {
    /// None of our states: the flows that this browser has decide where it goes on.
    WithoutState,
    /// Refused before any flow was touched.
    Refused(Failure),
    /// The flow's page says what went wrong.
    Failed(FlowId, String, Failure),
    Connected(FlowId),
}

/// Takes a callback. Nothing is stored, and no state spent, for a browser without the flow's cookie.
pub async fn arrive(app: &App, query: &CallbackQuery, cookies: &Cookies) -> Result<Arrival, ConnectError> {
    let Some(state) = query.get("state") else { return Ok(Arrival::WithoutState) };
    let state = OAuthState::from_text(state.clone());
    let Some(stored) = app.store.lookup_oauth_state(state.hash()).await? else {
        return Ok(Arrival::Refused(Failure::StateExpired));
    };
    let now = app.clock.now();
    let open = match find_flow(app, stored.id_flow, cookies).await? {
        // A flow begun before the link's expiry may end within its state's ten minutes.
        FlowHere::Live(open) | FlowHere::Ended(Failure::LinkExpired, open) => open,
        FlowHere::Ended(failure, _) => return Ok(Arrival::Refused(failure)),
        FlowHere::Finished(_) => return Ok(Arrival::Refused(Failure::StateReplayed)),
        FlowHere::None => return Ok(Arrival::Refused(Failure::FlowNotFound)),
    };
    if stored.used_at.is_some() {
        return Ok(Arrival::Refused(Failure::StateReplayed));
    }
    if stored.expires_at <= now {
        return Ok(Arrival::Refused(Failure::StateExpired));
    }
    if !app.store.spend_oauth_state(stored.id_project, stored.hash).await? {
        return Ok(Arrival::Refused(Failure::StateReplayed));
    }
    note(app, &open.link, &[LinkStep::Back], &stored.provider_slug).await?;
    let flow = open.flow.id;
    Ok(match connect(app, &open, &stored, query).await? {
        Ok(()) => Arrival::Connected(flow),
        Err(failure) => Arrival::Failed(flow, stored.provider_slug, failure),
    })
}

/// Everything after the state was spent. A failure is told to the customer.
async fn connect(
    app: &App,
    open: &OpenFlow,
    state: &StoredState,
    query: &CallbackQuery,
) -> Result<Result<(), Failure>, ConnectError> {
    let slug = &state.provider_slug;
    let granted = match exchange(app, open, state, query).await? {
        Ok(granted) => granted,
        Err(failure) => {
            record_failure(app, open, slug, failure, None).await?;
            return Ok(Err(failure));
        }
    };
    let mut grant = granted;
    if let Err(failure) = grant.identify(app, open.link.id_project).await {
        record_failure(app, open, slug, failure, Some(&grant)).await?;
        return Ok(Err(failure));
    }
    Ok(finish(app, open, state.created_at, &grant).await?.map(|_| ()))
}

/// The code for a grant.
async fn exchange(
    app: &App,
    open: &OpenFlow,
    state: &StoredState,
    query: &CallbackQuery,
) -> Result<Result<Grant, Failure>, ConnectError> {
    if let Some(error) = query.get("error") {
        return Ok(Err(failure_of_authorization(error)));
    }
    let row = hex::encode(state.hash);
    let context: StateContext = app.vault.open_json(Slot::OAuthState, row, &state.context)?;
    let project = open.link.id_project;
    let Some(provider) = app.provider(project, &state.provider_slug) else {
        return Ok(Err(Failure::SetUpWrongly));
    };
    let Some(client) = client_of(app, &provider, Some(&context.client_id)) else {
        return Ok(Err(Failure::SetUpWrongly));
    };
    let code = query.get(provider.code_parameter()).filter(|code| (1..=LONGEST_CODE).contains(&code.len()));
    let Some(code) = code else { return Ok(Err(Failure::ProviderError)) };
    let mut variables = context.variables.clone();
    match provider.read_callback(query) {
        Ok(more) => variables.extend(more),
        Err(_) => return Ok(Err(Failure::WrongHost)),
    }
    let context = StateContext { variables, ..context };
    redeem(app, open, (&provider, &client), code, context).await
}

async fn redeem(
    app: &App,
    open: &OpenFlow,
    (provider, client): (&Arc<Provider>, &Client),
    code: &str,
    context: StateContext,
) -> Result<Result<Grant, Failure>, ConnectError> {
    let verifier = context.verifier.map(SecretString::from);
    let request = provider.code_exchange(&ExchangeInput {
        client,
        code: &SecretString::from(code),
        code_verifier: verifier.as_ref(),
        redirect_uri: &redirect_uri(app),
        variables: &context.variables,
    });
    let Ok(request) = request else { return Ok(Err(Failure::WrongHost)) };
    let answer = match send(app, open.link.id_project, request).await {
        Ok(answer) => answer,
        Err(unanswered) => {
            tracing::warn!(
                provider = provider.slug(),
                code = unanswered.error.code(),
                "no answer to a code exchange"
            );
            return Ok(Err(Failure::ProviderDown));
        }
    };
    Ok(read_tokens(app, provider, client, (&context.asked, context.variables), &answer).map_err(|refusal| {
        tracing::warn!(provider = provider.slug(), status = answer.status, error = %refusal.error, "a code was refused");
        failure_of(&refusal)
    }))
}

/// RFC 6749, section 4.1.2.1, and what else providers say there.
fn failure_of_authorization(error: &str) -> Failure {
    match error {
        "access_denied" | "user_denied" | "user_cancelled_authorize" | "user_cancelled_login" => {
            Failure::Denied
        }
        "consent_required" | "admin_policy_enforced" | "org_internal" => Failure::AdminApproval,
        "temporarily_unavailable" | "server_error" => Failure::ProviderDown,
        "invalid_scope"
        | "unauthorized_client"
        | "invalid_client"
        | "invalid_request"
        | "unsupported_response_type"
        | "redirect_uri_mismatch" => Failure::SetUpWrongly,
        _ => Failure::ProviderError,
    }
}
