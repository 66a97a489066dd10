//! What a terminal must not show of a request and its answer. Whatever is not known to be harmless is hidden by its name,
//! and every secret that was met is hidden wherever its text turns up again.

use serde_json::Value;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// Stands for a secret.
pub const HIDDEN: &str = "[hidden]";
/// The most characters of one value that are shown.
const LONGEST: usize = 300;
/// A shorter text that was only met by chance is no secret: it would be hidden in every other word.
const SHORTEST_MET: usize = 8;

/// Parameters and fields that hold no secret.
const HARMLESS: [&str; 24] = [
    "access_type",
    "approval_prompt",
    "audience",
    "client_id",
    "code_challenge_method",
    "error",
    "error_description",
    "expires",
    "expires_at",
    "expires_in",
    "fields",
    "grant_type",
    "include_granted_scopes",
    "limit",
    "per_page",
    "prompt",
    "query",
    "redirect_uri",
    "resource",
    "response_type",
    "scope",
    "scopes",
    "token_type",
    "token_type_hint",
];
/// Parts of names under which answers hold secrets.
const TELLING: [&str; 9] =
    ["token", "secret", "key", "code", "session", "password", "jwt", "cookie", "credential"];

/// The secrets that are known so far.
#[derive(Default)]
pub struct Hidden(Vec<String>);

impl Hidden {
    /// A secret that was given, however short.
    pub fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        self.0.extend(spellings(secret));
        // One that holds another is replaced first.
        self.0.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
    }

    /// What was sent or received under a name that does not say that it is harmless.
    pub fn add_met(&mut self, text: &str) {
        if text.len() >= SHORTEST_MET {
            self.add(text);
        }
    }

    /// Learns the secrets of a successful answer by their names.
    pub fn learn(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if is_telling(name) => self.add_met(text),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.learn(name, value)),
            Value::Array(items) => items.iter().for_each(|item| self.learn(name, item)),
            _ => {}
        }
    }

    /// The text without secrets, without anything that a terminal obeys, and not too long.
    pub fn shown(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        let mut shown: String =
            text.chars().map(|char| if is_obeyed(char) { ' ' } else { char }).take(LONGEST).collect();
        if text.chars().count() > LONGEST {
            shown.push('…');
        }
        shown
    }

    /// The value of a parameter or field.
    pub fn value(&self, name: &str, value: &str) -> String {
        if is_harmless(name) { self.shown(value) } else { HIDDEN.to_owned() }
    }
}

pub fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name.to_lowercase().as_str())
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    !is_harmless(&name) && TELLING.iter().any(|part| name.contains(part))
}

/// As the text stands in bodies and URLs.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned(), byte_serialize(secret.as_bytes()).collect()];
    if let Ok(mut url) = Url::parse("http://x/") {
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push(secret);
        }
        all.push(url.path().trim_start_matches('/').to_owned());
    }
    all.push(Value::from(secret).to_string().trim_matches('"').to_owned());
    all.retain(|spelling| !spelling.is_empty());
    all
}

/// Control characters, and those that turn the direction of what follows.
fn is_obeyed(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_hidden_however_it_is_spelt() {
        let mut hidden = Hidden::default();
        hidden.add("a b/\"c");
        for text in
            ["a b/\"c", "x=a+b%2F%22c", "https://x.test/bota%20b%2F%22c/getMe", r#"{"key":"a b/\"c"}"#]
        {
            let shown = hidden.shown(text);
            assert!(shown.contains(HIDDEN) && !shown.contains("%22c") && !shown.contains("\"c"), "{shown}");
        }
    }

    #[test]
    fn a_longer_secret_is_hidden_whole() {
        let mut hidden = Hidden::default();
        hidden.add("abc");
        hidden.add("abcdef");
        assert_eq!(hidden.shown("abcdef abc"), "[hidden] [hidden]");
    }

    #[test]
    fn tokens_of_an_answer_are_learnt_and_its_harmless_words_are_not() {
        let mut hidden = Hidden::default();
        let answer = json!({"authed": {"access_token": "the-token-of-ada"}, "token_type": "bearer-token",
            "name": "Acme Incorporated"});
        hidden.learn("", &answer);
        let shown = hidden.shown("the-token-of-ada bearer-token Acme Incorporated");
        assert_eq!(shown, "[hidden] bearer-token Acme Incorporated");
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        assert_eq!(Hidden::default().shown("a\u{1b}[2Jb\r\n\u{202e}c"), "a [2Jb   c");
    }

    #[test]
    fn a_parameter_of_an_unknown_name_is_hidden() {
        let hidden = Hidden::default();
        assert_eq!(hidden.value("grant_type", "refresh_token"), "refresh_token");
        assert_eq!(hidden.value("pin", "1234"), HIDDEN);
    }
}
