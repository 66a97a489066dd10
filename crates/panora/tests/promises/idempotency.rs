//! `Idempotency-Key`: a repeated creation creates once and answers the same.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Receiver, TestServer, an_import, text};

/// What each list of created things creates.
fn creations() -> [(&'static str, &'static str, Value); 4] {
    [
        ("/linked_users", "/linked_users", json!({"linked_user_origin_id": "user-1"})),
        ("/magic_links", "/magic_links", json!({"linked_user_origin_id": "user-1"})),
        ("/webhooks", "/webhooks", json!({"url": "http://127.0.0.1:9/", "scope": ["*"]})),
        ("/connections", "/connections", an_import("user-1", json!({}))),
    ]
}

#[tokio::test]
async fn the_same_key_and_body_give_the_same_answer_and_one_object() {
    let server = TestServer::start().await;
    for (path, list, body) in creations() {
        let first = server.post_once(path, "key-1", &body).await;
        let second = server.post_once(path, "key-1", &body).await;
        assert_eq!((second.status, &second.body), (201, &first.body), "{path}");
        assert_eq!(server.count(list).await, 1, "{path}");
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_409() {
    let server = TestServer::start().await;
    for (path, list, body) in creations() {
        server.post_once(path, "key-1", &body).await.expect(201);
        let mut other = body.clone();
        other["linked_user_origin_id"] = "user-2".into();
        if path == "/webhooks" {
            other = json!({"url": "http://127.0.0.1:9/other", "scope": ["*"]});
        }
        server.post_once(path, "key-1", &other).await.assert_problem(409, "idempotency_key_reused");
        assert_eq!(server.count(list).await, 1, "{path}");
    }
}

#[tokio::test]
async fn many_at_once_with_one_key_make_one_object() {
    let server = TestServer::start().await;
    for (path, list, body) in creations() {
        let answers = join_all((0..8).map(|_| server.post_once(path, "key-1", &body))).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (201, &answers[0].body), "{path}");
        }
        assert_eq!(server.count(list).await, 1, "{path}");
    }
}

#[tokio::test]
async fn an_import_repeated_with_its_key_tells_its_event_once() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    for _ in 0..3 {
        server.post_once("/connections", "key-1", &an_import("user-1", json!({}))).await.expect(201);
    }
    server.import("user-2", json!({})).await;
    let arrived = receiver.wait_for(2).await;
    let users: std::collections::BTreeSet<_> =
        arrived.iter().map(|it| text(&it.data()["id_linked_user"])).collect();
    assert_eq!((arrived.len(), users.len()), (2, 2));
}

#[tokio::test]
async fn webhook_and_webhooks_are_one_resource_with_one_key() {
    let server = TestServer::start().await;
    let body = json!({"url": "http://127.0.0.1:9/", "scope": ["*"]});
    let first = server.post_once("/webhook", "key-1", &body).await.expect(201);
    let second = server.post_once("/webhooks", "key-1", &body).await.expect(201);
    assert_eq!((first, server.count("/webhooks").await), (second, 1));
}

#[tokio::test]
async fn one_key_on_two_resources_is_two_keys() {
    let server = TestServer::start().await;
    for (path, _, body) in creations() {
        server.post_once(path, "key-1", &body).await.expect(201);
    }
}

#[tokio::test]
async fn another_project_s_key_of_the_same_name_is_another() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let body = json!({"linked_user_origin_id": "user-1"});
    let ours = server.post_once("/linked_users", "key-1", &body).await.expect(201);
    let theirs = other.post_once("/linked_users", "key-1", &body).await.expect(201);
    assert_ne!(ours["id_linked_user"], theirs["id_linked_user"]);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let server = TestServer::start().await;
    server
        .post_once("/linked_users", "key-1", &json!({"linked_user_origin_id": ""}))
        .await
        .assert_problem(400, "invalid_request");
    server.post_once("/linked_users", "key-1", &json!({"linked_user_origin_id": "user-1"})).await.expect(201);
}

#[tokio::test]
async fn a_key_is_forgotten_after_24_hours() {
    let server = TestServer::start().await;
    let first = server
        .post_once("/magic_links", "key-1", &json!({"linked_user_origin_id": "user-1"}))
        .await
        .expect(201);
    server.advance(Duration::from_hours(24) + Duration::from_secs(1));
    let second = server
        .post_once("/magic_links", "key-1", &json!({"linked_user_origin_id": "user-1"}))
        .await
        .expect(201);
    assert_ne!(first["id_magic_link"], second["id_magic_link"]);
}

#[tokio::test]
async fn a_resend_repeated_with_its_key_gives_the_same_url() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let path = format!("/magic_links/{}/resend", text(&link["id_magic_link"]));
    let first = server.post_once(&path, "key-1", &json!({})).await;
    let second = server.post_once(&path, "key-1", &json!({})).await;
    assert!(first.status < 300, "{}", first.text);
    assert_eq!(first.body["url"], second.body["url"]);
    assert_ne!(first.body["url"], link["url"]);
}

#[tokio::test]
async fn a_key_that_is_no_visible_ascii_is_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(256);
    for key in ["a b", "", long.as_str()] {
        let answer =
            server.post_once("/linked_users", key, &json!({"linked_user_origin_id": "user-1"})).await;
        answer.assert_problem(400, "invalid_request");
    }
    server.assert_nothing_stored().await;
}
