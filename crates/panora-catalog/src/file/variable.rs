//! What differs between two accounts at one provider (a subdomain, a data centre), and the credential fields of
//! a form: where each comes from and which values are sound. No value is sent from here.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use super::host::{HostPattern, host_of, is_host_name, is_label};
use super::template::Pointer;

/// A variable of a provider file, or one of its credential fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    /// Who gives the value. Credential fields always come from the person.
    #[serde(default)]
    pub from: Source,
    /// What the form calls it. Needed where a person or the integrator is asked.
    #[serde(default)]
    pub label: String,
    /// Where to find it, in a sentence.
    #[serde(default)]
    pub help: Option<String>,
    #[serde(default)]
    pub example: Option<String>,
    /// Used when the answer is left empty: makes the question optional.
    #[serde(default)]
    pub default: Option<String>,
    /// The whole value must match; anchored by itself.
    #[serde(default)]
    pub pattern: Option<Pattern>,
    /// The value is one of these. The safest shape for a part of a host name.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// With `from: {choice: name}`: the value for each choice, or each host, of that variable.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// The value is a host name that one of these patterns matches.
    #[serde(default)]
    pub hosts: Vec<HostPattern>,
    /// The value is any host name: for whoever names the host is the one who brings the credential.
    #[serde(default)]
    pub any_host: bool,
    /// What follows the value in a host name: `.zendesk.com`. A pasted URL is cut down by it.
    #[serde(default)]
    pub suffix: Option<String>,
    /// Whether the value is hidden: credential fields are unless `false` (a user name, an e-mail address),
    /// variables from `app` are where `true` (a developer token).
    #[serde(default)]
    pub secret: Option<bool>,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The person who connects, before leaving for the provider.
    #[default]
    Person,
    /// The integrator, once, together with the OAuth client.
    App,
    /// The answer to the code exchange, and to each refresh that repeats it.
    Token(Pointer),
    /// A claim of an access token that is a JWT.
    Claim(Pointer),
    /// What another variable was answered with decides (production or sandbox).
    Choice(String),
    /// A query parameter of the callback.
    Callback(String),
    /// The site or company that the person chose of those that one grant covers.
    Tenant(Pointer),
    /// The answer to the identity request.
    Identity(Pointer),
}

/// A regular expression for a whole value.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Regex);

impl Pattern {
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // Anchored here, so that no file can forget to.
        Regex::new(&format!(r"\A(?:{text})\z")).map(Self).map_err(|error| {
            let text = error.to_string();
            format!("bad pattern: {}", text.lines().last().unwrap_or_default().trim_start_matches("error: "))
        })
    }
}

impl Variable {
    /// A provider's own value as it is kept: where a host is declared, the host of a URL.
    pub fn tidy(&self, value: &str) -> String {
        if self.is_host() { host_of(value) } else { value.to_owned() }
    }

    /// Whether the value is a whole host name.
    pub fn is_host(&self) -> bool {
        self.any_host || !self.hosts.is_empty()
    }

    /// Whether it is the integrator's, and hidden: a developer token.
    pub fn is_secret_of_app(&self) -> bool {
        self.from == Source::App && self.secret == Some(true)
    }

    /// Whether the value has the shape that this variable declares.
    pub fn accepts(&self, value: &str) -> bool {
        let chosen = self.values.is_empty() || self.values.values().any(|known| known == value);
        let listed = self.one_of.is_empty() || self.one_of.iter().any(|allowed| allowed == value);
        let shaped = self.pattern.as_ref().is_none_or(|pattern| pattern.matches(value));
        let hosted = self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(value));
        let named = !self.any_host || is_host_name(value);
        // As a path segment a lone dot or two would climb out of the base path.
        let climbs = value == "." || value == "..";
        chosen
            && listed
            && shaped
            && hosted
            && named
            && !climbs
            && !value.is_empty()
            && !value.chars().any(char::is_control)
    }

    /// Whether the value may stand in a host name: listed, matched by a host pattern, or one label.
    pub fn accepts_in_host(&self, value: &str) -> bool {
        let known = !self.one_of.is_empty() || !self.values.is_empty() || self.is_host();
        self.accepts(value) && (known || is_label(value))
    }
}
