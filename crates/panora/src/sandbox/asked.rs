//! A program's request: its parameters in either encoding, and how its client proves itself (RFC 6749, section 2.3.1).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::quirk::Quirk;
use super::refusal::Refusal;
use super::{APP, APP_SECRET, CLIENT_ID};
use crate::store::SandboxGrant;

pub struct Asked {
    pub fields: Fields,
    is_json: bool,
    /// User name and password of HTTP Basic (RFC 7617), as they were encoded.
    basic: Option<(String, String)>,
    /// The token of RFC 6750.
    pub bearer: Option<String>,
}

impl Asked {
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = text(header::CONTENT_TYPE).starts_with("application/json");
        let fields = if is_json { read_json(body)? } else { Fields::parse(body) };
        let credentials = text(header::AUTHORIZATION).split_once(' ');
        let of_scheme = |scheme: &str| {
            credentials.filter(|(it, _)| it.eq_ignore_ascii_case(scheme)).map(|(_, text)| text.trim())
        };
        let bearer = of_scheme("bearer").map(str::to_owned);
        Ok(Self { basic: of_scheme("basic").and_then(pair), bearer, is_json, fields })
    }

    /// Whether the request is encoded, and its client proves itself, as the grant's quirks have it.
    pub fn check(&self, grant: &SandboxGrant) -> Result<(), Refusal> {
        self.check_encoding(grant.plays(Quirk::Json))?;
        let proof = if grant.plays(Quirk::Basic) {
            self.by_basic()
        } else if grant.plays(Quirk::SecretAsUser) {
            self.is_user(APP_SECRET, "")
        } else if grant.client_is_app() {
            self.by_body()
        } else {
            self.is_public()
        };
        if proof { Ok(()) } else { Err(Refusal::invalid_client()) }
    }

    pub fn check_encoding(&self, json: bool) -> Result<(), Refusal> {
        let words = "The request is not encoded as this grant's quirks have it.";
        if self.is_json == json { Ok(()) } else { Err(Refusal::invalid_request(words)) }
    }

    /// Whether either client proves itself in whatever way.
    pub fn names_a_client(&self) -> bool {
        self.is_public() || self.by_body() || self.by_basic() || self.is_user(APP_SECRET, "")
    }

    fn is_public(&self) -> bool {
        self.fields.one("client_id") == Some(CLIENT_ID) && self.basic.is_none()
    }

    fn by_body(&self) -> bool {
        let given = (self.fields.one("client_id"), self.fields.one("client_secret"));
        given == (Some(APP), Some(APP_SECRET)) && self.basic.is_none()
    }

    /// Both are form-encoded before they become user name and password.
    pub fn by_basic(&self) -> bool {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        self.is_user(&encoded(APP), &encoded(APP_SECRET)) && self.fields.one("client_secret").is_none()
    }

    fn is_user(&self, user: &str, password: &str) -> bool {
        self.basic.as_ref().is_some_and(|(it, its)| it == user && its == password)
    }

    /// A client's id and secret, however they came.
    pub fn client(&self) -> Option<(&str, &str)> {
        let basic = self.basic.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        basic.or_else(|| self.fields.one("client_id").zip(self.fields.one("client_secret")))
    }

    pub fn has_basic(&self) -> bool {
        self.basic.is_some()
    }
}

/// An object of texts.
fn read_json(body: &[u8]) -> Result<Fields, Refusal> {
    let wrong = || Refusal::invalid_request("The body is no JSON object of texts.");
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
    let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
    object.into_iter().map(text).collect::<Option<Vec<_>>>().map(Fields::of).ok_or_else(wrong)
}

/// What HTTP Basic carries.
pub fn pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
