//! OAuth 2 as providers speak it: where they follow RFC 6749 the defaults serve, and each departure has a word
//! here. Plain data; nothing here makes a request.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::api::{Basic, method};
use super::template::{Pointer, Template};

/// Extra parameters by name. They win over the standard ones, where they may; `null` leaves a standard one out.
pub type Parameters = BTreeMap<String, Option<Template>>;

/// Parameters that are the same for everybody.
pub type Constants = BTreeMap<String, Value>;

/// The authorization request, RFC 6749 section 4.1.1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    pub url: Template,
    /// What the callback's `iss` must be where the provider sends it (RFC 9207).
    pub issuer: Option<Template>,
    /// Whether it is always sent: a callback without it is then not believed.
    #[serde(default)]
    pub sends_issuer: bool,
    #[serde(default)]
    pub parameters: Parameters,
    /// Other names for standard parameters: `client_id: applicationId`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    #[serde(default)]
    pub pkce: Pkce,
    /// What the callback calls the code.
    #[serde(default = "code")]
    pub code_parameter: String,
    /// How the provider signs the callback's query.
    #[serde(default)]
    pub signature: Option<Signature>,
}

/// The hexadecimal HMAC-SHA256, under the client secret, of the query's other parameters sorted by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The parameter that carries it.
    pub parameter: String,
}

fn code() -> String {
    "code".to_owned()
}

/// RFC 7636. On unless a file says why not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    #[default]
    S256,
    /// The reason.
    Off(String),
}

/// The token endpoint, RFC 6749 sections 4.1.3 and 5.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub url: Template,
    /// Of a login; a code is always exchanged with POST.
    #[serde(default = "post", deserialize_with = "method")]
    pub method: Method,
    /// HTTP Basic of a login.
    #[serde(default)]
    pub basic: Option<Basic>,
    #[serde(default)]
    pub client_auth: ClientAuth,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// For the code exchange.
    #[serde(default)]
    pub parameters: Parameters,
    /// Further parameters of whatever JSON type, for the code exchange; texts where the encoding has no types.
    #[serde(default)]
    pub constants: Constants,
    /// A second exchange right after the code's: its answer holds the token that counts.
    #[serde(default)]
    pub then: Option<GrantRequest>,
    /// Asked where no answer says when a token ends.
    #[serde(default)]
    pub introspection: Option<Introspection>,
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Where things stand in the answer. The first entry whose access token is there counts.
    #[serde(default = "standard_answer")]
    pub answers: Vec<Answer>,
    /// Where a refusal names its error, whatever the status.
    #[serde(default = "error_pointer")]
    pub error: Pointer,
    /// Errors beside `invalid_grant` after which only the person can help.
    #[serde(default)]
    pub permanent_errors: Vec<String>,
}

fn standard_answer() -> Vec<Answer> {
    vec![Answer {
        access_token: pointer("/access_token"),
        refresh_token: refresh_token_pointer(),
        expires: Expiry::default(),
        scope: scope_pointer(),
    }]
}

fn pointer(text: &str) -> Pointer {
    Pointer::try_from(text.to_owned()).expect("a constant with a leading slash")
}

fn error_pointer() -> Pointer {
    pointer("/error")
}

fn refresh_token_pointer() -> Pointer {
    pointer("/refresh_token")
}

fn scope_pointer() -> Pointer {
    pointer("/scope")
}

/// How the client proves itself at the token endpoint, RFC 6749 section 2.3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    #[default]
    Body,
    Basic,
    /// HTTP Basic with the secret as user name and no password; the client id is not sent.
    SecretAsUser,
    /// Nothing but what the parameters say.
    None,
}

/// How a request's parameters are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Form,
    Json,
    Query,
}

/// Where a token answer holds what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub access_token: Pointer,
    #[serde(default = "refresh_token_pointer")]
    pub refresh_token: Pointer,
    #[serde(default)]
    pub expires: Expiry,
    /// A list, or a text divided by spaces or commas.
    #[serde(default = "scope_pointer")]
    pub scope: Pointer,
}

/// When an access token ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// Seconds from now; not said means not known.
    In(Pointer),
    /// Unix time in seconds.
    AtSeconds(Pointer),
    /// Unix time in milliseconds.
    AtMilliseconds(Pointer),
    /// RFC 3339.
    AtText(Pointer),
    /// The access token is a JWT (RFC 7519); this claim, `exp`, is Unix time in seconds.
    Jwt(String),
    /// A lifetime in seconds that the answer does not tell.
    Lifetime(u32),
    /// Whatever the answer says.
    Never,
}

impl Default for Expiry {
    fn default() -> Self {
        Self::In(pointer("/expires_in"))
    }
}

/// What the provider says of a token, RFC 7662.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    pub request: GrantRequest,
    #[serde(default = "exp")]
    pub expires: Expiry,
}

fn exp() -> Expiry {
    Expiry::AtSeconds(pointer("/exp"))
}

/// The refresh, RFC 6749 section 6. What is left out is as for the code exchange, `parameters` aside.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refresh {
    pub url: Option<Template>,
    #[serde(deserialize_with = "method")]
    pub method: Method,
    pub client_auth: Option<ClientAuth>,
    pub encoding: Option<Encoding>,
    pub parameters: Parameters,
    pub constants: Constants,
    /// Each refresh token works once: a new one must be durable before anything else is done.
    pub rotates: bool,
    /// `false` where tokens end and there never is a refresh token.
    pub offered: bool,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            url: None,
            method: Method::POST,
            client_auth: None,
            encoding: None,
            parameters: Parameters::new(),
            constants: Constants::new(),
            rotates: false,
            offered: true,
        }
    }
}

/// How to give a grant back. Left out where the provider has no way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Sent in this order; one that needs a refresh token is left out where there is none.
    pub requests: Vec<GrantRequest>,
    /// Left out, it is the account; the person where one grant covers several `tenants`.
    #[serde(default)]
    pub ends: Option<Reach>,
    /// Statuses beside 404 and 410 that mean "already gone".
    #[serde(default)]
    pub gone_statuses: Vec<u16>,
    /// Error codes that mean "already gone".
    #[serde(default)]
    pub gone_errors: Vec<String>,
}

/// Whose other connections may end with a grant that is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Those of the same account at this provider.
    Account,
    /// All that the person has granted to the OAuth client: other accounts, and other providers that share the client.
    Person,
}

/// A request about a grant: what takes it back, or a second exchange. Its templates may hold `{access_token}`, `{refresh_token}`, `{client_id}`,
/// `{client_secret}`, and `{token}`: the refresh token, or the access token where there is none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    #[serde(default = "post", deserialize_with = "method")]
    pub method: Method,
    pub url: Template,
    #[serde(default = "no_client_auth")]
    pub client_auth: ClientAuth,
    #[serde(default)]
    pub encoding: Encoding,
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Template>,
    /// Other names for `client_id` and `client_secret`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// A JSON text, sent as it is in the place of parameters.
    #[serde(default)]
    pub body: Option<Spanned<String>>,
}

fn post() -> Method {
    Method::POST
}

fn no_client_auth() -> ClientAuth {
    ClientAuth::None
}

/// What to ask for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scopes {
    /// `null` where the provider's authorization request has no such parameter.
    #[serde(default = "scope_parameter")]
    pub parameter: Option<String>,
    #[serde(default = "space")]
    pub separator: String,
    /// Asked for unless the integrator chooses others; empty says that the provider has none.
    pub default: Vec<Scope>,
    /// Added to whatever is asked for, never shown and never missed (`offline_access`).
    #[serde(default)]
    pub always: Vec<String>,
    /// How the code exchange repeats them, where it has to, in the same parameter.
    #[serde(default)]
    pub in_token: Option<ScopesInToken>,
    /// Further lists in parameters of their own: `optional_scope`, `user_scope`.
    #[serde(default)]
    pub more: BTreeMap<String, Vec<String>>,
}

/// A text divided as in the authorization, or a list, which only JSON has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopesInToken {
    Text,
    List,
}

#[expect(clippy::unnecessary_wraps)] // serde wants the type of the field
fn scope_parameter() -> Option<String> {
    Some("scope".to_owned())
}

fn space() -> String {
    " ".to_owned()
}

/// A scope and what it means to the person who is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub name: String,
    /// Ends the sentence "Acme ...": `can read your contacts`. Equal ones are said once.
    #[serde(default)]
    pub says: Option<String>,
}
