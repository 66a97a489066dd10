//! What a provider granted, with whose account it is: all that a connection is made of, before it is one.

use std::sync::Arc;

use panora_catalog::{
    Client, Credential, HttpRequest, Provider, RefusalKind, RenderError, Tenant, TokenRefusal, Variables,
};
use panora_outbound::OutboundError;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::Failure;
use super::client::{client_of, credential_of};
use super::credentials::{Credentials, Secret};
use super::introspect::ends_at;
use super::provider_call::{ProviderAnswer, send};
use crate::app::App;
use crate::model::{Account, ProjectId, Time};

/// Credentials that work, and what is known of them.
pub struct Grant {
    pub provider: Arc<Provider>,
    pub client_id: Option<String>,
    pub credentials: Credentials,
    pub expires_at: Option<Time>,
    pub scopes: Vec<String>,
    pub missing_scopes: Vec<String>,
    pub account: Account,
    /// This account's API base URL.
    pub account_url: String,
}

/// Why an answer of the token endpoint made no connection.
pub fn failure_of(refusal: &TokenRefusal) -> Failure {
    match refusal.kind {
        RefusalKind::ClientRefused => Failure::SetUpWrongly,
        RefusalKind::TryLater => Failure::ProviderDown,
        RefusalKind::Unusable if refusal.error == "value_not_allowed" => Failure::WrongHost,
        // Of a code that is no longer taken too: trying again makes a fresh one.
        RefusalKind::GrantLost | RefusalKind::Unusable => Failure::ProviderError,
    }
}

/// Reads the token endpoint's answer, without asking whose account it is yet.
pub fn read_tokens(
    app: &App,
    provider: &Arc<Provider>,
    client: &Client,
    (asked, variables): (&[String], Variables),
    answer: &ProviderAnswer,
) -> Result<Grant, TokenRefusal> {
    let tokens = provider.read_token_answer(answer.status, &answer.body, app.clock.now().millis())?;
    Ok(granted(provider, client, (asked, variables), tokens))
}

/// What a provider granted, without whose account it is.
pub fn granted(
    provider: &Arc<Provider>,
    client: &Client,
    (asked, mut variables): (&[String], Variables),
    tokens: panora_catalog::Grant,
) -> Grant {
    variables.extend(tokens.kept);
    variables.extend(provider.kept_from_client(client));
    let secret = Secret::Tokens {
        access: tokens.access_token.expose_secret().to_owned(),
        refresh: tokens.refresh_token.map(|token| token.expose_secret().to_owned()),
        previous: None,
        token_secret: tokens.token_secret.map(|secret| secret.expose_secret().to_owned()),
    };
    let missing_scopes = provider.missing_scopes(asked, tokens.scopes.as_deref());
    Grant {
        provider: provider.clone(),
        client_id: Some(client.id.clone()),
        credentials: Credentials { secret, variables },
        expires_at: tokens.expires_at_ms.map(Time::from_millis),
        scopes: tokens.scopes.unwrap_or_else(|| asked.to_vec()),
        missing_scopes,
        account: Account::default(),
        account_url: String::new(),
    }
}

/// Why it is not known whose account it is.
pub enum Unidentified {
    /// No name server knows the host, of which a part was typed.
    NoSuchHost,
    Failed(Failure),
}

impl From<Failure> for Unidentified {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Unidentified> for Failure {
    fn from(why: Unidentified) -> Self {
        match why {
            Unidentified::NoSuchHost => Self::ProviderDown,
            Unidentified::Failed(failure) => failure,
        }
    }
}

/// What the provider's API answers to a question about the grant.
async fn asked(app: &App, project: ProjectId, request: HttpRequest) -> Result<Value, Unidentified> {
    let answer = send(app, project, request).await.map_err(|unanswered| match unanswered.error {
        OutboundError::NameNotFound => Unidentified::NoSuchHost,
        _ => Failure::ProviderDown.into(),
    })?;
    match answer.status {
        200..=299 => Ok(answer.body),
        408 | 425 | 429 | 500.. => Err(Failure::ProviderDown.into()),
        _ => Err(Failure::ProviderError.into()),
    }
}

impl Grant {
    /// Takes the tokens of a login or a second exchange; what only the first answer said stays.
    pub fn exchanged(&mut self, app: &App, answer: &ProviderAnswer) -> Result<(), TokenRefusal> {
        let now = app.clock.now().millis();
        let tokens = self.provider.read_token_answer(answer.status, &answer.body, now)?;
        self.expires_at = tokens.expires_at_ms.map(Time::from_millis);
        self.credentials = self.credentials.clone().renewed(tokens, None);
        Ok(())
    }

    /// Exchanges the token that a code gave for the one that counts, where the provider wants that.
    pub async fn exchange_again(&mut self, app: &App, project: ProjectId) -> Result<(), Failure> {
        let client = client_of(app, project, &self.provider, self.client_id.as_deref()).await;
        let client = client.map_err(|_| Failure::Unexpected)?;
        let Some((client, (access, _))) = client.zip(self.credentials.tokens()) else { return Ok(()) };
        let request = self.provider.then_exchange(&client, &access, &self.credentials.variables);
        let Some(request) = request.map_err(|_| Failure::WrongHost)? else { return Ok(()) };
        let answer = send(app, project, request).await.map_err(|_| Failure::ProviderDown)?;
        self.exchanged(app, &answer).map_err(|refusal| {
            let (provider, error) = (self.provider.slug(), &refusal.error);
            tracing::warn!(provider, status = answer.status, %error, "a second exchange was refused");
            failure_of(&refusal)
        })
    }

    /// Asks when the access token ends, where the provider has not said it.
    pub async fn learn_end(&mut self, app: &App, project: ProjectId) {
        if self.expires_at.is_none() {
            let of = (&*self.provider, self.client_id.as_deref());
            self.expires_at = ends_at(app, project, of, &self.credentials).await;
        }
    }

    /// What the provider is called with.
    pub async fn credential(&self, app: &App, project: ProjectId) -> Result<Credential, Failure> {
        let of = (&*self.provider, self.client_id.as_deref());
        let found = credential_of(app, project, of, &self.credentials).await;
        found.map_err(|_| Failure::Unexpected)?.ok_or(Failure::SetUpWrongly)
    }

    /// Asks which sites or companies the grant covers, where one may cover several: those that the person has to choose
    /// among, none where there is nothing to choose.
    pub async fn settle_tenant(&mut self, app: &App, project: ProjectId) -> Result<Vec<Tenant>, Failure> {
        let (provider, credential) = (&self.provider, self.credential(app, project).await?);
        let request = provider.tenants_request(&credential, &self.credentials.variables);
        let Some(request) = request.map_err(|_| Failure::WrongHost)? else { return Ok(Vec::new()) };
        let body = asked(app, project, request).await?;
        let mut tenants = provider.read_tenants(&body, &self.credentials.variables);
        if tenants.len() > 1 {
            return Ok(tenants);
        }
        let Some(only) = tenants.pop() else {
            tracing::warn!(provider = provider.slug(), "a grant covers no site or company");
            return Err(Failure::ProviderError);
        };
        self.credentials.variables.extend(only.kept);
        Ok(Vec::new())
    }

    /// Asks the provider whose account it is, where its file tells how, and settles the API's base URL.
    pub async fn identify(&mut self, app: &App, project: ProjectId) -> Result<(), Unidentified> {
        let credential = self.credential(app, project).await?;
        let unrendered = |_| Failure::WrongHost;
        let request =
            self.provider.identity_request(&credential, &self.credentials.variables).map_err(unrendered)?;
        let body = match request {
            None => Value::Null,
            Some(request) => asked(app, project, request).await?,
        };
        let kept = self.provider.kept_from_identity(&body).map_err(|_| Failure::WrongHost)?;
        self.credentials.variables.extend(kept);
        let found = self.provider.read_identity(&body, &self.credentials.variables);
        self.account = Account { id: found.id, name: found.name, email: found.email };
        // Without its id the account could never be told from another one.
        if self.account.id.is_none() && self.provider.names_accounts() {
            return Err(Failure::ProviderError.into());
        }
        Ok(self.settle_url().map_err(|_| Failure::WrongHost)?)
    }

    pub fn settle_url(&mut self) -> Result<(), RenderError> {
        let url = self.provider.api_base_url(&self.credentials.variables)?;
        url.as_str().trim_end_matches('/').clone_into(&mut self.account_url);
        Ok(())
    }
}
