//! Calling a provider with a connection token: where a call may go, what it carries, what comes back.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Connected, Receiver, Road, TestServer, Trouble, eventually, sent, text};

const CONTACTS: &str = "/sandbox/api/contacts";
const TOKEN: &str = "/sandbox/oauth/token";

/// A server behind a road, with one connection.
async fn given() -> (Road, TestServer, Connected) {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let connected = server.connect("user-1").await;
    (road, server, connected)
}

#[tokio::test]
async fn a_call_answers_with_url_status_headers_and_data() {
    let (_road, server, connected) = given().await;
    let call = json!({"method": "GET", "path": "/contacts?limit=3"});
    let answer = server.passthrough(&connected.token, &call).await.expect(200);
    assert_eq!(answer["url"], format!("{}/sandbox/api/contacts?limit=3", server.url));
    assert_eq!(answer["status"], 200);
    assert!(
        answer["headers"]["content-type"].to_string().contains("application/json"),
        "{}",
        answer["headers"]
    );
    assert_eq!(answer["data"]["data"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_path_s_query_arrives_as_it_was_written() {
    let (road, server, connected) = given().await;
    let path = "/contacts?limit=2&q=a%20b+c&q=%C3%A9";
    server.passthrough(&connected.token, &json!({"method": "GET", "path": path})).await.expect(200);
    let target = &road.passed(CONTACTS)[0].target;
    assert_eq!(target, &format!("/sandbox/api{path}"));
}

#[tokio::test]
async fn data_is_sent_as_json_and_what_was_made_comes_back() {
    let (_road, server, connected) = given().await;
    let data = json!({"first_name": "Ada", "email": "ada@lovelace.example"});
    let call = json!({"method": "POST", "path": "/contacts", "data": data});
    let made = server.passthrough(&connected.token, &call).await.expect(200);
    assert_eq!((&made["status"], &made["data"]["first_name"]), (&json!(201), &json!("Ada")), "{made}");
}

#[tokio::test]
async fn a_path_that_could_leave_the_api_is_400_and_goes_nowhere() {
    let (road, server, connected) = given().await;
    for path in [
        "/../oauth/token",
        "/contacts/../../oauth/token",
        "/./contacts",
        "/contacts/%2e%2e/me",
        "/contacts/.%2E/me",
        "//evil.example/",
        "/contacts//1",
        "https://evil.example/",
        "http:evil",
        "\\\\evil.example",
        "/a\\b",
        "/a%5Cb",
        "/contacts#x",
        "/contacts\u{0}",
    ] {
        let answer = server.passthrough(&connected.token, &json!({"method": "GET", "path": path})).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/problem+json"),
            "{path}: {}",
            answer.text
        );
    }
    assert!(road.passed(CONTACTS).is_empty() && road.passed(TOKEN).len() == 1);
}

#[tokio::test]
async fn another_base_url_must_be_one_that_the_provider_s_file_lists() {
    let (_road, server, connected) = given().await;
    for base in ["https://evil.example", "http://127.0.0.1:9", &format!("{}/sandbox/oauth", server.url), ""] {
        let call = json!({"method": "GET", "path": "/me", "overrideBaseUrl": base});
        let answer = server.passthrough(&connected.token, &call).await;
        assert_eq!(answer.status, 400, "{base}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_caller_s_own_credentials_are_not_forwarded() {
    let (road, server, connected) = given().await;
    let headers = json!({"Authorization": "Bearer mine", "x-api-key": "mine", "Cookie": "a=mine", "Host": "mine.example",
        "x-connection-token": "mine", "X-Forwarded-For": "6.6.6.6", "CF-Connecting-IP": "6.6.6.6", "True-Client-IP": "6.6.6.6", "Connection": "close", "X-Trace": "kept"});
    let call = json!({"method": "GET", "path": "/contacts", "headers": headers});
    server.passthrough(&connected.token, &call).await.expect(200);
    let sent = &road.passed(CONTACTS)[0].headers;
    assert_eq!(sent["x-trace"], "kept");
    let all = format!("{sent:?}");
    for secret in ["mine", "6.6.6.6", server.key.as_str(), connected.token.as_str()] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(sent["authorization"].to_str().is_ok_and(|value| value.starts_with("Bearer sbx_")));
}

#[tokio::test]
async fn a_provider_s_cookies_are_removed_and_its_redirects_handed_on() {
    let (road, server, connected) = given().await;
    road.block(
        CONTACTS,
        Trouble::Answer(302, &[("set-cookie", "a=b"), ("location", "https://elsewhere.example/")], "{}"),
    );
    let answer = server
        .passthrough(&connected.token, &json!({"method": "GET", "path": "/contacts"}))
        .await
        .expect(200);
    assert_eq!((&answer["status"], &answer["headers"]["set-cookie"]), (&json!(302), &Value::Null));
    assert!(answer["headers"]["location"].to_string().contains("elsewhere.example"), "{answer}");
}

#[tokio::test]
async fn an_answer_is_200_whatever_the_provider_answered() {
    let (road, server, connected) = given().await;
    for status in [400, 403, 404, 418, 500, 501] {
        road.block(CONTACTS, Trouble::Answer(status, &[], "{\"error\": \"teapot\"}"));
        let call = json!({"method": "PATCH", "path": "/contacts", "data": {}});
        let answer = server.passthrough(&connected.token, &call).await.expect(200);
        assert_eq!((&answer["status"], &answer["data"]["error"]), (&json!(status), &json!("teapot")));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_a_string() {
    let (road, server, connected) = given().await;
    road.block(CONTACTS, Trouble::Garbage);
    let call = json!({"method": "GET", "path": "/contacts"});
    let answer = server.passthrough(&connected.token, &call).await.expect(200);
    assert!(answer["data"].as_str().is_some_and(|data| data.contains("down for tea")), "{answer}");
}

#[tokio::test]
async fn numbers_pass_as_they_are_written() {
    let (road, server, connected) = given().await;
    road.block(CONTACTS, Trouble::Answer(200, &[], "{\"id\": 9007199254740993, \"x\": 1.10, \"y\": 1e400}"));
    let call = json!({"method": "GET", "path": "/contacts"});
    let answer = server.passthrough(&connected.token, &call).await;
    for number in ["9007199254740993", "1.10", "1e400"] {
        assert!(
            answer.text.contains(number) && !answer.text.contains(&format!("\"{number}\"")),
            "{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn numbers_of_a_request_reach_the_provider_as_they_are_written() {
    let (road, server, connected) = given().await;
    let body = r#"{"method": "POST", "path": "/contacts", "data": {"first_name": "Ada", "id": 9007199254740993, "x": 1.10}}"#;
    let request = server.request(Method::POST, "/passthrough").header("content-type", "application/json");
    sent(request.header("x-connection-token", &connected.token).body(body)).await.expect(200);
    let arrived = String::from_utf8_lossy(&road.passed(CONTACTS)[0].body).into_owned();
    assert!(arrived.contains("9007199254740993") && arrived.contains("1.10"), "{arrived}");
}

#[tokio::test]
async fn an_unknown_or_missing_connection_token_is_refused() {
    let server = TestServer::start().await;
    let call = json!({"method": "GET", "path": "/me"});
    let without = server.post("/passthrough", &call).await;
    assert!((400..500).contains(&without.status), "{}", without.text);
    let unknown = server.passthrough(&format!("ct_{}", "A".repeat(43)), &call).await;
    assert!((400..500).contains(&unknown.status), "{}", unknown.text);
}

#[tokio::test]
async fn a_method_that_is_none_is_refused() {
    let (_road, server, connected) = given().await;
    for method in ["CONNECT", "TRACE", "get me", ""] {
        let answer = server.passthrough(&connected.token, &json!({"method": method, "path": "/me"})).await;
        assert_eq!((answer.status, answer.pointer()), (400, "/method"), "{method}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_however_many_ask_at_once() {
    let (road, server, connected) = given().await;
    server.advance(Duration::from_mins(61));
    let call = json!({"method": "GET", "path": "/contacts?limit=1"});
    let answers = join_all((0..20).map(|_| server.passthrough(&connected.token, &call))).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["status"], 200);
    }
    let is_refresh = |body: &[u8]| String::from_utf8_lossy(body).contains("grant_type=refresh_token");
    let refreshes = road.passed(TOKEN).into_iter().filter(|it| is_refresh(&it.body));
    assert_eq!(refreshes.count(), 1);
}

#[tokio::test]
async fn a_401_refreshes_once_and_the_call_is_made_again() {
    let (road, server, connected) = given().await;
    road.block_once(CONTACTS, Trouble::Answer(401, &[], "{}"));
    let call = json!({"method": "POST", "path": "/contacts", "data": {"first_name": "Ada", "email": "ada@lovelace.example"}});
    let answer = server.passthrough(&connected.token, &call).await.expect(200);
    assert_eq!((&answer["status"], &answer["data"]["first_name"]), (&json!(201), &json!("Ada")), "{answer}");
    assert_eq!(road.arrived(TOKEN), 2);
}

#[tokio::test]
async fn a_401_that_stays_is_handed_on() {
    let (road, server, connected) = given().await;
    road.block(CONTACTS, Trouble::Answer(401, &[], "{\"error\": \"no\"}"));
    let call = json!({"method": "GET", "path": "/contacts"});
    let answer = server.passthrough(&connected.token, &call).await.expect(200);
    assert_eq!((&answer["status"], road.arrived(CONTACTS), road.arrived(TOKEN)), (&json!(401), 2, 2));
}

#[tokio::test]
async fn a_refused_refresh_needs_the_person_and_is_told_once() {
    let (road, server, connected) = given().await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    road.block(TOKEN, Trouble::Answer(400, &[], "{\"error\": \"invalid_grant\"}"));
    server.advance(Duration::from_mins(61));
    let call = json!({"method": "GET", "path": "/me"});
    for answer in join_all((0..5).map(|_| server.passthrough(&connected.token, &call))).await {
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let event = receiver.first("connection.needs_reauth").await;
    assert_eq!(
        (event.data()["status"].as_str(), event.data()["id_connection"].as_str()),
        (Some("needs_reauth"), Some(connected.id.as_str()))
    );
    road.open(TOKEN);
    assert_eq!(server.connect("user-1").await.token, connected.token);
    receiver.first("connection.reauthorized").await;
    assert_eq!(
        receiver.arrived().iter().filter(|it| it.event_type() == "connection.needs_reauth").count(),
        1
    );
    server.passthrough(&connected.token, &call).await.expect(200);
}

#[tokio::test]
async fn a_refresh_that_fails_for_a_moment_loses_nothing() {
    let (road, server, connected) = given().await;
    road.block(TOKEN, Trouble::Answer(503, &[], ""));
    server.advance(Duration::from_mins(61));
    let call = json!({"method": "GET", "path": "/me"});
    let answer = server.passthrough(&connected.token, &call).await;
    assert!(answer.status >= 500, "{}", answer.text);
    road.open(TOKEN);
    server.advance(Duration::from_secs(3));
    assert_eq!(server.passthrough(&connected.token, &call).await.expect(200)["status"], 200);
    assert_eq!(server.get(&format!("/connections/{}", connected.id)).await.expect(200)["status"], "valid");
}

#[tokio::test]
async fn a_token_that_is_refreshed_while_its_connection_is_revoked_is_revoked_too() {
    let (road, server, connected) = given().await;
    server.advance(Duration::from_mins(61));
    road.block_once(TOKEN, Trouble::Late);
    let call = json!({"method": "GET", "path": "/me"});
    let revoke = async {
        road.holds_an_answer().await;
        server.delete(&format!("/connections/{}", connected.id)).await.expect(200);
        road.wait_for("/sandbox/oauth/revoke", 1).await;
        road.open(TOKEN);
    };
    let (answer, ()) = tokio::join!(server.passthrough(&connected.token, &call), revoke);
    assert!(answer.status >= 400, "{}", answer.text);
    let fresh: Value = serde_json::from_slice(&road.passed(TOKEN)[1].answer).expect("JSON");
    eventually("the fresh token to be dead", || async {
        let request = server.keyless(Method::GET, "/sandbox/api/me");
        let status = sent(request.bearer_auth(text(&fresh["access_token"]))).await.status;
        (status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_no_refreshed_token_along() {
    let (road, server, connected) = given().await;
    server.advance(Duration::from_mins(61));
    road.block_once(TOKEN, Trouble::Late);
    let call = json!({"method": "GET", "path": "/me"});
    tokio::select! {
        _ = server.passthrough(&connected.token, &call) => panic!("the refresh has no answer yet"),
        () = road.holds_an_answer() => {}
    }
    road.open(TOKEN);
    assert_eq!(server.passthrough(&connected.token, &call).await.expect(200)["status"], 200);
    assert_eq!(road.arrived(TOKEN), 2);
}
