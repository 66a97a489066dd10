//! API keys and passwords: tried at the provider before they are kept, ten times a flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use panora_catalog::{AnswerError, Provider, RefusalKind, Renewal, Variables, Verification};
use panora_outbound::{Failure as Unanswered, OutboundError};

use super::Failure;
use super::client::app_for;
use super::credentials::{Credentials, Secret};
use super::error::ConnectError;
use super::failed::tell_failure;
use super::finish::{Departure, finish};
use super::flow::OpenFlow;
use super::grant::{Grant, Unidentified};
use super::provider_call::send;
use crate::app::App;
use crate::model::{Account, ProjectId};

/// Credentials that one flow may try.
pub const MOST_TRIES: u32 = 10;

/// What a form was answered with.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// By the field's name.
    #[error("an answer cannot be used")]
    Fields(BTreeMap<String, AnswerError>),
    #[error("the provider refused the credential")]
    Refused(Verification),
    #[error("{}", .0.code())]
    Failed(Failure),
}

/// Tries what was typed, and connects if the provider takes it.
pub async fn try_credentials(
    app: &App,
    open: &OpenFlow,
    (provider, as_new): (&Arc<Provider>, bool),
    typed: &BTreeMap<String, String>,
) -> Result<(), FormError> {
    let credentials = read_fields(provider, typed).map_err(FormError::Fields)?;
    match app.store.count_flow_try(&open.flow, MOST_TRIES).await.map_err(ConnectError::from)? {
        Some(tries) if tries <= MOST_TRIES => {}
        first_too_many => {
            if first_too_many.is_some() {
                tell_failure(app, open, provider.slug(), Failure::TooManyTries, None).await;
            }
            return Err(FormError::Failed(Failure::TooManyTries));
        }
    }
    let departure = Departure { at: app.clock.now(), as_new, parked: None };
    let mut grant = grant_of(provider, credentials);
    grant.credentials.variables.extend(app_for(app, open.link.id_project, provider).await?.settings);
    let failure = match verify(app, open.link.id_project, &mut grant).await {
        Ok(Verification::Good) => match finish(app, open, departure, &grant).await {
            Ok(_) => return Ok(()),
            Err(why) => why.into(),
        },
        Ok(refused) => return Err(FormError::Refused(refused)),
        // The same credential may work in a minute: the flow goes on.
        Err(Failure::ProviderDown) => return Err(FormError::Refused(Verification::TryLater)),
        Err(failure) => failure,
    };
    tell_failure(app, open, provider.slug(), failure, None).await;
    Err(FormError::Failed(failure))
}

/// What was typed, as the provider's file wants it.
pub fn read_fields(
    provider: &Provider,
    typed: &BTreeMap<String, String>,
) -> Result<Credentials, BTreeMap<String, AnswerError>> {
    let (mut fields, mut variables, mut wrong) = (BTreeMap::new(), Variables::new(), BTreeMap::new());
    for question in provider.questions() {
        let name = question.name().to_owned();
        let raw = typed.get(&name).map(String::as_str).unwrap_or_default();
        match question.normalize(raw) {
            Ok(value) if question.is_credential() => drop(fields.insert(name, value)),
            Ok(value) => drop(variables.insert(name, value)),
            Err(error) => drop(wrong.insert(name, error)),
        }
    }
    if wrong.is_empty() { Ok(Credentials { secret: Secret::Fields(fields), variables }) } else { Err(wrong) }
}

/// Credentials that nobody granted scopes for, before their account is known.
pub fn grant_of(provider: &Arc<Provider>, credentials: Credentials) -> Grant {
    Grant {
        provider: provider.clone(),
        client_id: None,
        credentials,
        expires_at: None,
        scopes: Vec::new(),
        missing_scopes: Vec::new(),
        account: Account::default(),
        account_url: String::new(),
    }
}

/// Exchanges what was typed for a token, where the provider wants that.
pub async fn log_in(app: &App, project: ProjectId, grant: &mut Grant) -> Result<Verification, Failure> {
    let fields = grant.credentials.login().filter(|_| grant.credentials.tokens().is_none());
    let Some(fields) = fields.filter(|_| grant.provider.auth_kind().logs_in()) else {
        return Ok(Verification::Good);
    };
    let login = grant.provider.renewal_request(Renewal::Login(&fields), &grant.credentials.variables);
    // Boxed, since few need it: an import carries the space for it.
    let answer = match Box::pin(send(app, project, login.map_err(|_| Failure::WrongHost)?)).await {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(untried(grant, &unanswered)),
    };
    let Err(refusal) = grant.exchanged(app, &answer) else { return Ok(Verification::Good) };
    tracing::info!(provider = grant.provider.slug(), error = %refusal.error, "a login was refused");
    Ok(match refusal.kind {
        RefusalKind::GrantLost | RefusalKind::ClientRefused => Verification::WrongKey,
        RefusalKind::TryLater => Verification::TryLater,
        RefusalKind::Unusable => Verification::Unexplained,
    })
}

/// Tries credentials at the provider; where they are good, whose they are is known afterwards.
pub async fn verify(app: &App, project: ProjectId, grant: &mut Grant) -> Result<Verification, Failure> {
    match log_in(app, project, grant).await? {
        Verification::Good => {}
        refused => return Ok(refused),
    }
    let credential = grant.credential(app, project).await?;
    let request = grant.provider.verify_request(&credential, &grant.credentials.variables);
    if let Some(request) = request.map_err(|_| Failure::WrongHost)? {
        let verification = match send(app, project, request).await {
            Ok(answer) => grant.provider.read_verification(answer.status, &answer.body),
            Err(unanswered) => untried(grant, &unanswered),
        };
        if verification != Verification::Good {
            return Ok(verification);
        }
    }
    match grant.identify(app, project).await {
        Ok(()) => Ok(Verification::Good),
        Err(Unidentified::NoSuchHost) => Ok(no_such_host(grant)),
        Err(Unidentified::Failed(failure)) => Err(failure),
    }
}

/// What it means that the provider gave no answer.
fn untried(grant: &Grant, unanswered: &Unanswered) -> Verification {
    match unanswered.error {
        OutboundError::NameNotFound => no_such_host(grant),
        _ => Verification::TryLater,
    }
}

/// Where a part of the host was typed, that is what is wrong.
fn no_such_host(grant: &Grant) -> Verification {
    let typed = grant.provider.questions().iter().any(|question| !question.is_credential());
    if typed { Verification::WrongTenant } else { Verification::TryLater }
}
