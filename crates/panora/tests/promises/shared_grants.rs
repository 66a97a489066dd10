//! A revocation ends nobody else's connection: where it reaches further than one account, nothing is revoked until the
//! person's last connection goes.

use serde_json::{Value, json};

use crate::provider_quirks::COMPANIES;
use crate::support::{Browser, Page, Quirky, Says, eventually, text};

const REVOKE: &str = "/sandbox/oauth/revoke";

/// The sandbox, of whose grants each covers its three companies.
async fn given() -> Quirky {
    given_with("").await
}

async fn given_with(ends: &str) -> Quirky {
    let request = r#"{url: "{public_url}/sandbox/oauth/revoke", parameters: {token: "{token}"}}"#;
    let sections = format!("{COMPANIES}\nrevocation: {{requests: [{request}]{ends}}}");
    Quirky::new(Says { plays: "companies", sections: &sections, ..Says::default() }).await
}

/// A person of that origin id connects the company of that number; what the link is for besides.
async fn choose(quirky: &Quirky, person: &str, number: &str, link: Value) -> Page {
    let url = text(&quirky.server.magic_link_with(person, link).await["url"]);
    let browser = Browser::new();
    let consent = browser.to_consent(&url).await;
    let page = browser.submit(&consent.form().with("account", "acme").allow()).await;
    browser.submit(&page.form().with("choice", number)).await
}

async fn connect(quirky: &Quirky, person: &str, number: &str) -> String {
    let page = choose(quirky, person, number, json!({"providers": ["quirky"]})).await;
    page.assert_says(200, "Quirky is connected");
    text(&quirky.server.connections_of(person).await[0]["id_connection"])
}

async fn delete(quirky: &Quirky, id: &str) -> Value {
    quirky.server.delete(&format!("/connections/{id}")).await.expect(200)["at_provider"].clone()
}

/// Waits until what was promised so far has had its turn: of two later grants the second is given back.
async fn jobs_have_run(quirky: &Quirky) {
    for _ in 0..2 {
        let id = connect(quirky, "somebody-else", "2").await;
        let token = quirky.last_access_token();
        delete(quirky, &id).await;
        eventually("a later grant to end", || async { (!quirky.takes(&token).await).then_some(()) }).await;
    }
}

#[tokio::test]
async fn giving_one_company_back_spares_the_same_person_s_others() {
    let quirky = given().await;
    let (acme, globex) = (connect(&quirky, "user-1", "0").await, connect(&quirky, "user-1", "1").await);
    assert_eq!(delete(&quirky, &acme).await, "skipped_shared");
    assert_eq!(quirky.road.arrived(REVOKE), 0);
    assert_eq!(delete(&quirky, &globex).await, "promised");
    quirky.road.wait_for(REVOKE, 1).await;
}

#[tokio::test]
async fn a_renewal_that_ends_with_another_account_spares_what_it_was_to_renew() {
    let sections = r#"revocation:
  ends: person
  requests: [{url: "{public_url}/sandbox/oauth/revoke", parameters: {token: "{token}"}}]"#;
    let quirky = Quirky::new(Says { sections, ..Says::default() }).await;
    let connection = quirky.connected().await;
    let link = json!({"id_connection": connection["id_connection"]});
    let link = quirky.server.magic_link_with("user-1", link).await;
    let page = Browser::new().connect_as(&text(&link["url"]), "globex").await;
    page.assert_says(409, "That is a different account");
    // Jobs that are due are taken together: when the second of two later ones is done, so are all before.
    for _ in 0..2 {
        let later = quirky.server.connect("somebody-else").await;
        let token = quirky.last_access_token();
        delete(&quirky, &later.id).await;
        eventually("a later grant to end", || async { (!quirky.takes(&token).await).then_some(()) }).await;
    }
    assert_eq!(quirky.road.arrived(REVOKE), 2, "only the later ones");
}

#[tokio::test]
async fn a_second_consent_does_not_end_what_it_was_given_with_the_first() {
    let quirky = given().await;
    let (browser, page) = quirky.opened().await;
    let mut choice = page.url.clone();
    for _ in 0..2 {
        let consent = browser.on_to_consent(&browser.open(&page.url).await).await;
        choice = browser.submit(&consent.form().with("account", "acme").allow()).await.url;
    }
    jobs_have_run(&quirky).await;
    assert_eq!(quirky.road.arrived(REVOKE), 2, "only those two");
    let page = browser.open(&choice).await;
    browser.submit(&page.form().with("choice", "1")).await.assert_says(200, "Quirky is connected");
}

#[tokio::test]
async fn a_revocation_that_ends_the_person_s_grant_spares_their_connections_of_other_providers_with_that_client()
 {
    for (ends, at_provider) in [(", ends: person", "skipped_shared"), (", ends: account", "promised")] {
        let quirky = given_with(ends).await;
        // The built-in sandbox has the same client.
        let sandbox = quirky.server.connect("user-1").await;
        let acme = connect(&quirky, "user-1", "0").await;
        assert_eq!(delete(&quirky, &acme).await, at_provider, "{ends}");
        assert_eq!(delete(&quirky, &sandbox.id).await, "promised");
    }
}

#[tokio::test]
async fn a_revocation_that_ends_the_person_s_grant_spares_the_account_of_another_project() {
    let quirky = given_with(", ends: person").await;
    let other = quirky.server.another_project("other").await;
    let acme = connect(&quirky, "user-1", "0").await;
    other.connect_as("their-user", "acme").await;
    assert_eq!(delete(&quirky, &acme).await, "skipped_shared");
}

#[tokio::test]
async fn a_login_that_is_known_to_be_another_one_keeps_no_grant_alive() {
    let sections = r#"revocation:
  ends: person
  requests: [{url: "{public_url}/sandbox/oauth/revoke", parameters: {token: "{token}"}}]
identity: {request: {url: /me}, id: ["{/id}"], email: ["{/email}"]}"#;
    let quirky = Quirky::new(Says { sections, ..Says::default() }).await;
    let link = quirky.server.magic_link_with("user-1", json!({"providers": ["quirky"]})).await;
    Browser::new().connect_as(&text(&link["url"]), "acme").await.assert_says(200, "Quirky is connected");
    let link = quirky.server.magic_link_with("user-1", json!({"providers": ["quirky"]})).await;
    Browser::new().connect_as(&text(&link["url"]), "globex").await.assert_says(200, "Quirky is connected");
    for connection in quirky.server.connections_of("user-1").await {
        assert_eq!(delete(&quirky, &text(&connection["id_connection"])).await, "promised");
    }
}
