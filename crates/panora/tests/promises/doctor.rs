//! Doctor finds what is wrong with a provider's set-up by asking the provider without a person, and says how to mend it
//! with the exact value to paste. It never shows a secret.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ACME_FILE, Acme, Browser, Settings, TestServer, Trouble, free_port};

const TOKEN: &str = "/acme/token";

/// A server whose project has Acme's client `one`, with that secret.
async fn given_secret(acme: &mut Acme, secret: &str) -> TestServer {
    acme.register("one", "secret-of-one");
    let server = acme.server().await;
    let app = json!({"client_id": "one", "client_secret": secret, "settings": {"developer_token": "dev-1"}});
    server.put("/providers/acme/app", &app).await.expect(200);
    server
}

async fn given() -> (Acme, TestServer) {
    let mut acme = Acme::start().await;
    let server = given_secret(&mut acme, "secret-of-one").await;
    (acme, server)
}

/// What doctor says of Acme; nothing of it is secret.
async fn diagnosis(server: &TestServer) -> Value {
    let answer = server.get("/doctor/acme").await;
    assert!(!answer.text.contains("secret-of"), "{}", answer.text);
    answer.expect(200)
}

fn codes(diagnosis: &Value) -> Vec<&str> {
    let findings = diagnosis["findings"].as_array().expect("a list");
    findings.iter().map(|it| it["code"].as_str().expect("a code")).collect()
}

/// The finding of this code, which must be the worst.
#[track_caller]
fn first<'a>(diagnosis: &'a Value, code: &str) -> &'a Value {
    let finding = &diagnosis["findings"][0];
    assert_eq!(finding["code"], code, "{diagnosis:#}");
    assert_eq!(diagnosis["healthy"], finding["severity"] == "info");
    finding
}

/// What was looked at by this name.
fn looked_at<'a>(diagnosis: &'a Value, name: &str) -> &'a Value {
    let checks = diagnosis["checks"].as_array().expect("a list");
    checks.iter().find(|it| it["name"] == name).expect("the check was made")
}

fn check<'a>(diagnosis: &'a Value, name: &str) -> &'a Value {
    &looked_at(diagnosis, name)["outcome"]
}

#[tokio::test]
async fn a_provider_that_is_set_up_well_is_healthy() {
    let (acme, server) = given().await;
    let found = diagnosis(&server).await;
    assert_eq!(found["healthy"], true, "{found:#}");
    // A development set-up is worth knowing of.
    assert_eq!(codes(&found), ["public_url_local"]);
    for name in ["set_up", "public_url", "authorization_endpoint", "token_endpoint", "clock"] {
        assert_eq!(check(&found, name), "passed", "{name}");
    }
    assert_eq!((&found["source"], &found["client_id"]), (&json!("project"), &json!("one")));
    assert_eq!(found["redirect_uri"], format!("{}/connections/oauth/callback", acme.road.url));
    // Nobody was connected, and nothing is left of it.
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn the_pretend_provider_is_healthy_as_it_comes() {
    let server = TestServer::start().await;
    let found = server.get("/doctor/sandbox").await.expect(200);
    assert_eq!((&found["healthy"], codes(&found).len()), (&json!(true), 0), "{found:#}");
    assert_eq!(check(&found, "token_endpoint"), "passed");
}

#[tokio::test]
async fn without_a_client_doctor_says_what_to_register_and_asks_nobody() {
    let mut acme = Acme::start().await;
    let server = acme.server().await;
    let found = diagnosis(&server).await;
    let finding = first(&found, "client_missing");
    let uri = format!("{}/connections/oauth/callback", acme.road.url);
    let mend = finding["mend"].as_str().expect("a sentence");
    assert!(mend.contains(&uri) && mend.contains("https://acme.example/apps"), "{mend}");
    assert_eq!(codes(&found)[1], "settings_missing");
    assert_eq!(found["findings"][1]["value"], "\"settings\": {\"developer_token\": \"...\"}");
    assert!(acme.token_requests().is_empty());
}

#[tokio::test]
async fn a_client_that_must_be_authenticated_another_way_is_told_from_an_unknown_one() {
    let (acme, server) = given().await;
    acme.rules().basic = true;
    let found = diagnosis(&server).await;
    let finding = first(&found, "wrong_client_auth");
    assert_eq!(finding["value"], "client_auth: basic");
    assert_eq!(check(&found, "token_endpoint"), "failed");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_whichever_way_it_is_sent() {
    let mut acme = Acme::start().await;
    let server = given_secret(&mut acme, "another-secret-of-one").await;
    let found = diagnosis(&server).await;
    let finding = first(&found, "client_refused");
    assert!(finding["seen"].as_str().is_some_and(|it| it.contains("`one`") && it.contains("invalid_client")));
    assert_eq!(acme.token_requests().len(), 2);
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_found_without_a_person() {
    let (acme, server) = given().await;
    acme.rules().redirect_uri = Some("https://old.example.com/connections/oauth/callback".into());
    let found = diagnosis(&server).await;
    let finding = first(&found, "redirect_uri_refused");
    assert_eq!(finding["value"], format!("{}/connections/oauth/callback", acme.road.url));
    assert_eq!(check(&found, "authorization_endpoint"), "failed");
    assert_eq!(check(&found, "token_endpoint"), "passed");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_named_by_host_and_cause() {
    let mut acme = Acme::start().await;
    acme.write("acme.yaml", &ACME_FILE.replace("{public_url}/acme/token", "https://localhost/token"));
    let server = given_secret(&mut acme, "secret-of-one").await;
    let found = diagnosis(&server).await;
    let seen = first(&found, "provider_unreachable")["seen"].as_str().expect("a sentence").to_owned();
    assert!(seen.contains("host localhost") && seen.contains("_failed"), "{seen}");
}

#[tokio::test]
async fn a_server_of_our_own_that_is_silent_is_told_to_be_started() {
    let url = format!("http://localhost:{}", free_port());
    let server = Settings::default().flag("--public-url", &url).start().await;
    let found = server.get("/doctor/sandbox").await.expect(200);
    let finding = first(&found, "server_silent");
    let seen = finding["seen"].as_str().expect("a sentence");
    assert!(seen.starts_with(&format!("No server answers at {url} from here: connect_failed. ")), "{seen}");
    assert!(finding["mend"].as_str().is_some_and(|it| it.contains("`panora serve`")), "{finding:#}");
    assert_eq!(codes(&found), ["server_silent"]);
}

#[tokio::test]
async fn each_check_that_finds_nobody_fails_and_names_whom_it_asked() {
    let mut acme = Acme::start().await;
    let elsewhere = ACME_FILE
        .replace("{public_url}/acme/authorize", "https://127.0.0.1/authorize")
        .replace("{public_url}/acme/token", "https://localhost/token");
    acme.write("acme.yaml", &elsewhere);
    let server = given_secret(&mut acme, "secret-of-one").await;
    let found = diagnosis(&server).await;
    for (name, host) in [("authorization_endpoint", "127.0.0.1"), ("token_endpoint", "localhost")] {
        assert_eq!(check(&found, name), "failed", "{found:#}");
        let seen = looked_at(&found, name)["seen"].to_string();
        assert!(seen.contains(&format!("(host {host})")), "{seen}");
    }
    assert_eq!(codes(&found).iter().filter(|code| **code == "provider_unreachable").count(), 1);
}

#[tokio::test]
async fn limits_and_troubles_of_the_provider_are_told_apart() {
    for (trouble, code, words) in [
        (Trouble::Answer(429, &[("retry-after", "90")], "{}"), "rate_limited", "wait 90 s"),
        (Trouble::Answer(503, &[], "{}"), "provider_trouble", "503"),
        (Trouble::Answer(400, &[], "{\"error\": \"teapot\"}"), "public_url_local", ""),
    ] {
        let (acme, server) = given().await;
        acme.road.block(TOKEN, trouble);
        let found = diagnosis(&server).await;
        let finding = first(&found, code);
        assert!(finding["seen"].as_str().is_some_and(|it| it.contains(words)), "{finding}");
        // What tells neither is said to tell neither.
        assert_eq!(codes(&found).contains(&"probe_inconclusive"), words.is_empty());
    }
}

#[tokio::test]
async fn clocks_that_differ_are_found_by_the_provider_s_date() {
    let (_acme, server) = given().await;
    server.advance(Duration::from_mins(10));
    let found = diagnosis(&server).await;
    let finding = first(&found, "clock_skew");
    assert!(finding["seen"].as_str().is_some_and(|it| it.contains("behind")), "{finding}");
    assert_eq!(check(&found, "clock"), "failed");
}

#[tokio::test]
async fn an_offline_scope_that_is_left_out_is_found_before_anybody_suffers() {
    let (_acme, server) = given().await;
    let app =
        json!({"client_id": "one", "scopes": ["contacts.read"], "settings": {"developer_token": "dev-1"}});
    server.put("/providers/acme/app", &app).await.expect(200);
    let found = diagnosis(&server).await;
    let finding = first(&found, "offline_scope_left_out");
    assert_eq!(finding["value"], "\"scopes\": [\"contacts.read\",\"offline_access\"]");
}

#[tokio::test]
async fn a_provider_is_not_asked_again_within_seconds() {
    let (acme, server) = given().await;
    for _ in 0..5 {
        diagnosis(&server).await;
    }
    assert_eq!(acme.token_requests().len(), 1);
    // But with another client.
    acme.register("two", "secret-of-two");
    let app =
        json!({"client_id": "two", "client_secret": "secret-of-two", "settings": {"developer_token": "x"}});
    server.put("/providers/acme/app", &app).await.expect(200);
    diagnosis(&server).await;
    assert_eq!(acme.token_requests().len(), 2);
}

#[tokio::test]
async fn a_provider_that_is_switched_off_or_unknown_is_said_to_be() {
    let (_acme, server) = given().await;
    server.patch("/providers/acme", &json!({"enabled": false})).await.expect(200);
    assert!(codes(&diagnosis(&server).await).contains(&"provider_disabled"));
    server.get("/doctor/nosuch").await.assert_problem(404, "not_found");
    assert_eq!(crate::support::sent(server.keyless(reqwest::Method::GET, "/doctor/acme")).await.status, 401);
}

#[tokio::test]
async fn the_reference_calls_the_server_that_serves_it() {
    let server = TestServer::start().await;
    let page = Browser::new().open(format!("{}/docs", server.url)).await;
    page.assert_says(200, &format!("export PANORA_URL={}", server.url));
}

#[tokio::test]
async fn a_page_explains_every_finding() {
    let server = TestServer::start().await;
    let page = Browser::new().open(format!("{}/docs/doctor", server.url)).await;
    page.assert_says(200, "What doctor finds");
    let named: BTreeSet<&str> = panora::doctor::KINDS.iter().map(|kind| kind.code).collect();
    assert_eq!(named.len(), panora::doctor::KINDS.len());
    for code in named {
        assert!(page.html.contains(&format!("id=\"{code}\"")), "{code}");
    }
}
