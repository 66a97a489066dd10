//! One provider, checked and ready to use. The other modules give it its verbs: authorize, exchange, refresh,
//! revoke, identify, verify, call.

use crate::credential::Client;
use crate::file::{AuthKind, Pagination, Pkce, ProviderFile, RateLimit, Source, Template, Testing};
use crate::question::Question;
use crate::values::Variables;

/// Where a provider's file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderOrigin {
    BuiltIn,
    /// The installation's own folder.
    Installation,
    /// One project's folder: never to be used with the installation's client secrets.
    Project(String),
}

/// A provider of the catalog.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) file: ProviderFile,
    pub(crate) origin: ProviderOrigin,
    /// Our own server, without a trailing slash.
    pub(crate) public_url: String,
}

impl Provider {
    pub fn slug(&self) -> &str {
        &self.file.slug.value
    }

    pub fn name(&self) -> &str {
        &self.file.name
    }

    pub fn origin(&self) -> &ProviderOrigin {
        &self.origin
    }

    /// Other words people search by.
    pub fn aliases(&self) -> &[String] {
        &self.file.aliases
    }

    /// Never empty; the first is the one that connections carry.
    pub fn verticals(&self) -> &[String] {
        &self.file.verticals.value
    }

    pub fn vertical(&self) -> &str {
        &self.file.verticals.value[0]
    }

    /// `#rrggbb`
    pub fn colour(&self) -> &str {
        &self.file.colour.value
    }

    pub fn docs(&self) -> &str {
        &self.file.docs.value
    }

    /// Where the integrator registers an OAuth client.
    pub fn setup(&self) -> Option<&str> {
        self.file.setup.as_ref().map(|link| link.value.as_str())
    }

    pub fn auth_kind(&self) -> AuthKind {
        self.file.auth
    }

    /// `oauth2`, `apikey` or `basic`.
    pub fn token_type(&self) -> &'static str {
        match self.file.auth {
            AuthKind::Oauth2Code | AuthKind::Oauth1 | AuthKind::Oauth2ClientCredentials => "oauth2",
            AuthKind::ApiKey => "apikey",
            AuthKind::Basic | AuthKind::TwoStep => "basic",
        }
    }

    /// Whether the integrator must bring an OAuth client.
    pub fn takes_client(&self) -> bool {
        self.file.auth.redirects()
    }

    /// Whether calls are made with the client as well as with the token.
    pub fn calls_take_client(&self) -> bool {
        let secret = |template: &Template| template.variables().any(|name| name == "client_secret");
        self.file.auth == AuthKind::Oauth1 || self.file.api.headers.values().any(secret)
    }

    /// What of the client a connection's calls name, to be kept with its variables.
    pub fn kept_from_client(&self, client: &Client) -> Variables {
        let api = &self.file.api;
        let mut templates = api.headers.values().chain(api.query.values());
        let named = templates.any(|template| template.variables().any(|name| name == "client_id"));
        named.then(|| ("client_id".to_owned(), client.id.clone())).into_iter().collect()
    }

    /// The client that needs no registration, where the provider has one.
    pub fn built_in_client(&self) -> Option<Client> {
        self.file.client.as_ref().map(|client| Client { id: client.id.clone(), secret: None })
    }

    /// What the person is asked before leaving, then the fields of the credential form.
    pub fn questions(&self) -> Vec<Question<'_>> {
        let asked = self.file.variables.iter().map(|variable| &variable.value);
        let asked = asked.filter(|variable| variable.from == Source::Person).map(Question::variable);
        asked.chain(self.file.credentials.iter().map(|field| Question::credential(&field.value))).collect()
    }

    /// What is otherwise learnt from the provider on the way (its instance, the company): whoever brings credentials from
    /// elsewhere may say it.
    pub fn learnt(&self) -> Vec<Question<'_>> {
        let learnt = self.file.variables.iter().map(|variable| &variable.value);
        let learnt = learnt.filter(|variable| {
            let from = &variable.from;
            !matches!(from, Source::Person | Source::App | Source::Choice(_))
        });
        learnt.map(Question::variable).collect()
    }

    /// What the integrator is asked, once, together with the OAuth client. The answers are variables.
    pub fn app_settings(&self) -> Vec<Question<'_>> {
        let asked = self.file.variables.iter().map(|variable| &variable.value);
        asked.filter(|variable| variable.from == Source::App).map(Question::variable).collect()
    }

    /// Whether the authorization carries a PKCE challenge (RFC 7636, S256).
    pub fn uses_pkce(&self) -> bool {
        self.file.authorization.as_ref().is_some_and(|authorization| authorization.pkce == Pkce::S256)
    }

    /// Whether each refresh token works once only.
    pub fn refresh_rotates(&self) -> bool {
        self.file.refresh.rotates
    }

    /// Whether there ever is a refresh token; without one, a grant ends with its access token.
    pub fn offers_refresh(&self) -> bool {
        self.file.refresh.offered
    }

    /// What becomes of the grants of an app that the provider has not approved yet.
    pub fn testing(&self) -> Option<&Testing> {
        self.file.testing.as_ref()
    }

    /// What makes the provider hand out a refresh token, to be told to the integrator.
    pub fn offline(&self) -> Option<String> {
        self.file.offline.as_ref().map(ToString::to_string)
    }

    /// Asked for unless the integrator chooses others.
    pub fn default_scopes(&self) -> Vec<String> {
        self.file.scopes.iter().flat_map(|scopes| &scopes.default).map(|scope| scope.name.clone()).collect()
    }

    /// Those asked for and not granted. A provider that does not say what it granted granted all.
    pub fn missing_scopes(&self, asked: &[String], granted: Option<&[String]>) -> Vec<String> {
        let Some(granted) = granted else { return Vec::new() };
        asked.iter().filter(|scope| !granted.contains(scope)).cloned().collect()
    }

    /// Ends of the sentence "Acme ..." for the page that asks: `can read your contacts`. Each is said once.
    pub fn sharing(&self, scopes: &[String]) -> Vec<&str> {
        let known = self.file.scopes.iter().flat_map(|known| &known.default);
        let of_scopes =
            known.filter(|scope| scopes.contains(&scope.name)).filter_map(|scope| scope.says.as_deref());
        let mut sentences = Vec::new();
        for sentence in of_scopes.chain(self.file.sharing.iter().map(String::as_str)) {
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        sentences
    }

    /// What a person should know before connecting.
    pub fn connect_help(&self) -> Option<&str> {
        self.file.connect_help.as_deref()
    }

    /// What the integrator must know when setting up.
    pub fn notes(&self) -> &[String] {
        &self.file.notes
    }

    /// Facts of the file that nobody has tried yet.
    pub fn unverified(&self) -> &[String] {
        &self.file.unverified
    }

    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.file.api.rate_limit.as_ref()
    }

    pub fn pagination(&self) -> Option<&Pagination> {
        self.file.api.pagination.as_ref()
    }
}
