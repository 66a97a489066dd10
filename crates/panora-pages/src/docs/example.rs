//! An example made from a schema, and the `curl` command that sends it. It never shows a real key.

use serde_json::{Map, Value, json};

use super::reader::{Reader, list, text};
use super::schema;

/// Levels of nesting in a made-up example.
const DEEPEST: usize = 8;

/// An example of what the schema describes: its own if it has one, else made from its fields.
pub(super) fn of(reader: Reader<'_>, schema: &Value, required_only: bool) -> Value {
    made(reader, schema, required_only, 0)
}

fn made(reader: Reader<'_>, schema: &Value, required_only: bool, depth: usize) -> Value {
    let schema = reader.resolve(schema);
    let given = schema::example(schema).or_else(|| schema.get("const")).or_else(|| schema.get("default"));
    if let Some(given) = given.or_else(|| list(schema, "enum").first()) {
        return given.clone();
    }
    if depth == DEEPEST {
        return Value::Null;
    }
    let parts = list(schema, "allOf");
    if !parts.is_empty() || schema.get("properties").is_some() {
        let mut object = fields(reader, schema, required_only, depth);
        for part in parts {
            if let Value::Object(more) = made(reader, part, required_only, depth) {
                object.extend(more);
            }
        }
        return Value::Object(object);
    }
    if let Some(first) = list(schema, "oneOf").iter().chain(list(schema, "anyOf")).find(|s| !is_null(s)) {
        return made(reader, first, required_only, depth + 1);
    }
    plain(reader, schema, required_only, depth)
}

fn is_null(schema: &Value) -> bool {
    text(schema, "type") == Some("null")
}

fn fields(reader: Reader<'_>, schema: &Value, required_only: bool, depth: usize) -> Map<String, Value> {
    let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .filter(|(key, _)| !required_only || required.contains(&key.as_str()))
        .map(|(key, field)| (key.clone(), made(reader, field, required_only, depth + 1)))
        .collect()
}

fn plain(reader: Reader<'_>, schema: &Value, required_only: bool, depth: usize) -> Value {
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        other => other.and_then(Value::as_str),
    };
    match kind {
        Some("array") => {
            let items = schema.get("items").map(|items| made(reader, items, required_only, depth + 1));
            Value::Array(items.into_iter().collect())
        }
        Some("object") => json!({}),
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("string") => json!(word(text(schema, "format"))),
        _ => Value::Null,
    }
}

fn word(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "0198c5a0-0000-7000-8000-000000000000",
        Some("date-time") => "2026-01-31T12:00:00.000Z",
        Some("uri" | "url") => "https://example.com/",
        Some("email") => "ada@example.com",
        _ => "string",
    }
}

/// What a request consists of, as far as `curl` has to know.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// With its placeholders, and the required part of its query string.
    pub(super) path: &'a str,
    pub(super) needs_key: bool,
    /// Names and values of required headers.
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Option<&'a Value>,
}

/// The request as a command to paste.
pub(super) fn curl(request: &Request<'_>) -> String {
    let method = if request.method == "GET" { String::new() } else { format!("-X {} ", request.method) };
    let mut lines = vec![format!("curl {method}\"$PANORA_URL{}\"", with_variables(request.path))];
    if request.needs_key {
        lines.push("-H \"Authorization: Bearer $PANORA_API_KEY\"".to_owned());
    }
    lines.extend(request.headers.iter().map(|(name, value)| format!("-H \"{name}: {value}\"")));
    if let Some(body) = request.body {
        lines.push("-H \"Content-Type: application/json\"".to_owned());
        lines.push(format!("-d '{}'", format!("{body:#}").replace('\'', r"'\''")));
    }
    lines.join(" \\\n  ")
}

/// `/links/{id}` as `/links/$ID`: for the shell, and because `curl` gives braces a meaning of their own.
fn with_variables(path: &str) -> String {
    let mut parts = path.split('{');
    let start = parts.next().unwrap_or_default().to_owned();
    parts.fold(start, |path, part| {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        format!("{path}${}{rest}", name.to_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_holds_what_the_schema_requires() {
        let schema = json!({"required": ["url", "scope"], "properties": {
            "url": {"type": "string", "format": "uri"},
            "scope": {"type": "array", "items": {"type": "string", "example": "connection.*"}},
            "description": {"type": "string"}}});
        let example = of(Reader::new(&json!({})), &schema, true);
        assert_eq!(example, json!({"url": "https://example.com/", "scope": ["connection.*"]}));
    }

    #[test]
    fn a_place_in_a_path_is_a_variable_of_the_shell() {
        assert_eq!(with_variables("/links/{id}/resend"), "/links/$ID/resend");
    }

    #[test]
    fn a_quote_in_a_body_does_not_end_the_shell_word() {
        let body = json!({"a": "it's"});
        let request =
            Request { method: "POST", path: "/x", needs_key: true, headers: &[], body: Some(&body) };
        assert!(curl(&request).contains(r"it'\''s"));
    }
}
