//! Requests to the token endpoint: the code for a grant (RFC 6749, section 4.1.3), and a refresh (section 6).

use std::collections::BTreeMap;

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::authorize::{all_scopes, overlay};
use crate::credential::Client;
use crate::file::{AuthKind, ClientAuth, Constants, Encoding, Parameters, ScopesInToken, Template, Token};
use crate::provider::Provider;
use crate::request::{HttpRequest, Pairs, basic, encode, prove_client, renamed, typed};
use crate::revoke;
use crate::values::{RenderError, Values, Variables};

/// What a code is exchanged with.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeInput<'a> {
    pub client: &'a Client,
    pub code: &'a SecretString,
    /// The PKCE verifier, where the authorization carried its challenge.
    pub code_verifier: Option<&'a SecretString>,
    pub redirect_uri: &'a str,
    /// What was asked for.
    pub scopes: &'a [String],
    pub variables: &'a Variables,
}

/// How a connection's next access token is got.
#[derive(Clone, Copy, Debug)]
pub enum Renewal<'a> {
    /// RFC 6749, section 6.
    RefreshToken { client: &'a Client, refresh_token: &'a SecretString },
    /// What the person typed is sent again. The first token is got so, too.
    Login(&'a BTreeMap<String, SecretString>),
}

/// The token endpoint as one of the two grants uses it.
struct Endpoint<'a> {
    token: &'a Token,
    method: Method,
    url: &'a Template,
    client_auth: ClientAuth,
    encoding: Encoding,
    parameters: &'a Parameters,
    constants: &'a Constants,
    /// A parameter that is no text.
    more: Option<(String, Value)>,
}

impl Provider {
    /// Exchanges the callback's code.
    pub fn code_exchange(&self, input: &ExchangeInput<'_>) -> Result<HttpRequest, RenderError> {
        let token = self.file.token.as_ref().ok_or(RenderError::NotOauth)?;
        let mut standard = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", input.code.expose_secret().to_owned()),
            ("redirect_uri", input.redirect_uri.to_owned()),
        ];
        if let Some(verifier) = input.code_verifier.filter(|_| self.uses_pkce()) {
            standard.push(("code_verifier", verifier.expose_secret().to_owned()));
        }
        let endpoint = Endpoint {
            token,
            method: Method::POST,
            url: &token.url,
            client_auth: token.client_auth,
            encoding: token.encoding,
            parameters: &token.parameters,
            constants: &token.constants,
            more: self.repeated_scopes(input.scopes),
        };
        let values = Values::new(self, input.variables).with_client(input.client);
        endpoint.request(standard, input.client, &values)
    }

    fn repeated_scopes(&self, asked: &[String]) -> Option<(String, Value)> {
        let scopes = self.file.scopes.as_ref()?;
        let (name, all) = (scopes.parameter.clone()?, all_scopes(scopes, asked));
        Some((
            name,
            match scopes.in_token? {
                ScopesInToken::Text => all.join(&scopes.separator).into(),
                ScopesInToken::List => all.into(),
            },
        ))
    }

    /// The second exchange, where the provider has one: its answer, read as the first was, holds the token that
    /// counts. `variables` are those of the first answer too.
    pub fn then_exchange(
        &self,
        client: &Client,
        access_token: &SecretString,
        variables: &Variables,
    ) -> Result<Option<HttpRequest>, RenderError> {
        let Some(token) = &self.file.token else { return Ok(None) };
        let values = Values::new(self, variables)
            .with_client(client)
            .with("access_token", access_token.expose_secret())
            .with("token", access_token.expose_secret());
        token.then.as_ref().map(|then| revoke::render(then, client, &values)).transpose()
    }

    /// Asks for an access token, the first of a login or the next of whatever kind.
    pub fn renewal_request(
        &self,
        renewal: Renewal<'_>,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        match renewal {
            Renewal::RefreshToken { client, refresh_token } => {
                self.refresh_request(client, refresh_token, variables)
            }
            Renewal::Login(fields) => self.login_request(fields, variables),
        }
    }

    fn login_request(
        &self,
        fields: &BTreeMap<String, SecretString>,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let token = self.file.token.as_ref().filter(|_| self.file.auth.logs_in());
        let token = token.ok_or(RenderError::WrongCredential)?;
        let (values, _) = self.with_fields(Values::new(self, variables), fields)?;
        let mut endpoint = Endpoint {
            token,
            method: token.method.clone(),
            url: &token.url,
            client_auth: ClientAuth::None,
            encoding: token.encoding,
            parameters: &token.parameters,
            constants: &token.constants,
            more: None,
        };
        if self.file.auth == AuthKind::TwoStep {
            let nobody = Client { id: String::new(), secret: None };
            return endpoint.request(Vec::new(), &nobody, &values);
        }
        endpoint.client_auth = token.client_auth;
        let field =
            |name: &str| fields.get(name).ok_or_else(|| RenderError::MissingVariable(name.to_owned()));
        let client = Client {
            id: field("client_id")?.expose_secret().to_owned(),
            secret: Some(field("client_secret")?.clone()),
        };
        // RFC 6749, section 4.4.2
        let mut standard = vec![("grant_type", "client_credentials".to_owned())];
        let scopes = self.file.scopes.iter().filter(|scopes| scopes.parameter.is_some());
        let scopes = scopes.map(|scopes| self.default_scopes().join(&scopes.separator));
        standard.extend(scopes.filter(|scopes| !scopes.is_empty()).map(|scopes| ("scope", scopes)));
        endpoint.request(standard, &client, &values)
    }

    /// Asks for new tokens. Where tokens rotate, no other refresh of this connection may run beside it.
    pub fn refresh_request(
        &self,
        client: &Client,
        refresh_token: &SecretString,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let token = self.file.token.as_ref().ok_or(RenderError::NotOauth)?;
        let refresh = &self.file.refresh;
        let standard = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", refresh_token.expose_secret().to_owned()),
        ];
        let endpoint = Endpoint {
            token,
            method: refresh.method.clone(),
            url: refresh.url.as_ref().unwrap_or(&token.url),
            client_auth: refresh.client_auth.unwrap_or(token.client_auth),
            encoding: refresh.encoding.unwrap_or(token.encoding),
            parameters: &refresh.parameters,
            constants: &refresh.constants,
            more: None,
        };
        let values = Values::new(self, variables)
            .with_client(client)
            .with("refresh_token", refresh_token.expose_secret());
        endpoint.request(standard, client, &values)
    }
}

impl Endpoint<'_> {
    fn request(
        &self,
        standard: Vec<(&str, String)>,
        client: &Client,
        values: &Values<'_>,
    ) -> Result<HttpRequest, RenderError> {
        let names = &self.token.names;
        let mut pairs = overlay(standard, self.parameters, names, values)?;
        // Without it some providers answer form-encoded.
        let mut headers: Pairs = vec![("Accept".to_owned(), "application/json".to_owned())];
        for (name, template) in &self.token.headers {
            headers.push((name.clone(), values.text(template)?));
        }
        if let Some(pair) = &self.token.basic {
            headers.push(basic(&values.text(&pair.user)?, &values.text(&pair.password)?));
        }
        let mut proof = Pairs::new();
        prove_client(self.client_auth, client, &mut headers, &mut proof);
        pairs.extend(renamed(proof, names));
        let mut parameters = typed(pairs);
        parameters.extend(self.more.clone());
        parameters.extend(self.constants.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(encode(self.method.clone(), values.url(self.url)?, headers, &parameters, self.encoding))
    }
}
