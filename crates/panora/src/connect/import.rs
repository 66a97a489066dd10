//! Import: credentials that the customer already has become a connection, by the same transaction as a flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use panora_catalog::{AnswerError, Provider, Question, RenderError, Variables, Verification};
use serde_json::{Map, Value};

use super::Failure;
use super::client::app_for;
use super::credentials::{Credentials, Secret};
use super::error::ConnectError;
use super::establish::{Established, Wanted, establish};
use super::form::{grant_of, log_in, read_fields, verify};
use super::grant::Grant;
use crate::app::App;
use crate::model::{LinkedUserId, ProjectId, Time};
use crate::store::Tx;
use crate::webhooks::Publication;

/// OAuth tokens or a provider's own fields, with its variables.
pub enum NewCredentials {
    Tokens {
        access: String,
        refresh: Option<String>,
        /// Of OAuth 1.0a.
        token_secret: Option<String>,
        expires_at: Option<Time>,
        scopes: Option<Vec<String>>,
        variables: BTreeMap<String, String>,
    },
    Fields(BTreeMap<String, String>),
}

/// Why credentials cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// By the field's name.
    #[error("a field cannot be used")]
    Fields(BTreeMap<String, AnswerError>),
    #[error("the provider refused the credentials")]
    Refused(Verification),
    #[error("{}", .0.code())]
    Failed(Failure),
}

/// Reads credentials and, if `verified` is wanted, tries them at the provider. No transaction is open yet.
pub async fn prepare(
    app: &App,
    project: ProjectId,
    provider: &Arc<Provider>,
    new: NewCredentials,
    verified: bool,
) -> Result<Grant, ImportError> {
    let chosen = app_for(app, project, provider).await?;
    let mut grant = match new {
        NewCredentials::Fields(fields) => {
            grant_of(provider, read_fields(provider, &fields).map_err(ImportError::Fields)?)
        }
        NewCredentials::Tokens { access, refresh, token_secret, expires_at, scopes, variables } => {
            let variables = read_variables(provider, &variables).map_err(ImportError::Fields)?;
            let secret = Secret::Tokens { access, refresh, previous: None, token_secret };
            let mut grant = grant_of(provider, Credentials { secret, variables });
            let asked = chosen.scopes_of(provider);
            if let Some(client) = chosen.client {
                grant.credentials.variables.extend(provider.kept_from_client(&client));
                grant.client_id = Some(client.id);
            }
            grant.expires_at = expires_at;
            grant.missing_scopes = provider.missing_scopes(&asked, scopes.as_deref());
            grant.scopes = scopes.unwrap_or_default();
            grant
        }
    };
    grant.credentials.variables.extend(chosen.settings);
    if verified {
        match Box::pin(verify(app, project, &mut grant)).await.map_err(ImportError::Failed)? {
            Verification::Good => grant.learn_end(app, project).await,
            refused => return Err(ImportError::Refused(refused)),
        }
    } else {
        match log_in(app, project, &mut grant).await.map_err(ImportError::Failed)? {
            Verification::Good => {}
            refused => return Err(ImportError::Refused(refused)),
        }
        grant.settle_url().map_err(|error| match error {
            // Of which nobody has said what its calls need: it could never make one.
            RenderError::MissingVariable(name) => {
                ImportError::Fields(BTreeMap::from([(name, AnswerError::Missing)]))
            }
            _ => ImportError::Failed(Failure::WrongHost),
        })?;
    }
    Ok(grant)
}

/// Stores the connection of a prepared grant. `publication` has the project's lock.
pub async fn store(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    (project, linked_user): (ProjectId, LinkedUserId),
    metadata: &Map<String, Value>,
    grant: &Grant,
) -> Result<Established, ConnectError> {
    let wanted = Wanted { project, linked_user, renews: None, metadata };
    establish(app, tx, publication, &wanted, grant).await
}

fn read_variables(
    provider: &Provider,
    given: &BTreeMap<String, String>,
) -> Result<Variables, BTreeMap<String, AnswerError>> {
    let (mut variables, mut wrong) = (Variables::new(), BTreeMap::new());
    for question in provider.questions().into_iter().filter(|question| !question.is_credential()) {
        let raw = given.get(question.name()).map(String::as_str).unwrap_or_default();
        match question.normalize(raw) {
            Ok(value) => drop(variables.insert(question.name().to_owned(), value)),
            Err(error) => drop(wrong.insert(question.name().to_owned(), error)),
        }
    }
    // Without it a question at the provider may still tell.
    let told = |question: &Question<'_>| given.get(question.name()).is_some_and(|raw| !raw.trim().is_empty());
    for question in provider.learnt().into_iter().filter(told) {
        match question.normalize(&given[question.name()]) {
            Ok(value) => drop(variables.insert(question.name().to_owned(), value)),
            Err(error) => drop(wrong.insert(question.name().to_owned(), error)),
        }
    }
    if wrong.is_empty() { Ok(variables) } else { Err(wrong) }
}
