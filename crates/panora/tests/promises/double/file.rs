//! A provider's file as the double reads it: plain YAML, and the values that stand for what people would give.

#[path = "../../../../panora-catalog/tests/catalog/values.rs"]
#[allow(dead_code, reason = "the catalog's own tests need more of it")]
mod values;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use panora_catalog::{AuthKind, Catalog, Provider, Variables};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let url = Url::parse("http://127.0.0.1:3000").expect("a URL");
    Catalog::load(None, &url).expect("built-in files are sound")
});

/// The providers that a person is sent to.
pub fn oauth_slugs() -> Vec<String> {
    slugs(|kind| kind == AuthKind::Oauth2Code)
}

/// The providers that a person gives a credential for.
pub fn form_slugs() -> Vec<String> {
    slugs(|kind| kind.logs_in() || matches!(kind, AuthKind::ApiKey | AuthKind::Basic))
}

fn slugs(are: impl Fn(AuthKind) -> bool) -> Vec<String> {
    let all = CATALOG.list("").into_iter().filter(|provider| are(provider.auth_kind()));
    all.map(|provider| provider.slug().to_owned()).collect()
}

/// Values by name, for a form or for an app's settings.
pub type Form = BTreeMap<String, String>;

/// One provider's file.
pub struct File {
    pub yaml: Value,
    known: Variables,
    credentials: Form,
    /// Whether it names a stranger's host wherever a host is learnt from it.
    lies: bool,
}

/// A host that no file knows.
pub const STRANGER: &str = "stranger.example";

impl File {
    pub fn of(slug: &str) -> Self {
        let provider: Arc<Provider> = CATALOG.get("", slug).expect("it is built in");
        let fields = values::fields(&provider).into_iter();
        let credentials = fields.map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
        Self { yaml: values::file(slug), known: values::known_variables(&provider), credentials, lies: false }
    }

    /// The same provider, gone bad.
    pub fn lying(mut self) -> Self {
        self.lies = true;
        self
    }

    /// Whether a part of a host is learnt from the provider's own answers.
    pub fn tells_hosts(&self) -> bool {
        self.yaml["variables"].as_array().into_iter().flatten().any(|it| self.is_told_host(it))
    }

    /// Whether other connections of a person may end with this provider's.
    pub fn ends_others(&self) -> bool {
        let usual = if self.yaml["tenants"].is_null() { "account" } else { "person" };
        self.yaml.get("revocation").is_some() && self.text("/revocation/ends", usual) == "person"
    }

    fn is_told_host(&self, variable: &Value) -> bool {
        let told = ["token", "claim", "callback", "tenant", "identity"];
        let of_provider = told.iter().any(|source| variable["from"].get(*source).is_some());
        let hole = format!("{{{}}}", variable["name"].as_str().unwrap_or_default());
        let in_host = |text: &str| {
            let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
            host.is_some_and(|host| host.contains(&hole))
        };
        of_provider && (variable["hosts"].is_array() || texts(&self.yaml).any(in_host))
    }

    /// How many shapes its token answers have.
    pub fn shapes(&self) -> usize {
        self.yaml["token"]["answers"].as_array().map_or(1, Vec::len)
    }

    pub fn value(&self, name: &str) -> &str {
        self.known.get(name).map_or("", String::as_str)
    }

    /// Variables of one source with the pointer or parameter that they are read from, and their values.
    pub fn from(&self, source: &str) -> Vec<(String, String)> {
        let of_source = |it: &Value| {
            let place = it["from"].get(source)?.as_str()?.to_owned();
            let value = self.value(it["name"].as_str()?);
            if self.lies && self.is_told_host(it) {
                return Some((place, format!("https://{STRANGER}/")));
            }
            // Providers tell hosts as URLs.
            let value = if it["hosts"].is_array() { format!("https://{value}") } else { value.to_owned() };
            Some((place, value))
        };
        self.yaml["variables"].as_array().into_iter().flatten().filter_map(of_source).collect()
    }

    /// What the integrator is asked.
    pub fn settings(&self) -> Form {
        self.asked(&json!("app"))
    }

    /// What the person is asked, the fields of a credential included.
    pub fn questions(&self) -> Form {
        let mut questions = self.asked(&Value::Null);
        questions.extend(self.credentials.clone());
        questions
    }

    fn asked(&self, source: &Value) -> Form {
        let all = self.yaml["variables"].as_array().into_iter().flatten();
        let asked = all.filter(|it| it["from"] == *source || source.is_null() && it["from"] == "person");
        let names = asked.filter_map(|it| it["name"].as_str());
        names.map(|name| (name.to_owned(), self.value(name).to_owned())).collect()
    }

    /// A text of the file; the usual one where it is left out.
    pub fn text<'a>(&'a self, pointer: &str, usual: &'a str) -> &'a str {
        self.yaml.pointer(pointer).and_then(Value::as_str).unwrap_or(usual)
    }

    /// The first template of an identity's part, filled with what the answer and the variables say.
    pub fn filled(&self, part: &str, answer: &Value) -> Option<String> {
        let template = self.yaml["identity"][part][0].as_str()?;
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, tail) = after.split_once('}')?;
            let value = if hole.starts_with('/') {
                answer.pointer(hole)?.as_str()?.to_owned()
            } else {
                self.value(hole).to_owned()
            };
            text = text + before + &value;
            rest = tail;
        }
        Some(text + rest)
    }
}

/// Every text of a document.
fn texts(document: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match document {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(items) => Box::new(items.iter().flat_map(texts)),
        Value::Object(fields) => Box::new(fields.values().flat_map(texts)),
        _ => Box::new(std::iter::empty()),
    }
}
