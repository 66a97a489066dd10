//! What the vault keeps of a connection: tokens or fields, and the variables that go with them.

use std::collections::BTreeMap;
use std::fmt;

use panora_catalog::{Credential, Variables};
use secrecy::SecretString;
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
        /// The refresh token before this one, until this one has given tokens itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<String>,
    },
    Fields(BTreeMap<String, String>),
}

impl Credentials {
    /// As the catalog takes it.
    pub fn credential(&self) -> Credential {
        match &self.secret {
            Secret::Tokens { access, .. } => Credential::OAuth { access_token: access.clone().into() },
            Secret::Fields(fields) => {
                let secret =
                    |(name, value): (&String, &String)| (name.clone(), SecretString::from(value.clone()));
                Credential::Fields(fields.iter().map(secret).collect())
            }
        }
    }

    /// `(access, refresh)` of OAuth credentials.
    pub fn tokens(&self) -> Option<(SecretString, Option<SecretString>)> {
        match &self.secret {
            Secret::Tokens { access, refresh, .. } => {
                Some((access.clone().into(), refresh.clone().map(SecretString::from)))
            }
            Secret::Fields(_) => None,
        }
    }

    /// Whether new ones can be had without the person.
    pub const fn can_refresh(&self) -> bool {
        matches!(&self.secret, Secret::Tokens { refresh: Some(_), .. })
    }

    /// The refresh token before this one, while this one has not proved good.
    pub fn previous(&self) -> Option<SecretString> {
        match &self.secret {
            Secret::Tokens { previous, .. } => previous.clone().map(SecretString::from),
            Secret::Fields(_) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}
