//! The published document: complete, consistent, and the one that the TypeScript library's types are made from.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::TestServer;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn published() -> Value {
    TestServer::start().await.get("/openapi.json").await.expect(200)
}

/// `(path, method, operation)` of all there are.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let all =
        paths.iter().flat_map(|(path, item)| METHODS.map(|method| (path.as_str(), method, &item[method])));
    all.filter(|(.., operation)| operation.is_object()).collect()
}

/// Every `$ref` at or below `value`.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_library_s_copy_is_the_published_document() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdks/typescript/openapi.json");
    let copy: Value = serde_json::from_slice(&std::fs::read(file).expect("the copy")).expect("JSON");
    assert!(
        copy == published().await,
        "sdks/typescript/openapi.json is out of date. From the repository's root:\n\
         cargo run -- openapi > sdks/typescript/openapi.json && npm --prefix sdks/typescript run generate"
    );
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = published().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let document = published().await;
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().expect("an operationId");
        assert!(names.insert(name), "{name} names two operations, one of them {method} {path}");
    }
}

#[tokio::test]
async fn every_place_in_a_path_is_a_parameter() {
    let document = published().await;
    for (path, method, operation) in operations(&document) {
        let places: BTreeSet<&str> =
            path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named: BTreeSet<&str> =
            parameters.filter(|it| it["in"] == "path").filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(places, named, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_is_described_and_every_refusal_is_a_problem() {
    let document = published().await;
    for (path, method, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            let shared = answer["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..]));
            let answer = shared.unwrap_or(answer);
            let words = answer["description"].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{status} of {method} {path} says nothing");
            let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            assert!(status.starts_with('2') || problem == "#/components/schemas/Problem", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn whatever_takes_a_key_says_that_it_refuses_strangers() {
    let document = published().await;
    for (path, method, operation) in operations(&document) {
        let is_open = operation.get("security").is_some();
        let refusals = ["400", "401", "429"].map(|status| operation["responses"].get(status).is_some());
        assert_eq!(refusals, [!is_open; 3], "{method} {path}");
    }
}
