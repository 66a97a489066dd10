//! A grant that covers several sites or companies: the person chooses one, and until then nothing is connected.

use std::time::Duration;

use serde_json::{Value, json};

use crate::provider_quirks::COMPANIES;
use crate::support::{Browser, Page, Quirky, Receiver, Says, Trouble, eventually, text};

const ME: &str = "/sandbox/api/me";
const REVOKE: &str = "/sandbox/oauth/revoke";
const REVOCATION: &str = r#"revocation:
  ends: account
  requests: [{url: "{public_url}/sandbox/oauth/revoke", parameters: {token: "{token}"}}]"#;

/// The sandbox, of whose grants each covers its three companies.
async fn given() -> Quirky {
    let sections = format!("{COMPANIES}\n{REVOCATION}");
    Quirky::new(Says { plays: "companies", sections: &sections, ..Says::default() }).await
}

/// A person who agreed, and the page that asks which one.
async fn asked(quirky: &Quirky) -> (Browser, Page) {
    let (browser, page) = quirky.opened().await;
    let consent = browser.on_to_consent(&page).await;
    let page = browser.submit(&consent.form().with("account", "acme").allow()).await;
    assert!(page.url.path().ends_with("/choice"), "{}: {}", page.url, page.text());
    (browser, page)
}

/// Waits until the sandbox has taken a token's grant back.
async fn is_taken_back(quirky: &Quirky, token: &str) {
    eventually("the grant to end", || async { (!quirky.takes(token).await).then_some(()) }).await;
}

#[tokio::test]
async fn the_one_that_was_chosen_is_connected_and_every_call_names_it() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    for name in ["Acme Inc.", "Globex", "Initech"] {
        assert!(page.text().contains(name), "{}", page.text());
    }
    browser.submit(&page.form().with("choice", "1")).await.assert_says(200, "Quirky is connected");
    let connection = quirky.server.connection_of("user-1").await;
    assert_eq!(connection["account"], json!({"id": "globex", "name": "Globex", "email": null}));
    let called = quirky.call(&connection).await.expect(200);
    assert_eq!(called["data"]["id"], "globex");
    // It is no longer given back when the time to choose is over.
    quirky.server.advance(Duration::from_mins(45));
    quirky.call(&connection).await.expect(200);
    assert_eq!(quirky.road.arrived("/sandbox/oauth/revoke"), 0);
}

#[tokio::test]
async fn until_then_there_is_no_connection_and_no_event() {
    let quirky = given().await;
    let receiver = Receiver::start().await;
    quirky.server.endpoint(&receiver, &["connection.*"]).await;
    let (browser, page) = asked(&quirky).await;
    assert_eq!(quirky.server.count("/connections").await, 0);
    assert_eq!(quirky.server.count("/events").await, 0);
    browser.submit(&page.form().with("choice", "0")).await;
    assert_eq!(receiver.next().await.event["type"], "connection.created");
}

#[tokio::test]
async fn who_does_not_choose_for_half_an_hour_begins_again_and_the_grant_is_given_back() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    let token = quirky.last_access_token();
    quirky.server.advance(Duration::from_mins(29));
    assert!(quirky.takes(&token).await);
    quirky.server.advance(Duration::from_mins(2));
    is_taken_back(&quirky, &token).await;
    let page = browser.submit(&page.form().with("choice", "0")).await;
    assert!(page.url.path().ends_with("/quirky"), "{}", page.url);
    assert_eq!(quirky.server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_link_that_expires_meanwhile_keeps_nobody_from_choosing() {
    let quirky = given().await;
    let (browser, page) = quirky.opened().await;
    // The link lasts an hour.
    quirky.server.advance(Duration::from_mins(50));
    let consent = browser.on_to_consent(&page).await;
    let page = browser.submit(&consent.form().with("account", "acme").allow()).await;
    quirky.server.advance(Duration::from_mins(20));
    browser.submit(&page.form().with("choice", "1")).await.assert_says(200, "Quirky is connected");
}

#[tokio::test]
async fn a_second_consent_takes_the_place_of_the_first_which_is_given_back() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    let first = quirky.last_access_token();
    let before = page.url.as_str().trim_end_matches("/choice").to_owned();
    let consent = browser.on_to_consent(&browser.open(before).await).await;
    let page = browser.submit(&consent.form().with("account", "acme").allow()).await;
    is_taken_back(&quirky, &first).await;
    browser.submit(&page.form().with("choice", "2")).await.assert_says(200, "Quirky is connected");
    assert!(quirky.takes(&quirky.last_access_token()).await);
}

/// Consents once more in the same browser; the page that asks which one.
async fn asked_again(browser: &Browser, page: &Page, account: &str) -> Page {
    let before = page.url.as_str().trim_end_matches("/choice").to_owned();
    let consent = browser.on_to_consent(&browser.open(before).await).await;
    let page = browser.submit(&consent.form().with("account", account).allow()).await;
    assert!(page.url.path().ends_with("/choice"), "{}: {}", page.url, page.text());
    page
}

#[tokio::test]
async fn a_grant_that_the_provider_does_not_take_back_yet_keeps_nobody_from_choosing_of_another() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    let first = quirky.last_access_token();
    quirky.road.block(REVOKE, Trouble::Answer(503, &[], ""));
    quirky.server.advance(Duration::from_mins(31));
    quirky.road.wait_for(REVOKE, 1).await;
    asked_again(&browser, &page, "acme").await;
    let second = quirky.last_access_token();
    quirky.road.open(REVOKE);
    quirky.server.advance(Duration::from_mins(31));
    is_taken_back(&quirky, &first).await;
    is_taken_back(&quirky, &second).await;
}

#[tokio::test]
async fn a_choice_is_made_of_the_list_that_was_shown() {
    let quirky = given().await;
    let (browser, first) = asked(&quirky).await;
    let second = asked_again(&browser, &first, "acme").await;
    let token = quirky.last_access_token();
    let page = browser.submit(&first.form().with("choice", "0")).await;
    page.assert_says(409, "This list is newer than the one that you chose from");
    assert_eq!(quirky.server.count("/connections").await, 0);
    assert!(quirky.takes(&token).await, "nothing is spent");
    browser.submit(&page.form().with("choice", "1")).await.assert_says(200, "Quirky is connected");
    assert_eq!(quirky.server.connection_of("user-1").await["account"]["id"], "globex");
    browser.submit(&second.form().with("choice", "1")).await.assert_says(200, "Quirky is connected");
}

#[tokio::test]
async fn a_consent_that_overtakes_a_choice_leaves_the_choice_to_be_made_again() {
    let identity = r#"identity: {request: {url: /me}, id: ["{/id}"]}"#;
    let (sections, _) = COMPANIES.split_once("identity:").expect("it is the last");
    let sections = format!("{sections}{identity}\n{REVOCATION}");
    let quirky = Quirky::new(Says { plays: "companies", sections: &sections, ..Says::default() }).await;
    let (browser, first) = asked(&quirky).await;
    quirky.road.block_once(ME, Trouble::Closed);
    let form = first.form().with("choice", "0");
    let overtaking = async {
        quirky.road.wait_for(ME, 1).await;
        asked_again(&browser, &first, "acme").await;
        quirky.road.open(ME);
    };
    let (page, ()) = tokio::join!(browser.submit(&form), overtaking);
    page.assert_says(409, "This list is newer than the one that you chose from");
    assert_eq!(quirky.server.count("/events").await, 0, "nothing has failed");
    assert!(quirky.takes(&quirky.last_access_token()).await, "nothing is spent");
    browser.submit(&page.form().with("choice", "2")).await.assert_says(200, "Quirky is connected");
}

#[tokio::test]
async fn a_caller_cannot_name_another_company_than_the_connection_s_own() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    browser.submit(&page.form().with("choice", "0")).await.assert_says(200, "Quirky is connected");
    let connection = quirky.server.connection_of("user-1").await;
    let call = json!({"method": "GET", "path": "/me", "headers": {"x-company": "globex"}});
    let answer = quirky.server.passthrough(&text(&connection["connection_token"]), &call).await.expect(200);
    assert_eq!(answer["data"]["id"], "acme");
}

#[tokio::test]
async fn only_what_is_offered_can_be_chosen_and_only_by_this_page() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    for choice in ["3", "-1", "globex", ""] {
        let again = browser.submit(&page.form().with("choice", choice)).await;
        assert!(again.url.path().ends_with("/choice"), "{choice}: {}", again.url);
    }
    let forged = browser.submit(&page.form().with("choice", "0").with("csrf", "0")).await;
    assert_eq!(forged.status, 403);
    let stranger = Browser::new().submit(&page.form().with("choice", "0")).await;
    assert_eq!(stranger.status, 403);
    assert_eq!(quirky.server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_choice_that_comes_twice_connects_once() {
    let quirky = given().await;
    let (browser, page) = asked(&quirky).await;
    let form = page.form().with("choice", "0");
    let pages = tokio::join!(browser.submit(&form), browser.submit(&form));
    let ends: Vec<_> = [&pages.0, &pages.1].map(|page| page.url.path().to_owned()).to_vec();
    assert!(ends.iter().any(|path| path.ends_with("/done")), "{ends:?}");
    assert_eq!(quirky.server.count("/connections").await, 1);
    assert!(quirky.takes(&quirky.last_access_token()).await, "what is connected is not given back");
    browser.submit(&form).await.assert_says(200, "Quirky is connected");
}

#[tokio::test]
async fn a_choice_that_fails_is_told_and_the_grant_is_given_back() {
    let identity = r#"identity: {request: {url: /none}, id: ["{/id}"]}"#;
    let (sections, _) = COMPANIES.split_once("identity:").expect("it is the last");
    let sections = format!("{sections}{identity}\n{REVOCATION}");
    let quirky = Quirky::new(Says { plays: "companies", sections: &sections, ..Says::default() }).await;
    let receiver = Receiver::start().await;
    quirky.server.endpoint(&receiver, &["connection.*"]).await;
    let (browser, page) = asked(&quirky).await;
    let token = quirky.last_access_token();
    let page = browser.submit(&page.form().with("choice", "0")).await;
    assert!(page.url.path().contains("/failed/"), "{}", page.url);
    let event: Value = receiver.next().await.event;
    assert_eq!(text(&event["type"]), "connection.failed");
    is_taken_back(&quirky, &token).await;
}

#[tokio::test]
async fn a_grant_without_any_connects_nothing_and_is_given_back() {
    let none = COMPANIES.replace("list: /data", "list: /none");
    let sections = format!("{none}\n{REVOCATION}");
    let quirky = Quirky::new(Says { plays: "one_company", sections: &sections, ..Says::default() }).await;
    quirky.refused().await;
    is_taken_back(&quirky, &quirky.last_access_token()).await;
}

#[tokio::test]
async fn whoever_reloads_the_provider_s_answer_is_asked_again_which_one() {
    let quirky = given().await;
    let (browser, page) = quirky.opened().await;
    let consent = browser.on_to_consent(&page).await;
    let answer = browser.submit_only(&consent.form().with("account", "acme").allow()).await.leads_to();
    for _ in 0..2 {
        let page = browser.open(&answer).await;
        assert!(page.url.path().ends_with("/choice"), "{}: {}", page.url, page.text());
    }
}
