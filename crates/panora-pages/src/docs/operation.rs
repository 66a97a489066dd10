//! The operations of an OpenAPI document, grouped by tag, in the order the document gives them.

use askama::filters::HtmlSafeOutput;
use http::StatusCode;
use pulldown_cmark::HeadingLevel;
use serde_json::Value;

use super::example::{self, Request};
use super::markdown;
use super::reader::{Reader, flag, list, text};
use super::schema::{self, Row, is_required};
use crate::texts::Texts;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A tag and its operations.
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    /// The name as a heading.
    pub(super) title: String,
    pub(super) description: Option<HtmlSafeOutput<String>>,
    pub(super) operations: Vec<Operation>,
}

/// One method of one path.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: Option<HtmlSafeOutput<String>>,
    pub(super) deprecated: bool,
    pub(super) parameters: Vec<Row>,
    pub(super) body: Vec<Row>,
    pub(super) sample: String,
    pub(super) responses: Vec<Response>,
}

/// One answer.
pub(super) struct Response {
    pub(super) status: String,
    pub(super) description: Option<HtmlSafeOutput<String>>,
    pub(super) rows: Vec<Row>,
    pub(super) example: Option<String>,
}

/// Everything the document describes. Groups come in the order of its `tags`, then as they are met.
pub(super) fn groups(reader: Reader<'_>, texts: &Texts) -> Vec<Group> {
    let mut groups: Vec<Group> = reader.items("/tags").filter_map(group).collect();
    for (path, item) in reader.entries("/paths") {
        let item = reader.resolve(item);
        for (method, operation) in METHODS.iter().filter_map(|method| Some((*method, item.get(*method)?))) {
            let tag = list(operation, "tags").first().and_then(Value::as_str);
            let name = tag.map_or_else(|| texts.docs.other.to_string(), str::to_owned);
            let group = match groups.iter().position(|group| group.name == name) {
                Some(place) => &mut groups[place],
                None => groups.push_mut(named(&name)),
            };
            group.operations.push(Source { reader, method, path, item, operation }.read());
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    groups
}

fn group(tag: &Value) -> Option<Group> {
    Some(Group { description: description(tag, HeadingLevel::H3), ..named(text(tag, "name")?) })
}

fn named(name: &str) -> Group {
    Group {
        id: format!("tag-{}", anchor(name)),
        name: name.to_owned(),
        title: title(name),
        description: None,
        operations: vec![],
    }
}

/// A text as a heading: with a capital, without a full stop.
fn title(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text as the name of a place on the page.
fn anchor(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Where in the document an operation is written.
struct Source<'a> {
    reader: Reader<'a>,
    method: &'static str,
    path: &'a str,
    item: &'a Value,
    operation: &'a Value,
}

impl<'a> Source<'a> {
    fn read(&self) -> Operation {
        let operation = self.operation;
        Operation {
            id: anchor(&format!("{} {}", self.method, self.path)),
            method: self.method.to_ascii_uppercase(),
            path: self.path.to_owned(),
            summary: text(operation, "summary").map_or_else(|| self.path.to_owned(), title),
            description: description(operation, HeadingLevel::H4),
            deprecated: flag(operation, "deprecated"),
            parameters: self.parameters().map(|parameter| self.row(parameter)).collect(),
            body: self.body_schema().map_or_else(Vec::new, |schema| schema::rows(self.reader, schema)),
            sample: self.sample(),
            responses: self.responses(),
        }
    }

    /// The path's own parameters and the operation's, references followed.
    fn parameters(&self) -> impl Iterator<Item = &'a Value> {
        let (item, operation, reader) = (self.item, self.operation, self.reader);
        list(item, "parameters").iter().chain(list(operation, "parameters")).map(move |p| reader.resolve(p))
    }

    fn row(&self, parameter: &Value) -> Row {
        let name = text(parameter, "name").unwrap_or_default().to_owned();
        let empty = Value::Null;
        let schema = parameter.get("schema").unwrap_or(&empty);
        let place = text(parameter, "in").unwrap_or_default();
        let row = Row::new(self.reader, name, schema, is_required(parameter));
        Row {
            kind: format!("{}, {place}", row.kind),
            description: description(parameter, HeadingLevel::H5).or(row.description),
            ..row
        }
    }

    fn body_schema(&self) -> Option<&'a Value> {
        json_schema(self.reader.resolve(self.operation.get("requestBody")?))
    }

    fn sample(&self) -> String {
        let required = |place: &str| {
            let there = move |p: &&Value| text(p, "in") == Some(place) && is_required(p);
            self.parameters().filter(there).filter_map(|p| text(p, "name")).collect::<Vec<_>>()
        };
        let headers: Vec<_> =
            required("header").iter().map(|name| ((*name).to_owned(), "...".to_owned())).collect();
        let query: Vec<_> = required("query").iter().map(|name| format!("{name}=...")).collect();
        let path = if query.is_empty() {
            self.path.to_owned()
        } else {
            format!("{}?{}", self.path, query.join("&"))
        };
        let body = self.body_example();
        let method = self.method.to_ascii_uppercase();
        example::curl(&Request {
            method: &method,
            path: &path,
            needs_key: self.needs_key(),
            headers: &headers,
            body: body.as_ref(),
        })
    }

    /// Whether a key is asked for: the operation's own word wins over the document's, and an empty
    /// requirement asks for nothing (OpenAPI 3.1, "security").
    fn needs_key(&self) -> bool {
        let asked = match self.operation.get("security") {
            Some(own) => own.as_array().map_or(&[][..], Vec::as_slice),
            None => self.reader.security(),
        };
        asked.iter().any(|requirement| requirement.as_object().is_some_and(|schemes| !schemes.is_empty()))
    }

    fn body_example(&self) -> Option<Value> {
        let body = self.reader.resolve(self.operation.get("requestBody")?);
        own_example(body).or_else(|| Some(example::of(self.reader, self.body_schema()?, true)))
    }

    fn responses(&self) -> Vec<Response> {
        let responses = self.operation.get("responses").and_then(Value::as_object);
        let all = responses.into_iter().flatten().map(|(status, response)| self.response(status, response));
        let mut responses: Vec<Response> = all.collect();
        // Two answers that look the same need one example.
        for place in 1..responses.len() {
            let (before, rest) = responses.split_at_mut(place);
            if before.iter().any(|other| other.example == rest[0].example) {
                rest[0].example = None;
            }
        }
        responses
    }

    fn response(&self, status: &str, response: &'a Value) -> Response {
        let response = self.reader.resolve(response);
        let schema = json_schema(response).filter(|_| status.starts_with('2'));
        let made = || schema.map(|schema| example::of(self.reader, schema, false));
        let example = own_example(response).filter(|_| status.starts_with('2')).or_else(made);
        Response {
            status: status.to_owned(),
            description: response_words(status, response),
            rows: schema.map_or_else(Vec::new, |schema| schema::rows(self.reader, schema)),
            example: example.filter(|example| !example.is_null()).map(|example| format!("{example:#}")),
        }
    }
}

fn description(value: &Value, level: HeadingLevel) -> Option<HtmlSafeOutput<String>> {
    text(value, "description").map(|text| markdown::html(text, level))
}

/// What an answer means: as described, else in the words of its status.
fn response_words(status: &str, response: &Value) -> Option<HtmlSafeOutput<String>> {
    let described = text(response, "description").filter(|description| !description.is_empty());
    let reason = || status.parse::<StatusCode>().ok()?.canonical_reason();
    described.or_else(reason).map(|words| markdown::html(words, HeadingLevel::H5))
}

fn json_content(body: &Value) -> Option<&Value> {
    body.pointer("/content/application~1json")
}

fn json_schema(body: &Value) -> Option<&Value> {
    json_content(body)?.get("schema")
}

/// The example that a body or an answer gives itself.
fn own_example(body: &Value) -> Option<Value> {
    let content = json_content(body)?;
    let named = || content.get("examples")?.as_object()?.values().next()?.get("value");
    content.get("example").or_else(named).cloned()
}
