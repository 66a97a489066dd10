//! Who may call the API, and how often.

use std::process::{Command, Output, Stdio};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Settings, TestServer, eventually, sent};

#[tokio::test]
async fn a_key_may_come_as_a_bearer_token() {
    let server = TestServer::start().await;
    let request =
        server.keyless(Method::GET, "/projects").header("authorization", format!("Bearer {}", server.key));
    assert_eq!(sent(request).await.expect(200)[0]["name"], "default");
}

#[tokio::test]
async fn a_key_may_come_as_x_api_key() {
    let server = TestServer::start().await;
    let request = server.keyless(Method::GET, "/projects").header("x-api-key", &server.key);
    assert_eq!(sent(request).await.expect(200)[0]["name"], "default");
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_and_stores_nothing() {
    let server = TestServer::start().await;
    let body = json!({"linked_user_origin_id": "user-1"}).to_string();
    let answer = sent(server.keyless(Method::POST, "/linked_users").body(body)).await;
    answer.assert_problem(401, "missing_api_key");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_stores_nothing() {
    let server = TestServer::start().await;
    let stranger = server.with_key("panora_0000000000000000000000000000000000000000000000000");
    let answer = stranger.post("/linked_users", &json!({"linked_user_origin_id": "user-1"})).await;
    answer.assert_problem(401, "invalid_api_key");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_key_is_asked_for_before_anything_else_of_the_request_is_read() {
    let server = TestServer::start().await;
    for (method, path) in
        [(Method::POST, "/webhook"), (Method::POST, "/passthrough"), (Method::GET, "/connections/x")]
    {
        let answer = sent(server.keyless(method, path).body("{")).await;
        answer.assert_problem(401, "missing_api_key");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_seconds() {
    let server = TestServer::start().await;
    let (revoked, project, id) = server.another_key().await;
    revoked.get("/projects").await.expect(200);
    server.app().store.revoke_api_key(project, id).await.expect("a key can be revoked");
    let answer = eventually("the revoked key to be refused", || async {
        let answer = revoked.get("/projects").await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    answer.assert_problem(401, "invalid_api_key");
    server.get("/projects").await.expect(200);
}

#[tokio::test]
async fn a_key_sees_its_own_project_only() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let user = server.post("/linked_users", &json!({"linked_user_origin_id": "user-1"})).await.expect(201);
    let path = format!("/linked_users/{}", user["id_linked_user"].as_str().expect("an id"));
    other.get(&path).await.assert_problem(404, "not_found");
    other.delete(&path).await.assert_problem(404, "not_found");
    assert_eq!(other.count("/linked_users").await, 0);
    server.get(&path).await.expect(200);
}

#[tokio::test]
async fn an_answer_tells_how_much_its_key_may_still_ask() {
    let server = TestServer::start().await;
    let answer = server.get("/projects").await;
    assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=1000;w=1");
    assert!(answer.header("ratelimit").starts_with("\"default\";r="), "{}", answer.header("ratelimit"));
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let server = Settings::default().flag("--api-rate-limit", "1").start().await;
    let answers = join_all((0..5).map(|_| server.get("/projects"))).await;
    let refused = answers.iter().find(|answer| answer.status != 200).expect("five at once are too many");
    refused.assert_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn no_limit_shows_no_limit_headers() {
    let server = Settings::default().flag("--api-rate-limit", "0").start().await;
    assert_eq!(server.get("/projects").await.header("ratelimit"), "");
}

/// What `panora api-keys` says beside a server.
async fn api_keys(server: &TestServer, words: &[&str], out: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.env_clear().envs(server.database().variables()).arg("api-keys").args(words);
    command.stdout(out).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || command.spawn()?.wait_with_output()).await;
    ended.expect("it ends").expect("the binary can be run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_that_nobody_could_read_is_revoked() {
    let server = TestServer::start().await;
    let (reader, writer) = std::io::pipe().expect("there is a pipe");
    drop(reader);
    let unread = api_keys(&server, &["create", "--name", "unread"], writer.into()).await;
    let said = String::from_utf8_lossy(&unread.stderr).into_owned();
    assert_eq!(unread.status.code(), Some(1), "{said}");
    assert!(said.starts_with("panora: the key could not be printed, so it is revoked: "), "{said}");
    let listed = api_keys(&server, &["list"], Stdio::piped()).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = listed.lines().find(|line| line.contains("unread")).expect("it is listed");
    assert!(line.contains("revoked"), "{line}");
}
