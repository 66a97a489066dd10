//! The catalog of event types, and that what is published keeps to it.

use std::collections::BTreeSet;

use panora::model::EventType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Browser, Receiver, TestServer, sent, text};

/// The names of an object's fields.
fn fields(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_type_is_described_with_a_schema_and_an_example() {
    let server = TestServer::start().await;
    let list = server.get("/event_types").await.expect(200);
    assert_eq!(fields(&list), BTreeSet::from(["data", "next_cursor", "prev_cursor"]));
    let types = list["data"].as_array().expect("a list");
    let names: Vec<_> = types.iter().map(|it| text(&it["name"])).collect();
    assert_eq!(names, EventType::ALL.iter().map(ToString::to_string).collect::<Vec<_>>());
    for it in types {
        assert_eq!(fields(it), BTreeSet::from(["name", "description", "schema", "example"]));
        assert_eq!(it["schema"]["$schema"], "https://json-schema.org/draft/2020-12/schema", "{it}");
        assert!(!text(&it["description"]).is_empty() && it["example"].is_object(), "{it}");
    }
}

#[tokio::test]
async fn what_is_published_has_exactly_the_fields_of_its_example() {
    let (server, receiver, browser) = (TestServer::start().await, Receiver::start().await, Browser::new());
    server.endpoint(&receiver, &["*"]).await;
    let connected = server.connect("user-1").await;
    server.connect("user-1").await;
    server.delete(&format!("/connections/{}", connected.id)).await.expect(200);
    let consent = browser.to_consent(&server.link("user-2").await).await;
    browser.submit(&consent.form().deny()).await;
    let types = server.get("/event_types").await.expect(200);
    for name in ["connection.created", "connection.reauthorized", "connection.revoked", "connection.failed"] {
        let published = receiver.first(name).await;
        let described = types["data"].as_array().expect("a list").iter().find(|it| it["name"] == name);
        let described = described.expect("the type is described");
        assert_eq!(fields(published.data()), fields(&described["example"]), "{name}");
        let required = described["schema"]["required"].as_array().expect("a list").iter();
        let required: BTreeSet<_> = required.filter_map(Value::as_str).collect();
        assert_eq!(fields(published.data()), required, "{name}");
    }
}

#[tokio::test]
async fn no_api_accepts_the_ids_and_the_token_of_an_example() {
    let server = TestServer::start().await;
    let types = server.get("/event_types").await.expect(200);
    let example = &types["data"][0]["example"];
    for (list, id) in [
        ("connections", "id_connection"),
        ("linked_users", "id_linked_user"),
        ("events", "id_linked_user"),
        ("webhooks", "id_linked_user"),
        ("magic_links", "id_linked_user"),
    ] {
        server.get(&format!("/{list}/{}", text(&example[id]))).await.assert_problem(404, "not_found");
    }
    let call = json!({"method": "GET", "path": "/me"});
    let answer = server.passthrough(&text(&example["connection_token"]), &call).await;
    answer.assert_problem(401, "invalid_connection_token");
}

#[tokio::test]
async fn the_catalog_is_for_callers_with_a_key_and_takes_no_parameter() {
    let server = TestServer::start().await;
    sent(server.keyless(Method::GET, "/event_types")).await.assert_problem(401, "missing_api_key");
    server.get("/event_types?type=connection.created").await.assert_refused_at("?type");
}
