//! The person comes back: the state is checked and spent, the code becomes tokens, the tokens an account.

use std::collections::BTreeMap;
use std::sync::Arc;

use panora_catalog::{AuthKind, Client, ExchangeInput, Provider};
use secrecy::SecretString;

use super::Failure;
use super::authorize::{StateContext, redirect_uri};
use super::client::client_of;
use super::error::ConnectError;
use super::failed::tell_failure;
use super::finish::{Departure, finish};
use super::flow::{Cookies, FlowHere, OpenFlow, find_flow, note};
use super::grant::{Grant, failure_of, read_tokens};
use super::oauth1;
use super::parked::{park, parked_of};
use super::provider_call::send;
use super::troubles::note_refusal;
use crate::app::App;
use crate::model::{FlowId, LinkStep, OAuthState, TroublePlace};
use crate::store::StoredState;
use crate::vault::Slot;

/// The longest code (or value in its place), in bytes; a longer one is refused, never cut.
pub const LONGEST_CODE: usize = 16 * 1024;

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
    /// The person has to say for which site or company.
    Choice(FlowId, String),
}

/// What came of a grant.
enum Outcome {
    Connected,
    Parked,
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
        // Of a flow that ended meanwhile too: what the provider granted must be given back.
        FlowHere::Live(open) | FlowHere::Finished(open) | FlowHere::Ended(_, open) => open,
        FlowHere::None => return Ok(Arrival::Refused(Failure::FlowNotFound)),
    };
    let (flow, slug) = (open.flow.id, stored.provider_slug.clone());
    let is_spent = stored.used_at.is_some();
    if !is_spent && stored.expires_at <= now {
        return Ok(Arrival::Failed(flow, slug, Failure::StateExpired));
    }
    if is_spent || !app.store.spend_oauth_state(stored.id_project, stored.hash).await? {
        // Whoever goes back, or reloads, sees how it ended.
        if open.flow.finished_at.is_some() {
            return Ok(Arrival::Connected(flow));
        }
        let waits = parked_of(app, &open, &slug).await?.is_some();
        let failed = Failure::StateReplayed;
        return Ok(if waits { Arrival::Choice(flow, slug) } else { Arrival::Failed(flow, slug, failed) });
    }
    Ok(match connect(app, &open, &stored, query).await {
        Ok(Outcome::Connected) => Arrival::Connected(flow),
        Ok(Outcome::Parked) => Arrival::Choice(flow, slug),
        Err(failure) => Arrival::Failed(flow, slug, failure),
    })
}

/// Everything after the state was spent. Whatever goes wrong is told to the customer, and what the provider
/// granted is given back.
async fn connect(
    app: &App,
    open: &OpenFlow,
    state: &StoredState,
    query: &CallbackQuery,
) -> Result<Outcome, Failure> {
    let slug = &state.provider_slug;
    if let Err(error) = note(app, &open.link, &[LinkStep::Back], slug).await {
        tracing::warn!(%error, "a step of a link could not be noted");
    }
    let (mut grant, departure) = match exchange(app, open, state, query).await {
        Ok(Ok(granted)) => granted,
        Ok(Err(failure)) => {
            tell_failure(app, open, slug, failure, None).await;
            return Err(failure);
        }
        Err(error) => {
            tracing::error!(%error, flow = %open.flow.id, "a callback could not be read");
            tell_failure(app, open, slug, Failure::Unexpected, None).await;
            return Err(Failure::Unexpected);
        }
    };
    let result = settle(app, open, departure, &mut grant).await;
    if let Err(failure) = result {
        tell_failure(app, open, slug, failure, Some(&grant)).await;
    }
    result
}

/// The token that counts, what it is for, whose it is; then it is a connection.
async fn settle(
    app: &App,
    open: &OpenFlow,
    departure: Departure,
    grant: &mut Grant,
) -> Result<Outcome, Failure> {
    let project = open.link.id_project;
    grant.exchange_again(app, project).await?;
    grant.learn_end(app, project).await;
    let tenants = grant.settle_tenant(app, project).await?;
    if !tenants.is_empty() {
        return match park(app, open, departure, (grant, tenants)).await {
            Ok(()) => Ok(Outcome::Parked),
            Err(error) => {
                tracing::error!(%error, flow = %open.flow.id, "a grant could not be parked");
                Err(Failure::Unexpected)
            }
        };
    }
    grant.identify(app, project).await?;
    finish(app, open, departure, grant).await?;
    Ok(Outcome::Connected)
}

/// The code for a grant.
async fn exchange(
    app: &App,
    open: &OpenFlow,
    state: &StoredState,
    query: &CallbackQuery,
) -> Result<Result<(Grant, Departure), Failure>, ConnectError> {
    let project = open.link.id_project;
    let Some(provider) = app.provider(project, &state.provider_slug) else {
        return Ok(Err(Failure::SetUpWrongly));
    };
    // Another server's answer is not believed, not even its error (RFC 9207, section 2.4).
    if !provider.is_of_issuer(query.get("iss").map(String::as_str)) {
        tracing::warn!(
            provider = provider.slug(),
            "a callback names another issuer than the provider's file, or none"
        );
        return Ok(Err(Failure::ProviderError));
    }
    if let Some(error) = query.get("error") {
        note_refusal(app, project, provider.slug(), TroublePlace::Authorization, error).await;
        return Ok(Err(failure_of_authorization(error)));
    }
    let row = hex::encode(state.hash);
    let context: StateContext = app.vault.open_json(Slot::OAuthState, row, &state.context)?;
    let Some(client) = client_of(app, project, &provider, Some(&context.client_id)).await? else {
        return Ok(Err(Failure::SetUpWrongly));
    };
    if !provider.callback_is_genuine(&client, query) {
        return Ok(Err(Failure::ProviderError));
    }
    let mut variables = context.variables.clone();
    match provider.read_callback(query) {
        Ok(more) => variables.extend(more),
        Err(_) => return Ok(Err(Failure::WrongHost)),
    }
    let departure = Departure { at: state.created_at, as_new: context.as_new, parked: None };
    let context = StateContext { variables, ..context };
    if provider.auth_kind() == AuthKind::Oauth1 {
        let granted = oauth1::redeem(app, project, (&provider, &client), query, context).await;
        return Ok(granted.map(|grant| (grant, departure)));
    }
    let code = query.get(provider.code_parameter()).filter(|code| (1..=LONGEST_CODE).contains(&code.len()));
    let Some(code) = code else { return Ok(Err(Failure::ProviderError)) };
    Ok(redeem(app, open, (&provider, &client), code, context).await.map(|grant| (grant, departure)))
}

async fn redeem(
    app: &App,
    open: &OpenFlow,
    (provider, client): (&Arc<Provider>, &Client),
    code: &str,
    context: StateContext,
) -> Result<Grant, Failure> {
    let verifier = context.verifier.map(SecretString::from);
    let request = provider.code_exchange(&ExchangeInput {
        client,
        code: &SecretString::from(code),
        code_verifier: verifier.as_ref(),
        redirect_uri: &redirect_uri(app),
        scopes: &context.asked,
        variables: &context.variables,
    });
    let Ok(request) = request else { return Err(Failure::WrongHost) };
    let answer = match send(app, open.link.id_project, request).await {
        Ok(answer) => answer,
        Err(unanswered) => {
            tracing::warn!(
                provider = provider.slug(),
                code = unanswered.error.code(),
                "no answer to a code exchange"
            );
            let (project, code) = (open.link.id_project, unanswered.error.code());
            note_refusal(app, project, provider.slug(), TroublePlace::Token, code).await;
            return Err(Failure::ProviderDown);
        }
    };
    let refusal = match read_tokens(app, provider, client, (&context.asked, context.variables), &answer) {
        Ok(grant) => return Ok(grant),
        Err(refusal) => refusal,
    };
    tracing::warn!(provider = provider.slug(), status = answer.status, error = %refusal.error, "a code was refused");
    note_refusal(app, open.link.id_project, provider.slug(), TroublePlace::Token, &refusal.error).await;
    Err(failure_of(&refusal))
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
