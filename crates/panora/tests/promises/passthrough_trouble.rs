//! Providers that mean harm or break: what the caller sees is never taken for more than it is.

use serde_json::{Value, json};

use crate::passthrough_streams::given;
use crate::support::header_of;

#[tokio::test]
async fn an_answer_that_is_no_http_is_our_502_with_its_code() {
    let it = given().await;
    let flood = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    for (answer, code) in [
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "answer_malformed"),
        ("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "answer_malformed"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "answer_malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "answer_malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "answer_malformed"),
        (flood.as_str(), "headers_too_large"),
        (long.as_str(), "headers_too_large"),
        ("", "connection_closed"),
        ("HTTP/1.1 20", "connection_closed"),
    ] {
        let (head, body) = it.answered("GET", answer).await;
        let shown = &answer[..answer.len().min(60)];
        assert!(head.starts_with("HTTP/1.1 502"), "{shown}: {head}");
        assert_eq!(header_of(&head, "panora-error"), [code], "{shown}");
        let problem: Value = serde_json::from_slice(&body).expect("a problem is JSON");
        assert_eq!(problem["code"], code);
    }
}

#[tokio::test]
async fn early_answers_are_passed_over() {
    let it = given().await;
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(20);
    let (head, body) =
        it.answered("GET", &format!("{early}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")).await;
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("link"), "{head}");
    assert_eq!(body, b"ok");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_a_whole_one() {
    let it = given().await;
    for (number, answer) in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\nzz\r\nmore",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\nffffffffffffffffff\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let (head, body) = it.answered("GET", answer).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(head.starts_with("HTTP/1.1 200") && body.contains("only this"), "{head}{body}");
        // Neither the announced length nor a last chunk.
        assert!(body.len() < 100 && !body.contains("0\r\n\r\n"), "{body}");
        let entry = it.logged(number + 1).await;
        assert_eq!((&entry["status"], &entry["error"]), (&json!(200), &json!("body_broken")), "{entry}");
        assert_eq!(entry["received_bytes"], 9);
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_breaks_the_caller_s_too() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/x", "").await;
    let (mut provider, _) = it.upstream.request().await;
    provider.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
    caller.head().await;
    caller.until("hi").await;
    provider.reset();
    let rest = caller.rest().await;
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{rest:?}");
}

#[tokio::test]
async fn what_follows_a_body_belongs_to_no_other_answer() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/x", "").await;
    let (mut provider, _) = it.upstream.request().await;
    provider
        .say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        .await;
    caller.head().await;
    assert_eq!(caller.take(2).await, b"ok");
    let (head, body) = it.answered("GET", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nright").await;
    assert!(head.starts_with("HTTP/1.1 200") && body == b"right", "{head}");
}

#[tokio::test]
async fn a_request_body_smuggles_no_second_request() {
    let it = given().await;
    let both = "content-length: 4\r\ntransfer-encoding: chunked\r\nconnection: close\r\n";
    let mut caller = it.caller("POST /passthrough/x", both).await;
    caller.say("5\r\nhello\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let (mut provider, head) = it.upstream.request().await;
    assert_eq!(provider.until("0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
    provider.say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    assert!(header_of(&head, "content-length").is_empty(), "{head}");
    caller.rest().await;
    assert!(provider.rest().await.is_empty() && it.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_caller_that_breaks_its_body_off_is_not_repeated_as_if_it_were_whole() {
    let it = given().await;
    let mut caller = it.caller("POST /passthrough/x", "transfer-encoding: chunked\r\n").await;
    caller.say("5\r\nhello\r\n").await;
    let (mut provider, _) = it.upstream.request().await;
    provider.until("hello").await;
    drop(caller);
    let rest = provider.rest().await;
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{rest:?}");
}

#[tokio::test]
async fn an_answer_of_more_than_ten_mebibytes_is_not_for_the_json_form() {
    let it = given().await;
    let call = json!({"method": "GET", "path": "/x"});
    let asked = it.server.passthrough(&it.token, &call);
    let provided = async {
        let (mut provider, _) = it.upstream.request().await;
        provider.say("HTTP/1.1 200 OK\r\n\r\n").await;
        provider.say_for_ever(&vec![b'7'; 65536], |_| ()).await;
    };
    let (answer, ()) = tokio::join!(asked, provided);
    answer.assert_problem(502, "body_too_large");
    assert_eq!(it.logged(1).await["error"], "body_too_large");
}

#[tokio::test]
async fn bytes_that_are_no_text_come_as_base64_and_say_so() {
    let it = given().await;
    for (body, data, encoding) in [
        (&b"\xff\x00\xfe"[..], json!("/wD+"), json!("base64")),
        (b"plain", json!("plain"), json!("utf8")),
        (b" {\"a\": 1.0} ", json!({"a": 1.0}), Value::Null),
        (b"\"text\"", json!("text"), Value::Null),
        (b"", Value::Null, Value::Null),
    ] {
        let call = json!({"method": "GET", "path": "/x"});
        let asked = it.server.passthrough(&it.token, &call);
        let provided = async {
            let (mut provider, _) = it.upstream.request().await;
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            provider.say([head.as_bytes(), body].concat()).await;
            provider
        };
        let (answer, _provider) = tokio::join!(asked, provided);
        let answer = answer.expect(200);
        assert_eq!((&answer["data"], &answer["encoding"]), (&data, &encoding), "{answer}");
    }
}
