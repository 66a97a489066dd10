//! What refusals look like to the people who read them.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, TestServer, sent};

/// Headers and body as they came, but for the request's id.
fn shown(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    body["request_id"] = "(id)".into();
    let body = serde_json::to_string_pretty(&body).expect("JSON can be written");
    format!("{} {}\n{body}", answer.status, answer.header("content-type"))
}

#[tokio::test]
async fn a_missing_key_says_how_to_send_one() {
    let server = TestServer::start().await;
    let answer = sent(server.keyless(Method::GET, "/projects")).await;
    assert_snapshot!(shown(&answer), @r#"
    401 application/problem+json
    {
      "code": "missing_api_key",
      "detail": "Send your API key as `Authorization: Bearer <key>` or as `x-api-key: <key>`.",
      "request_id": "(id)",
      "status": 401,
      "title": "Unauthorized",
      "type": "/docs#error-missing_api_key"
    }
    "#);
}

#[tokio::test]
async fn an_unknown_field_says_which() {
    let server = TestServer::start().await;
    let answer =
        server.post("/linked_users", &json!({"linked_user_origin_id": "user-1", "nickname": "Ada"})).await;
    assert_snapshot!(shown(&answer), @r#"
    400 application/problem+json
    {
      "code": "invalid_request",
      "detail": "The request is not valid.",
      "errors": [
        {
          "detail": "There is no such field.",
          "pointer": "/nickname"
        }
      ],
      "request_id": "(id)",
      "status": 400,
      "title": "Bad Request",
      "type": "/docs#error-invalid_request"
    }
    "#);
}

#[tokio::test]
async fn an_unknown_scope_says_which_and_what_is_near() {
    let server = TestServer::start().await;
    let body = json!({"url": "http://127.0.0.1:9/", "scope": ["connection.created", "connection.craeted"]});
    let answer = server.post("/webhook", &body).await;
    assert_snapshot!(shown(&answer), @r#"
    400 application/problem+json
    {
      "code": "invalid_request",
      "detail": "The request is not valid.",
      "errors": [
        {
          "detail": "`connection.craeted` is not an event type; did you mean `connection.created`?",
          "pointer": "/scope/1"
        }
      ],
      "request_id": "(id)",
      "status": 400,
      "title": "Bad Request",
      "type": "/docs#error-invalid_request"
    }
    "#);
}

#[tokio::test]
async fn nothing_found_does_not_say_whether_it_is_somebody_else_s() {
    let server = TestServer::start().await;
    let answer = server.get("/connections/01890000-0000-7000-8000-000000000000").await;
    assert_snapshot!(shown(&answer), @r#"
    404 application/problem+json
    {
      "code": "not_found",
      "detail": "There is nothing here, or it is not yours.",
      "request_id": "(id)",
      "status": 404,
      "title": "Not Found",
      "type": "/docs#error-not_found"
    }
    "#);
}

#[tokio::test]
async fn a_problem_s_type_leads_to_its_explanation() {
    let server = TestServer::start().await;
    let problem = sent(server.keyless(Method::GET, "/projects")).await;
    let anchor = problem.body["type"].as_str().and_then(|it| it.strip_prefix("/docs#")).expect("an anchor");
    let docs = sent(server.keyless(Method::GET, "/docs")).await;
    assert!(docs.text.contains(&format!("id=\"{anchor}\"")), "{anchor}");
}
