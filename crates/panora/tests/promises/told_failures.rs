//! However a flow ends without a connection, the customer is told once, and what was granted is given back.

use serde_json::{Value, json};

use crate::support::{
    Browser, Database, Page, Receiver, Road, Settings, TestServer, Trouble, eventually, sent, text,
};

const ME: &str = "/sandbox/api/me";
const REVOKE: &str = "/sandbox/oauth/revoke";
const TOKEN: &str = "/sandbox/oauth/token";

async fn given() -> (Road, TestServer, Receiver) {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    (road, server, receiver)
}

/// Waits until the tokens that the provider gave last are dead.
async fn last_grant_is_dead(road: &Road, server: &TestServer) {
    let exchange = road.passed(TOKEN).pop().expect("an exchange");
    let grant: Value = serde_json::from_slice(&exchange.answer).expect("JSON");
    eventually("the grant to be dead", || async {
        let request = server.keyless(reqwest::Method::GET, ME).bearer_auth(text(&grant["access_token"]));
        (sent(request).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_flow_that_comes_back_after_its_link_was_used_is_told_and_its_grant_dies() {
    let (road, server, receiver) = given().await;
    let (link, late) = (server.link("user-1").await, Browser::new());
    let consent = late.to_consent(&link).await;
    Browser::new().connect(&link).await.assert_says(200, "Sandbox is connected");
    let page = late.submit(&consent.form().with("account", "globex").allow()).await;
    page.assert_says(410, "This link has already been used");
    assert_eq!(receiver.first("connection.failed").await.data()["code"], "link_used");
    last_grant_is_dead(&road, &server).await;
}

#[tokio::test]
async fn a_flow_whose_link_was_revoked_on_the_way_is_told_and_its_grant_dies() {
    let (road, server, receiver) = given().await;
    let (link, browser) = (server.magic_link("user-1").await, Browser::new());
    let consent = browser.to_consent(&text(&link["url"])).await;
    server.delete(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    browser.submit(&consent.form().allow()).await.assert_says(410, "This link no longer works");
    assert_eq!(receiver.next().await.data()["code"], "link_revoked");
    last_grant_is_dead(&road, &server).await;
}

#[tokio::test]
async fn a_failure_is_told_also_when_the_browser_has_gone_away() {
    let (road, server, receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let form = consent.form().and("trouble", "expired_code").allow();
    road.block_once(TOKEN, Trouble::Late);
    tokio::select! {
        _ = browser.submit(&form) => panic!("the exchange has no answer yet"),
        () = road.holds_an_answer() => {}
    }
    road.open(TOKEN);
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
}

#[tokio::test]
async fn a_departure_that_cannot_be_for_want_of_a_client_is_told() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let hubspot = server.import("user-1", json!({"provider_slug": "hubspot"})).await;
    server.endpoint(&receiver, &["connection.failed"]).await;
    let link = server.magic_link_with("user-1", json!({"id_connection": hubspot["id_connection"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let page = browser.open(page.link_with("/authorize")).await;
    page.assert_says(500, "This connection is not ready yet");
    assert_eq!(receiver.next().await.data()["code"], "set_up_wrongly");
    // A reload shows the page again, and tells nothing.
    browser.open(&page.url).await.assert_says(500, "This connection is not ready yet");
    assert_eq!(receiver.arrived().len(), 1);
}

/// Walks through a flow whose provider answers so to whose account it is.
async fn connect_as_nobody(trouble: Trouble) -> (Road, TestServer, Receiver, Page) {
    let (road, server, receiver) = given().await;
    road.block_once(ME, trouble);
    let page = Browser::new().connect(&server.link("user-1").await).await;
    (road, server, receiver, page)
}

#[tokio::test]
async fn an_identity_answer_without_id_makes_no_connection() {
    let answer = Trouble::Answer(200, &[], "{\"ok\": false, \"error\": \"ratelimited\"}");
    let (road, server, receiver, page) = connect_as_nobody(answer).await;
    page.assert_says(502, "Sandbox could not finish this");
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
    assert_eq!(server.count("/connections").await, 0);
    road.wait_for(REVOKE, 1).await;
}

#[tokio::test]
async fn an_identity_answer_that_is_garbage_makes_no_connection() {
    let (_road, server, receiver, page) = connect_as_nobody(Trouble::Garbage).await;
    page.assert_says(502, "Sandbox could not finish this");
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
    assert_eq!(server.count("/connections").await, 0);
}

/// Goes as far as the callback's address, and adds an issuer to it.
async fn callback_of_issuer(consent: &Page, browser: &Browser, answer: [&str; 2], issuer: &str) -> url::Url {
    let form = consent.form().with(answer[0], answer[1]);
    let mut callback = browser.submit_only(&form).await.leads_to();
    let kept: Vec<_> = callback.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    callback.query_pairs_mut().clear().extend_pairs(kept).append_pair("iss", issuer);
    callback
}

#[tokio::test]
async fn a_code_of_another_issuer_is_not_exchanged() {
    let (road, server, receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let callback =
        callback_of_issuer(&consent, &browser, ["decision", "allow"], "https://evil.example").await;
    browser.open(&callback).await.assert_says(502, "Sandbox could not finish this");
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
    assert_eq!((road.arrived(TOKEN), server.count("/connections").await), (0, 0));
}

#[tokio::test]
async fn a_code_without_the_issuer_that_the_provider_always_names_is_not_exchanged() {
    let (road, server, receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let mut callback = callback_of_issuer(&consent, &browser, ["decision", "allow"], "any").await;
    let kept: Vec<_> = callback.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    callback.query_pairs_mut().clear().extend_pairs(kept);
    browser.open(&callback).await.assert_says(502, "Sandbox could not finish this");
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
    assert_eq!((road.arrived(TOKEN), server.count("/connections").await), (0, 0));
}

#[tokio::test]
async fn an_error_of_another_issuer_is_not_believed() {
    let (_road, server, receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let callback = callback_of_issuer(&consent, &browser, ["decision", "deny"], "https://evil.example").await;
    browser.open(&callback).await.assert_says(502, "Sandbox could not finish this");
    assert_eq!(receiver.next().await.data()["code"], "provider_error");
}

#[tokio::test]
async fn a_code_of_the_provider_s_own_issuer_is_exchanged() {
    let (_road, server, _receiver) = given().await;
    let browser = Browser::new();
    let consent = browser.to_consent(&server.link("user-1").await).await;
    let own = format!("{}/sandbox", server.url);
    let callback = callback_of_issuer(&consent, &browser, ["decision", "allow"], &own).await;
    browser.open(&callback).await.assert_says(200, "Sandbox is connected");
}

const KEYED: &str = r##"
slug: keyed
name: Keyed
verticals: [ticketing]
colour: "#123456"
docs: https://keyed.example/docs
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/keyed/api"
  headers: {X-Key: "{api_key}"}
identity:
  request: {url: /me}
  id: ["{/id}"]
  name: ["{/name}"]
"##;

const KEYED_ME: &str = "/keyed/api/me";

/// A server that knows a provider with keys, which lives on the road, and a person at its form.
async fn at_the_form() -> (Road, TestServer, Receiver, Browser, Page) {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    std::fs::write(folder.join("keyed.yaml"), KEYED).expect("the folder can be written");
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    let (browser, receiver) = (Browser::new(), Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    let link = server.magic_link_with("user-1", json!({"providers": ["keyed"]})).await;
    let page = browser.open(text(&link["url"])).await;
    (road, server, receiver, browser, page)
}

#[tokio::test]
async fn too_many_tries_are_told_once() {
    let (road, server, receiver, browser, page) = at_the_form().await;
    road.block(KEYED_ME, Trouble::Answer(401, &[], "{}"));
    let form = page.form().with("api_key", "k-wrong");
    for _ in 0..12 {
        browser.submit(&form).await;
    }
    server.import("user-2", json!({})).await;
    let arrived = receiver.wait_until("the later event", |arrived| {
        arrived.iter().any(|it| it.event_type() == "connection.created")
    });
    let told: Vec<_> =
        arrived.await.iter().filter_map(|it| it.data()["code"].as_str().map(str::to_owned)).collect();
    assert_eq!(told, ["too_many_tries"]);
}

#[tokio::test]
async fn a_provider_that_is_down_while_a_key_is_tried_is_no_failure_of_the_flow_yet() {
    let (road, _server, receiver, browser, page) = at_the_form().await;
    let form = page.form().with("api_key", "k-right");
    road.block(KEYED_ME, Trouble::Answer(503, &[], "{}"));
    browser.submit(&form).await;
    browser.submit(&form).await;
    road.block(KEYED_ME, Trouble::Answer(200, &[], "{\"id\": 7, \"name\": \"Keyed Inc.\"}"));
    browser.submit(&form).await.assert_says(200, "Keyed is connected");
    assert_eq!(receiver.next().await.event_type(), "connection.created");
}

#[tokio::test]
async fn a_browser_that_goes_away_while_its_key_is_tried_is_connected_all_the_same() {
    let (road, server, receiver, browser, page) = at_the_form().await;
    let form = page.form().with("api_key", "k-right");
    road.block_once(KEYED_ME, Trouble::Closed);
    tokio::select! {
        _ = browser.submit(&form) => panic!("the key has no answer yet"),
        () = road.wait_for(KEYED_ME, 1) => {}
    }
    road.open(KEYED_ME);
    road.block(KEYED_ME, Trouble::Answer(200, &[], "{\"id\": 7, \"name\": \"Keyed Inc.\"}"));
    assert_eq!(receiver.next().await.event_type(), "connection.created");
    assert_eq!(server.count("/connections").await, 1);
}
