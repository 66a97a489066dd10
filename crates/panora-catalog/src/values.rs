//! Filling the holes of templates. A value never reaches a URL unchecked or unencoded, and none ever changes the
//! host that a provider's file meant.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use url::Url;

use crate::credential::Client;
use crate::file::{Part, Source, Template};
use crate::provider::Provider;

/// What is known about one account, by the names of the provider's file.
pub type Variables = BTreeMap<String, String>;

/// A request cannot be made from the variables at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("the variable {0} is not known")]
    MissingVariable(String),
    #[error("the value of {0} is not one that the provider's file allows")]
    ValueNotAllowed(String),
    /// No credential may go there.
    #[error("the value of {0} names a host that the provider's file does not allow")]
    HostNotAllowed(String),
    #[error("the provider's file gives no usable URL here")]
    BadUrl,
    #[error("the provider does not use this kind of OAuth")]
    NotOauth,
    #[error("the OAuth client that the connection was made with is not known any more")]
    ClientUnknown,
    #[error("the credential is of another kind than the provider's")]
    WrongCredential,
}

/// All but the unreserved characters of RFC 3986, section 2.3.
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The values that one rendering may use.
pub(crate) struct Values<'a> {
    provider: &'a Provider,
    variables: &'a Variables,
    /// Values that no file declares: client id, tokens, credential fields.
    also: Vec<(&'a str, &'a str)>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(provider: &'a Provider, variables: &'a Variables) -> Self {
        Self { provider, variables, also: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.also.push((name, value));
        self
    }

    pub(crate) fn with_client(self, client: &'a Client) -> Self {
        let values = self.with("client_id", &client.id);
        match &client.secret {
            Some(secret) => values.with("client_secret", secret.expose_secret()),
            None => values,
        }
    }

    /// The template's text, unencoded: for headers and parameters.
    pub(crate) fn text(&self, template: &Template) -> Result<String, RenderError> {
        let (mut text, mut encoded_from) = (String::new(), 0);
        for part in template.parts() {
            match part {
                Part::Text(more) | Part::Pointer(more) => text.push_str(more),
                Part::Variable(name) => text.push_str(self.value(name)?),
                Part::Base64Begin => encoded_from = text.len(),
                Part::Base64End => {
                    let plain = text.split_off(encoded_from);
                    text.push_str(&STANDARD.encode(plain));
                }
            }
        }
        Ok(text)
    }

    /// The template's text with the holes of an answer filled; `None` if one of its values is not there.
    pub(crate) fn text_from(&self, template: &Template, answer: &Value) -> Option<String> {
        template.parts().iter().try_fold(String::new(), |text, part| match part {
            Part::Text(more) => Some(text + more),
            Part::Variable(name) => Some(text + self.value(name).ok()?),
            Part::Pointer(pointer) => Some(text + &scalar(answer.pointer(pointer)?)?),
            Part::Base64Begin | Part::Base64End => None,
        })
    }

    /// An absolute URL; https, unless it is our own server's.
    pub(crate) fn url(&self, template: &Template) -> Result<Url, RenderError> {
        let url = Url::parse(&self.url_text(template, false)?).map_err(|_| RenderError::BadUrl)?;
        let ours = template.starts_with_variable("public_url");
        if (ours || url.scheme() == "https") && url.has_host() { Ok(url) } else { Err(RenderError::BadUrl) }
    }

    /// A URL, or a path under the API's base URL.
    pub(crate) fn url_or_path(&self, template: &Template) -> Result<Url, RenderError> {
        if !template.starts_with("/") {
            return self.url(template);
        }
        let base = self.url_text(&self.provider.file.api.base_url, false)?;
        let path = self.url_text(template, true)?;
        Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(|_| RenderError::BadUrl)
    }

    fn url_text(&self, template: &Template, mut host_ended: bool) -> Result<String, RenderError> {
        let mut text = String::new();
        for (place, part) in template.parts().iter().enumerate() {
            match part {
                Part::Text(more) | Part::Pointer(more) => {
                    let after_scheme = if place == 0 { more.trim_start_matches("https://") } else { more };
                    host_ended |= after_scheme.contains(['/', '?', '#']);
                    text.push_str(more);
                }
                Part::Base64Begin | Part::Base64End => return Err(RenderError::BadUrl),
                Part::Variable(name) if name == "public_url" => text.push_str(self.value(name)?),
                Part::Variable(name) => {
                    let value = self.value(name)?;
                    if !host_ended
                        && !self.provider.file.variable(name).is_some_and(|it| it.accepts_in_host(value))
                    {
                        return Err(RenderError::HostNotAllowed(name.clone()));
                    }
                    text.extend(utf8_percent_encode(value, ESCAPED));
                }
            }
        }
        Ok(text)
    }

    fn value(&self, name: &str) -> Result<&str, RenderError> {
        if name == "public_url" {
            return Ok(&self.provider.public_url);
        }
        if let Some((_, value)) = self.also.iter().find(|(known, _)| *known == name) {
            return Ok(value);
        }
        let missing = || RenderError::MissingVariable(name.to_owned());
        // Calls name the client that the connection was made with, which its variables tell.
        if name == "client_id" {
            return self.variables.get(name).map(String::as_str).ok_or_else(missing);
        }
        let variable = self.provider.file.variable(name).ok_or_else(missing)?;
        if let Source::Choice(of) = &variable.from {
            let not_allowed = || RenderError::ValueNotAllowed(of.clone());
            return variable.values.get(self.value(of)?).map(String::as_str).ok_or_else(not_allowed);
        }
        let given = self.variables.get(name).or(variable.default.as_ref()).ok_or_else(missing)?;
        match variable.accepts(given) {
            true => Ok(given),
            false if variable.is_host() => Err(RenderError::HostNotAllowed(name.to_owned())),
            false => Err(RenderError::ValueNotAllowed(name.to_owned())),
        }
    }
}

/// A text, number or truth value of an answer as text; nothing for empty text, null, lists and objects.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
