//! For finding out what is wrong with a provider's set-up: the same provider with another way to prove the client, and
//! what its file says of secrets and hosts.

use url::Url;

use crate::file::ClientAuth;
use crate::provider::Provider;
use crate::values::{RenderError, Values, Variables};

impl ClientAuth {
    /// As a provider's file writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Basic => "basic",
            Self::SecretAsUser => "secret_as_user",
            Self::None => "none",
        }
    }
}

impl Provider {
    /// How the client proves itself when a code is exchanged; none where there is no token endpoint.
    pub fn client_auth(&self) -> Option<ClientAuth> {
        self.file.token.as_ref().map(|token| token.client_auth)
    }

    /// The same provider, but for how the client proves itself when a code is exchanged.
    #[must_use]
    pub fn with_client_auth(&self, auth: ClientAuth) -> Self {
        let mut other = self.clone();
        if let Some(token) = &mut other.file.token {
            token.client_auth = auth;
        }
        other
    }

    /// The token endpoint of an account.
    pub fn token_url(&self, variables: &Variables) -> Result<Url, RenderError> {
        let token = self.file.token.as_ref().ok_or(RenderError::NotOauth)?;
        Values::new(self, variables).url(&token.url)
    }
}
