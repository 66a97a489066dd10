//! A request as plain data, for the guarded client to send. Its Debug must never show a value that may be secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;
use url::form_urlencoded;

use crate::credential::Client;
use crate::file::{ClientAuth, Encoding};
use crate::oauth1::Signing;

/// What to send. Header names are as the provider's file writes them.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// How it is signed just before it is sent, where it is.
    pub signing: Option<Signing>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("headers", &headers)
            .field("body_bytes", &self.body.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// Names and values in the order they are sent.
pub(crate) type Pairs = Vec<(String, String)>;

/// A request of parameters, in the encoding that the provider wants.
pub(crate) fn encode(
    method: Method,
    mut url: Url,
    mut headers: Pairs,
    parameters: &[(String, Value)],
    encoding: Encoding,
) -> HttpRequest {
    let texts = || parameters.iter().map(|(name, value)| (name, as_text(value)));
    let body = match encoding {
        _ if parameters.is_empty() => None,
        Encoding::Query => {
            url.query_pairs_mut().extend_pairs(texts());
            None
        }
        Encoding::Form => {
            headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(texts()).finish().into_bytes())
        }
        Encoding::Json => {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
            let object: BTreeMap<&String, &Value> =
                parameters.iter().map(|(name, value)| (name, value)).collect();
            Some(serde_json::json!(object).to_string().into_bytes())
        }
    };
    HttpRequest { method, url, headers, body, signing: None }
}

/// Parameters that are texts.
pub(crate) fn typed(pairs: Pairs) -> Vec<(String, Value)> {
    pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

fn as_text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::from)
}

/// Adds what proves the client, as headers or parameters. A public client has only its id to say.
pub(crate) fn prove_client(auth: ClientAuth, client: &Client, headers: &mut Pairs, parameters: &mut Pairs) {
    let secret = client.secret.as_ref().map(SecretString::expose_secret);
    match (auth, secret) {
        (ClientAuth::None, _) => {}
        // RFC 6749, section 2.3.1: both are form-encoded before they become user name and password.
        (ClientAuth::Basic, Some(secret)) => {
            headers.push(basic(&form_encoded(&client.id), &form_encoded(secret)));
        }
        (ClientAuth::SecretAsUser, Some(secret)) => headers.push(basic(secret, "")),
        (ClientAuth::Body, Some(secret)) => {
            parameters.push(("client_id".to_owned(), client.id.clone()));
            parameters.push(("client_secret".to_owned(), secret.to_owned()));
        }
        (ClientAuth::Body | ClientAuth::Basic | ClientAuth::SecretAsUser, None) => {
            parameters.push(("client_id".to_owned(), client.id.clone()));
        }
    }
}

/// The pairs under the names that the provider has for them.
pub(crate) fn renamed(
    pairs: Pairs,
    names: &BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String)> {
    pairs.into_iter().map(|(name, value)| (names.get(&name).cloned().unwrap_or(name), value))
}

/// The `Authorization` header of RFC 7617.
pub(crate) fn basic(user: &str, password: &str) -> (String, String) {
    ("Authorization".to_owned(), format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
