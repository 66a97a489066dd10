//! The words of the pages, one file a language under `texts/`. It never decides which words a page needs.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::LazyLock;
use std::time::Duration;

use askama::filters::HtmlSafeOutput;
use serde::Deserialize;

use crate::failure::Failure;
use crate::sandbox::SandboxTrouble;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
}

impl Language {
    /// The BCP 47 tag, for the `lang` attribute.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
        }
    }

    /// The writing direction, for the `dir` attribute.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English => "ltr",
        }
    }

    pub(crate) fn texts(self) -> &'static Texts {
        static ENGLISH: LazyLock<Texts> = LazyLock::new(|| {
            toml::from_str(include_str!("../texts/en.toml")).expect("a test reads every language's file")
        });
        match self {
            Self::English => &ENGLISH,
        }
    }
}

/// A sentence with places in braces: `Continue to {provider}`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn with<'a>(&'a self, place: &'a str, value: &'a str) -> Filled<'a> {
        Filled { text: &self.0, values: vec![(place, value)] }
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A sentence and what goes into its places.
pub(crate) struct Filled<'a> {
    text: &'a str,
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> Filled<'a> {
    pub(crate) fn with(mut self, place: &'a str, value: &'a str) -> Self {
        self.values.push((place, value));
        self
    }

    /// As HTML, with each value set apart: emphasised, and isolated from the writing direction around it.
    pub(crate) fn strong(&self) -> HtmlSafeOutput<String> {
        let mut html = String::new();
        for part in self.parts() {
            match part {
                Part::Words(words) => html.push_str(&escaped(words)),
                Part::Value(value) => {
                    html.push_str("<strong><bdi>");
                    html.push_str(&escaped(value));
                    html.push_str("</bdi></strong>");
                }
            }
        }
        HtmlSafeOutput(html)
    }

    /// As a sentence of its own: a filled-in name at its start gets a capital.
    pub(crate) fn sentence(&self) -> String {
        let text = self.to_string();
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// The sentence in order, read once: a value that itself holds braces is never filled again.
    fn parts(&self) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut rest = self.text;
        while let Some((words, after)) = rest.split_once('{') {
            let Some((place, tail)) = after.split_once('}') else { break };
            parts.push(Part::Words(words));
            let value = self.values.iter().find(|(name, _)| *name == place);
            parts.push(value.map_or(Part::Words(place), |(_, value)| Part::Value(value)));
            rest = tail;
        }
        parts.push(Part::Words(rest));
        parts
    }
}

impl Display for Filled<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.parts().into_iter().try_for_each(|part| match part {
            Part::Words(text) | Part::Value(text) => f.write_str(text),
        })
    }
}

enum Part<'a> {
    Words(&'a str),
    Value(&'a str),
}

fn escaped(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html)
        .map_or_else(|never| match never {}, |safe| safe.to_string())
}

impl Texts {
    /// How long a link still works, in words; rounded down, never below a minute.
    pub(crate) fn expiry(&self, left: Duration) -> String {
        let minutes = left.as_secs() / 60;
        let (count, one, many) = match minutes {
            0..60 => (minutes, &self.expiry.minute, &self.expiry.minutes),
            60..1440 => (minutes / 60, &self.expiry.hour, &self.expiry.hours),
            _ => (minutes / 1440, &self.expiry.day, &self.expiry.days),
        };
        counted(count, one, many)
    }

    /// A vertical's name; one that the file does not know is shown by its slug.
    pub(crate) fn vertical<'a>(&'a self, slug: &'a str) -> &'a str {
        self.verticals.get(slug).map_or(slug, String::as_str)
    }

    pub(crate) fn failure(&self, failure: Failure) -> &FailureTexts {
        self.failures.get(&failure).expect("a test finds the texts of every failure")
    }

    pub(crate) fn trouble(&self, trouble: SandboxTrouble) -> &str {
        self.sandbox.troubles.get(&trouble).expect("a test finds the texts of every trouble")
    }
}

/// The sentence for a number: its singular for one (or none), else its plural with `{count}`.
pub(crate) fn counted(count: u64, one: &Text, many: &Text) -> String {
    if count <= 1 { one.to_string() } else { many.with("count", &count.to_string()).to_string() }
}

/// Declares groups of texts; a file with a key too few or too many does not load.
macro_rules! groups {
    ($($group:ident { $($key:ident),* $(,)? })*) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $group { $(pub(crate) $key: Text,)* }
    )*};
}

/// One language's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    pub(crate) customer_unknown: String,
    pub(crate) provider_unknown: String,
    pub(crate) for_unknown: String,
    pub(crate) frame: FrameTexts,
    pub(crate) expiry: ExpiryTexts,
    pub(crate) verticals: BTreeMap<String, String>,
    pub(crate) picker: PickerTexts,
    pub(crate) consent: ConsentTexts,
    pub(crate) questions: QuestionsTexts,
    pub(crate) choice: ChoiceTexts,
    pub(crate) field: FieldTexts,
    pub(crate) credentials: CredentialsTexts,
    pub(crate) done: DoneTexts,
    pub(crate) failure: FailurePageTexts,
    pub(crate) failures: BTreeMap<Failure, FailureTexts>,
    pub(crate) waiting: WaitingTexts,
    pub(crate) message: MessageTexts,
    pub(crate) sandbox: SandboxTexts,
    pub(crate) docs: DocsTexts,
    pub(crate) doctor: DoctorTexts,
}

groups! {
    FrameTexts { secured_by, privacy, help, skip, for_whom, choose_another, opens_elsewhere }
    ExpiryTexts { minute, minutes, hour, hours, day, days }
    PickerTexts {
        title, heading, search, search_hint, submit, all, filter, connected, connected_as,
        nothing, nothing_advice, show_all, empty, empty_advice, found_one, found,
    }
    ConsentTexts {
        title, heading, renew_title, renew_heading, renew_account, renew_advice, shared, shared_unknown,
        disconnect, password, tenant, change, submit, leads_to,
    }
    QuestionsTexts { title, heading, advice, submit }
    ChoiceTexts { title, heading, advice, newer, newer_advice, legend, submit }
    FieldTexts { example, show, hide, show_label, missing, too_long, unusable }
    CredentialsTexts {
        title, heading, steps, key_page, role, submit, submitting, stored, wrong_key, wrong_key_advice,
        permission_missing, permission_missing_advice, wrong_tenant, wrong_tenant_advice, provider_down,
        provider_down_advice, try_left, tries_left,
    }
    DoneTexts {
        title, heading, renewed_title, renewed_heading, renewed, connected_as, for_whom, next, r#return,
        returning, stay, close, another, missing_heading, missing, missing_action,
        missing_advice,
    }
    FailurePageTexts { reference, copy, copied, r#return, mail_subject, details }
    FailureTexts { title, cause, action, advice, explanation }
    WaitingTexts { title, heading, advice, check, open_again, same_tab }
    MessageTexts { not_found_title, not_found, misdirected_title, misdirected, home }
    DocsTexts {
        title, menu, filter, download, introduction, authentication, authentication_advice, parameters, body,
        responses, name, r#type, description, required, example, example_answer, copy, copied, link, deprecated,
        problems, problems_advice, failures, failures_advice, code, meaning, other, sample, doctor, doctor_advice,
    }
    DoctorTexts { title, advice, how, reference, error, warning, info, how_known, mend }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SandboxTexts {
    pub(crate) banner: Text,
    pub(crate) title: Text,
    pub(crate) heading: Text,
    pub(crate) account: Text,
    pub(crate) scopes: Text,
    pub(crate) allow: Text,
    pub(crate) deny: Text,
    pub(crate) trouble: Text,
    pub(crate) trouble_advice: Text,
    pub(crate) error_title: Text,
    pub(crate) error_advice: Text,

    pub(crate) troubles: BTreeMap<SandboxTrouble, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text(text.to_owned())
    }

    #[test]
    fn every_failure_and_every_trouble_has_its_texts() {
        let texts = Language::English.texts();
        assert_eq!(texts.failures.len(), Failure::ALL.len());
        assert_eq!(texts.sandbox.troubles.len(), SandboxTrouble::ALL.len());
    }

    #[test]
    fn a_value_that_holds_braces_is_not_filled_again() {
        let sentence = text("{customer} and {provider}");
        let filled = sentence.with("customer", "{provider}").with("provider", "HubSpot");
        assert_eq!(filled.to_string(), "{provider} and HubSpot");
    }

    #[test]
    fn a_value_is_escaped_where_it_is_emphasised() {
        let html = text("From {who} & co").with("who", "<b>").strong().to_string();
        assert_eq!(html, "From <strong><bdi>&#60;b&#62;</bdi></strong> &#38; co");
    }

    #[test]
    fn the_life_of_a_link_is_told_in_its_largest_unit() {
        let texts = Language::English.texts();
        let words = |minutes: u64| texts.expiry(Duration::from_secs(minutes * 60));
        assert_eq!(words(0), "This link works for another minute.");
        assert_eq!(words(59), "This link works for another 59 minutes.");
        assert_eq!(words(60), "This link works for another hour.");
        assert_eq!(words(6 * 1440 + 1439), "This link works for 6 more days.");
    }
}
