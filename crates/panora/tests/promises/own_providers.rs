//! Providers of an installation's own: a file is all it takes. This one takes an API key, which is tried before
//! it is kept.

use serde_json::{Value, json};

use crate::support::{
    Browser, Database, Page, Receiver, Road, Settings, TestServer, Trouble, an_import, text,
};

pub const FILE: &str = r##"
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

pub const ME: &str = "/keyed/api/me";
const GOOD: Trouble = Trouble::Answer(200, &[], "{\"id\": 7, \"name\": \"Keyed Inc.\"}");
const WRONG_KEY: Trouble = Trouble::Answer(401, &[], "{}");

/// A server that knows the provider `keyed`, which lives on the road.
pub async fn given(answer: Trouble) -> (Road, TestServer) {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    std::fs::write(folder.join("keyed.yaml"), FILE).expect("the folder can be written");
    road.block(ME, answer);
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    (road, server)
}

async fn form_page(server: &TestServer, browser: &Browser) -> Page {
    let link = server.magic_link_with("user-1", json!({"providers": ["keyed"]})).await;
    browser.open(text(&link["url"])).await
}

#[tokio::test]
async fn a_key_that_the_provider_takes_becomes_a_connection() {
    let (road, server) = given(GOOD).await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    let browser = Browser::new();
    let page = form_page(&server, &browser).await;
    let done = browser.submit(&page.form().with("api_key", "  k-swordfish ")).await;
    done.assert_says(200, "Keyed is connected");
    assert_eq!(road.passed(ME)[0].headers["x-key"], "k-swordfish");
    let data = receiver.next().await.event["data"].clone();
    assert_eq!(
        (&data["token_type"], &data["auth_kind"], &data["vertical"]),
        (&json!("apikey"), &json!("api_key"), &json!("ticketing"))
    );
    assert_eq!((&data["account"]["id"], &data["account"]["name"]), (&json!("7"), &json!("Keyed Inc.")));
    assert_eq!(data["expiration_timestamp"], Value::Null);
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_is_not_kept_and_not_shown_again() {
    let (_road, server) = given(WRONG_KEY).await;
    let browser = Browser::new();
    let page = form_page(&server, &browser).await;
    let page = browser.submit(&page.form().with("api_key", "k-swordfish")).await;
    assert!(page.text().contains("Keyed did not accept this"), "{}", page.text());
    assert!(!page.html.contains("k-swordfish"));
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_key_mistyped_once_may_be_typed_again() {
    let (road, server) = given(GOOD).await;
    let browser = Browser::new();
    let page = form_page(&server, &browser).await;
    road.block_once(ME, WRONG_KEY);
    let page = browser.submit(&page.form().with("api_key", "k-wrong")).await;
    road.block(ME, GOOD);
    browser.submit(&page.form().with("api_key", "k-right")).await.assert_says(200, "Keyed is connected");
}

#[tokio::test]
async fn a_flow_tries_ten_keys_and_no_more() {
    let (road, server) = given(WRONG_KEY).await;
    let browser = Browser::new();
    let form = form_page(&server, &browser).await.form().with("api_key", "k-wrong");
    for _ in 0..10 {
        browser.submit(&form).await;
    }
    browser.submit(&form).await.assert_says(429, "That was tried too many times");
    assert_eq!(road.arrived(ME), 10);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let (road, server) = given(GOOD).await;
    let browser = Browser::new();
    let form = form_page(&server, &browser).await.form().with("api_key", "k-swordfish");
    for forged in [form.clone().without("csrf"), form.with("csrf", "0")] {
        browser.submit(&forged).await.assert_says(403, "Please open your link again");
    }
    assert_eq!((road.arrived(ME), server.count("/connections").await), (0, 0));
}

#[tokio::test]
async fn a_call_carries_the_key_as_the_file_says_and_not_as_the_caller_wishes() {
    let (road, server) = given(GOOD).await;
    let import = json!({"provider_slug": "keyed", "credentials": {"api_key": "k-swordfish"}});
    let connection = server.import("user-1", import).await;
    let call = json!({"method": "GET", "path": "/me", "headers": {"X-Key": "mine"}});
    let answer = server.passthrough(&text(&connection["connection_token"]), &call).await.expect(200);
    assert_eq!(answer["data"]["name"], "Keyed Inc.");
    assert_eq!(road.passed(ME)[0].headers["x-key"], "k-swordfish");
}

#[tokio::test]
async fn an_imported_key_is_tried_where_that_is_wanted() {
    let (_road, server) = given(WRONG_KEY).await;
    let import = json!({"provider_slug": "keyed", "credentials": {"api_key": "k-wrong"}, "verify": true});
    let answer = server.post("/connections", &an_import("user-1", import)).await;
    answer.assert_problem(422, "wrong_credentials");
    assert!(!answer.text.contains("k-wrong"));
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_file_that_is_wrong_keeps_the_server_from_starting() {
    let database = Database::fresh().await;
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let open = FILE.replace("{public_url}/keyed", "http://keyed.example");
    std::fs::write(folder.join("keyed.yaml"), open).expect("the folder can be written");
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let error = settings.database(database).refused().await;
    assert!(error.contains("keyed.yaml:") && error.contains("https://"), "{error}");
}
