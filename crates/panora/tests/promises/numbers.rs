//! Numbers and strings: one rule on the way in, so that the API, the store and the webhook agree.

use serde_json::{Value, json};

use crate::support::{Browser, Receiver, TestServer, sent, text};

/// As a caller writes it: keys out of order, and everything that parsers trip over.
const METADATA: &str = r#"{"b": 0.1, "a": 1.0, "c": 1e21, "d": 5e-324, "e": -0, "f": 9007199254740993, "g": 1e400,
    "h": 9007199254740992, "i": "9007199254740993", "j": 100, "k": 1E+2, "l": 0.30000000000000004, "m": -9007199254740993,
    "n": 0.1000000000000000055511151231257827, "o": 99.99999999999999, "p": 2.2e-25, "10": 1, "9": 2, "__proto__": {"toJSON": 1}, "\ufb01": 3, "\ud800\udc00": 4,
    "deep": [[[[{"x": [null, true, "\u0007\"\\\/"]}]]]], "emoji": "\ud83d\ude00"}"#;

/// As it is signed and sent: RFC 8785.
const CANONICAL: &str = concat!(
    r#"{"10":1,"9":2,"__proto__":{"toJSON":1},"a":1,"b":0.1,"c":1e+21,"d":5e-324,"deep":[[[[{"x":[null,true,"#,
    r#""\u0007\"\\/"]}]]]],"e":0,"emoji":"😀","f":"9007199254740993","g":"1e400","h":9007199254740992,"#,
    r#""i":"9007199254740993","j":100,"k":100,"l":0.30000000000000004,"m":"-9007199254740993","#,
    r#""n":"0.1000000000000000055511151231257827","o":99.99999999999999,"p":2.2e-25,"#,
    "\"\u{10000}\":4,\"\u{fb01}\":3}"
);

/// The same as a value; its numbers are compared as numbers.
fn as_stored() -> Value {
    serde_json::from_str(CANONICAL).expect("a constant")
}

fn assert_same(shown: &Value) {
    assert_eq!(
        panora_signature::canonical_json(shown),
        panora_signature::canonical_json(&as_stored()),
        "{shown}"
    );
}

#[tokio::test]
async fn a_payload_full_of_traps_arrives_in_the_webhook_as_the_rule_says() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let body = format!(
        r#"{{"linked_user_origin_id": "user-1", "provider_slug": "sandbox", "credentials": {{"access_token": "a"}}, "metadata": {METADATA}}}"#
    );
    let answer = server.post_raw("/connections", body).await.expect(201);
    assert_same(&answer["metadata"]);
    let delivered = String::from_utf8(receiver.next().await.body).expect("UTF-8");
    assert!(delivered.contains(&format!("\"metadata\":{CANONICAL}")), "{delivered}");
    let path = format!("/connections/{}", text(&answer["id_connection"]));
    assert_same(&server.get(&path).await.expect(200)["metadata"]);
}

#[tokio::test]
async fn imports_alone_and_in_batches_answer_what_the_webhook_says() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let person = server.import("user-1", json!({})).await;
    receiver.next().await;
    let alone = format!(
        r#"{{"id_linked_user": {}, "provider_slug": "sandbox", "credentials": {{"access_token": "a"}}, "metadata": {METADATA}}}"#,
        person["id_linked_user"]
    );
    assert_same(&server.post_raw("/connections", alone.clone()).await.expect(201)["metadata"]);
    let batch = format!(r#"{{"connections": [{alone}]}}"#);
    let answer = server.post_raw("/connections/batch", batch).await.expect(201);
    assert_same(&answer["data"][0]["connection"]["metadata"]);
    for _ in 0..2 {
        let delivered = String::from_utf8(receiver.next().await.body).expect("UTF-8");
        assert!(delivered.contains(&format!("\"metadata\":{CANONICAL}")), "{delivered}");
    }
}

#[tokio::test]
async fn a_link_s_metadata_goes_through_the_flow_unchanged() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let body =
        format!(r#"{{"linked_user_origin_id": "user-1", "providers": ["sandbox"], "metadata": {METADATA}}}"#);
    let link = server.post_raw("/magic_links", body).await.expect(201);
    assert_same(&link["metadata"]);
    Browser::new().connect(&text(&link["url"])).await;
    let delivered = String::from_utf8(receiver.next().await.body).expect("UTF-8");
    assert!(delivered.contains(&format!("\"metadata\":{CANONICAL}")), "{delivered}");
}

#[tokio::test]
async fn changed_metadata_follows_the_same_rule() {
    let server = TestServer::start().await;
    let connection = server.import("user-1", json!({})).await;
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    let request = server.request(reqwest::Method::PATCH, &path).header("content-type", "application/json");
    let answer = sent(request.body(format!("{{\"metadata\": {METADATA}}}"))).await.expect(200);
    assert_same(&answer["metadata"]);
    assert_same(&server.get(&path).await.expect(200)["metadata"]);
}
