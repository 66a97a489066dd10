//! Input that looks almost right: refused where it stands, in words that repeat no secret.

use futures_util::future::join_all;
use panora::model::Time;
use reqwest::Method;
use serde_json::json;

use crate::support::{Road, Settings, TestServer, Trouble, an_import, sent, text};

/// Paths whose query takes free text, ending where the text begins.
const QUERIES: [&str; 6] = [
    "/linked_users/fromRemoteId?remoteId=",
    "/connections?provider_slug=",
    "/connections?vertical=",
    "/connections?linked_user_origin_id=",
    "/connections?metadata.plan=",
    "/connections?cursor=",
];

#[tokio::test]
async fn a_nul_character_in_a_query_is_400() {
    let server = TestServer::start().await;
    for path in QUERIES {
        server.get(&format!("{path}a%00b")).await.assert_problem(400, "invalid_request");
    }
    server.get("/connections?metadata.%00=b").await.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn a_query_value_of_2049_characters_is_400() {
    let server = TestServer::start().await;
    for path in QUERIES {
        let answer = server.get(&format!("{path}{}", "a".repeat(2049))).await;
        answer.assert_problem(400, "invalid_request");
    }
    let bound = format!("/linked_users/fromRemoteId?remoteId={}", "a".repeat(2048));
    server.get(&bound).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_query_that_nobody_reads_is_refused() {
    let server = TestServer::start().await;
    for path in ["/project?foo=1", "/projects?foo=1", "/events/x?foo=1"] {
        let answer = server.get(path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.text);
        assert_ne!(answer.status, 200, "{path}");
    }
    let posted = server.post("/linked_users?foo=1", &json!({"linked_user_origin_id": "user-1"})).await;
    posted.assert_refused_at("?foo");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_array_in_place_of_an_object_is_refused_everywhere() {
    let server = TestServer::start().await;
    for path in ["/linked_users", "/linked_users/batch", "/magic_links", "/connections", "/webhooks"] {
        let body = json!(["a", "b", null, null, null, null, null, null]);
        server.post(path, &body).await.assert_refused_at("");
    }
    let before = server.get("/project").await.expect(200);
    let renamed = json!(["arr", null, null, null, null, null, null, null]);
    server.patch("/project", &renamed).await.assert_refused_at("");
    assert_eq!(server.get("/project").await.expect(200), before);
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_missing_field_is_named_by_its_pointer() {
    let server = TestServer::start().await;
    let cases = [
        ("/webhooks", json!({}), "/url"),
        ("/webhooks", json!({"url": "http://127.0.0.1:9/"}), "/scope"),
        ("/linked_users", json!({}), "/linked_user_origin_id"),
        ("/connections", json!({"linked_user_origin_id": "u", "credentials": {}}), "/provider_slug"),
        ("/webhooks/verifyEvent", json!({"payload": {}, "secret": "s"}), "/signature"),
    ];
    for (path, body, pointer) in cases {
        server.post(path, &body).await.assert_refused_at(pointer);
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_not_repeated() {
    let server = TestServer::start().await;
    let endpoint = json!({"url": "http://127.0.0.1:9/", "scope": ["*"], "secret": ["swordfish"]});
    let event = json!({"payload": "swordfish", "signature": ["swordfish"], "secret": {"swordfish": 1}});
    let cases = [
        ("/connections", an_import("user-1", json!({"credentials": "swordfish"}))),
        ("/connections", an_import("user-1", json!({"credentials": {"access_token": ["swordfish"]}}))),
        ("/webhooks", endpoint),
        ("/webhooks/verifyEvent", event),
        ("/magic_links", json!({"linked_user_origin_id": "user-1", "expires_in": "swordfish"})),
    ];
    for (path, body) in cases {
        let answer = server.post(path, &body).await;
        assert!(answer.status == 400 && !answer.text.contains("swordfish"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn details_are_in_words_and_not_in_rust() {
    let server = TestServer::start().await;
    let cases = [
        ("/linked_users", json!([])),
        ("/linked_users", json!({"linked_user_origin_id": 7})),
        ("/magic_links", json!({"linked_user_origin_id": "u", "expires_in": 1.5})),
        ("/magic_links", json!({"linked_user_origin_id": "u", "single_use": 1})),
        ("/webhooks", json!({"url": "http://127.0.0.1:9/", "scope": {}})),
        ("/webhooks", json!({"url": "http://127.0.0.1:9/", "scope": ["*"], "nosuch": 1})),
    ];
    for (path, body) in cases {
        let detail = server.post(path, &body).await.body["errors"][0]["detail"].to_string();
        for rust in ["struct", "i64", "u32", "variant", "sequence", "expected a", "tuple", "serde"] {
            assert!(!detail.contains(rust), "{path}: {detail}");
        }
        assert!(
            detail.chars().nth(1).is_some_and(char::is_uppercase) || detail.starts_with("\"`"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_link_that_allows_nothing_is_refused() {
    let server = TestServer::start().await;
    for (field, pointer) in [("providers", "/providers"), ("verticals", "/verticals")] {
        let mut body = json!({"linked_user_origin_id": "user-1"});
        body[field] = json!([]);
        server.post("/magic_links", &body).await.assert_refused_at(pointer);
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn what_is_no_mail_address_is_refused() {
    let server = TestServer::start().await;
    for email in ["a@b.co\r\nBcc: x@y.z", "a@b.co\n", "a b@c.de", "", "nobody", "@b.co", "a@"] {
        let body = json!({"linked_user_origin_id": "user-1", "email": email});
        server.post("/magic_links", &body).await.assert_refused_at("/email");
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn what_is_no_language_is_refused() {
    let server = TestServer::start().await;
    for locale in ["", "<b>", "en\n", "e"] {
        let body = json!({"linked_user_origin_id": "user-1", "locale": locale});
        server.post("/magic_links", &body).await.assert_refused_at("/locale");
    }
}

#[tokio::test]
async fn an_empty_key_in_one_header_does_not_hide_the_good_one_in_the_other() {
    let server = TestServer::start().await;
    let good = format!("Bearer {}", server.key);
    for (bearer, plain) in [(good.as_str(), ""), ("Bearer ", server.key.as_str()), ("", server.key.as_str())]
    {
        let request = server.keyless(Method::GET, "/projects").header("authorization", bearer);
        sent(request.header("x-api-key", plain)).await.expect(200);
    }
}

#[tokio::test]
async fn a_refusal_for_asking_too_often_tells_the_limit_too() {
    let server = Settings::default().flag("--api-rate-limit", "1").start().await;
    let answers = join_all((0..5).map(|_| server.get("/projects"))).await;
    let refused = answers.iter().find(|answer| answer.status == 429).expect("five at once are too many");
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=1;w=1");
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=1");
}

#[tokio::test]
async fn a_path_to_a_provider_is_bounded() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let path = format!("/contacts?q={}", "a".repeat(2048));
    let answer = server.passthrough(&connected.token, &json!({"method": "GET", "path": path})).await;
    answer.assert_refused_at("/path");
}

#[tokio::test]
async fn an_expiry_beyond_all_calendars_is_still_a_time_or_none() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let tokens = r#"{"access_token": "a", "token_type": "bearer", "expires_in": 9000000000000000000}"#;
    road.block_once("/sandbox/oauth/token", Trouble::Answer(200, &[], tokens));
    road.block("/sandbox/api/me", Trouble::Answer(200, &[], r#"{"id": "7"}"#));
    server.connect("user-1").await;
    let expires = &server.connection_of("user-1").await["expiration_timestamp"];
    assert!(expires.is_null() || text(expires).parse::<Time>().is_ok(), "{expires}");
    assert!(!expires.to_string().contains("ms"), "{expires}");
}
