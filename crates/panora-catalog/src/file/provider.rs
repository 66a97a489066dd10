//! The provider file as a whole. It is read, checked and then never changed.

use std::fmt;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::api::{Api, Identity, Tenants, Verify};
use super::check;
use super::error::FileError;
use super::oauth::{Authorization, Refresh, Revocation, Scopes, Token};
use super::oauth1::Oauth1;
use super::shape;
use super::variable::Variable;

const UNTRIED: &str = "nobody tries a key before it is used: `verify`, or `identity` with a `request`, would";

/// A provider, as its file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderFile {
    /// Equals the file's name.
    pub slug: Spanned<String>,
    pub name: String,
    /// Other words people search by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The first is the one that connections carry.
    pub verticals: Spanned<Vec<String>>,
    /// `#rrggbb`, for the tile.
    pub colour: Spanned<String>,
    /// The API's documentation.
    pub docs: Spanned<String>,
    /// Where the integrator registers an OAuth client.
    #[serde(default)]
    pub setup: Option<Spanned<String>>,
    pub auth: AuthKind,
    /// A public client that needs no registration.
    #[serde(default)]
    pub client: Option<BuiltInClient>,
    #[serde(default)]
    pub variables: Vec<Spanned<Variable>>,
    /// What the person pastes; with `api_key` and `basic` only.
    #[serde(default)]
    pub credentials: Vec<Spanned<Variable>>,
    #[serde(default)]
    pub authorization: Option<Authorization>,
    #[serde(default)]
    pub token: Option<Token>,
    #[serde(default)]
    pub oauth1: Option<Oauth1>,
    #[serde(default)]
    pub refresh: Refresh,
    #[serde(default)]
    pub revocation: Option<Revocation>,
    #[serde(default)]
    pub scopes: Option<Scopes>,
    pub api: Api,
    #[serde(default)]
    pub tenants: Option<Tenants>,
    #[serde(default)]
    pub identity: Option<Identity>,
    #[serde(default)]
    pub verify: Option<Verify>,
    /// Sentences for the page that says what is shared, after those of the scopes.
    #[serde(default)]
    pub sharing: Vec<String>,
    /// What a person should know before connecting: a role or plan needed, where the key page is.
    #[serde(default)]
    pub connect_help: Option<String>,
    /// What the integrator must know when setting up.
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(default)]
    pub testing: Option<Testing>,
    #[serde(default)]
    pub offline: Option<Offline>,
    /// Facts that nobody has tried yet.
    #[serde(default)]
    pub unverified: Vec<String>,
}

/// How an account is authorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    Oauth2Code,
    /// OAuth 1.0a, RFC 5849.
    Oauth1,
    /// RFC 6749, section 4.4, with a client that the person pastes.
    Oauth2ClientCredentials,
    ApiKey,
    Basic,
    /// What the person pastes is exchanged for a token, again and again.
    TwoStep,
}

impl AuthKind {
    /// Whether what the person pastes is exchanged for a token that calls are made with.
    pub fn logs_in(self) -> bool {
        matches!(self, Self::Oauth2ClientCredentials | Self::TwoStep)
    }

    /// Whether the person authorises an OAuth client of the integrator's on the provider's own page.
    pub fn redirects(self) -> bool {
        matches!(self, Self::Oauth2Code | Self::Oauth1)
    }

    pub fn has_access_token(self) -> bool {
        self == Self::Oauth2Code || self.logs_in()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oauth2Code => "oauth2_code",
            Self::Oauth1 => "oauth1",
            Self::Oauth2ClientCredentials => "oauth2_client_credentials",
            Self::TwoStep => "two_step",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
        }
    }
}

/// How long the grants of an unpublished app live.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Testing {
    pub dies_after_days: u32,
    /// What the integrator has to do, in a sentence.
    pub says: String,
}

/// What makes a provider hand out a refresh token.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offline {
    Scope(String),
    /// A parameter of the authorization: `access_type=offline`.
    Parameter(String),
    /// A sentence.
    Says(String),
}

impl fmt::Display for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(f, "ask for the scope {scope}"),
            Self::Parameter(parameter) => write!(f, "authorize with {parameter}"),
            Self::Says(sentence) => f.write_str(sentence),
        }
    }
}

/// A client that the provider knows without registration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltInClient {
    pub id: String,
}

impl ProviderFile {
    /// Reads and checks one file. `stem` is its name without `.yaml`, which its slug must equal; `file` is the
    /// name that errors use.
    pub fn parse(file: &str, stem: &str, text: &str) -> Result<Self, FileError> {
        let wrong = |mistakes| FileError { file: file.to_owned(), mistakes };
        let parsed: Self =
            serde_saphyr::from_str(text).map_err(|error| wrong(shape::explain(text, &error)))?;
        let mistakes = check::check(&parsed, stem);
        if mistakes.is_empty() { Ok(parsed) } else { Err(wrong(mistakes)) }
    }

    /// What is no mistake, and yet better known.
    pub fn advice(&self) -> Option<&'static str> {
        let pasted = matches!(self.auth, AuthKind::ApiKey | AuthKind::Basic);
        let asks = self.verify.is_some() || self.identity.as_ref().is_some_and(|it| it.request.is_some());
        (pasted && !asks).then_some(UNTRIED)
    }

    /// The declared variable of that name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().map(|variable| &variable.value).find(|variable| variable.name == name)
    }
}
