//! Flows that end without a connection: each says why, tells the customer, and stores nothing.

use std::time::Duration;

use serde_json::json;
use url::Url;

use crate::support::{Browser, Page, Receiver, Road, Settings, TestServer, Trouble, sent, text};

const TOKEN: &str = "/sandbox/oauth/token";

/// A server behind a road, and a receiver of what it tells of connections.
async fn given() -> (Road, TestServer, Receiver) {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    (road, server, receiver)
}

/// Goes as far as the callback's address, without opening it.
async fn callback_of(server: &TestServer, browser: &Browser, origin_id: &str) -> Url {
    let consent = browser.to_consent(&server.link(origin_id).await).await;
    let callback = browser.submit_only(&consent.form().allow()).await.leads_to();
    assert_eq!(callback.path(), "/connections/oauth/callback");
    callback
}

/// Checks that the only event says this code, and that nothing was stored.
async fn assert_failed(server: &TestServer, receiver: &Receiver, code: &str) {
    let delivery = receiver.next().await;
    let user = server.get("/linked_users").await.expect(200)[0]["id_linked_user"].clone();
    let data = json!({"id_linked_user": user, "provider_slug": "sandbox", "code": code});
    assert_eq!((delivery.event_type(), delivery.data()), ("connection.failed", &data));
    assert_eq!((receiver.arrived().len(), server.count("/connections").await), (1, 0));
}

/// Walks through a flow whose provider is in trouble there.
async fn connect_with(path: &str, trouble: Trouble) -> (TestServer, Receiver, Page) {
    let (road, server, receiver) = given().await;
    road.block(path, trouble);
    let page = Browser::new().connect(&server.link("user-1").await).await;
    (server, receiver, page)
}

#[tokio::test]
async fn a_denied_consent_connects_nothing_and_is_told() {
    let (_road, server, receiver) = given().await;
    let browser = Browser::new();
    let link = server.magic_link_with("user-1", json!({"return_url": "https://acme.example/"})).await;
    let consent = browser.to_consent(&text(&link["url"])).await;
    let page = browser.submit(&consent.form().deny()).await;
    page.assert_says(200, "You said no, and that is fine");
    assert_eq!(page.link_with("acme.example").query(), Some("status=error&code=denied"));
    assert_failed(&server, &receiver, "denied").await;
}

#[tokio::test]
async fn a_denied_consent_leaves_the_link_for_another_try() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.link("user-1").await;
    let consent = browser.to_consent(&link).await;
    browser.submit(&consent.form().deny()).await;
    browser.connect(&link).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_replayed_state_is_refused_and_changes_nothing() {
    let (_road, server, receiver) = given().await;
    let browser = Browser::new();
    let callback = callback_of(&server, &browser, "user-1").await;
    browser.open(&callback).await.assert_says(200, "Sandbox is connected");
    // Whoever goes back sees how it ended, in this browser only.
    browser.open(&callback).await.assert_says(200, "Sandbox is connected");
    Browser::new().open(&callback).await.assert_says(403, "Please open your link again");
    assert_eq!(server.count("/connections").await, 1);
    receiver.next().await;
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn a_state_that_was_denied_is_spent() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    browser.submit(&consent.form().deny()).await;
    // The other button, from the same page: a fresh code with the spent state.
    let page = browser.submit(&consent.form().allow()).await;
    page.assert_says(400, "This step was already done");
    assert_eq!(server.count("/connections").await, 0);
    let consent = browser.on_to_consent(&browser.open(page.link_with("/sandbox")).await).await;
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_state_of_somebody_s_invention_is_refused() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    browser.open(&server.link("user-1").await).await;
    let callback = format!("{}/connections/oauth/callback?code=x&state={}", server.url, "A".repeat(43));
    assert_eq!(browser.open(&callback).await.status, 400);
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn another_browser_s_callback_stores_nothing_and_does_not_spend_the_state() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let callback = callback_of(&server, &browser, "user-1").await;
    Browser::new().open(&callback).await.assert_says(403, "Please open your link again");
    assert_eq!(server.count("/connections").await, 0);
    browser.open(&callback).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn another_flow_s_state_is_refused_and_connects_neither_person() {
    let server = TestServer::start().await;
    let (ada, mallory) = (Browser::new(), Browser::new());
    mallory.open(&server.link("mallory").await).await;
    let callback = callback_of(&server, &ada, "ada").await;
    mallory.open(&callback).await.assert_says(403, "Please open your link again");
    assert_eq!(server.count("/connections").await, 0);
    ada.open(&callback).await.assert_says(200, "Sandbox is connected");
    assert!(server.connections_of("mallory").await.is_empty());
}

#[tokio::test]
async fn another_browser_cannot_look_at_a_flow() {
    let server = TestServer::start().await;
    let link = server.magic_link_with("user-1", json!({"alias": "Ada Lovelace"})).await;
    let page = Browser::new().open(text(&link["url"])).await;
    let seen = Browser::new().open(&page.url).await;
    assert!(seen.status == 403 && !seen.html.contains("Ada Lovelace"), "{} {}", seen.status, seen.text());
}

#[tokio::test]
async fn a_person_who_comes_back_after_ten_minutes_is_told_so() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    server.advance(Duration::from_secs(601));
    let page = browser.submit(&consent.form().allow()).await;
    page.assert_says(400, "Signing in at Sandbox has to be finished within ten minutes");
    assert_eq!(server.count("/connections").await, 0);
    let consent = browser.on_to_consent(&browser.open(page.link_with("/sandbox")).await).await;
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_flow_cannot_go_on_once_its_link_has_expired() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.magic_link_with("user-1", json!({"expires_in": 60})).await;
    let page = browser.open(text(&link["url"])).await;
    server.advance(Duration::from_secs(61));
    browser.open(page.link_with("/authorize")).await.assert_says(410, "This link has expired");
}

#[tokio::test]
async fn a_link_revoked_on_the_way_connects_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.magic_link("user-1").await;
    let consent = browser.to_consent(&text(&link["url"])).await;
    server.delete(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    browser.submit(&consent.form().allow()).await.assert_says(410, "This link no longer works");
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_code_that_the_provider_no_longer_takes_connects_nothing() {
    let (_road, server, receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let page = browser.submit(&consent.form().and("trouble", "expired_code").allow()).await;
    assert_eq!(page.status, 502, "{}", page.text());
    assert_failed(&server, &receiver, "provider_error").await;
}

#[tokio::test]
async fn a_provider_whose_token_endpoint_answers_500_connects_nothing() {
    let (server, receiver, page) =
        connect_with(TOKEN, Trouble::Answer(500, &[], "{\"error\": \"oops\"}")).await;
    page.assert_says(502, "Sandbox does not answer right now");
    assert_failed(&server, &receiver, "provider_down").await;
}

#[tokio::test]
async fn a_provider_whose_token_endpoint_answers_garbage_connects_nothing() {
    let (server, receiver, page) = connect_with(TOKEN, Trouble::Garbage).await;
    page.assert_says(502, "Sandbox could not finish this");
    assert_failed(&server, &receiver, "provider_error").await;
}

#[tokio::test]
async fn a_provider_that_never_answers_connects_nothing() {
    let (server, receiver, page) = connect_with(TOKEN, Trouble::Never).await;
    page.assert_says(502, "Sandbox does not answer right now");
    assert_failed(&server, &receiver, "provider_down").await;
}

#[tokio::test]
async fn tokens_without_an_access_token_connect_nothing() {
    let (server, receiver, page) =
        connect_with(TOKEN, Trouble::Answer(200, &[], "{\"access_token\": null}")).await;
    assert_eq!(page.status, 502, "{}", page.text());
    assert_failed(&server, &receiver, "provider_error").await;
}

#[tokio::test]
async fn a_provider_that_refuses_our_app_is_the_customer_s_to_mend() {
    let trouble = Trouble::Answer(401, &[], "{\"error\": \"invalid_client\"}");
    let (server, receiver, page) = connect_with(TOKEN, trouble).await;
    page.assert_says(500, "This connection is not ready yet");
    assert_failed(&server, &receiver, "set_up_wrongly").await;
}

#[tokio::test]
async fn a_provider_that_does_not_say_whose_account_it_is_gets_its_grant_back() {
    let (road, server, receiver) = given().await;
    road.block("/sandbox/api/me", Trouble::Answer(500, &[], "{}"));
    let page = Browser::new().connect(&server.link("user-1").await).await;
    page.assert_says(502, "Sandbox does not answer right now");
    assert_failed(&server, &receiver, "provider_down").await;
    road.wait_for("/sandbox/oauth/revoke", 1).await;
}

#[tokio::test]
async fn a_provider_that_failed_once_may_be_tried_again() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let (browser, link) = (Browser::new(), server.link("user-1").await);
    road.block(TOKEN, Trouble::Answer(503, &[], ""));
    let failed = browser.connect(&link).await;
    road.open(TOKEN);
    let page = browser.open(failed.link_with("/sandbox")).await;
    let consent = browser.on_to_consent(&page).await;
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_provider_that_is_not_in_the_link_cannot_be_reached_by_its_address() {
    let server = Settings::default()
        .variable("PANORA_HUBSPOT_CLIENT_ID", "nobody")
        .variable("PANORA_HUBSPOT_CLIENT_SECRET", "nothing")
        .start()
        .await;
    let browser = Browser::new();
    let page = browser.open(&server.link("user-1").await).await;
    let flow = page.url.path().trim_end_matches("/sandbox").to_owned();
    let page = browser.open_only(format!("{}{flow}/hubspot/authorize", server.url)).await;
    page.assert_says(404, "There is nothing here");
}

#[tokio::test]
async fn a_person_is_never_shown_a_document_for_programs() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let page = browser.open(&server.link("user-1").await).await;
    let flow = page.url.as_str().trim_end_matches("/sandbox");
    let gone = ["/nothing", "/nothing/authorize", "/nothing/choice", "/sandbox/failed/nothing"];
    let gone = gone.iter().map(|path| format!("{flow}{path}"));
    for address in gone.chain([format!("{}/connect/flow/nothing/done", server.url)]) {
        let page = browser.open(&address).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{address}");
        assert!(matches!(page.status, 400 | 404), "{address}: {}", page.status);
        page.assert_says(page.status, "There is nothing here");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn another_site_s_link_cannot_skip_the_page_that_says_what_is_shared() {
    let server = TestServer::start().await;
    let link = server.link("user-1").await;
    let opened = Browser::new().open_only(&link).await;
    let cookie = opened.cookies[0].split(';').next().unwrap_or_default().to_owned();
    let authorize = format!("{}/sandbox/authorize", opened.leads_to().path());
    let request = server.keyless(reqwest::Method::GET, &authorize).header("cookie", &cookie);
    let answer = sent(request.header("sec-fetch-site", "cross-site")).await;
    assert!(!answer.header("location").contains("/sandbox/oauth/authorize"), "{}", answer.header("location"));
    let request = server.keyless(reqwest::Method::GET, &authorize).header("cookie", &cookie);
    let answer = sent(request.header("sec-fetch-site", "same-origin")).await;
    assert!(answer.header("location").contains("/sandbox/oauth/authorize"), "{}", answer.header("location"));
}
