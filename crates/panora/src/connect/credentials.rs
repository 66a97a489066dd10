//! What the vault keeps of a connection: tokens or fields, and the variables that go with them.

use std::collections::BTreeMap;
use std::fmt;

use panora_catalog::{Credential, Grant, Variables};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A connection's credentials, open. Exist in memory only; stored sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    #[serde(flatten)]
    pub secret: Secret,
    /// A subdomain, a data centre: not secret, but part of where the secret may go.
    pub variables: Variables,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    Tokens {
        access: String,
        refresh: Option<String>,
    },
    Fields(BTreeMap<String, String>),
    /// What was typed, and the token that it was exchanged for.
    Session {
        access: String,
        fields: BTreeMap<String, String>,
    },
}

impl Credentials {
    /// As the catalog takes it.
    pub fn credential(&self) -> Credential {
        match &self.secret {
            Secret::Tokens { access, .. } => Credential::OAuth { access_token: access.clone().into() },
            Secret::Fields(fields) => Credential::Fields(secrets(fields)),
            Secret::Session { access, fields } => {
                Credential::Session { access_token: access.clone().into(), fields: secrets(fields) }
            }
        }
    }

    /// `(access, refresh)` where calls are made with an access token.
    pub fn tokens(&self) -> Option<(SecretString, Option<SecretString>)> {
        match &self.secret {
            Secret::Tokens { access, refresh } => {
                Some((access.clone().into(), refresh.clone().map(SecretString::from)))
            }
            Secret::Session { access, .. } => Some((access.clone().into(), None)),
            Secret::Fields(_) => None,
        }
    }

    /// What a new access token is got with again.
    pub fn login(&self) -> Option<BTreeMap<String, SecretString>> {
        match &self.secret {
            Secret::Tokens { .. } => None,
            Secret::Fields(fields) | Secret::Session { fields, .. } => Some(secrets(fields)),
        }
    }

    /// The same with what the provider gave now; without a new refresh token the old one stays good.
    #[must_use]
    pub fn renewed(mut self, given: Grant) -> Self {
        let access = given.access_token.expose_secret().to_owned();
        let refresh = given.refresh_token.map(|token| token.expose_secret().to_owned());
        self.secret = match self.secret {
            Secret::Tokens { refresh: old, .. } => Secret::Tokens { access, refresh: refresh.or(old) },
            Secret::Fields(fields) | Secret::Session { fields, .. } => Secret::Session { access, fields },
        };
        self.variables.extend(given.kept);
        self
    }
}

fn secrets(fields: &BTreeMap<String, String>) -> BTreeMap<String, SecretString> {
    fields.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}
