//! `ANY /passthrough/{path}`: everything passes as it is, both ways, and nothing of ours goes along.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Api, Database, Line, Settings, TestServer, Upstream, an_import, eventually, header_of, text,
};

/// The key goes into a header and, as some have it, into the query.
const FILE: &str = r##"
slug: keyed
name: Keyed
verticals: [ticketing]
colour: "#123456"
docs: https://keyed.example/docs
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/base"
  headers: {X-Key: "{api_key}"}
  query: {secret_key: "{api_key}"}
  rate_limit: {reset: x-reset}
"##;

/// More than fits into any buffer on the way.
const SIZE: usize = 8 * 1024 * 1024;

/// A provider that the test plays itself, a server that knows it, and a connection.
pub struct Given {
    pub upstream: Upstream,
    pub server: TestServer,
    pub token: String,
    pub id: String,
}

pub async fn given() -> Given {
    let (database, upstream) = (Database::fresh().await, Upstream::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    std::fs::write(folder.join("keyed.yaml"), FILE).expect("the folder can be written");
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.flag("--public-url", &upstream.url).database(database).start().await;
    let import = json!({"provider_slug": "keyed", "credentials": {"api_key": "k-swordfish"}});
    let made = server.post("/connections", &an_import("user-1", import)).await.expect(201);
    let (token, id) = (text(&made["connection_token"]), text(&made["id_connection"]));
    Given { upstream, server, token, id }
}

impl Given {
    /// A caller that has sent its request's head.
    pub async fn caller(&self, request_line: &str, headers: &str) -> Line {
        let Api { url, key, .. } = &*self.server;
        let mut line = Line::to(url).await;
        let token = &self.token;
        line.say(format!(
            "{request_line} HTTP/1.1\r\nhost: panora\r\nx-api-key: {key}\r\nx-connection-token: {token}\r\n{headers}\r\n"
        ))
        .await;
        line
    }

    /// Everything that a call gets which is answered with these bytes.
    pub async fn answered(&self, method: &str, answer: &str) -> (String, Vec<u8>) {
        let mut caller = self.caller(&format!("{method} /passthrough/x"), "connection: close\r\n").await;
        let (mut provider, _) = self.upstream.request().await;
        provider.say(answer).await;
        drop(provider);
        let head = caller.head().await;
        (head, caller.rest().await)
    }

    /// The newest entry of the log, once there are so many.
    pub async fn logged(&self, count: usize) -> Value {
        let path = format!("/connections/{}/requests", self.id);
        eventually("the call to be in the log", || async {
            let page = self.server.get(&path).await.expect(200);
            let entries = page["data"].as_array().cloned().expect("a list");
            (entries.len() >= count).then(|| entries[0].clone())
        })
        .await
    }
}

#[tokio::test]
async fn method_path_query_headers_and_body_pass_as_they_are() {
    let it = given().await;
    let target = "/passthrough/a%20b/c:d?x=%C3%A9&y=1+2&y";
    let mut caller = it
        .caller(
            &format!("REPORT {target}"),
            "X-Mine: as it is\r\nuser-agent: mine/1\r\ncontent-length: 5\r\n",
        )
        .await;
    caller.say("hello").await;
    let (mut provider, head) = it.upstream.request().await;
    let line = head.lines().next().expect("a request line");
    assert_eq!(line, "REPORT /base/a%20b/c:d?x=%C3%A9&y=1+2&y&secret_key=k-swordfish HTTP/1.1");
    assert_eq!(header_of(&head, "x-mine"), ["as it is"]);
    assert_eq!(header_of(&head, "user-agent"), ["mine/1"]);
    assert_eq!(header_of(&head, "x-key"), ["k-swordfish"]);
    assert_eq!(provider.take(5).await, b"hello");
    provider.say("HTTP/1.1 207 Odd\r\nX-Theirs: as it is\r\ncontent-length: 3\r\n\r\n\x00\x01\x02").await;
    let head = caller.head().await;
    assert!(head.starts_with("HTTP/1.1 207"), "{head}");
    assert_eq!(header_of(&head, "x-theirs"), ["as it is"]);
    assert_eq!(header_of(&head, "content-length"), ["3"]);
    assert_eq!(caller.take(3).await, [0, 1, 2]);
}

#[tokio::test]
async fn every_method_passes_but_those_that_would_show_the_credential() {
    let it = given().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"] {
        let (head, body) = it.answered(method, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert!(head.starts_with("HTTP/1.1 200") && body == b"ok", "{method}: {head}");
    }
    let mut caller = it.caller("TRACE /passthrough/x", "connection: close\r\n").await;
    let head = caller.head().await;
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    assert_eq!(header_of(&head, "panora-error"), ["method_not_allowed"]);
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn an_answer_to_head_keeps_its_length_and_has_no_body() {
    let it = given().await;
    let (head, body) =
        it.answered("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4711\r\netag: \"a\"\r\n\r\n").await;
    assert_eq!((header_of(&head, "content-length"), body.len()), (vec!["4711"], 0), "{head}");
    assert_eq!(header_of(&head, "etag"), ["\"a\""]);
}

#[tokio::test]
async fn an_answer_that_may_have_no_body_has_none() {
    let it = given().await;
    for status in [204, 304] {
        let (head, body) = it.answered("GET", &format!("HTTP/1.1 {status} X\r\netag: \"a\"\r\n\r\n")).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")) && body.is_empty(), "{head}");
    }
}

#[tokio::test]
async fn the_bare_prefix_is_the_base_url_itself() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/?a=1", "").await;
    let (mut provider, head) = it.upstream.request().await;
    assert!(head.starts_with("GET /base/?a=1&secret_key="), "{head}");
    provider.say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert!(caller.head().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_body_passes_before_it_ends() {
    let it = given().await;
    let mut caller = it.caller("POST /passthrough/x", "transfer-encoding: chunked\r\n").await;
    caller.say("5\r\nhello\r\n").await;
    let (mut provider, _) = it.upstream.request().await;
    assert!(provider.until("hello").await.ends_with("hello"));
    caller.say("5\r\nworld\r\n").await;
    provider.until("world").await;
    caller.say("0\r\n\r\n").await;
    provider.until("0\r\n\r\n").await;
}

#[tokio::test]
async fn an_answer_passes_before_it_ends() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/x", "").await;
    let (mut provider, _) = it.upstream.request().await;
    provider.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    assert!(caller.head().await.starts_with("HTTP/1.1 200"));
    caller.until("hello").await;
    provider.say("5\r\nworld\r\n").await;
    caller.until("world").await;
    provider.say("0\r\n\r\n").await;
    caller.until("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_request_body_has_no_bound() {
    let it = given().await;
    let mut caller = it.caller("PUT /passthrough/x", &format!("content-length: {SIZE}\r\n")).await;
    let sending = async {
        for _ in 0..SIZE / 65536 {
            caller.say(vec![7; 65536]).await;
        }
        caller.head().await
    };
    let taking = async {
        let (mut provider, head) = it.upstream.request().await;
        assert_eq!(header_of(&head, "content-length"), [SIZE.to_string()]);
        for _ in 0..SIZE / 65536 {
            assert!(provider.take(65536).await.iter().all(|byte| *byte == 7));
        }
        provider.say("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
        provider
    };
    let (head, _provider) = tokio::join!(sending, taking);
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    let entry = it.logged(1).await;
    assert_eq!((&entry["status"], &entry["sent_bytes"]), (&json!(201), &json!(SIZE)));
}

#[tokio::test]
async fn an_endless_answer_comes_no_faster_than_it_is_taken_and_ends_with_its_caller() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/x", "").await;
    let (mut provider, _) = it.upstream.request().await;
    provider.say("HTTP/1.1 200 OK\r\n\r\n").await;
    let said = Arc::new(AtomicUsize::new(0));
    let counted = said.clone();
    let endless = tokio::spawn(async move {
        let count = |bytes| {
            counted.fetch_add(bytes, Ordering::Relaxed);
        };
        provider.say_for_ever(&vec![7; 65536], count).await;
    });
    caller.head().await;
    caller.take(1024 * 1024).await;
    // What is said beyond that fills buffers, and then stands still.
    let mut before = 0;
    let (mut since, mut steady) = (Instant::now(), Duration::ZERO);
    while steady < Duration::from_millis(500) {
        let now = said.load(Ordering::Relaxed);
        assert!(now < 64 * 1024 * 1024, "{now} bytes were taken for a caller that takes none");
        if now != before {
            (before, since) = (now, Instant::now());
        }
        steady = since.elapsed();
        tokio::task::yield_now().await;
    }
    drop(caller);
    crate::support::within("the provider's connection to end", endless).await.expect("it ends");
    let entry = it.logged(1).await;
    assert_eq!((&entry["status"], &entry["error"]), (&json!(200), &json!("caller_left")));
    assert!(entry["received_bytes"].as_u64() >= Some(1024 * 1024), "{entry}");
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_answer_ends_the_call() {
    let it = given().await;
    let caller = it.caller("GET /passthrough/x", "").await;
    let (mut provider, _) = it.upstream.request().await;
    drop(caller);
    assert!(provider.rest().await.is_empty());
    let entry = it.logged(1).await;
    assert_eq!((&entry["status"], &entry["error"]), (&Value::Null, &json!("caller_left")));
}

#[tokio::test]
async fn what_is_ours_or_of_one_hop_does_not_cross() {
    let it = given().await;
    let ours = "Authorization: Bearer mine\r\nCookie: a=mine\r\nX-Forwarded-For: mine\r\nForwarded: for=mine\r\nVia: mine\r\n\
        X-Real-IP: mine\r\nTE: trailers\r\nKeep-Alive: mine\r\nProxy-Authorization: mine\r\nConnection: x-hop, keep-alive\r\n\
        X-Hop: mine\r\nExpect: 100-continue\r\nPanora-Anything: mine\r\nX-Key: mine\r\nX-Kept: kept\r\n";
    let mut caller = it.caller("GET /passthrough/x", ours).await;
    let (mut provider, head) = it.upstream.request().await;
    assert_eq!(header_of(&head, "x-kept"), ["kept"]);
    for secret in ["mine", &it.server.key, &it.token, "trailers", "100-continue"] {
        assert!(!head.contains(secret), "{secret} in {head}");
    }
    assert_eq!(header_of(&head, "host"), [it.upstream.url.trim_start_matches("http://")]);
    let theirs = "Set-Cookie: theirs\r\nSet-Cookie: theirs\r\nConnection: x-hop\r\nX-Hop: theirs\r\nPanora-Error: theirs\r\n\
        Keep-Alive: theirs\r\nProxy-Authenticate: theirs\r\nTrailer: theirs\r\nUpgrade: theirs\r\nAlt-Svc: theirs\r\n\
        Clear-Site-Data: theirs\r\nStrict-Transport-Security: theirs\r\nContent-Security-Policy: theirs\r\n\
        X-Content-Type-Options: theirs\r\nX-Kept: kept\r\nX-Kept: twice\r\n";
    provider.say(format!("HTTP/1.1 200 OK\r\n{theirs}content-length: 0\r\n\r\n")).await;
    let head = caller.head().await;
    assert!(!head.contains("theirs"), "{head}");
    assert_eq!(header_of(&head, "x-kept"), ["kept", "twice"]);
    assert_eq!(header_of(&head, "content-security-policy"), ["sandbox"]);
    assert_eq!(header_of(&head, "x-content-type-options"), ["nosniff"]);
    assert!(!header_of(&head, "x-request-id").is_empty());
}

#[tokio::test]
async fn trailers_are_dropped_both_ways() {
    let it = given().await;
    let mut caller =
        it.caller("POST /passthrough/x", "transfer-encoding: chunked\r\ntrailer: x-late\r\n").await;
    caller.say("2\r\nhi\r\n0\r\nx-late: mine\r\n\r\n").await;
    let (mut provider, head) = it.upstream.request().await;
    let body = provider.until("0\r\n\r\n").await;
    assert!(!head.contains("x-late") && body == "2\r\nhi\r\n0\r\n\r\n", "{head}{body}");
    provider
        .say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n2\r\nhi\r\n0\r\nx-late: theirs\r\n\r\n")
        .await;
    let head = caller.head().await;
    let body = caller.until("0\r\n\r\n").await;
    assert!(!head.contains("x-late") && body == "2\r\nhi\r\n0\r\n\r\n", "{head}{body}");
}

#[tokio::test]
async fn an_encoding_passes_untouched() {
    let it = given().await;
    let mut caller = it.caller("GET /passthrough/x", "accept-encoding: gzip, br\r\n").await;
    let (mut provider, head) = it.upstream.request().await;
    assert_eq!(header_of(&head, "accept-encoding"), ["gzip, br"]);
    provider
        .say("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x0b\x08\x00")
        .await;
    let head = caller.head().await;
    assert_eq!(
        (header_of(&head, "content-encoding"), header_of(&head, "content-length")),
        (vec!["gzip"], vec!["4"])
    );
    assert_eq!(caller.take(4).await, b"\x1f\x0b\x08\x00");
}

#[tokio::test]
async fn a_redirect_is_handed_on_without_the_credential_that_it_repeats() {
    let it = given().await;
    let answer = "HTTP/1.1 301 Moved\r\nlocation: https://api.example/y?secret_key=k-swordfish&a=1\r\n\
        link: </p?secret_key=k-swordfish>; rel=\"next\"\r\ncontent-length: 0\r\n\r\n";
    let (head, _) = it.answered("GET", answer).await;
    assert!(head.starts_with("HTTP/1.1 301") && !head.contains("swordfish"), "{head}");
    assert_eq!(header_of(&head, "location"), ["https://api.example/y?a=1"]);
    assert_eq!(header_of(&head, "link"), ["</p>; rel=\"next\""]);
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_redirect_with_letters_that_are_not_ascii_is_handed_on_without_the_credential_too() {
    let it = given().await;
    let answer = "HTTP/1.1 301 Moved\r\nlocation: /caf\u{e9}?a=1&secret_key=k-swordfish&n=\u{e9}\r\n\
        content-length: 0\r\n\r\n";
    let (head, _) = it.answered("GET", answer).await;
    assert!(head.starts_with("HTTP/1.1 301") && !head.contains("swordfish"), "{head}");
    assert_eq!(header_of(&head, "location"), ["/caf\u{e9}?a=1&n=\u{e9}"]);
}

#[tokio::test]
async fn a_path_that_could_leave_the_api_is_400_and_goes_nowhere() {
    let it = given().await;
    for path in [
        "/../admin",
        "/a/../../admin",
        "/./a",
        "/%2e%2e/a",
        "/.%2E/a",
        "/a%2f..%2fb",
        "/%252e%252e/a",
        "/..;x/a",
        "//evil.example/",
        "/a//b",
        "/a%2f%2fb",
        "/a\\b",
        "/a%5cb",
        "/https://evil.example/",
        "/a%00b",
        "/a%0d%0ab",
    ] {
        let mut caller = it.caller(&format!("GET /passthrough{path}"), "connection: close\r\n").await;
        let head = caller.head().await;
        assert!(head.starts_with("HTTP/1.1 400"), "{path}: {head}");
        assert_eq!(header_of(&head, "panora-error"), ["invalid_request"], "{path}");
    }
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn another_host_must_be_one_that_the_provider_s_file_lists() {
    let it = given().await;
    for base in ["https://evil.example", "http://127.0.0.1:1", "//evil.example", "\u{e9}"] {
        let header = format!("panora-override-base-url: {base}\r\nconnection: close\r\n");
        let mut caller = it.caller("GET /passthrough/x", &header).await;
        assert!(caller.head().await.starts_with("HTTP/1.1 400"), "{base}");
    }
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn only_panora_s_own_errors_are_marked() {
    let it = given().await;
    let (head, _) = it.answered("GET", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 404") && !head.contains("panora-error"), "{head}");
    for (headers, code) in [
        ("x-api-key: wrong\r\n".to_owned(), "invalid_api_key"),
        (String::new(), "missing_api_key"),
        (format!("x-api-key: {}\r\n", it.server.key), "missing_connection_token"),
        (format!("x-api-key: {}\r\nx-connection-token: ct_x\r\n", it.server.key), "invalid_connection_token"),
    ] {
        let mut line = Line::to(&it.server.url).await;
        line.say(format!("GET /passthrough/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n"))
            .await;
        let head = line.head().await;
        assert_eq!(header_of(&head, "panora-error"), [code], "{head}");
        assert_eq!(header_of(&head, "content-type"), ["application/problem+json"]);
    }
}

#[tokio::test]
async fn another_project_s_connection_token_is_refused() {
    let it = given().await;
    let other = it.server.another_project("other").await;
    let call = json!({"method": "GET", "path": "/x"});
    other.passthrough(&it.token, &call).await.assert_problem(401, "invalid_connection_token");
    assert!(it.upstream.is_untouched().await);
}

#[tokio::test]
async fn a_revoked_connection_is_refused_at_once_though_it_was_just_called() {
    let it = given().await;
    it.answered("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    it.server.delete(&format!("/connections/{}", it.id)).await.expect(200);
    let mut caller = it.caller("GET /passthrough/x", "connection: close\r\n").await;
    let head = caller.head().await;
    assert_eq!(header_of(&head, "panora-error"), ["connection_revoked"], "{head}");
}

#[tokio::test]
async fn a_revoked_connection_is_refused_on_every_node_within_five_seconds() {
    let nodes = TestServer::nodes().await;
    let made = nodes[0].import("user-1", json!({})).await;
    let (token, id) = (text(&made["connection_token"]), text(&made["id_connection"]));
    let call = json!({"method": "GET", "path": "/x/../y"});
    for node in &nodes {
        // Known, though the path is refused.
        let node = node.with_key(&nodes[0].key);
        node.passthrough(&token, &call).await.assert_refused_at("/path");
    }
    nodes[0].delete(&format!("/connections/{id}")).await.expect(200);
    let revoked = Instant::now();
    for node in &nodes {
        let node = node.with_key(&nodes[0].key);
        eventually("the node to refuse it", || async {
            (node.passthrough(&token, &call).await.status == 401).then_some(())
        })
        .await;
    }
    assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());
}

#[tokio::test]
async fn the_url_that_is_shown_has_no_credential_and_no_encoding_is_asked_for() {
    let it = given().await;
    let call =
        json!({"method": "GET", "path": "/x?secret_key=mine&a=1", "headers": {"Accept-Encoding": "gzip"}});
    let asked = it.server.passthrough(&it.token, &call);
    let provided = async {
        let (mut provider, head) = it.upstream.request().await;
        assert!(head.starts_with("GET /base/x?a=1&secret_key=k-swordfish HTTP/1.1"), "{head}");
        assert_eq!(header_of(&head, "accept-encoding"), ["identity"]);
        provider.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        provider
    };
    let (answer, _provider) = tokio::join!(asked, provided);
    assert_eq!(answer.expect(200)["url"], format!("{}/base/x?a=1", it.upstream.url));
}
