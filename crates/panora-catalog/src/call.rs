//! Calls of a connection to its provider's API: where they go and how they carry the credential. A call never
//! leaves the hosts that the provider's file names.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::credential::Credential;
use crate::file::{AuthKind, Source, Template};
use crate::oauth1::Signing;
use crate::path::{PathError, join};
use crate::provider::Provider;
use crate::request::{Pairs, basic};
use crate::values::{RenderError, Values, Variables};

/// What all calls of one account have in common, as its credential opens it. It holds the credential.
pub struct Access {
    base: Url,
    /// They carry the credential or name the account, and replace the caller's of the same name.
    pub fixed_headers: Pairs,
    /// They yield to the caller's of the same name.
    pub default_headers: Pairs,
    query: Pairs,
    /// How a call is signed, each time that it is sent, where it is.
    pub signing: Option<Signing>,
}

/// Where one call goes.
pub struct Call {
    /// With credential parameters, where the provider has them: never to be stored or shown.
    pub url: Url,
    /// The same without them.
    pub shown_url: Url,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fixed_headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Access").field("fixed_headers", &names).finish_non_exhaustive()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("host", &self.shown_url.host_str())
            .field("path", &self.shown_url.path())
            .finish_non_exhaustive()
    }
}

/// A call that is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("overrideBaseUrl must be https:// and one of the provider's hosts, with nothing behind it")]
    OverrideNotAllowed,
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// What of a credential goes where.
pub(crate) struct Carried {
    pub(crate) fixed_headers: Pairs,
    pub(crate) default_headers: Pairs,
    pub(crate) query: Pairs,
    pub(crate) signing: Option<Signing>,
}

impl Provider {
    /// This account's API base URL.
    pub fn api_base_url(&self, variables: &Variables) -> Result<Url, RenderError> {
        Values::new(self, variables).url(&self.file.api.base_url)
    }

    /// What any number of calls may be made with, while the credential is good.
    pub fn access(&self, credential: &Credential, variables: &Variables) -> Result<Access, RenderError> {
        let base = self.api_base_url(variables)?;
        let Carried { fixed_headers, default_headers, query, signing } =
            self.carried(credential, variables, false)?;
        Ok(Access { base, fixed_headers, default_headers, query, signing })
    }

    /// A call of the path, under the API's base URL or another host that the file lists.
    pub fn call(
        &self,
        access: &Access,
        path_and_query: &str,
        override_base_url: Option<&str>,
    ) -> Result<Call, CallError> {
        let other = override_base_url.map(|other| self.other_base(&access.base, other)).transpose()?;
        let mut shown_url = join(other.as_ref().unwrap_or(&access.base), path_and_query)?;
        self.remove_credential_parameters(&mut shown_url);
        let mut url = shown_url.clone();
        if !access.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&access.query);
        }
        Ok(Call { url, shown_url })
    }

    /// The query parameters that hold a credential, to be left out of what is shown.
    pub fn credential_query_parameters(&self) -> impl Iterator<Item = &str> {
        self.file.api.query.keys().map(String::as_str)
    }

    fn other_base(&self, base: &Url, other: &str) -> Result<Url, CallError> {
        let url = Url::parse(other).map_err(|_| CallError::OverrideNotAllowed)?;
        if url.as_str().trim_end_matches('/') == base.as_str().trim_end_matches('/') {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        let listed = self.file.api.hosts.iter().any(|pattern| pattern.matches(host));
        // Compared as a whole: no user info, port, path, query or fragment is left beside scheme and host.
        if listed && url.as_str() == format!("https://{host}/") {
            Ok(url)
        } else {
            Err(CallError::OverrideNotAllowed)
        }
    }

    /// A caller's own parameter of that name could only be a mistake, or an attempt.
    fn remove_credential_parameters(&self, url: &mut Url) {
        let is_ours = |name: &str| self.file.api.query.contains_key(name);
        let Some(query) = url.query() else { return };
        let kept = query
            .split('&')
            .filter(|pair| !url::form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| is_ours(&name)));
        let kept = kept.collect::<Vec<_>>().join("&");
        url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }

    /// What every request to the API carries. Left out is what names a variable of the tenant that nobody chose yet.
    pub(crate) fn carried(
        &self,
        credential: &Credential,
        variables: &Variables,
        before_tenant: bool,
    ) -> Result<Carried, RenderError> {
        let api = &self.file.api;
        let unknown = |template: &Template| before_tenant && self.waits_for_tenant(template, variables);
        let (values, secrets) = self.with_credential(credential, variables)?;
        let secret = |template: &Template| template.variables().any(|name| secrets.contains(&name));
        let headers = || api.headers.iter().filter(|(_, template)| !unknown(template));
        let signing = self.signing(credential, variables)?;
        let mut carried =
            Carried { fixed_headers: Vec::new(), default_headers: Vec::new(), query: Vec::new(), signing };
        for (name, template) in headers() {
            let is_fixed = secret(template) || self.names_account(template);
            let kind = if is_fixed { &mut carried.fixed_headers } else { &mut carried.default_headers };
            kind.push((name.clone(), values.text(template)?));
        }
        for (name, template) in api.query.iter().filter(|(_, template)| !unknown(template)) {
            carried.query.push((name.clone(), values.text(template)?));
        }
        if let Some(pair) = &api.basic {
            carried.fixed_headers.push(basic(&values.text(&pair.user)?, &values.text(&pair.password)?));
        }
        let in_header = headers().any(|(_, template)| secret(template)) || api.basic.is_some();
        let nowhere = !in_header && !api.query.values().any(secret);
        if let (
            true,
            Credential::OAuth { access_token }
            | Credential::OAuthClient { access_token, token_secret: None, .. }
            | Credential::Session { access_token, .. },
        ) = (nowhere, credential)
        {
            // RFC 6750, section 2.1
            let bearer = format!("Bearer {}", access_token.expose_secret());
            carried.fixed_headers.insert(0, ("Authorization".to_owned(), bearer));
        }
        Ok(carried)
    }

    /// Whether it says whose account a call is for, or which client's: one grant may cover more than the connection does.
    fn names_account(&self, template: &Template) -> bool {
        let of_connection =
            |name: &str| self.file.variable(name).is_some_and(|variable| variable.from != Source::App);
        template.variables().any(|name| name == "client_id" || of_connection(name))
    }

    fn waits_for_tenant(&self, template: &Template, variables: &Variables) -> bool {
        template.variables().any(|name| {
            let variable = self.file.variable(name);
            let of_tenant = variable.is_some_and(|it| matches!(it.from, Source::Tenant(_)));
            of_tenant && !variables.contains_key(name)
        })
    }

    /// The values of a credential, and their names.
    fn with_credential<'a>(
        &'a self,
        credential: &'a Credential,
        variables: &'a Variables,
    ) -> Result<(Values<'a>, Vec<&'a str>), RenderError> {
        let values = Values::new(self, variables);
        let (values, mut names, access_token) = match (credential, self.file.auth) {
            (Credential::OAuth { access_token }, AuthKind::Oauth2Code) => {
                (values, Vec::new(), Some(access_token))
            }
            (Credential::OAuthClient { .. }, AuthKind::Oauth1) => (values, Vec::new(), None),
            (Credential::OAuthClient { client, access_token, .. }, AuthKind::Oauth2Code) => {
                (values.with_client(client), vec!["client_secret"], Some(access_token))
            }
            (Credential::Fields(fields), AuthKind::ApiKey | AuthKind::Basic) => {
                let (values, names) = self.with_fields(values, fields)?;
                (values, names, None)
            }
            (Credential::Session { access_token, fields }, kind) if kind.logs_in() => {
                let (values, names) = self.with_fields(values, fields)?;
                (values, names, Some(access_token))
            }
            _ => return Err(RenderError::WrongCredential),
        };
        let Some(access_token) = access_token else { return Ok((values, names)) };
        names.push("access_token");
        Ok((values.with("access_token", access_token.expose_secret()), names))
    }

    /// Fields left empty are their defaults.
    pub(crate) fn with_fields<'a>(
        &'a self,
        mut values: Values<'a>,
        fields: &'a BTreeMap<String, SecretString>,
    ) -> Result<(Values<'a>, Vec<&'a str>), RenderError> {
        let mut names = Vec::new();
        for declared in self.file.credentials.iter().map(|field| &field.value) {
            let given =
                fields.get(&declared.name).map(SecretString::expose_secret).or(declared.default.as_deref());
            let value = given.ok_or_else(|| RenderError::MissingVariable(declared.name.clone()))?;
            values = values.with(&declared.name, value);
            names.push(declared.name.as_str());
        }
        Ok((values, names))
    }
}
