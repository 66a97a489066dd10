//! Whose account it is, as the provider says. The same id again is the same account: a renewal.

use serde_json::Value;

use crate::answer::TokenRefusal;
use crate::call::Carried;
use crate::credential::Credential;
use crate::file::{Request, Source, Template};
use crate::provider::Provider;
use crate::request::HttpRequest;
use crate::values::{RenderError, Values, Variables};

/// The longest text of a provider that is kept, in characters; longer ones are cut.
const LONGEST: usize = 2_048;

/// Who the provider says the account is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub id: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
}

impl Provider {
    /// The request that tells whose account it is; none where nothing has to be asked. Then `read_identity` of
    /// `Value::Null` still fills what the variables tell.
    pub fn identity_request(
        &self,
        credential: &Credential,
        variables: &Variables,
    ) -> Result<Option<HttpRequest>, RenderError> {
        let request = self.file.identity.as_ref().and_then(|identity| identity.request.as_ref());
        request.map(|request| self.render(request, credential, variables)).transpose()
    }

    /// Reads the answer to it. What is not there is none, never an error.
    pub fn read_identity(&self, body: &Value, variables: &Variables) -> Account {
        let Some(identity) = &self.file.identity else { return Account::default() };
        let values = Values::new(self, variables);
        let first = |templates: &[Template]| {
            let found = templates.iter().find_map(|template| values.text_from(template, body));
            found.map(|text| text.chars().filter(|it| *it != '\0').take(LONGEST).collect())
        };
        Account { id: first(&identity.id), name: first(&identity.name), email: first(&identity.email) }
    }

    /// Whether the file tells how to know one account from another.
    pub fn names_accounts(&self) -> bool {
        self.file.identity.as_ref().is_some_and(|identity| !identity.id.is_empty())
    }

    /// The variables that the identity answer gives (a data centre, a company's id).
    pub fn kept_from_identity(&self, body: &Value) -> Result<Variables, TokenRefusal> {
        self.keep(body, |source| match source {
            Source::Identity(pointer) => Some(pointer.as_str()),
            _ => None,
        })
    }

    /// A request of the file with the API's headers and the credential.
    pub(crate) fn render(
        &self,
        request: &Request,
        credential: &Credential,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        self.render_with(request, self.carried(credential, variables, false)?, variables)
    }

    pub(crate) fn render_with(
        &self,
        request: &Request,
        carried: Carried,
        variables: &Variables,
    ) -> Result<HttpRequest, RenderError> {
        let mut url = Values::new(self, variables).url_or_path(&request.url)?;
        if !carried.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&carried.query);
        }
        let mut headers = carried.default_headers;
        headers.extend(carried.fixed_headers);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            headers.push(("Accept".to_owned(), "application/json".to_owned()));
        }
        if request.body.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let body = request.body.as_ref().map(|body| body.clone().into_bytes());
        Ok(HttpRequest { method: request.method.clone(), url, headers, body, signing: carried.signing })
    }
}
