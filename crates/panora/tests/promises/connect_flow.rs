//! The whole promise once through: a person opens a magic link and connects an account, a backend receives the
//! signed event, and its connection token fetches real records.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, Receiver, Road, TestServer, Trouble, eventually, is_signed_with, sent, text};

#[tokio::test]
async fn a_person_connects_and_the_signed_event_s_token_fetches_records() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let page = Browser::new().connect(&server.link("user-1").await).await;
    page.assert_says(200, "Sandbox is connected");
    let delivery = receiver.next().await;
    assert!(is_signed_with(&delivery, &endpoint.secret), "{:?}", delivery.headers);
    assert_eq!(delivery.event_type(), "connection.created");
    let call = json!({"method": "GET", "path": "/contacts?limit=3"});
    let answer = server.passthrough(&text(&delivery.data()["connection_token"]), &call).await.expect(200);
    assert_eq!((&answer["status"], answer["data"]["data"].as_array().map(Vec::len)), (&json!(200), Some(3)));
}

#[tokio::test]
async fn the_event_holds_the_connection_object() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let link = server.magic_link_with("user-1", json!({"alias": "Ada", "metadata": {"plan": "pro"}})).await;
    Browser::new().connect(&text(&link["url"])).await;
    let event = receiver.next().await.event;
    let data = &event["data"];
    let token = text(&data["connection_token"]);
    assert!(token.starts_with("ct_"), "{token}");
    let expected = json!({
        "id_connection": data["id_connection"], "status": "valid", "connection_token": token,
        "provider_slug": "sandbox", "vertical": "crm", "token_type": "oauth2", "auth_kind": "oauth2_code",
        "account_url": format!("{}/sandbox/api", server.url), "expiration_timestamp": data["expiration_timestamp"],
        "account": {"id": "acme", "name": "Acme Inc.", "email": "ada@acme.test"},
        "scopes": ["contacts.read", "contacts.write", "profile"], "missing_scopes": [],
        "created_at": data["created_at"], "id_project": event["id_project"],
        "id_linked_user": link["id_linked_user"], "metadata": {"plan": "pro"},
    });
    assert_eq!(*data, expected);
    assert!(data["expiration_timestamp"].is_string() && data["created_at"].is_string());
}

#[tokio::test]
async fn a_delivery_has_the_headers_and_the_body_of_the_documentation() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    server.connect("user-1").await;
    let delivery = receiver.next().await;
    assert_eq!(delivery.line, "POST /webhook");
    assert_eq!(delivery.header("content-type"), "application/json");
    assert!(delivery.header("user-agent").starts_with("Panora/"), "{}", delivery.header("user-agent"));
    assert_eq!(delivery.header("webhook-id"), delivery.id_event());
    let names: Vec<_> = delivery.event.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(names, ["created_at", "data", "id_event", "id_project", "type"]);
    assert_eq!(delivery.body, panora_signature::canonical_json(&delivery.event));
}

#[tokio::test]
async fn scopes_that_were_not_granted_are_missing() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    browser.submit(&consent.form().and("trouble", "partial_scopes").allow()).await;
    let connection = server.connection_of("user-1").await;
    assert_eq!(connection["scopes"], json!(["contacts.read", "profile"]));
    assert_eq!(connection["missing_scopes"], json!(["contacts.write"]));
}

#[tokio::test]
async fn the_token_leaves_the_address_and_a_cookie_that_no_script_reads_takes_its_place() {
    let server = TestServer::start().await;
    let link = server.link("user-1").await;
    let page = Browser::new().open(&link).await;
    let token = link.rsplit('/').next().expect("a token");
    assert!(!page.url.as_str().contains(token) && !page.html.contains(token));
    let cookie = page.cookies.first().expect("the flow's cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains(token));
}

#[tokio::test]
async fn the_connection_token_never_reaches_the_browser() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    assert!(!connected.page.html.contains("ct_"), "{}", connected.page.html);
    assert!(connected.page.way.iter().all(|url| !url.as_str().contains(&connected.token)));
}

#[tokio::test]
async fn every_page_under_connect_forbids_framing_referrers_and_caches() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.link("user-1").await;
    let pages = [
        browser.open_only(&link).await,
        browser.open(&link).await,
        browser.connect(&link).await,
        browser.open(format!("{}/connect/nothing", server.url)).await,
        Browser::new().open(&link).await,
    ];
    for page in pages {
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{}", page.url);
        assert_eq!(page.header("cache-control"), "no-store", "{}", page.url);
    }
}

#[tokio::test]
async fn pages_asked_for_by_another_host_s_name_are_421() {
    let server = TestServer::start().await;
    for path in ["/connect/anything", "/docs", "/sandbox/oauth/authorize", "/connections/oauth/callback"] {
        let request = server.keyless(reqwest::Method::GET, path).header("host", "rebound.example");
        assert_eq!(sent(request).await.status, 421, "{path}");
    }
}

#[tokio::test]
async fn the_success_page_names_the_account_and_stays_for_half_an_hour() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = text(&server.magic_link_with("user-1", json!({"alias": "Ada Lovelace"})).await["url"]);
    let done = browser.connect(&link).await;
    for words in ["ada@acme.test", "Acme Inc.", "Ada Lovelace"] {
        done.assert_says(200, words);
    }
    server.advance(Duration::from_mins(29));
    browser.open(&done.url).await.assert_says(200, "Sandbox is connected");
    assert!(Browser::new().open(&done.url).await.status >= 400);
    server.advance(Duration::from_mins(2));
    assert!(browser.open(&done.url).await.status >= 400);
}

#[tokio::test]
async fn the_way_back_tells_success_and_the_connection() {
    let server = TestServer::start().await;
    let link =
        server.magic_link_with("user-1", json!({"return_url": "https://acme.example/done?tab=1"})).await;
    let done = Browser::new().connect(&text(&link["url"])).await;
    let back = done.link_with("https://acme.example/done");
    let id = text(&server.connection_of("user-1").await["id_connection"]);
    assert_eq!(back.query(), Some(format!("tab=1&status=success&id_connection={id}").as_str()));
}

#[tokio::test]
async fn a_flow_begun_before_its_link_expires_may_end_after() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.magic_link_with("user-1", json!({"expires_in": 60})).await;
    let consent = browser.to_consent(&text(&link["url"])).await;
    server.advance(Duration::from_secs(90));
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
    assert_eq!(server.count("/connections").await, 1);
}

#[tokio::test]
async fn a_callback_without_a_state_begins_a_fresh_authorisation_in_a_browser_with_a_flow() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    browser.open(&server.link("user-1").await).await;
    let callback = format!("{}/connections/oauth/callback?code=from-a-marketplace", server.url);
    let page = browser.open(&callback).await;
    assert!(
        page.status == 200 && page.url.path().starts_with("/connect/flow/"),
        "{} {}",
        page.url,
        page.text()
    );
    let consent = browser.on_to_consent(&page).await;
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_callback_without_a_state_stores_nothing_in_any_other_browser() {
    let server = TestServer::start().await;
    let callback = format!("{}/connections/oauth/callback?code=from-a-marketplace", server.url);
    assert!(Browser::new().open(&callback).await.status >= 400);
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn the_authorisation_asks_with_pkce_and_a_state_of_256_bits() {
    let server = TestServer::start().await;
    let consent = Browser::new().to_consent(&server.link("user-1").await).await;
    assert_eq!(consent.parameter("code_challenge_method"), "S256");
    assert_eq!((consent.parameter("code_challenge").len(), consent.parameter("state").len()), (43, 43));
    assert_eq!(consent.parameter("redirect_uri"), format!("{}/connections/oauth/callback", server.url));
}

#[tokio::test]
async fn of_two_flows_that_race_one_link_connects_once_and_gives_the_other_grant_back() {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    let link = server.link("user-1").await;
    let (ada, grace) = (Browser::new(), Browser::new());
    let (first, second) = (ada.to_consent(&link).await, grace.to_consent(&link).await);
    let token = "/sandbox/oauth/token";
    road.block(token, Trouble::Closed);
    let (first, second) =
        (first.form().with("account", "acme").allow(), second.form().with("account", "globex").allow());
    let both = async {
        road.wait_for(token, 2).await;
        road.open(token);
    };
    let (first, second, ()) = tokio::join!(ada.submit(&first), grace.submit(&second), both);
    let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
    won.assert_says(200, "Sandbox is connected");
    lost.assert_says(410, "This link has already been used");
    assert_eq!(server.count("/connections").await, 1);
    let failed = receiver.first("connection.failed").await;
    assert_eq!(failed.data()["code"], "link_used");
    road.wait_for("/sandbox/oauth/revoke", 1).await;
    eventually("one of the two grants to be dead", || async {
        let mut dead = 0;
        for exchange in road.passed(token) {
            let tokens: Value = serde_json::from_slice(&exchange.answer).expect("JSON");
            dead += usize::from(sandbox_status(&server, &text(&tokens["access_token"])).await == 401);
        }
        (dead == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_flow_that_comes_back_after_its_link_was_used_connects_nothing() {
    let server = TestServer::start().await;
    let link = server.link("user-1").await;
    let late = Browser::new();
    let consent = late.to_consent(&link).await;
    Browser::new().connect(&link).await.assert_says(200, "Sandbox is connected");
    let page = late.submit(&consent.form().with("account", "globex").allow()).await;
    page.assert_says(410, "This link has already been used");
    assert_eq!(server.count("/connections").await, 1);
}

#[tokio::test]
async fn a_browser_that_goes_away_while_its_code_is_exchanged_is_connected_all_the_same() {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let form = consent.form().allow();
    road.block_once("/sandbox/oauth/token", Trouble::Late);
    tokio::select! {
        _ = browser.submit(&form) => panic!("the exchange has no answer yet"),
        () = road.holds_an_answer() => {}
    }
    road.open("/sandbox/oauth/token");
    receiver.next().await;
    assert_eq!(server.count("/connections").await, 1);
}

/// What the sandbox answers to the holder of this access token.
async fn sandbox_status(server: &TestServer, access_token: &str) -> u16 {
    let request = server.keyless(reqwest::Method::GET, "/sandbox/api/me").bearer_auth(access_token);
    sent(request).await.status
}

#[tokio::test]
async fn an_address_below_connect_that_leads_nowhere_is_a_page() {
    let server = TestServer::start().await;
    for (method, path, status) in
        [(reqwest::Method::GET, "/connect/a/b/c/d/e", 404), (reqwest::Method::PUT, "/connect/anything", 405)]
    {
        let answer = sent(server.keyless(method, path)).await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.status, status);
    }
}
