//! `catalog/schema.json`, by which editors help to write a file: it must take every file that the format takes.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::values::file;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../catalog/schema.json")).expect("it is JSON")
}

/// Words that say nothing of any value, and those that say nothing of a value of another type.
const NOT_HERE: &[&str] = &[
    "$schema",
    "title",
    "description",
    "$defs",
    "pattern",
    "minimum",
    "maximum",
    "items",
    "required",
    "properties",
    "additionalProperties",
];

/// What of the value the schema does not take. It knows the words of JSON Schema that our schema uses.
fn problems(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let check = |schema: &Value, value: &Value, at: &str| problems(root, schema, value, at);
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().into_iter().flatten() {
        let sound = match (word.as_str(), value) {
            ("$ref", _) => {
                let target = rule.as_str().expect("a text").trim_start_matches('#');
                found.extend(check(root.pointer(target).expect("it is defined"), value, at));
                true
            }
            ("type", _) => rule == kind(value),
            ("minimum", Value::Number(number)) => number.as_i64() >= rule.as_i64(),
            ("maximum", Value::Number(number)) => number.as_i64() <= rule.as_i64(),
            ("enum", _) => rule.as_array().expect("a list").contains(value),
            ("const", _) => rule == value,
            ("pattern", Value::String(text)) => {
                Regex::new(rule.as_str().expect("a text")).expect("a pattern").is_match(text)
            }
            ("anyOf", _) => {
                rule.as_array().expect("a list").iter().any(|one| check(one, value, at).is_empty())
            }
            ("items", Value::Array(items)) => {
                found.extend(items.iter().flat_map(|item| check(rule, item, &format!("{at}[]"))));
                true
            }
            ("required", Value::Object(map)) => rule
                .as_array()
                .expect("a list")
                .iter()
                .all(|name| map.contains_key(name.as_str().expect("a text"))),
            ("properties", Value::Object(map)) => {
                let known = map.iter().filter_map(|(name, value)| Some((name, rule.get(name)?, value)));
                found.extend(
                    known.flat_map(|(name, rule, value)| check(rule, value, &format!("{at}.{name}"))),
                );
                true
            }
            ("additionalProperties", Value::Object(map)) => {
                let named = |name: &String| schema["properties"].get(name).is_some();
                let more: Vec<_> = map.iter().filter(|(name, _)| !named(name)).collect();
                if rule.is_object() {
                    found.extend(
                        more.iter().flat_map(|(name, value)| check(rule, value, &format!("{at}.{name}"))),
                    );
                }
                rule != false || more.is_empty()
            }
            (word, _) if NOT_HERE.contains(&word) => true,
            (unknown, _) => panic!("the check does not know `{unknown}`"),
        };
        if !sound {
            found.push(format!("{at}: {word}"));
        }
    }
    found
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn the_schema_takes_every_file_of_the_catalog() {
    let schema = schema();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    let entries = fs::read_dir(folder).expect("the catalog is there");
    let names = entries.map(|it| it.expect("it is readable").file_name().to_string_lossy().into_owned());
    let slugs: Vec<_> = names.filter_map(|name| Some(name.strip_suffix(".yaml")?.to_owned())).collect();
    assert!(slugs.len() > 100);
    let found: Vec<_> = slugs.iter().flat_map(|slug| problems(&schema, &schema, &file(slug), slug)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    let schema = schema();
    let mut broken = file("hubspot");
    broken["nick"] = "H".into();
    broken["token"]["client_auth"] = "magic".into();
    broken["scopes"]["default"][0]["name"] = 7.into();
    let found = problems(&schema, &schema, &broken, "");
    assert_eq!(found.len(), 3, "{found:#?}");
}
