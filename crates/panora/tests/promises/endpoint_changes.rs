//! Changing an endpoint: what is shown redacted may be sent back, and what was set may be cleared.

use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer};

async fn given(settings: Value) -> (TestServer, Receiver, Endpoint, String) {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint_with(&receiver, settings).await;
    let path = format!("/webhooks/{}", endpoint.id);
    (server, receiver, endpoint, path)
}

#[tokio::test]
async fn a_header_sent_back_redacted_keeps_its_value() {
    let (server, receiver, _, path) =
        given(json!({"headers": {"X-Team": "swordfish", "X-Old": "gone"}})).await;
    let shown = server.get(&path).await.expect(200)["headers"].clone();
    assert_eq!(shown, json!({"x-team": "[redacted]", "x-old": "[redacted]"}));
    let headers = json!({"X-Team": "[redacted]", "X-New": "new"});
    server.put(&path, &json!({"headers": headers})).await.expect(200);
    server.import("user-1", json!({})).await;
    let delivery = receiver.next().await;
    let sent = ["x-team", "x-new", "x-old"].map(|name| delivery.header(name));
    assert_eq!(sent, ["swordfish", "new", ""]);
}

#[tokio::test]
async fn a_redacted_header_that_was_never_set_is_refused() {
    let (server, receiver, _, path) = given(json!({})).await;
    let answer = server.put(&path, &json!({"headers": {"X-Team": "[redacted]"}})).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let body = json!({"url": receiver.url(), "scope": ["*"], "headers": {"X-Team": "[redacted]"}});
    assert_eq!(server.post("/webhooks", &body).await.status, 400);
}

#[tokio::test]
async fn null_clears_a_rate_limit_and_a_schedule() {
    let (server, _, _, path) = given(json!({"rate_limit": 5, "retry_schedule": [1, 2]})).await;
    let usual = {
        let body = json!({"url": "http://127.0.0.1:9/", "scope": ["*"]});
        server.post("/webhooks", &body).await.expect(201)
    };
    let cleared = server.put(&path, &json!({"rate_limit": null, "retry_schedule": null})).await.expect(200);
    for field in ["rate_limit", "retry_schedule"] {
        assert_eq!(cleared[field], usual[field], "{field}");
    }
    assert_eq!(server.get(&path).await.expect(200)["rate_limit"], Value::Null);
}

#[tokio::test]
async fn one_header_in_two_spellings_is_refused() {
    let (server, receiver, _, _) = given(json!({})).await;
    let headers = json!({"X-Team": "a", "x-team": "b"});
    let body = json!({"url": receiver.url(), "scope": ["*"], "headers": headers});
    assert_eq!(server.post("/webhooks", &body).await.status, 400);
}

#[tokio::test]
async fn a_url_with_blanks_around_is_refused() {
    let server = TestServer::start().await;
    for url in [" https://example.com/", "https://example.com/\n", "https://exa\tmple.com/"] {
        server.post("/webhooks", &json!({"url": url, "scope": ["*"]})).await.assert_refused_at("/url");
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_url_secret_or_header_written_back_as_it_was_resets_nothing() {
    let settings = json!({"retry_schedule": [], "scope": ["connection.*"], "headers": {"X-Team": "a"}});
    let (server, receiver, endpoint, path) = given(settings).await;
    receiver.replies([Reply::Status(500)]);
    server.import("user-1", json!({})).await;
    let before = server.endpoint_is(&endpoint, "held").await;
    for same in [
        json!({"url": receiver.url()}),
        json!({"secret": endpoint.secret}),
        json!({"headers": {"X-Team": "a"}}),
        json!({"headers": {"X-Team": "[redacted]"}}),
    ] {
        let after = server.put(&path, &same).await.expect(200);
        for field in ["status", "failures", "held_since", "next_probe_at"] {
            assert_eq!(after[field], before[field], "{field} after {same}");
        }
    }
}

#[tokio::test]
async fn a_change_leaves_an_endpoint_to_the_node_that_alone_sends_to_it() {
    let (server, _receiver, _, path) = given(json!({"rate_limit": 5})).await;
    let lease = "UPDATE endpoints SET lease_owner = 'another', lease_until = 9000000000000000";
    server.database().execute(lease).await;
    for change in [json!({"description": "for the CRM"}), json!({"rate_limit": 7}), json!({"active": false})]
    {
        server.put(&path, &change).await.expect(200);
        let owners = server.database().texts("SELECT lease_owner FROM endpoints").await;
        assert_eq!(owners, ["another"], "after {change}");
    }
}
