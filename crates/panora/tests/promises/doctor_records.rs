//! Doctor finds what no question to the provider shows by what was recorded: flows that failed, people who did not come
//! back, grants that died. What is recorded is bounded, and each project's own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Acme, Browser, TestServer, Trouble, text};

const TOKEN: &str = "/acme/token";
const DAY: Duration = Duration::from_hours(24);

async fn given() -> (Acme, TestServer) {
    let mut acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    let server = acme.server().await;
    set_up(&server).await;
    (acme, server)
}

async fn set_up(server: &crate::support::Api) {
    let app = json!({"client_id": "one", "client_secret": "secret-of-one", "settings": {"developer_token": "dev-1"}});
    server.put("/providers/acme/app", &app).await.expect(200);
}

async fn finding(server: &crate::support::Api, code: &str) -> Option<Value> {
    let found = server.get("/doctor/acme").await.expect(200);
    found["findings"].as_array().expect("a list").iter().find(|it| it["code"] == code).cloned()
}

/// Opens a link and goes to the provider, which sends the person back at once.
async fn try_to_connect(server: &TestServer, origin_id: &str) -> crate::support::Page {
    let link = server.magic_link_with(origin_id, json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    browser.open(page.link_with("/authorize")).await
}

async fn connect(server: &TestServer, origin_id: &str) -> Value {
    try_to_connect(server, origin_id).await.assert_says(200, "Acme is connected");
    server.connection_of(origin_id).await
}

async fn call(server: &TestServer, connection: &Value) {
    let call = json!({"method": "GET", "path": "/me"});
    server.passthrough(&text(&connection["connection_token"]), &call).await;
}

#[tokio::test]
async fn a_redirect_uri_that_was_refused_in_a_flow_is_remembered_until_the_app_is_set_again() {
    let (acme, server) = given().await;
    acme.road.block_once(TOKEN, Trouble::Answer(400, &[], "{\"error\": \"redirect_uri_mismatch\"}"));
    try_to_connect(&server, "user-1").await;
    let found = finding(&server, "redirect_uri_refused").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.contains("`redirect_uri_mismatch`")), "{found}");
    assert_eq!(found["value"], format!("{}/connections/oauth/callback", acme.road.url));
    server.advance(Duration::from_secs(1));
    set_up(&server).await;
    assert_eq!(finding(&server, "redirect_uri_refused").await, None);
}

#[tokio::test]
async fn a_scope_that_the_provider_refused_is_told_with_what_was_asked_for() {
    let (acme, server) = given().await;
    let link = server.magic_link_with("user-1", json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let away = browser.open_only(page.link_with("/authorize")).await.leads_to();
    let state = away.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    let back = format!("{}/connections/oauth/callback?error=invalid_scope&state={state}", acme.road.url);
    browser.open(&back).await.assert_says(500, "This connection is not ready yet");
    let found = finding(&server, "scope_refused").await.expect("it is found");
    assert_eq!(found["value"], "\"scopes\": [\"contacts.read\",\"offline_access\"]");
}

#[tokio::test]
async fn nobody_who_comes_back_is_noticed_only_once_some_had_their_ten_minutes() {
    let (_acme, server) = given().await;
    for number in 0..3 {
        let link = server.magic_link_with(&format!("user-{number}"), json!({"providers": ["acme"]})).await;
        let browser = Browser::new();
        let page = browser.open(text(&link["url"])).await;
        browser.open_only(page.link_with("/authorize")).await;
    }
    assert_eq!(finding(&server, "nobody_comes_back").await, None);
    server.advance(Duration::from_mins(11));
    let found = finding(&server, "nobody_comes_back").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.starts_with("3 people")), "{found}");
    try_to_connect(&server, "user-4").await;
    server.advance(Duration::from_mins(11));
    assert_eq!(finding(&server, "nobody_comes_back").await, None);
}

#[tokio::test]
async fn flows_that_failed_for_what_a_question_shows_too_are_told_as_failed() {
    let (acme, server) = given().await;
    acme.rules().redirect_uri = Some("https://old.example.com/callback".into());
    acme.road.block_once(TOKEN, Trouble::Answer(400, &[], "{\"error\": \"redirect_uri_mismatch\"}"));
    let link = server.magic_link_with("user-1", json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let away = browser.open_only(page.link_with("/authorize")).await.leads_to();
    let state = away.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    browser.open(&format!("{}/connections/oauth/callback?code=c&state={state}", acme.road.url)).await;
    let found = server.get("/doctor/acme").await.expect(200);
    for name in ["authorization_endpoint", "flows"] {
        let checks = found["checks"].as_array().expect("a list");
        let check = checks.iter().find(|it| it["name"] == name).expect("it was made");
        assert_eq!(check["outcome"], "failed", "{found:#}");
    }
}

#[tokio::test]
async fn who_has_just_connected_is_counted_at_once() {
    let (_acme, server) = given().await;
    connect(&server, "user-1").await;
    let found = server.get("/doctor/acme").await.expect(200);
    let checks = found["checks"].as_array().expect("a list");
    let flows = checks.iter().find(|it| it["name"] == "flows").expect("it was made");
    assert_eq!(flows["outcome"], "passed", "{flows}");
    assert!(flows["seen"].to_string().contains("within a day: 1; came back: 1."), "{flows}");
}

#[tokio::test]
async fn tokens_that_end_without_a_refresh_token_are_found() {
    let (acme, server) = given().await;
    connect(&server, "user-1").await;
    assert_eq!(finding(&server, "no_refresh_token").await, None);
    acme.rules().gives_refresh_tokens = false;
    connect(&server, "user-2").await;
    let found = finding(&server, "no_refresh_token").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.starts_with("1 of the 2 newest")), "{found}");
}

#[tokio::test]
async fn scopes_that_are_not_granted_are_counted() {
    let (acme, server) = given().await;
    acme.rules().scope = Some("offline_access".into());
    connect(&server, "user-1").await;
    connect(&server, "user-2").await;
    let found = finding(&server, "scopes_not_granted").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.contains("contacts.read (2)")), "{found}");
    assert_eq!(found["value"], "\"scopes\": [\"offline_access\"]");
}

/// Grants of two people that the provider ends after that time, found out by a call.
async fn lost_after(time: Duration) -> TestServer {
    let (acme, server) = given().await;
    lose(&acme, &server, &["user-1", "user-2"], time).await;
    server
}

async fn lose(acme: &Acme, server: &TestServer, people: &[&str], time: Duration) {
    let mut connections = Vec::new();
    for person in people {
        connections.push(connect(server, person).await);
    }
    acme.rules().has_lost_grants = true;
    server.advance(time);
    for connection in &connections {
        call(server, connection).await;
        let shown =
            server.get(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
        assert_eq!(shown["status"], "needs_reauth");
    }
}

#[tokio::test]
async fn grants_that_die_after_a_week_are_those_of_an_app_in_test_mode() {
    let server = lost_after(7 * DAY + Duration::from_hours(1)).await;
    let found = finding(&server, "test_mode_suspected").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.starts_with("2 of 2 grants")), "{found}");
}

#[tokio::test]
async fn a_provider_s_file_may_say_when_test_grants_die_and_what_to_do() {
    let testing = "testing: {dies_after_days: 3, says: Publish the app of Acme.}\n";
    let mut acme = Acme::start().await;
    acme.write("acme.yaml", &format!("{}{testing}", crate::support::ACME_FILE));
    acme.register("one", "secret-of-one");
    let server = acme.server().await;
    set_up(&server).await;
    lose(&acme, &server, &["user-1"], 3 * DAY + Duration::from_hours(2)).await;
    let found = finding(&server, "test_mode_suspected").await.expect("it is found");
    assert_eq!(found["mend"], "Publish the app of Acme. Then let people connect again.");
}

#[tokio::test]
async fn a_provider_that_never_gives_refresh_tokens_is_not_blamed_for_it() {
    let mut acme = Acme::start().await;
    acme.write("acme.yaml", &format!("{}refresh: {{offered: false}}\n", crate::support::ACME_FILE));
    acme.register("one", "secret-of-one");
    acme.rules().gives_refresh_tokens = false;
    let server = acme.server().await;
    set_up(&server).await;
    connect(&server, "user-1").await;
    assert_eq!(finding(&server, "no_refresh_token").await, None);
}

#[tokio::test]
async fn grants_that_die_at_another_age_are_not() {
    let server = lost_after(20 * DAY).await;
    assert_eq!(finding(&server, "test_mode_suspected").await, None);
}

#[tokio::test]
async fn flows_that_fail_for_no_known_reason_are_counted_by_code() {
    let (acme, server) = given().await;
    acme.road.block("/acme/api/me", Trouble::Answer(500, &[], "{}"));
    for number in 0..2 {
        try_to_connect(&server, &format!("user-{number}")).await;
    }
    let found = finding(&server, "flows_fail").await.expect("it is found");
    assert!(found["seen"].as_str().is_some_and(|it| it.contains("provider_down (2)")), "{found}");
    // Of a month ago nobody wants to know.
    server.advance(31 * DAY);
    assert_eq!(finding(&server, "flows_fail").await, None);
}

#[tokio::test]
async fn another_project_s_troubles_are_its_own() {
    let (acme, server) = given().await;
    let other = server.another_project("other").await;
    set_up(&other).await;
    acme.road.block_once(TOKEN, Trouble::Answer(400, &[], "{\"error\": \"redirect_uri_mismatch\"}"));
    try_to_connect(&server, "user-1").await;
    assert!(finding(&server, "redirect_uri_refused").await.is_some());
    assert_eq!(finding(&other, "redirect_uri_refused").await, None);
}

#[tokio::test]
async fn what_a_provider_says_is_remembered_within_bounds_and_never_a_text_of_its_own() {
    let (acme, server) = given().await;
    for number in 0_u8..40 {
        let letter = char::from(b'a' + number % 26);
        let error = format!("{}{letter}", if number < 26 { "error_" } else { "fault_" });
        let body: &'static str = Box::leak(format!("{{\"error\": \"{error}\"}}").into_boxed_str());
        acme.road.block_once(TOKEN, Trouble::Answer(400, &[], body));
        try_to_connect(&server, "user-1").await;
    }
    acme.road.block_once(TOKEN, Trouble::Answer(400, &[], "{\"error\": \"token ct_4815162342 is bad\"}"));
    try_to_connect(&server, "user-1").await;
    let count = "SELECT COUNT(*) FROM provider_troubles";
    assert_eq!(server.database().number(count).await, 30);
    let codes = server.database().texts("SELECT code FROM provider_troubles").await;
    assert!(
        codes.contains(&"http_400".to_owned()) && codes.iter().all(|code| !code.contains("4815")),
        "{codes:?}"
    );
}
