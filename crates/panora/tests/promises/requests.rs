//! Requests that are not taken: each is refused with the pointer of what is wrong, and leaves nothing behind.

use reqwest::Method;
use serde_json::json;

use crate::support::{TestServer, sent};

/// Bodies of `POST /linked_users` that must be refused, with where and why.
async fn assert_refused(body: impl Into<reqwest::Body>, code: &str, pointer: &str) {
    let server = TestServer::start().await;
    let answer = server.post_raw("/linked_users", body).await;
    answer.assert_problem(400, code);
    answer.assert_refused_at(pointer);
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn malformed_json_is_refused() {
    assert_refused("{\"linked_user_origin_id\": \"user-1\"", "invalid_json", "").await;
}

#[tokio::test]
async fn trailing_garbage_is_refused() {
    assert_refused("{\"linked_user_origin_id\": \"user-1\"} x", "invalid_json", "").await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_refused() {
    assert_refused(&b"{\"linked_user_origin_id\": \"\xff\"}"[..], "invalid_json", "").await;
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let body = r#"{"linked_user_origin_id": "user-1", "nickname": "Ada"}"#;
    assert_refused(body, "invalid_request", "/nickname").await;
}

#[tokio::test]
async fn a_wrong_type_is_refused_where_it_stands() {
    assert_refused(r#"{"linked_user_origin_id": 7}"#, "invalid_request", "/linked_user_origin_id").await;
}

#[tokio::test]
async fn a_missing_field_is_refused() {
    let server = TestServer::start().await;
    let answer = server.post_raw("/linked_users", "{}").await;
    answer.assert_problem(400, "invalid_request");
    assert!(answer.text.contains("linked_user_origin_id"), "{}", answer.text);
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn no_body_is_refused_where_one_is_needed() {
    assert_refused("", "invalid_request", "").await;
}

#[tokio::test]
async fn an_array_in_place_of_the_object_is_refused() {
    let server = TestServer::start().await;
    server.post_raw("/linked_users", r#"["user-1"]"#).await.assert_problem(400, "invalid_request");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_duplicate_key_is_refused() {
    let body = r#"{"linked_user_origin_id": "user-1", "linked_user_origin_id": "user-2"}"#;
    assert_refused(body, "invalid_json", "/linked_user_origin_id").await;
}

#[tokio::test]
async fn a_nul_character_is_refused() {
    assert_refused(r#"{"linked_user_origin_id": "a\u0000b"}"#, "invalid_json", "/linked_user_origin_id")
        .await;
}

#[tokio::test]
async fn a_lone_surrogate_is_refused() {
    assert_refused(r#"{"linked_user_origin_id": "\ud800"}"#, "invalid_json", "/linked_user_origin_id").await;
}

#[tokio::test]
async fn a_string_that_is_too_long_is_refused() {
    let body = json!({"linked_user_origin_id": "é".repeat(2049)}).to_string();
    assert_refused(body, "invalid_request", "/linked_user_origin_id").await;
}

#[tokio::test]
async fn a_string_of_exactly_the_bound_is_taken() {
    let server = TestServer::start().await;
    let name = "é".repeat(2048);
    let user = server.post("/linked_users", &json!({"linked_user_origin_id": name})).await.expect(201);
    assert_eq!(user["linked_user_origin_id"], name.as_str());
}

/// `levels` objects in each other, the body's own included.
fn nested(levels: usize) -> String {
    let inner = levels - 2;
    let metadata = format!("{}{{}}{}", "{\"a\":".repeat(inner), "}".repeat(inner));
    format!(r#"{{"linked_user_origin_id": "user-1", "metadata": {metadata}}}"#)
}

#[tokio::test]
async fn nesting_of_33_levels_is_refused() {
    let server = TestServer::start().await;
    server.post_raw("/magic_links", nested(33)).await.assert_problem(400, "invalid_json");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn nesting_of_32_levels_is_taken() {
    let server = TestServer::start().await;
    server.post_raw("/magic_links", nested(32)).await.expect(201);
}

#[tokio::test]
async fn a_body_over_1_mib_is_refused() {
    let server = TestServer::start().await;
    let body = format!("{{\"linked_user_origin_id\": \"{}\"}}", "a".repeat(1024 * 1024));
    server.post_raw("/linked_users", body).await.assert_problem(413, "body_too_large");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn metadata_over_16_kib_is_refused() {
    let server = TestServer::start().await;
    let body = json!({"linked_user_origin_id": "user-1", "metadata": {"a": "x".repeat(16 * 1024)}});
    server.post("/magic_links", &body).await.assert_refused_at("/metadata");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_unknown_query_parameter_is_refused_by_name() {
    let server = TestServer::start().await;
    for list in ["/linked_users", "/magic_links", "/connections", "/webhooks"] {
        server.get(&format!("{list}?colour=red")).await.assert_refused_at("?colour");
    }
}

#[tokio::test]
async fn a_limit_outside_its_bounds_is_refused() {
    let server = TestServer::start().await;
    for limit in ["0", "201", "-1", "ten"] {
        server.get(&format!("/linked_users?limit={limit}")).await.assert_refused_at("?limit");
    }
}

#[tokio::test]
async fn a_cursor_of_somebody_s_invention_is_refused() {
    let server = TestServer::start().await;
    server.get("/linked_users?cursor=1%27%20OR%20%271").await.assert_refused_at("?cursor");
}

#[tokio::test]
async fn an_unknown_id_and_one_that_is_no_id_are_the_same_404() {
    let server = TestServer::start().await;
    for id in ["01890000-0000-7000-8000-000000000000", "nothing"] {
        for list in ["linked_users", "magic_links", "connections", "webhooks", "deliveries"] {
            server.get(&format!("/{list}/{id}")).await.assert_problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_404() {
    let server = TestServer::start().await;
    server.get("/nothing/here").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_take_is_405() {
    let server = TestServer::start().await;
    server.delete("/linked_users").await.assert_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn an_empty_body_of_any_content_type_is_no_body() {
    let server = TestServer::start().await;
    let request =
        server.request(Method::GET, "/linked_users").header("content-type", "application/octet-stream");
    sent(request).await.expect(200);
}

#[tokio::test]
async fn a_sane_request_id_is_the_caller_s_own() {
    let server = TestServer::start().await;
    let request = server.request(Method::GET, "/projects").header("x-request-id", "order-66:retry.2");
    assert_eq!(sent(request).await.header("x-request-id"), "order-66:retry.2");
}

#[tokio::test]
async fn any_other_request_id_is_replaced() {
    let server = TestServer::start().await;
    let long = "x".repeat(65);
    for id in ["a b", "", "<script>", long.as_str()] {
        let request = server.request(Method::GET, "/projects").header("x-request-id", id);
        let given = sent(request).await.header("x-request-id").to_owned();
        assert!(uuid::Uuid::parse_str(&given).is_ok(), "{given}");
    }
}
