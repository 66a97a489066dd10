//! Providers of OAuth 1.0a (RFC 5849): the provider here checks every signature itself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Browser, Page, SignedProvider, TestServer, eventually, sent, text};

const SECRET: &str = "secret & of key-1";

async fn given() -> (SignedProvider, TestServer) {
    let provider = SignedProvider::start("HMAC-SHA1").await;
    let server = provider.server(SECRET).await;
    (provider, server)
}

/// A person opens a link and goes to the provider, which sends them back at once.
async fn go(server: &TestServer, origin_id: &str) -> Page {
    let link = server.magic_link_with(origin_id, json!({"providers": ["signed"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    browser.open(page.link_with("/authorize")).await
}

async fn connect(server: &TestServer) -> Value {
    go(server, "user-1").await.assert_says(200, "Signed is connected");
    server.connection_of("user-1").await
}

async fn call(server: &TestServer, connection: &Value, body: Value) -> Value {
    server.passthrough(&text(&connection["connection_token"]), &body).await.expect(200)
}

/// From the consent to calls of each kind, none of them refused.
async fn lives(method: &'static str) {
    let provider = SignedProvider::start(method).await;
    let server = provider.server(SECRET).await;
    let connection = connect(&server).await;
    assert_eq!(
        [&connection["token_type"], &connection["auth_kind"], &connection["account"]["name"]],
        ["oauth2", "oauth1", "Ada"]
    );
    assert_eq!(
        (&connection["scopes"], &connection["expiration_timestamp"]),
        (&json!(["read", "write"]), &Value::Null)
    );
    let odd = "/things?q=a%20b+c%26d&b=%3D%253D&b=&c%40=%C3%A9";
    let get = call(&server, &connection, json!({"method": "GET", "path": odd})).await;
    let form = json!({"method": "POST", "path": "/things?x=1", "request_format": "form",
        "data": {"a b": "c&d=e", "x": "0"}});
    let form = call(&server, &connection, form).await;
    let json = call(&server, &connection, json!({"method": "PUT", "path": "/t", "data": {"a": "b&c"}})).await;
    assert_eq!([&get["status"], &form["status"], &json["status"]], [200; 3]);
    let rules = provider.rules();
    let called: Vec<_> = rules.taken.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(
        called,
        [
            "POST /signed/request?from=panora",
            "POST /signed/access",
            "GET /signed/api/me?fields=id,name&x=a%20b+c",
            "GET /signed/api/things?q=a%20b+c%26d&b=%3D%253D&b=&c%40=%C3%A9",
            "POST /signed/api/things?x=1",
            "PUT /signed/api/t",
        ]
    );
    assert_eq!(rules.refused, 0);
}

#[tokio::test]
async fn a_person_connects_and_calls_are_signed_with_hmac_sha1() {
    lives("HMAC-SHA1").await;
}

#[tokio::test]
async fn a_person_connects_and_calls_are_signed_with_hmac_sha256() {
    lives("HMAC-SHA256").await;
}

#[tokio::test]
async fn a_person_connects_and_calls_are_signed_in_plain_text() {
    lives("PLAINTEXT").await;
}

#[tokio::test]
async fn a_streamed_form_is_signed_with_its_fields_whether_its_length_is_told_or_not() {
    let (provider, server) = given().await;
    let token = text(&connect(&server).await["connection_token"]);
    for chunked in [false, true] {
        let body = "field=a+b%26&other=";
        let body = if chunked { stream(vec![body.to_owned()]) } else { body.into() };
        let request = server.request(Method::POST, "/passthrough/things");
        let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let answer = sent(request.header("x-connection-token", &token).body(body)).await;
        assert_eq!(answer.status, 200, "chunked: {chunked}: {}", answer.text);
    }
    assert_eq!(provider.rules().taken.last().expect("calls").2, "field=a+b%26&other=");
    assert_eq!(provider.rules().refused, 0);
}

fn stream(chunks: Vec<String>) -> reqwest::Body {
    reqwest::Body::wrap(http_body_util::StreamBody::new(futures_util::stream::iter(
        chunks
            .into_iter()
            .map(|chunk| Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from(chunk)))),
    )))
}

#[tokio::test]
async fn a_form_too_long_to_be_signed_is_refused_and_a_stream_of_anything_else_passes() {
    let (provider, server) = given().await;
    let token = text(&connect(&server).await["connection_token"]);
    let long = || stream(vec!["a=0123456789abcdef".repeat(4096); 20]);
    let request = |kind: &str| {
        let request = server.request(Method::POST, "/passthrough/things").header("content-type", kind);
        request.header("x-connection-token", &token)
    };
    let refused = sent(request("application/x-www-form-urlencoded").body(long())).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (413, Some("body_too_large")));
    let passed = sent(request("application/octet-stream").body(long())).await;
    assert_eq!((passed.status, provider.rules().refused), (200, 0), "{}", passed.text);
}

#[tokio::test]
async fn a_callback_with_another_token_than_was_asked_for_connects_nothing() {
    let (provider, server) = given().await;
    provider.rules().returns_token = Some("request/of-somebody-else".to_owned());
    let page = go(&server, "user-1").await;
    assert!(!page.url.path().ends_with("/done"), "{}", page.text());
    assert_eq!((provider.road.arrived("/signed/access"), server.count("/connections").await), (0, 0));
    let failed = server.get("/events?type=connection.failed").await.expect(200);
    assert_eq!(failed[0]["data"]["code"], "provider_error");
}

#[tokio::test]
async fn a_callback_works_once_and_in_its_own_browser_only() {
    let (provider, server) = given().await;
    let link = server.magic_link_with("user-1", json!({"providers": ["signed"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let away = browser.open_only(page.link_with("/authorize")).await;
    let provider_page = away.headers["location"].to_str().expect("a URL").to_owned();
    let back = browser.open_only(provider_page).await.headers["location"].to_str().expect("a URL").to_owned();
    let stranger = Browser::new().open(&back).await;
    assert!(!stranger.url.path().ends_with("/done"), "{}", stranger.text());
    assert_eq!(provider.road.arrived("/signed/access"), 0);
    browser.open(&back).await.assert_says(200, "Signed is connected");
    browser.open(&back).await;
    assert_eq!((provider.road.arrived("/signed/access"), server.count("/connections").await), (1, 1));
}

#[tokio::test]
async fn a_person_who_refuses_reads_that_they_did() {
    let (provider, server) = given().await;
    provider.rules().denies = true;
    let page = go(&server, "user-1").await;
    assert!(
        page.url.query().unwrap_or_default().contains("denied") || page.url.path().contains("denied"),
        "{}",
        page.url
    );
    assert_eq!(provider.road.arrived("/signed/access"), 0);
}

#[tokio::test]
async fn nobody_is_sent_away_with_a_client_or_a_token_that_is_not_good() {
    let provider = SignedProvider::start("HMAC-SHA1").await;
    let server = provider.server("another secret").await;
    let page = go(&server, "user-1").await;
    assert_eq!(provider.road.arrived("/signed/authorize"), 0, "{}", page.text());
    let failed = server.get("/events?type=connection.failed").await.expect(200);
    assert_eq!(failed[0]["data"]["code"], "set_up_wrongly");

    let (provider, server) = given().await;
    provider.rules().is_of_version_1_0 = true;
    go(&server, "user-1").await;
    assert_eq!(provider.road.arrived("/signed/authorize"), 0);
}

#[tokio::test]
async fn no_secret_of_a_token_is_stored_in_plain_text() {
    let (provider, server) = given().await;
    // Left in the midst of the flow, so that the temporary one is there.
    let link = server.magic_link_with("user-2", json!({"providers": ["signed"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    browser.open_only(page.link_with("/authorize")).await;
    connect(&server).await;
    let (stored, secrets) = (server.database().bytes().await, provider.secrets());
    let is_stored = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(secrets.len() == 2 && is_stored("oauth1"), "{secrets:?}");
    for secret in secrets {
        assert!(!is_stored(&secret), "{secret}");
    }
}

#[tokio::test]
async fn a_connection_is_given_back_by_a_signed_request() {
    let (provider, server) = given().await;
    let connection = connect(&server).await;
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    server.delete(&path).await.expect(200);
    eventually("the token to be taken back", || async {
        let gone = provider.secrets().is_empty();
        gone.then_some(())
    })
    .await;
    assert_eq!(provider.rules().refused, 0);
}

#[tokio::test]
async fn a_token_that_is_refused_needs_the_person_again() {
    let (provider, server) = given().await;
    let connection = connect(&server).await;
    provider.rules().has_lost_grants = true;
    let token = text(&connection["connection_token"]);
    let get = json!({"method": "GET", "path": "/me"});
    assert_eq!(server.passthrough(&token, &get).await.expect(200)["status"], 401);
    assert_eq!(server.connection_of("user-1").await["status"], "needs_reauth");
    server.passthrough(&token, &get).await.assert_problem(409, "needs_reauth");
}

#[tokio::test]
async fn a_refusal_that_is_the_clients_fault_costs_nobody_a_connection() {
    let (provider, server) = given().await;
    let connection = connect(&server).await;
    let token = text(&connection["connection_token"]);
    let get = json!({"method": "GET", "path": "/me"});
    let right = std::mem::replace(&mut provider.rules().client.1, "changed at the provider".to_owned());
    assert_eq!(server.passthrough(&token, &get).await.expect(200)["status"], 401);
    let verify = format!("/connections/{}/verify", text(&connection["id_connection"]));
    assert_eq!(server.post_raw(&verify, "").await.expect(200)["verification"], "provider_error");
    assert_eq!(server.connection_of("user-1").await["status"], "valid");

    provider.rules().client.1 = right;
    assert_eq!(server.passthrough(&token, &get).await.expect(200)["status"], 200);
    provider.rules().has_lost_grants = true;
    assert_eq!(server.post_raw(&verify, "").await.expect(200)["verification"], "wrong_credentials");
    assert_eq!(server.connection_of("user-1").await["status"], "needs_reauth");
}

#[tokio::test]
async fn tokens_that_an_integrator_has_are_imported_with_their_secrets() {
    let (provider, server) = given().await;
    let (token, secret) = provider.grant();
    let import = |credentials: Value| {
        json!({"linked_user_origin_id": "user-1", "provider_slug": "signed", "verify": true,
            "credentials": credentials})
    };
    let made = import(json!({"access_token": token, "token_secret": secret}));
    let connection = server.post("/connections", &made).await.expect(201);
    assert_eq!(connection["account"]["id"], token.as_str());
    assert_eq!(call(&server, &connection, json!({"method": "GET", "path": "/me"})).await["status"], 200);
    assert!(!connection.to_string().contains(&secret));

    let wrong = import(json!({"access_token": token, "token_secret": "another"}));
    server.post("/connections", &wrong).await.assert_problem(422, "wrong_credentials");
    let lacking = server.post("/connections", &import(json!({"access_token": token}))).await;
    lacking.assert_problem(400, "invalid_request");
    assert_eq!(lacking.body["errors"][0]["pointer"], "/credentials/token_secret");
    let refresh = import(json!({"access_token": token, "token_secret": secret, "refresh_token": "r"}));
    server.post("/connections", &refresh).await.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn doctor_asks_for_temporary_credentials_to_see_whether_the_client_is_good() {
    let (provider, server) = given().await;
    let diagnosis = server.get("/doctor/signed").await.expect(200);
    let check = |diagnosis: &Value| {
        let checks = diagnosis["checks"].as_array().expect("a list");
        let found = checks.iter().find(|it| it["name"] == "token_endpoint").expect("it was asked");
        text(&found["outcome"])
    };
    assert_eq!((check(&diagnosis).as_str(), provider.road.arrived("/signed/request")), ("passed", 1));

    let server = provider.server("another secret").await;
    let diagnosis = server.get("/doctor/signed").await.expect(200);
    assert_eq!(check(&diagnosis), "failed");
    assert_eq!(diagnosis["findings"][0]["code"], "client_refused", "{diagnosis}");
}
