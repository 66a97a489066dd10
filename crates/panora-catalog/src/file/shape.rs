//! Why a file cannot be read: its keys and the shapes of its values, held against `catalog/schema.json`. It only explains;
//! whether a file can be read is for the format's own types to say.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde_json::Value;
use serde_saphyr::{Error, Spanned};

use super::check_auth::{lacking, listed};
use super::error::{MOST, Mistake, told};
use super::nearest::{did_you_mean, nearest};
use super::node::Node;
use super::provider::AuthKind;
use super::reader_words::{EMPTY, in_words};

const SCHEMA: &str = include_str!("../../../../catalog/schema.json");

/// What is wrong with a text that the format does not take; `error` is why it does not.
pub fn explain(text: &str, error: &Error) -> Vec<Mistake> {
    let error = error.without_snippet();
    let root: Result<Spanned<Node>, _> = serde_saphyr::from_str(text);
    let (mut mistakes, explained) = match &root {
        Ok(root) => shape_mistakes(&root.value),
        Err(_) => (Vec::new(), Vec::new()),
    };
    let line = error.location().map_or(1, |it| it.line());
    // Which keys there are is told by now; any other error is told unless its line is.
    let is_told = explained.contains(&line)
        || matches!(
            error,
            Error::Eof { .. } | Error::SerdeUnknownField { .. } | Error::SerdeMissingField { .. }
        );
    if mistakes.is_empty() || !is_told {
        mistakes.push(Mistake::new(line, in_words(error)));
    }
    told(mistakes)
}

/// The mistakes, and the lines of what is wrong.
fn shape_mistakes(root: &Node) -> (Vec<Mistake>, Vec<u64>) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let mut reading = Reading::new(&schema);
    match root {
        Node::Null => reading.note(&Place::FILE, EMPTY.to_owned()),
        Node::Map(_) => reading.look(&schema, &Place::FILE, root),
        _ => reading.note(
            &Place::FILE,
            "a provider file holds keys with values: `slug: acme`, `name: Acme` and so on".to_owned(),
        ),
    }
    (reading.mistakes, reading.explained)
}

/// Where a value stands.
#[derive(Clone)]
struct Place {
    /// The keys that lead there; empty for the file.
    path: String,
    /// Whether it is one of a list.
    is_entry: bool,
    /// Whether it may be left out, and so be nothing.
    is_optional: bool,
    line: u64,
    /// Where the value itself begins, which a key's may do below it.
    value_line: u64,
}

impl Place {
    const FILE: Self =
        Self { path: String::new(), is_entry: false, is_optional: false, line: 1, value_line: 1 };

    fn name(&self) -> String {
        match (self.path.as_str(), self.is_entry) {
            ("", _) => "the file".to_owned(),
            (path, false) => format!("`{path}`"),
            (path, true) => format!("an entry of `{path}`"),
        }
    }

    fn key(&self, key: &Spanned<String>, value: &Spanned<Node>) -> Self {
        let path =
            if self.path.is_empty() { key.value.clone() } else { format!("{}.{}", self.path, key.value) };
        let (line, value_line) = (key.referenced.line(), value.referenced.line());
        Self { path, is_entry: false, is_optional: false, line, value_line }
    }
}

struct Reading<'a> {
    schema: &'a Value,
    mistakes: Vec<Mistake>,
    /// The lines of what is wrong.
    explained: Vec<u64>,
}

impl<'a> Reading<'a> {
    fn new(schema: &'a Value) -> Self {
        Self { schema, mistakes: Vec::new(), explained: Vec::new() }
    }

    fn note(&mut self, place: &Place, problem: String) {
        let mistake = Mistake::new(place.line, problem);
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
            self.explained.extend([place.line, place.value_line]);
        }
    }

    /// Whether there are more mistakes than are told.
    fn is_full(&self) -> bool {
        self.mistakes.len() > MOST
    }

    fn look(&mut self, rule: &'a Value, place: &Place, node: &Node) {
        // Where the format does not take nothing for a key that may be left out, its own error says so.
        if self.is_full() || place.is_optional && matches!(node, Node::Null) {
            return;
        }
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
            return self.note(place, problem);
        }
        match node {
            Node::Map(entries) => self.look_at_keys(rule, place, entries),
            Node::List(items) => {
                for item in items {
                    let line = item.referenced.line();
                    let entry =
                        Place { is_entry: true, is_optional: false, line, value_line: line, ..place.clone() };
                    self.look(&rule["items"], &entry, &item.value);
                }
            }
            _ => {}
        }
    }

    /// The one way that is meant is looked at closely; where none is, all are told.
    fn look_at_ways(&mut self, rule: &'a Value, ways: &'a [Value], place: &Place, node: &Node) {
        let sound = |way: &'a Value| {
            let mut trial = Reading::new(self.schema);
            trial.look(way, place, node);
            trial.mistakes.is_empty()
        };
        if ways.iter().any(sound) {
            return;
        }
        let of_key = |way: &&Value| match node {
            Node::Map(entries) => {
                let keys = &self.resolved(way)["properties"];
                entries.iter().any(|(key, _)| !keys[&key.value].is_null())
            }
            _ => false,
        };
        if let Some(way) = ways.iter().find(of_key) {
            return self.look(way, place, node);
        }
        let advice: String = ways.iter().map(|way| advice(self.resolved(way), node)).collect();
        self.note(place, format!("{} must be {}{advice}", place.name(), self.described(rule)));
    }

    fn look_at_keys(&mut self, rule: &'a Value, place: &Place, entries: &[(Spanned<String>, Spanned<Node>)]) {
        let known: Vec<&str> =
            rule["properties"].as_object().into_iter().flatten().map(|it| it.0.as_str()).collect();
        let mut present: Vec<&str> = Vec::new();
        let required: Vec<&str> =
            rule["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, node) in entries {
            if self.is_full() {
                return;
            }
            present.push(&key.value);
            let below = place.key(key, node);
            match (known.contains(&key.value.as_str()), &rule["additionalProperties"]) {
                (true, _) => {
                    let is_optional = !required.contains(&key.value.as_str());
                    self.look(&rule["properties"][&key.value], &Place { is_optional, ..below }, &node.value);
                }
                (false, Value::Bool(false)) => {
                    // What was meant by it is not missed as well.
                    present.extend(nearest(&key.value, known.iter().copied()));
                    self.note(&below, unknown_key(&key.value, place, &known));
                }
                (false, more) => self.look(more, &below, &node.value),
            }
        }
        let missing: Vec<_> =
            required.iter().filter(|key| !present.contains(key)).map(|key| format!("`{key}`")).collect();
        if !missing.is_empty() {
            self.note(place, format!("{} needs {}", place.name(), listed(&missing, " and ")));
        }
        if place.path.is_empty() {
            let kind =
                entries.iter().find(|(key, _)| key.value == "auth").and_then(|(_, node)| kind(&node.value));
            let problem = kind.and_then(|kind| lacking(kind, |section| present.contains(&section)));
            if let Some(problem) = problem {
                self.note(place, problem);
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
            (Some("integer"), _) => format!("a whole number from {} to {}", rule["minimum"], rule["maximum"]),
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
        Some("integer") => match node {
            Node::Integer(number) => {
                rule["minimum"].as_i64().is_some_and(|least| i128::from(least) <= *number)
                    && rule["maximum"].as_i64().is_some_and(|most| *number <= i128::from(most))
            }
            _ => false,
        },
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
    let text: StrDeserializer<'_, serde::de::value::Error> = text.as_str().into_deserializer();
    AuthKind::deserialize(text).ok()
}
