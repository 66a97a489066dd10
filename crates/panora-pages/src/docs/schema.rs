//! A JSON schema as the rows of a table, nested fields under their path. It never descends without end.

use askama::filters::HtmlSafeOutput;
use pulldown_cmark::HeadingLevel;
use serde_json::Value;

use super::markdown;
use super::reader::{Reader, flag, list, text};

/// Levels of nesting that get rows of their own.
const DEEPEST: usize = 3;

/// A parameter or a field.
pub(super) struct Row {
    /// With its path: `account.email`, `data[].id`.
    pub(super) name: String,
    /// Its type in words, such as `string (uuid) or null`.
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: Option<HtmlSafeOutput<String>>,
    pub(super) example: Option<String>,
}

impl Row {
    pub(super) fn new(reader: Reader<'_>, name: String, value: &Value, required: bool) -> Self {
        let schema = reader.resolve(value);
        let described = text(value, "description").or_else(|| text(schema, "description"));
        Self {
            name,
            kind: kind(reader, value),
            required,
            description: described.map(|text| markdown::html(text, HeadingLevel::H5)),
            example: example(schema).map(shown),
        }
    }
}

/// The example that a schema or a parameter gives itself.
pub(super) fn example(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| list(schema, "examples").first())
}

fn shown(example: &Value) -> String {
    example.as_str().map_or_else(|| example.to_string(), str::to_owned)
}

/// The fields of an object (or of an array's objects), each a row; none for other schemas.
pub(super) fn rows(reader: Reader<'_>, schema: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    collect(reader, schema, "", 0, &mut rows);
    rows
}

fn collect(reader: Reader<'_>, schema: &Value, prefix: &str, depth: usize, rows: &mut Vec<Row>) {
    let schema = reader.resolve(schema);
    if depth == DEEPEST {
        return;
    }
    for part in list(schema, "allOf").iter().chain(non_null(schema).filter(|_| has_one_shape(schema))) {
        collect(reader, part, prefix, depth, rows);
    }
    if let Some(items) = schema.get("items") {
        let prefix = format!("{}[].", prefix.trim_end_matches('.'));
        collect(reader, items, &prefix, depth + 1, rows);
    }
    let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    for (key, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let name = format!("{prefix}{key}");
        let inner = format!("{name}.");
        rows.push(Row::new(reader, name, field, required.contains(&key.as_str())));
        collect(reader, field, &inner, depth + 1, rows);
    }
}

/// The alternatives of a schema but `null`.
fn non_null(schema: &Value) -> impl Iterator<Item = &Value> {
    let alternatives = list(schema, "oneOf").iter().chain(list(schema, "anyOf"));
    alternatives.filter(|part| text(part, "type") != Some("null"))
}

/// Whether the alternatives are one thing or nothing, as an optional object is written.
fn has_one_shape(schema: &Value) -> bool {
    non_null(schema).count() == 1
}

/// The type in words.
pub(super) fn kind(reader: Reader<'_>, schema: &Value) -> String {
    kind_within(reader, schema, 0)
}

fn kind_within(reader: Reader<'_>, schema: &Value, depth: usize) -> String {
    let schema = reader.resolve(schema);
    if depth > DEEPEST {
        return "any".to_owned();
    }
    let alternatives: Vec<&Value> = list(schema, "oneOf").iter().chain(list(schema, "anyOf")).collect();
    if !alternatives.is_empty() {
        let mut kinds: Vec<String> =
            alternatives.iter().map(|part| kind_within(reader, part, depth + 1)).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        return values.iter().map(shown).collect::<Vec<_>>().join(" | ");
    }
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() || schema.get("allOf").is_some() => vec!["object"],
        _ => vec!["any"],
    };
    let named = |name: &&str| match (*name, schema.get("items"), text(schema, "format")) {
        ("array", Some(items), _) => format!("array of {}", kind_within(reader, items, depth + 1)),
        ("null", ..) | (_, _, None) => (*name).to_owned(),
        (name, _, Some(format)) => format!("{name} ({format})"),
    };
    names.iter().map(named).collect::<Vec<_>>().join(" or ")
}

/// Whether a parameter must be given.
pub(super) fn is_required(parameter: &Value) -> bool {
    flag(parameter, "required")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(schema: &Value) -> Vec<String> {
        rows(Reader::new(&json!({})), schema).into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn nested_fields_are_shown_under_their_path() {
        let account = json!({"type": "object", "properties": {"email": {"type": "string"}}});
        let schema = json!({"properties": {"account": account, "data": {"type": "array", "items": account}}});
        assert_eq!(names(&schema), ["account", "account.email", "data", "data[].email"]);
    }

    #[test]
    fn a_schema_that_contains_itself_comes_to_an_end() {
        let document = json!({"components": {"schemas": {"Node": {"properties": {
            "child": {"$ref": "#/components/schemas/Node"}}}}}});
        let node = json!({"$ref": "#/components/schemas/Node"});
        let rows = rows(Reader::new(&document), &node);
        assert_eq!(rows.len(), DEEPEST);
    }

    #[test]
    fn a_type_is_told_in_words() {
        let document = json!({});
        let words = |schema: Value| kind(Reader::new(&document), &schema);
        assert_eq!(words(json!({"type": ["string", "null"], "format": "uuid"})), "string (uuid) or null");
        assert_eq!(words(json!({"type": "array", "items": {"type": "string"}})), "array of string");
        assert_eq!(words(json!({"enum": ["valid", "revoked"]})), "valid | revoked");
        assert_eq!(words(json!({})), "any");
    }
}
