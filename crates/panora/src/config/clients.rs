//! The installation's own OAuth apps: `PANORA_<SLUG>_CLIENT_ID` and its like, or `[clients.<slug>]` of panora.toml.

use std::collections::BTreeMap;
use std::sync::Arc;

use panora_catalog::{AnswerError, Provider, Variables};
use secrecy::SecretString;

/// The OAuth app of this installation at one provider.
#[derive(Clone, Debug)]
pub struct ProviderClient {
    /// None where only settings are given.
    pub id: Option<String>,
    pub secret: Option<SecretString>,
    /// None for the provider file's own.
    pub scopes: Option<Vec<String>>,
    /// Answers to what the file asks the integrator, in the file's own form.
    pub settings: Variables,
}

/// A setting that no app of that provider has, or a value that the file does not allow.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0} is not a setting of this provider's apps")]
    UnknownSetting(String),
    #[error("{0}: {1}")]
    Setting(String, AnswerError),
}

/// The apps that the variables describe, by slug.
pub fn provider_clients(
    variables: &BTreeMap<String, String>,
    providers: &[Arc<Provider>],
) -> Result<BTreeMap<String, ProviderClient>, ClientError> {
    let mut clients = BTreeMap::new();
    for provider in providers {
        if let Some(client) = client_of(variables, provider)? {
            clients.insert(provider.slug().to_owned(), client);
        }
    }
    Ok(clients)
}

fn client_of(
    variables: &BTreeMap<String, String>,
    provider: &Provider,
) -> Result<Option<ProviderClient>, ClientError> {
    let slug = provider.slug();
    let given = |what: &str| variables.get(&client_variable(slug, what)).filter(|text| !text.is_empty());
    let id = given("ID").cloned();
    let settings = settings_of(variables, provider)?;
    if id.is_none() && settings.is_empty() {
        return Ok(None);
    }
    let list = |text: &String| -> Vec<String> {
        text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
    };
    Ok(Some(ProviderClient {
        id,
        secret: given("SECRET").map(|text| SecretString::from(text.clone())),
        scopes: given("SCOPES").map(list),
        settings,
    }))
}

fn settings_of(variables: &BTreeMap<String, String>, provider: &Provider) -> Result<Variables, ClientError> {
    let prefix = client_variable(provider.slug(), "SETTING_");
    let asked = provider.app_settings();
    let mut settings = Variables::new();
    for (variable, value) in
        variables.iter().filter(|(name, value)| name.starts_with(&prefix) && !value.is_empty())
    {
        let question = asked.iter().find(|it| it.name().to_uppercase() == variable[prefix.len()..]);
        let question = question.ok_or_else(|| ClientError::UnknownSetting(variable.clone()))?;
        let value =
            question.normalize(value).map_err(|error| ClientError::Setting(variable.clone(), error))?;
        settings.insert(question.name().to_owned(), value);
    }
    Ok(settings)
}

/// The variable that holds a client's `ID`, `SECRET`, `SCOPES` or `SETTING_<NAME>`.
pub fn client_variable(slug: &str, what: &str) -> String {
    format!("PANORA_{}_CLIENT_{what}", slug.to_uppercase())
}
