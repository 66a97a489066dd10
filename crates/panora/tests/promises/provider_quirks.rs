//! What providers do otherwise beside their token endpoints, played by the sandbox: whose account it is, callbacks, limits,
//! revocations, and credentials that a person types.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, Page, Quirky, Says, an_import, text};

const ME: &str = "/sandbox/api/me";
const TOKEN: &str = "/sandbox/oauth/token";

#[tokio::test]
async fn an_account_that_the_token_answer_tells_is_not_asked_for() {
    let sections = r#"variables:
  - {name: account_id, from: {token: /account/id}}
  - {name: account_name, from: {token: /account/name}}
identity: {id: ["{account_id}"], name: ["{account_name}"]}"#;
    let quirky = Quirky::new(Says { plays: "tells_account", sections, ..Says::default() }).await;
    let connection = quirky.connected().await;
    assert_eq!(connection["account"], json!({"id": "acme", "name": "Acme Inc.", "email": null}));
    assert_eq!(quirky.road.arrived(ME), 0);
}

pub const COMPANIES: &str = r#"variables:
  - {name: company, from: {tenant: /id}, pattern: "[a-z]+"}
  - {name: company_name, from: {tenant: /name}}
api:
  base_url: "{public_url}/sandbox/api"
  headers: {X-Company: "{company}"}
tenants:
  request: {url: /companies}
  list: /data
  name: ["{/name}"]
identity: {id: ["{company}"], name: ["{company_name}"]}"#;

#[tokio::test]
async fn a_grant_for_one_company_connects_it_and_every_call_names_it() {
    let quirky = Quirky::new(Says { plays: "one_company", sections: COMPANIES, ..Says::default() }).await;
    let connection = quirky.connected().await;
    assert_eq!(connection["account"], json!({"id": "acme", "name": "Acme Inc.", "email": null}));
    quirky.lasts(&connection).await;
    assert!(quirky.road.passed(ME).iter().all(|it| it.headers["x-company"] == "acme"));
}

#[tokio::test]
async fn a_grant_is_given_back_in_the_way_that_the_file_says() {
    for (plays, request) in [
        ("", r#"parameters: {token: "{token}"}"#),
        ("revoke_by_bearer", r#"method: DELETE, headers: {Authorization: "Bearer {access_token}"}"#),
        ("revoke_by_json", r#"encoding: json, parameters: {token: "{token}"}"#),
        ("revoke_by_basic", r#"client_auth: basic, parameters: {token: "{access_token}"}"#),
    ] {
        let url = r#"url: "{public_url}/sandbox/oauth/revoke""#;
        let sections = format!("revocation:\n  requests: [{{{url}, {request}}}]");
        let says = Says { plays, sections: &sections, has_secret: true, ..Says::default() };
        let quirky = Quirky::new(says).await;
        let connection = quirky.connected().await;
        quirky.is_given_back(&connection).await;
    }
}

const SIGNED: Says<'_> = Says {
    plays: "signed",
    has_secret: true,
    authorization: "  signature: {parameter: hmac}",
    token: "",
    sections: "",
};

#[tokio::test]
async fn a_callback_that_the_provider_signed_connects() {
    let quirky = Quirky::new(SIGNED).await;
    quirky.connected().await;
}

#[tokio::test]
async fn a_signed_callback_that_was_changed_on_the_way_exchanges_no_code() {
    let quirky = Quirky::new(SIGNED).await;
    let (browser, page) = quirky.opened().await;
    let consent = browser.on_to_consent(&page).await;
    let left = browser.submit_only(&consent.form().with("account", "acme").allow()).await;
    let changed = left.leads_to().as_str().replace("code=", "code=x");
    let page = browser.open(changed).await;
    assert!(page.url.path().contains("/failed/"), "{}", page.text());
    assert_eq!(quirky.road.arrived(TOKEN), 0);
}

#[tokio::test]
async fn a_call_that_came_too_early_is_made_again_when_the_provider_s_own_header_says() {
    for (plays, unit) in [
        ("reset_seconds", "seconds"),
        ("reset_epoch_seconds", "epoch_seconds"),
        ("reset_epoch_milliseconds", "epoch_milliseconds"),
    ] {
        let sections = format!(
            "api:\n  base_url: \"{{public_url}}/sandbox/api\"\n  rate_limit: {{reset: x-ratelimit-reset, reset_unit: {unit}}}"
        );
        let quirky = Quirky::new(Says { plays, sections: &sections, ..Says::default() }).await;
        quirky.agreed(|form| form.and("trouble", "too_many_requests")).await;
        let connection = quirky.server.connection_of("user-1").await;
        // The first call was the identity; of the next the first is one too many.
        let call = quirky.call(&connection);
        let moving = async {
            quirky.road.wait_for(ME, 2).await;
            while quirky.road.arrived(ME) < 3 {
                quirky.server.advance(Duration::from_millis(250));
                tokio::task::yield_now().await;
            }
        };
        let (answer, ()) = tokio::join!(call, moving);
        assert_eq!((answer.status, quirky.road.arrived(ME)), (200, 3), "{plays}: {}", answer.text);
    }
}

const OWN_CLIENT: &str = r##"
slug: quirky
name: Quirky
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: oauth2_client_credentials
credentials:
  - {name: client_id, label: Client ID, secret: false}
  - {name: client_secret, label: Client secret}
token:
  url: "{public_url}/sandbox/oauth/token"
  client_auth: basic
  parameters: {play: "basic"}
scopes: {default: [{name: contacts.read}, {name: profile}]}
api: {base_url: "{public_url}/sandbox/api"}
identity: {request: {url: /me}, id: ["{/id}"]}
"##;

/// Two steps, in JSON.
const PASSWORD: &str = r##"
slug: quirky
name: Quirky
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: two_step
credentials:
  - {name: user, label: E-mail, secret: false}
  - {name: password, label: Password}
token:
  url: "{public_url}/sandbox/oauth/token"
  encoding: json
  parameters: {play: "json", grant_type: password, username: "{user}", password: "{password}"}
api: {base_url: "{public_url}/sandbox/api"}
identity: {request: {url: /me}, id: ["{/id}"]}
"##;

/// Account and key, as two headers.
const TWO_FIELDS: &str = r##"
slug: quirky
name: Quirky
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: api_key
credentials:
  - {name: account, label: Account, secret: false}
  - {name: key, label: Key}
api:
  base_url: "{public_url}/sandbox/api"
  headers: {X-Sandbox-Account: "{account}", X-Sandbox-Key: "{key}"}
identity: {request: {url: /me}, id: ["{/id}"]}
verify: {request: {url: "/contacts?limit=1"}, wrong_tenant: [404]}
"##;

/// The same by HTTP Basic.
const PAIR: &str = r##"
slug: quirky
name: Quirky
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: basic
credentials:
  - {name: account, label: Account, secret: false}
  - {name: key, label: Key}
api:
  base_url: "{public_url}/sandbox/api"
  basic: {user: "{account}", password: "{key}"}
identity: {request: {url: /me}, id: ["{/id}"]}
"##;

const KINDS: [(&str, [(&str, &str); 2]); 4] = [
    (OWN_CLIENT, [("client_id", "acme"), ("client_secret", "acme-secret")]),
    (PASSWORD, [("user", "ada@acme.test"), ("password", "acme-password")]),
    (TWO_FIELDS, [("account", "acme"), ("key", "acme-key")]),
    (PAIR, [("account", "acme"), ("key", "acme-key")]),
];

async fn typed(quirky: &Quirky, fields: &[(&str, &str)]) -> Page {
    let (browser, page): (Browser, Page) = quirky.opened().await;
    let form = fields.iter().fold(page.form(), |form, (name, value)| form.with(name, value));
    browser.submit(&form).await
}

#[tokio::test]
async fn what_a_person_types_connects_and_goes_on_working_whatever_the_kind() {
    for (file, fields) in KINDS {
        let quirky = Quirky::of_file(file).await;
        typed(&quirky, &fields).await.assert_says(200, "Quirky is connected");
        let connection = quirky.server.connection_of("user-1").await;
        assert_eq!(connection["account"]["id"], "acme");
        quirky.lasts(&connection).await;
    }
}

#[tokio::test]
async fn a_wrong_secret_of_whatever_kind_connects_nothing_and_the_form_comes_again() {
    for (file, [name, (secret, _)]) in KINDS {
        let quirky = Quirky::of_file(file).await;
        let page = typed(&quirky, &[name, (secret, "swordfish")]).await;
        assert!(page.html.contains(&format!("name=\"{secret}\"")), "{}", page.text());
        assert!(!page.html.contains("swordfish"), "a secret is not shown again");
        assert_eq!(quirky.server.count("/connections").await, 0);
    }
}

#[tokio::test]
async fn of_several_fields_it_is_said_which_one_is_wrong() {
    let quirky = Quirky::of_file(TWO_FIELDS).await;
    for (account, key, code) in [
        ("acme", "globex-key", "wrong_credentials"),
        ("acme", "acme-idle-key", "missing_permission"),
        ("nobody", "acme-key", "wrong_tenant"),
    ] {
        let body: Value = json!({"provider_slug": "quirky", "verify": true, "credentials": {"account": account, "key": key}});
        let answer = quirky.server.post("/connections", &an_import("user-1", body)).await;
        assert_eq!((answer.status, text(&answer.body["code"]).as_str()), (422, code), "{}", answer.text);
    }
    assert_eq!(quirky.server.count("/connections").await, 0);
}
