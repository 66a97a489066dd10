//! Why a file cannot be read: its keys and the shapes of its values, held against `catalog/schema.json`. It only explains;
//! whether a file can be read is for the format's own types to say.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::check_auth::{lacking, listed};
use super::error::Mistake;
use super::nearest::{did_you_mean, nearest};
use super::node::Node;
use super::provider::AuthKind;

const SCHEMA: &str = include_str!("../../../../catalog/schema.json");

/// All that is wrong with a text that the format does not take; `error` is why it does not.
pub fn explain(text: &str, error: &serde_saphyr::Error) -> Vec<Mistake> {
    let error = error.without_snippet();
    let root: Result<Spanned<Node>, _> = serde_saphyr::from_str(text);
    let mut mistakes = match &root {
        Ok(root) => shape_mistakes(&root.value),
        Err(_) => Vec::new(),
    };
    let line = error.location().map_or(1, |it| it.line());
    // A value of the right shape that says something impossible has an error in words of ours.
    let says_more = matches!(error, serde_saphyr::Error::Message { .. })
        && mistakes.iter().all(|mistake| mistake.line != line);
    if mistakes.is_empty() || says_more {
        mistakes.push(Mistake::new(line, in_words(error)));
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes
}

/// What the reader of YAML says, in plain words.
fn in_words(error: &serde_saphyr::Error) -> String {
    let text = match error {
        serde_saphyr::Error::Eof { .. } => EMPTY,
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("`{key}` stands twice in one section: keep one");
        }
        serde_saphyr::Error::Unexpected { expected: "string scalar", .. } => {
            "a text is expected here: quote one that begins with { or ["
        }
        serde_saphyr::Error::Unexpected { expected: "mapping start", .. } => {
            "a section of keys with values is expected here"
        }
        serde_saphyr::Error::Unexpected { expected: "sequence start", .. } => {
            "a list is expected here: write it in [ ]"
        }
        error => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            let advice = if text.contains(" tab") { ": indent with spaces" } else { "" };
            return format!("{text}{advice}");
        }
    };
    text.to_owned()
}

const EMPTY: &str = "the file is empty: begin with `slug: `, and the file's name behind it";

fn shape_mistakes(root: &Node) -> Vec<Mistake> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let mut reading = Reading { schema: &schema, mistakes: Vec::new() };
    match root {
        Node::Null => reading.note(1, EMPTY.to_owned()),
        Node::Map(_) => reading.look(&schema, &Place { path: String::new(), is_entry: false, line: 1 }, root),
        _ => reading.note(
            1,
            "a provider file holds keys with values: `slug: acme`, `name: Acme` and so on".to_owned(),
        ),
    }
    reading.mistakes
}

/// Where a value stands.
#[derive(Clone)]
struct Place {
    /// The keys that lead there; empty for the file.
    path: String,
    /// Whether it is one of a list.
    is_entry: bool,
    line: u64,
}

impl Place {
    fn name(&self) -> String {
        match (self.path.as_str(), self.is_entry) {
            ("", _) => "the file".to_owned(),
            (path, false) => format!("`{path}`"),
            (path, true) => format!("an entry of `{path}`"),
        }
    }

    fn key(&self, key: &Spanned<String>) -> Self {
        let path =
            if self.path.is_empty() { key.value.clone() } else { format!("{}.{}", self.path, key.value) };
        Self { path, is_entry: false, line: key.referenced.line() }
    }
}

struct Reading<'a> {
    schema: &'a Value,
    mistakes: Vec<Mistake>,
}

impl<'a> Reading<'a> {
    fn note(&mut self, line: u64, problem: String) {
        self.mistakes.push(Mistake::new(line, problem));
    }

    fn look(&mut self, rule: &'a Value, place: &Place, node: &Node) {
        let rule = self.resolved(rule);
        if let Some(ways) = rule["anyOf"].as_array() {
            return self.look_at_ways(rule, ways, place, node);
        }
        if !takes(rule, node) {
            let mut problem = format!("{} must be {}", place.name(), self.described(rule));
            match (node, rule["enum"].as_array()) {
                (Node::Text(text), Some(words)) => {
                    let meant = did_you_mean(text, words.iter().filter_map(Value::as_str));
                    problem.push_str(&format!(", not `{text}`{meant}"));
                }
                _ => problem.push_str(&format!(", not {}{}", node.kind(), advice(rule, node))),
            }
            return self.note(place.line, problem);
        }
        match node {
            Node::Map(entries) => self.look_at_keys(rule, place, entries),
            Node::List(items) => {
                for item in items {
                    let line = item.referenced.line();
                    self.look(&rule["items"], &Place { is_entry: true, line, ..place.clone() }, &item.value);
                }
            }
            _ => {}
        }
    }

    /// The one way that is meant is looked at closely; where none is, all are told.
    fn look_at_ways(&mut self, rule: &'a Value, ways: &'a [Value], place: &Place, node: &Node) {
        let sound = |way: &'a Value| {
            let mut trial = Reading { schema: self.schema, mistakes: Vec::new() };
            trial.look(way, place, node);
            trial.mistakes.is_empty()
        };
        if ways.iter().any(sound) {
            return;
        }
        let of_key = |way: &&Value| match node {
            Node::Map(entries) => entries.iter().any(|(key, _)| !way["properties"][&key.value].is_null()),
            _ => false,
        };
        if let Some(way) = ways.iter().find(of_key) {
            return self.look(way, place, node);
        }
        let advice: String = ways.iter().map(|way| advice(self.resolved(way), node)).collect();
        self.note(place.line, format!("{} must be {}{advice}", place.name(), self.described(rule)));
    }

    fn look_at_keys(&mut self, rule: &'a Value, place: &Place, entries: &[(Spanned<String>, Spanned<Node>)]) {
        let known: Vec<&str> =
            rule["properties"].as_object().into_iter().flatten().map(|it| it.0.as_str()).collect();
        let mut present: Vec<&str> = Vec::new();
        for (key, node) in entries {
            present.push(&key.value);
            match (known.contains(&key.value.as_str()), &rule["additionalProperties"]) {
                (true, _) => self.look(&rule["properties"][&key.value], &place.key(key), &node.value),
                (false, Value::Bool(false)) => {
                    // What was meant by it is not missed as well.
                    present.extend(nearest(&key.value, known.iter().copied()));
                    self.note(key.referenced.line(), unknown_key(&key.value, place, &known));
                }
                (false, more) => self.look(more, &place.key(key), &node.value),
            }
        }
        let required = rule["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let missing: Vec<_> =
            required.filter(|key| !present.contains(key)).map(|key| format!("`{key}`")).collect();
        if !missing.is_empty() {
            self.note(place.line, format!("{} needs {}", place.name(), listed(&missing, " and ")));
        }
        if place.path.is_empty() {
            let kind =
                entries.iter().find(|(key, _)| key.value == "auth").and_then(|(_, node)| kind(&node.value));
            let problem = kind.and_then(|kind| lacking(kind, |section| present.contains(&section)));
            if let Some(problem) = problem {
                self.note(place.line, problem);
            }
        }
    }

    fn resolved(&self, rule: &'a Value) -> &'a Value {
        let target = rule["$ref"].as_str().and_then(|path| self.schema.pointer(path.trim_start_matches('#')));
        target.unwrap_or(rule)
    }

    /// What a rule takes, for people.
    fn described(&self, rule: &'a Value) -> String {
        listed(&self.ways(rule), " or ")
    }

    fn ways(&self, rule: &'a Value) -> Vec<String> {
        let rule = self.resolved(rule);
        if let Some(ways) = rule["anyOf"].as_array() {
            return ways.iter().flat_map(|way| self.ways(way)).collect();
        }
        if let Some(words) = rule["enum"].as_array() {
            return words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        let keys = rule["properties"].as_object().map(|keys| keys.keys().collect::<Vec<_>>());
        let way = match (rule["type"].as_str(), keys.as_deref()) {
            (Some("object"), Some([key])) => format!("{{{key}: ...}}"),
            (Some("object"), _) => "a section of keys with values".to_owned(),
            (Some("array"), _) => "a list".to_owned(),
            (Some("string"), _) => "a text".to_owned(),
            (Some("integer"), _) => "a whole number".to_owned(),
            (Some("boolean"), _) => "true or false".to_owned(),
            _ => rule["const"].as_str().unwrap_or("null").to_owned(),
        };
        vec![way]
    }
}

/// Whether the value is of the rule's type and among its words. Numbers and the like are taken as texts, too.
fn takes(rule: &Value, node: &Node) -> bool {
    let word = |word: &Value| matches!(node, Node::Text(text) if word == text);
    if let Some(words) = rule["enum"].as_array() {
        return words.iter().any(word);
    }
    if !rule["const"].is_null() {
        return word(&rule["const"]);
    }
    match rule["type"].as_str() {
        Some("object") => matches!(node, Node::Map(_)),
        Some("array") => matches!(node, Node::List(_)),
        Some("string") => !matches!(node, Node::Map(_) | Node::List(_) | Node::Null),
        Some("integer") => matches!(node, Node::Integer),
        Some("boolean") => matches!(node, Node::Bool),
        Some("null") => matches!(node, Node::Null),
        _ => true,
    }
}

/// What may have happened to a text.
fn advice(rule: &Value, node: &Node) -> &'static str {
    match (rule["type"].as_str(), node) {
        (Some("string"), Node::Null) => ": quote one that begins with #",
        (Some("string"), Node::Map(_)) => ": quote one that begins with {",
        (Some("array"), Node::Text(_)) => ": write it in [ ]",
        _ => "",
    }
}

fn unknown_key(key: &str, place: &Place, known: &[&str]) -> String {
    let advice = match nearest(key, known.iter().copied()) {
        Some(meant) => format!(". Did you mean `{meant}`?"),
        None => format!("; known are {}", known.join(", ")),
    };
    format!("unknown key `{key}` in {}{advice}", place.name())
}

fn kind(node: &Node) -> Option<AuthKind> {
    let Node::Text(text) = node else { return None };
    let text: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
    AuthKind::deserialize(text).ok()
}
