//! How a provider's API is called: base URL, credential, who-am-I, trying a key. Plain data.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::host::HostPattern;
use super::template::{Pointer, Template};

/// The API that connections call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// What every path is appended to.
    pub base_url: Template,
    /// Further hosts that a call may name instead (`content.dropboxapi.com`).
    #[serde(default)]
    pub hosts: Vec<HostPattern>,
    /// Sent with every call; they may hold the credential. With OAuth 2 and no place for the token,
    /// `Authorization: Bearer {access_token}` is added.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Credential parameters of the query string.
    #[serde(default)]
    pub query: BTreeMap<String, Template>,
    /// HTTP Basic (RFC 7617).
    #[serde(default)]
    pub basic: Option<Basic>,
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    #[serde(default)]
    pub pagination: Option<Pagination>,
}

/// User name and password of HTTP Basic; either may be a constant, or empty.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    pub user: Template,
    pub password: Template,
}

/// Which headers tell how much the provider still takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    #[serde(default)]
    pub remaining: Option<String>,
    /// The header that says when it takes more, beside the standard `Retry-After`.
    #[serde(default)]
    pub reset: Option<String>,
    #[serde(default)]
    pub reset_unit: ResetUnit,
}

/// How the reset header counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetUnit {
    /// Seconds from now.
    #[default]
    Seconds,
    /// Unix time in seconds.
    EpochSeconds,
    /// Unix time in milliseconds.
    EpochMilliseconds,
}

/// How lists are paged, for people and for later use.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pagination {
    /// A cursor of the answer goes into the next request.
    Cursor { parameter: String, next: Pointer, limit: String },
    /// A `Link` header with `rel="next"` (RFC 8288).
    Link { limit: String },
    /// The answer holds the next page's URL.
    NextUrl { next: Pointer, limit: String },
}

/// A request with the connection's credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default, deserialize_with = "method")]
    pub method: Method,
    /// Absolute, or a path under the API's base URL.
    pub url: Template,
    /// A JSON text, sent as it is.
    #[serde(default)]
    pub body: Option<String>,
}

pub(super) fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => {
            Method::from_bytes(text.as_bytes()).map_err(D::Error::custom)
        }
        _ => Err(D::Error::custom(format!("`{text}` is no method: write GET, POST, PUT, PATCH or DELETE"))),
    }
}

/// How to learn whose account it is. Each list's first entry that can be filled counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Left out: the templates hold kept variables only, and nothing is asked.
    #[serde(default)]
    pub request: Option<Request>,
    pub id: Vec<Template>,
    #[serde(default)]
    pub name: Vec<Template>,
    #[serde(default)]
    pub email: Vec<Template>,
}

/// Which of several sites or companies of one grant a connection is for. The variables that tell them apart come
/// `from: {tenant: /pointer}`, read in each entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenants {
    pub request: Request,
    /// Where the list stands; left out, the answer is the list. One object counts as a list of one.
    #[serde(default)]
    pub list: Option<Pointer>,
    /// What the person chooses by, read in each entry.
    pub name: Vec<Template>,
}

/// How a credential is tried. Without it, the identity request serves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    pub request: Request,
    /// Statuses that mean each thing; any 2xx is good.
    #[serde(default = "unauthorized")]
    pub wrong_key: Vec<u16>,
    #[serde(default = "forbidden")]
    pub missing_permission: Vec<u16>,
    /// The account named by a variable does not exist.
    #[serde(default)]
    pub wrong_tenant: Vec<u16>,
    /// For providers that answer 200 whatever the key: what a good answer holds.
    #[serde(default)]
    pub expect: Option<Condition>,
}

fn unauthorized() -> Vec<u16> {
    vec![401]
}

fn forbidden() -> Vec<u16> {
    vec![403]
}

/// A value that an answer must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub at: Pointer,
    pub is: Value,
}
