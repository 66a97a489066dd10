//! OAuth 1.0a (RFC 5849): temporary credentials, token credentials, and the signature of every request. What is to be
//! signed is signed just before it is sent, each time with a fresh stamp; no secret of a signature is ever printed.

mod sign;
#[cfg(test)]
mod sign_tests;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::answer::{Grant, LONGEST_TOKEN, RefusalKind, TokenRefusal, error_code, is_trouble, text};
use crate::authorize::{add_to_url, overlay, scope_parameters};
use crate::credential::{Client, Credential};
use crate::file::{Oauth1, Source, Template};
use crate::provider::Provider;
use crate::request::HttpRequest;
use crate::values::{RenderError, Values, Variables};

pub use sign::{Signing, Stamp, is_form};

/// Temporary credentials (section 2.1): they last until the person comes back.
#[derive(Clone, Debug)]
pub struct RequestToken {
    pub token: String,
    pub secret: SecretString,
}

/// A form-encoded answer as the object that a JSON one would be. The last of several of one name counts.
pub fn read_form(body: &[u8]) -> Value {
    let pairs = form_urlencoded::parse(body);
    let fields = pairs.map(|(name, value)| (name.replace('\0', ""), Value::String(value.replace('\0', ""))));
    Value::Object(fields.collect::<Map<_, _>>())
}

impl Provider {
    /// Asks for temporary credentials (section 2.1). `callback` is where the person comes back to; it carries the
    /// flow's state in its query, since this standard has no parameter for it.
    pub fn request_token_request(
        &self,
        client: &Client,
        callback: &str,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let signing = self.client_signing(client, None, variables)?.with("oauth_callback", callback);
        self.signed_post(&self.oauth1()?.request_token_url, signing, variables)
    }

    /// Reads the answer to it, as [`read_form`] gives it. Without `oauth_callback_confirmed` the provider has not
    /// bound the token to our callback, so that another person could end this flow.
    pub fn read_request_token(&self, status: u16, body: &Value) -> Result<RequestToken, TokenRefusal> {
        let confirmed = text(body, "/oauth_callback_confirmed") == Some("true");
        match credentials(status, body).filter(|_| confirmed) {
            Some((token, secret)) => {
                Ok(RequestToken { token: token.to_owned(), secret: SecretString::from(secret) })
            }
            None => Err(refusal(status, body, RefusalKind::ClientRefused)),
        }
    }

    /// The URL that the person's browser goes to (section 2.2).
    pub fn oauth1_authorization_url(
        &self,
        request_token: &RequestToken,
        scopes: &[String],
        variables: &Variables,
    ) -> Result<Url, RenderError> {
        let authorization = self.file.authorization.as_ref().ok_or(RenderError::NotOauth)?;
        let known = self.file.scopes.as_ref().ok_or(RenderError::NotOauth)?;
        let values = Values::new(self, variables);
        let standard = vec![("oauth_token", request_token.token.clone())];
        let mut pairs = overlay(standard, &authorization.parameters, &authorization.names, &values)?;
        pairs.extend(scope_parameters(known, scopes));
        let mut url = values.url(&authorization.url)?;
        add_to_url(&mut url, &pairs);
        Ok(url)
    }

    /// Exchanges temporary credentials and the callback's verifier (section 2.3). The callback's `oauth_token` must
    /// have been compared with the one that was sent.
    pub fn access_token_request(
        &self,
        client: &Client,
        temporary: &RequestToken,
        verifier: &SecretString,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let token = Some((temporary.token.as_str(), &temporary.secret));
        let signing = self.client_signing(client, token, variables)?;
        let signing = signing.with("oauth_verifier", verifier.expose_secret());
        self.signed_post(&self.oauth1()?.access_token_url, signing, variables)
    }

    /// Reads the answer to it, as [`read_form`] gives it. Such tokens last until somebody takes them back.
    pub fn read_access_token(&self, status: u16, body: &Value) -> Result<Grant, TokenRefusal> {
        let found = credentials(status, body);
        let (token, secret) = found.ok_or_else(|| refusal(status, body, RefusalKind::Unusable))?;
        let kept = self.keep(body, |source| match source {
            Source::Token(pointer) => Some(pointer.as_str()),
            _ => None,
        })?;
        Ok(Grant {
            access_token: SecretString::from(token),
            refresh_token: None,
            token_secret: Some(SecretString::from(secret)),
            expires_at_ms: None,
            scopes: None,
            kept,
        })
    }

    /// How requests with this credential are signed; none where they are not.
    pub fn signing(
        &self,
        credential: &Credential,
        variables: &Variables,
    ) -> Result<Option<Signing>, RenderError> {
        let Credential::OAuthClient { client, access_token, token_secret: Some(secret) } = credential else {
            return Ok(None);
        };
        self.client_signing(client, Some((access_token.expose_secret(), secret)), variables).map(Some)
    }

    fn client_signing(
        &self,
        client: &Client,
        token: Option<(&str, &SecretString)>,
        variables: &Variables,
    ) -> Result<Signing, RenderError> {
        let oauth1 = self.oauth1()?;
        let realm =
            oauth1.realm.as_ref().map(|realm| Values::new(self, variables).text(realm)).transpose()?;
        Signing::new(oauth1.signature, realm, client, token)
    }

    fn signed_post(
        &self,
        url: &Template,
        signing: Signing,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let url = Values::new(self, variables).url(url)?;
        let signing = Some(signing);
        Ok(HttpRequest { method: http::Method::POST, url, headers: Vec::new(), body: None, signing })
    }

    fn oauth1(&self) -> Result<&Oauth1, RenderError> {
        self.file.oauth1.as_ref().ok_or(RenderError::NotOauth)
    }
}

/// Token and secret of a good answer. A secret may be empty.
fn credentials(status: u16, body: &Value) -> Option<(&str, &str)> {
    let token = text(body, "/oauth_token")?;
    let secret = body.pointer("/oauth_token_secret")?.as_str()?;
    let short = token.len().max(secret.len()) <= LONGEST_TOKEN;
    ((200..300).contains(&status) && short).then_some((token, secret))
}

/// `oauth_problem` is what many providers call their error, though no standard says so.
fn refusal(status: u16, body: &Value, otherwise: RefusalKind) -> TokenRefusal {
    let error = error_code(body, "/oauth_problem").unwrap_or_else(|| format!("http_{status}"));
    let kind = match status {
        _ if is_trouble(status) => RefusalKind::TryLater,
        400..500 => otherwise,
        _ => RefusalKind::Unusable,
    };
    TokenRefusal { error, kind }
}
