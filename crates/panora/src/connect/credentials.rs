//! What the vault keeps of a connection: tokens or fields, and the variables that go with them.

use std::collections::BTreeMap;
use std::fmt;

use panora_catalog::{Client, Credential, Grant, Variables};
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

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    Tokens {
        access: String,
        refresh: Option<String>,
        /// The refresh token before this one, until this one has given tokens itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<String>,
        /// What calls are signed with, of OAuth 1.0a.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_secret: Option<String>,
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

    /// As the catalog takes it where calls take the client too.
    pub fn credential_with(&self, client: Client) -> Credential {
        match &self.secret {
            Secret::Tokens { access, token_secret, .. } => Credential::OAuthClient {
                client,
                access_token: access.clone().into(),
                token_secret: token_secret.clone().map(SecretString::from),
            },
            Secret::Fields(_) | Secret::Session { .. } => self.credential(),
        }
    }

    /// `(access, refresh)` where calls are made with an access token.
    pub fn tokens(&self) -> Option<(SecretString, Option<SecretString>)> {
        match &self.secret {
            Secret::Tokens { access, refresh, .. } => {
                Some((access.clone().into(), refresh.clone().map(SecretString::from)))
            }
            Secret::Session { access, .. } => Some((access.clone().into(), None)),
            Secret::Fields(_) => None,
        }
    }

    /// Whether new ones can be had without the person.
    pub const fn can_refresh(&self) -> bool {
        matches!(&self.secret, Secret::Tokens { refresh: Some(_), .. } | Secret::Session { .. })
    }

    /// The refresh token before this one, while this one has not proved good.
    pub fn previous(&self) -> Option<SecretString> {
        match &self.secret {
            Secret::Tokens { previous, .. } => previous.clone().map(SecretString::from),
            Secret::Fields(_) | Secret::Session { .. } => None,
        }
    }

    /// What a new access token is got with again.
    pub fn login(&self) -> Option<BTreeMap<String, SecretString>> {
        match &self.secret {
            Secret::Tokens { .. } => None,
            Secret::Fields(fields) | Secret::Session { fields, .. } => Some(secrets(fields)),
        }
    }

    /// The same with what the provider gave now, asked with `used`, a refresh token. Without a new one that one stays
    /// good; with one it is kept until the new one has proved so.
    #[must_use]
    pub fn renewed(mut self, given: Grant, used: Option<&SecretString>) -> Self {
        let access = given.access_token.expose_secret().to_owned();
        let new = given.refresh_token.map(|token| token.expose_secret().to_owned());
        self.secret = match self.secret {
            Secret::Tokens { refresh: old, token_secret, .. } => {
                let used = used.map(|token| token.expose_secret().to_owned()).or(old);
                let previous = used.clone().filter(|used| new.as_ref().is_some_and(|new| new != used));
                Secret::Tokens { access, refresh: new.or(used), previous, token_secret }
            }
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
