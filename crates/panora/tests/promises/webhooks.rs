//! Endpoints: what may be subscribed, what is shown, and what becomes of what waits there.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Receiver, Settings, TestServer, secret_bytes, sent, text};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:9/webhook";

async fn assert_scope_refused(server: &Api, scope: Value, pointer: &str, words: &str) {
    let answer = server.post("/webhook", &json!({"url": NOBODY, "scope": scope})).await;
    answer.assert_refused_at(pointer);
    assert!(answer.text.contains(words), "{words} in {}", answer.text);
}

#[tokio::test]
async fn the_recipe_s_request_is_answered_201_with_a_secret() {
    let server = TestServer::start().await;
    let body = r#"{
        "url": "https://example.com/my/webhook/endpoint",
        "description": "Receive Connection Creation Events",
        "scope": [
            "connection.created"
        ]
     }"#;
    let endpoint = server.post_raw("/webhook", body).await.expect(201);
    assert_eq!(secret_bytes(&text(&endpoint["secret"])).len(), 32);
    assert_eq!(endpoint["endpoint_description"], "Receive Connection Creation Events");
    assert_eq!((&endpoint["active"], &endpoint["scope"]), (&json!(true), &json!(["connection.created"])));
}

#[tokio::test]
async fn webhook_and_webhooks_are_the_same_resource() {
    let server = TestServer::start().await;
    let endpoint = server.post("/webhook", &json!({"url": NOBODY, "scope": ["*"]})).await.expect(201);
    let id = text(&endpoint["id_webhook_endpoint"]);
    let (one, many) =
        (server.get(&format!("/webhook/{id}")).await, server.get(&format!("/webhooks/{id}")).await);
    assert_eq!(one.expect(200), many.expect(200));
    server.delete(&format!("/webhook/{id}")).await.expect(200);
    assert_eq!(server.count("/webhooks").await, 0);
}

#[tokio::test]
async fn a_scope_takes_exact_types_and_trailing_wildcards() {
    let server = TestServer::start().await;
    let receivers =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let [exact, family, all, other] = &receivers;
    server.endpoint(exact, &["connection.created"]).await;
    server.endpoint(family, &["connection.*"]).await;
    server.endpoint(all, &["*"]).await;
    server.endpoint(other, &["connection.revoked", "webhook.*"]).await;
    let connection = server.import("user-1", json!({})).await;
    server.delete(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
    for (receiver, count) in [(exact, 1), (family, 2), (all, 2), (other, 1)] {
        assert_eq!(receiver.wait_for(count).await.len(), count);
    }
    assert_eq!(exact.next().await.event_type(), "connection.created");
    assert_eq!(other.next().await.event_type(), "connection.revoked");
}

#[tokio::test]
async fn an_empty_or_unknown_scope_is_refused_with_the_nearest_known() {
    let server = TestServer::start().await;
    assert_scope_refused(&server, json!([]), "/scope", "").await;
    assert_scope_refused(
        &server,
        json!(["connection.created", "connection.craeted"]),
        "/scope/1",
        "connection.created",
    )
    .await;
    assert_scope_refused(&server, json!(["conection.*"]), "/scope/0", "connection.").await;
    assert_scope_refused(&server, json!(["*.created"]), "/scope/0", "").await;
    assert_scope_refused(&server, json!([""]), "/scope/0", "").await;
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_url_that_is_relative_or_of_another_scheme_is_400() {
    let server = TestServer::start().await;
    for url in [
        "ftp://example.com/",
        "/webhook",
        "example.com/webhook",
        "",
        "https://",
        "file:///etc/passwd",
        "https://a.example/#x",
    ] {
        let answer = server.post("/webhook", &json!({"url": url, "scope": ["*"]})).await;
        assert_eq!((answer.status, answer.pointer()), (400, "/url"), "{url}: {}", answer.text);
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_private_address_is_422_where_the_public_url_is_public() {
    let server = Settings::default().flag("--public-url", "https://panora.example.com").start().await;
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "2130706433",
    ] {
        let answer =
            server.post("/webhook", &json!({"url": format!("https://{host}/"), "scope": ["*"]})).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (422, Some("address_not_allowed")),
            "{host}: {}",
            answer.text
        );
        assert_eq!(answer.pointer(), "/url");
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn plain_http_is_400_where_the_address_is_public() {
    let server = TestServer::start().await;
    server
        .post("/webhook", &json!({"url": "http://192.0.43.8/", "scope": ["*"]}))
        .await
        .assert_refused_at("/url");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_listed_private_network_is_allowed() {
    let server = Settings::default()
        .flag("--public-url", "https://panora.example.com")
        .flag("--allowed-private-networks", "127.0.0.0/8")
        .start()
        .await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["*"]).await;
}

#[tokio::test]
async fn headers_are_sent_and_never_shown() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"headers": {"X-Team": "swordfish"}})).await;
    let shown = server.get(&format!("/webhooks/{}", endpoint.id)).await;
    assert!(shown.text.contains("[redacted]") && !shown.text.contains("swordfish"), "{}", shown.text);
    server.import("user-1", json!({})).await;
    assert_eq!(receiver.next().await.header("x-team"), "swordfish");
    let log = server.delivery_after(&endpoint, 1).await;
    assert!(!log.to_string().contains("swordfish"), "{log}");
}

#[tokio::test]
async fn headers_that_are_ours_are_refused() {
    let server = TestServer::start().await;
    for name in [
        "Host",
        "Content-Type",
        "content-length",
        "webhook-id",
        "Panora-Signature",
        "Connection",
        "Transfer-Encoding",
        "a b",
    ] {
        let answer =
            server.post("/webhook", &json!({"url": NOBODY, "scope": ["*"], "headers": {name: "x"}})).await;
        assert_eq!(
            (answer.status, answer.pointer()),
            (400, format!("/headers/{name}").as_str()),
            "{}",
            answer.text
        );
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn settings_outside_their_bounds_are_refused() {
    let server = TestServer::start().await;
    for (field, value) in [
        ("rate_limit", json!(0)),
        ("rate_limit", json!(10_001)),
        ("rate_limit", json!(1.5)),
        ("retry_schedule", json!([0])),
        ("retry_schedule", json!([86_401])),
        ("retry_schedule", json!(vec![1; 21])),
    ] {
        let mut body = json!({"url": NOBODY, "scope": ["*"]});
        body[field] = value.clone();
        let answer = server.post("/webhook", &body).await;
        assert!(
            answer.status == 400 && answer.pointer().starts_with(&format!("/{field}")),
            "{value}: {}",
            answer.text
        );
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn no_body_flips_active_and_what_waited_is_delivered_on_activation() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let path = format!("/webhooks/{}", endpoint.id);
    assert_eq!(sent(server.request(Method::PUT, &path)).await.expect(200)["active"], false);
    let connection = server.import("user-1", json!({})).await;
    assert_eq!(server.only_delivery(&endpoint).await["status"], "waiting");
    assert!(receiver.arrived().is_empty());
    assert_eq!(sent(server.request(Method::PUT, &path)).await.expect(200)["active"], true);
    assert_eq!(receiver.next().await.data()["id_connection"], connection["id_connection"]);
}

#[tokio::test]
async fn only_the_fields_given_are_changed() {
    let server = TestServer::start().await;
    let made = server
        .post("/webhooks", &json!({"url": NOBODY, "scope": ["*"], "description": "a"}))
        .await
        .expect(201);
    let path = format!("/webhooks/{}", text(&made["id_webhook_endpoint"]));
    let changed = server.put(&path, &json!({"description": "b", "active": null})).await.expect(200);
    assert_eq!(changed["endpoint_description"], "b");
    for field in ["url", "scope", "active", "retry_schedule", "rate_limit", "created_at"] {
        assert_eq!(changed[field], made[field], "{field}");
    }
    server.put(&path, &json!({"url": "ftp://example.com/"})).await.assert_refused_at("/url");
    assert_eq!(server.get(&path).await.expect(200)["url"], NOBODY);
}

#[tokio::test]
async fn deleting_an_endpoint_cancels_what_is_open_there() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, json!({"active": false})).await;
    server.import("user-1", json!({})).await;
    let delivery = format!("/deliveries/{}", text(&server.only_delivery(&endpoint).await["id_delivery"]));
    server.delete(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
    assert_eq!(server.get(&delivery).await.expect(200)["status"], "cancelled");
    server.get(&format!("/webhooks/{}", endpoint.id)).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn another_project_s_endpoint_is_not_there() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let endpoint = server.post("/webhooks", &json!({"url": NOBODY, "scope": ["*"]})).await.expect(201);
    let path = format!("/webhooks/{}", text(&endpoint["id_webhook_endpoint"]));
    other.get(&path).await.assert_problem(404, "not_found");
    other.put(&path, &json!({"active": false})).await.assert_problem(404, "not_found");
    other.delete(&path).await.assert_problem(404, "not_found");
    for action in ["rotate_secret", "reveal_secret"] {
        other.post_raw(&format!("{path}/{action}"), "").await.assert_problem(404, "not_found");
    }
    other.get(&format!("{path}/deliveries")).await.assert_problem(404, "not_found");
    assert_eq!(server.get(&path).await.expect(200)["active"], true);
}

#[tokio::test]
async fn another_project_s_events_go_to_its_own_endpoints_only() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let other = server.another_project("other").await;
    server.endpoint(&receiver, &["*"]).await;
    other.import("user-1", json!({})).await;
    let ours = server.import("user-1", json!({})).await;
    assert_eq!(receiver.next().await.data()["id_connection"], ours["id_connection"]);
    assert_eq!(receiver.arrived().len(), 1);
}
