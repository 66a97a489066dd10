//! The secrets that requests are made with. None of them is ever printed.

use std::collections::BTreeMap;

use secrecy::SecretString;

/// An OAuth client as registered at the provider; a public one has no secret.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub secret: Option<SecretString>,
}

/// What a connection calls the provider with.
#[derive(Clone, Debug)]
pub enum Credential {
    OAuth {
        access_token: SecretString,
    },
    /// With the client, where calls are made with both: they are signed (OAuth 1.0a), or name its
    /// secret.
    OAuthClient {
        client: Client,
        access_token: SecretString,
        token_secret: Option<SecretString>,
    },
    /// The fields of an API key or basic form, by the names in the provider's file.
    Fields(BTreeMap<String, SecretString>),
    /// The fields, and the token that they were exchanged for.
    Session {
        access_token: SecretString,
        fields: BTreeMap<String, SecretString>,
    },
}
