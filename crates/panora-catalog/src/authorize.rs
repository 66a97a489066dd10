//! Sending the person to the provider (RFC 6749, section 4.1.1) and reading what comes back beside the code.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::credential::Client;
use crate::file::{Authorization, Parameters, Pkce, Scopes, Source, host_of};
use crate::provider::{Provider, ProviderOrigin};
use crate::question::AnswerError;
use crate::request::Pairs;
use crate::values::{RenderError, Values, Variables};

/// What an authorization URL is made of.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizeInput<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub state: &'a str,
    /// S256; left out of the URL where the provider's file turns PKCE off.
    pub code_challenge: Option<&'a str>,
    pub scopes: &'a [String],
    pub variables: &'a Variables,
}

impl Provider {
    /// The URL that the person's browser goes to.
    pub fn authorization_url(&self, input: &AuthorizeInput<'_>) -> Result<Url, RenderError> {
        let authorization = self.file.authorization.as_ref().ok_or(RenderError::NotOauth)?;
        let scopes = self.file.scopes.as_ref().ok_or(RenderError::NotOauth)?;
        let values = Values::new(self, input.variables).with("client_id", input.client_id);
        let mut standard = vec![
            ("response_type", "code".to_owned()),
            ("client_id", input.client_id.to_owned()),
            ("redirect_uri", input.redirect_uri.to_owned()),
            ("state", input.state.to_owned()),
        ];
        if let (Pkce::S256, Some(challenge)) = (&authorization.pkce, input.code_challenge) {
            standard.push(("code_challenge", challenge.to_owned()));
            standard.push(("code_challenge_method", "S256".to_owned()));
        }
        let Authorization { parameters, names, .. } = authorization;
        let mut pairs = overlay(standard, parameters, names, &values)?;
        pairs.extend(scope_parameters(scopes, input.scopes));
        let mut url = values.url(&authorization.url)?;
        add_to_url(&mut url, &pairs);
        Ok(url)
    }

    /// The host that the person's browser goes to, for the page that says so.
    pub fn authorization_host(&self, variables: &Variables) -> Option<String> {
        let authorization = self.file.authorization.as_ref()?;
        let url = Values::new(self, variables).url(&authorization.url).ok()?;
        url.host_str().map(str::to_owned)
    }

    /// Whether a callback is believed that names this issuer in `iss`, or none (RFC 9207, section 2.4). A project's own
    /// file has to name an issuer that is sent: whom the person was led to is known in no other way.
    pub fn is_of_issuer(&self, sent: Option<&str>) -> bool {
        let always = self.file.authorization.as_ref().is_some_and(|it| it.sends_issuer);
        match (sent, self.issuer()) {
            (Some(sent), Some(own)) => sent == own,
            (Some(_), None) => !matches!(self.origin, ProviderOrigin::Project(_)),
            (None, _) => !always,
        }
    }

    /// What the callback's `iss` must be, where it is sent.
    pub fn issuer(&self) -> Option<String> {
        let issuer = self.file.authorization.as_ref()?.issuer.as_ref()?;
        Values::new(self, &Variables::new()).text(issuer).ok()
    }

    /// Where codes go, as the file writes it.
    pub(crate) fn token_host(&self) -> Option<String> {
        self.file.token.as_ref().map(|token| host_of(&token.url.to_string()))
    }

    /// What the callback calls the code: `code` almost everywhere.
    pub fn code_parameter(&self) -> &str {
        self.file.authorization.as_ref().map_or("code", |authorization| &authorization.code_parameter)
    }

    /// Whether the provider itself sent the browser to the callback, by the signature that its file names; true
    /// where callbacks are not signed. Nothing of a callback that is not genuine may be used.
    pub fn callback_is_genuine(&self, client: &Client, parameters: &BTreeMap<String, String>) -> bool {
        let authorization = self.file.authorization.as_ref();
        let Some(signature) = authorization.and_then(|it| it.signature.as_ref()) else { return true };
        let secret = client.secret.as_ref().map(SecretString::expose_secret);
        secret.and_then(|secret| is_signed(&signature.parameter, secret, parameters)).unwrap_or(false)
    }

    /// The variables that come in the callback's query, from its parameters by name. One that is missing or of
    /// another shape than the file allows is an error: the flow must end there.
    pub fn read_callback(&self, parameters: &BTreeMap<String, String>) -> Result<Variables, AnswerError> {
        let mut kept = Variables::new();
        for variable in self.file.variables.iter().map(|variable| &variable.value) {
            let Source::Callback(parameter) = &variable.from else { continue };
            let value =
                parameters.get(parameter).or(variable.default.as_ref()).ok_or(AnswerError::Missing)?;
            let value = variable.tidy(value);
            if !variable.accepts(&value) {
                return Err(AnswerError::WrongShape);
            }
            kept.insert(variable.name.clone(), value);
        }
        Ok(kept)
    }
}

type HmacSha256 = Hmac<Sha256>;

/// Compared in constant time, over the form-encoded parameters.
fn is_signed(name: &str, secret: &str, parameters: &BTreeMap<String, String>) -> Option<bool> {
    let sent = parameters.get(name)?;
    let mut rest = form_urlencoded::Serializer::new(String::new());
    rest.extend_pairs(parameters.iter().filter(|(other, _)| *other != name));
    let mac = HmacSha256::new_from_slice(secret.as_bytes()).ok()?;
    Some(mac.chain_update(rest.finish()).verify_slice(&hex::decode(sent).ok()?).is_ok())
}

/// What is asked for, with what always is.
pub(crate) fn all_scopes(scopes: &Scopes, asked: &[String]) -> Vec<String> {
    let always = scopes.always.iter().filter(|scope| !asked.contains(scope));
    asked.iter().chain(always).cloned().collect()
}

pub(crate) fn scope_parameters(scopes: &Scopes, asked: &[String]) -> Pairs {
    let joined = |list: &[String]| list.join(&scopes.separator);
    let all = all_scopes(scopes, asked);
    let first =
        scopes.parameter.as_ref().filter(|_| !all.is_empty()).map(|name| (name.clone(), joined(&all)));
    let more = scopes.more.iter().map(|(name, list)| {
        let list: Vec<String> = list.iter().filter(|scope| !all.contains(scope)).cloned().collect();
        (name.clone(), joined(&list))
    });
    first.into_iter().chain(more.filter(|(_, list)| !list.is_empty())).collect()
}

/// Some providers route in the fragment (`/#oauth/authorize`) and read their query there.
pub(crate) fn add_to_url(url: &mut Url, pairs: &Pairs) {
    let Some(fragment) = url.fragment().map(str::to_owned) else {
        url.query_pairs_mut().extend_pairs(pairs);
        return;
    };
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    url.set_fragment(Some(&format!("{fragment}?{query}")));
}

/// The standard parameters under the provider's names, then its own, which win; `null` leaves one out.
pub(crate) fn overlay(
    standard: Vec<(&str, String)>,
    parameters: &Parameters,
    names: &BTreeMap<String, String>,
    values: &Values<'_>,
) -> Result<Pairs, RenderError> {
    let kept = standard.into_iter().filter(|(name, _)| !parameters.contains_key(*name));
    let renamed = kept.map(|(name, value)| (names.get(name).map_or(name, String::as_str).to_owned(), value));
    let own =
        parameters.iter().filter_map(|(name, template)| template.as_ref().map(|template| (name, template)));
    let own = own.map(|(name, template)| Ok((name.clone(), values.text(template)?)));
    renamed.map(Ok).chain(own).collect()
}
