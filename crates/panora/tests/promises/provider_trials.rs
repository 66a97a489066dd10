//! `panora providers try`: what it walks, what it prints and never prints, how it ends, and that nothing stays.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::trial::{Desk, Trial};
use crate::support::wait::within;
use crate::support::{Acme, Browser, Page, free_port};

/// A key's account, at the sandbox.
const KEYED: &str = r##"
slug: keyed
name: Keyed
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: api_key
credentials:
  - {name: account, label: Account, secret: false}
  - {name: api_key, label: Key}
api:
  base_url: "{public_url}/sandbox/api"
  headers: {X-Sandbox-Account: "{account}", X-Sandbox-Key: "{api_key}"}
verify:
  request: {url: /me}
  wrong_key: [401]
identity: {request: {url: /me}, id: ["{/id}"], name: ["{/name}"], email: ["{/email}"]}
"##;

/// A trial of Acme's file, behind the road that is its public URL.
async fn of_acme(test: &str, acme: &Acme, secret: &str) -> (Desk, Trial) {
    let desk = Desk::new(test, "acme.yaml", crate::support::acme::FILE);
    let bind = format!("127.0.0.1:{}", free_port());
    acme.road.leads_to(&format!("http://{bind}"));
    let mut command = desk.command(&["acme.yaml", "--bind", &bind, "--public-url", &acme.road.url]);
    command.env("PANORA_ACME_CLIENT_ID", "one").env("PANORA_ACME_CLIENT_SETTING_DEVELOPER_TOKEN", "dev-1");
    // What the environment does not know is read as typed.
    let trial = Trial::start(command, &format!("{secret}\n")).await;
    (desk, trial)
}

async fn acme() -> Acme {
    let acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    acme
}

async fn connect(trial: &mut Trial) -> Page {
    let browser = Browser::new();
    let page = browser.open(trial.link().await).await;
    browser.open(page.link_with("/authorize")).await
}

#[track_caller]
fn assert_tells_no_secret(said: &str) {
    for secret in ["secret-of-one", "code-of-one", "access-of-one", "refresh-of-one", "dev-1"] {
        assert!(!said.contains(secret), "{secret}:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_walked_from_consent_to_revocation_and_ends_with_0() {
    let acme = acme().await;
    let (desk, mut trial) = of_acme("try_all", &acme, "secret-of-one").await;
    assert_eq!(connect(&mut trial).await.status, 200);
    let (code, said) = trial.end().await;
    assert_eq!(code, Some(0), "{said}");
    assert_tells_no_secret(&said);
    for line in [
        "acme.yaml: good",
        "/connections/oauth/callback",
        "your browser goes to",
        "grant_type = authorization_code",
        "client_secret = [hidden]",
        "/access_token                [hidden], 13 characters",
        "account    7",
        "asked for  contacts.read offline_access",
        "grant_type = refresh_token",
        "ok  Refreshed: good until",
        "ok  The provider takes the credentials.",
        "ok  Revoked at the provider.",
        "All of it worked.",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    assert_eq!((acme.token_requests().len(), acme.road.passed("/acme/revoke").len()), (2, 1));
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_it_is_a_trial_that_asks() {
    let acme = acme().await;
    let (_desk, mut trial) = of_acme("try_page", &acme, "secret-of-one").await;
    let page = Browser::new().open(trial.link().await).await;
    assert!(page.html.contains("Your trial") && !page.html.contains(">default<"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_nobody_reads_on_ends_before_its_patience() {
    let desk = Desk::new("try_unread", "acme.yaml", crate::support::acme::FILE);
    let mut command = desk.command(&["acme.yaml", "--bind", "127.0.0.1:0"]);
    command.env("PANORA_ACME_CLIENT_ID", "one").env("PANORA_ACME_CLIENT_SECRET", "secret-of-one");
    command.env("PANORA_ACME_CLIENT_SETTING_DEVELOPER_TOKEN", "dev-1");
    command.env("PANORA_ACME_CLIENT_SETTING_TIER", "free");
    let (reader, writer) = std::io::pipe().expect("there is a pipe");
    drop(reader);
    command.stdout(writer).stdin(Stdio::null());
    let child = command.spawn().expect("the binary can be run");
    let output = within("the command to end", child.wait_with_output()).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nobody reads on") && !said.contains("panicked"), "{said}");
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_is_shown_in_the_providers_words_and_ends_with_1() {
    let acme = acme().await;
    let (desk, mut trial) = of_acme("try_wrong_secret", &acme, "mistaken-secret").await;
    connect(&mut trial).await;
    let (code, said) = trial.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("answer   401 with JSON") && said.contains("invalid_client"), "{said}");
    assert!(said.contains("!!  The person was told `set_up_wrongly`."), "{said}");
    assert!(said.contains("one thing did not work") && !said.contains("mistaken-secret"), "{said}");
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn less_than_the_file_asks_for_ends_with_1() {
    let acme = acme().await;
    acme.rules().gives_refresh_tokens = false;
    acme.rules().scope = Some("contacts.read".into());
    let (desk, mut trial) = of_acme("try_less", &acme, "secret-of-one").await;
    connect(&mut trial).await;
    let (code, said) = trial.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("!!  Asked for and not granted: offline_access."), "{said}");
    assert!(said.contains("!!  No refresh token was given: all ends at "), "{said}");
    assert!(said.contains("ok  Revoked at the provider."), "{said}");
    assert!(said.contains("2 things did not work"), "{said}");
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_account_cannot_be_read_is_given_back_all_the_same() {
    let acme = acme().await;
    acme.road
        .block("/acme/api/me", crate::support::Trouble::Answer(404, &[], r#"{"message":"no such path"}"#));
    let (desk, mut trial) = of_acme("try_no_account", &acme, "secret-of-one").await;
    connect(&mut trial).await;
    let (code, said) = trial.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("answer   404") && said.contains("no such path"), "{said}");
    assert!(said.contains("ok  Revoked at the provider."), "{said}");
    assert_tells_no_secret(&said);
    assert_eq!(acme.road.passed("/acme/revoke").len(), 1);
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_never_comes_back_is_not_waited_for_longer_than_asked() {
    let acme = acme().await;
    let desk = Desk::new("try_nobody", "acme.yaml", crate::support::acme::FILE);
    let bind = format!("127.0.0.1:{}", free_port());
    let mut command = desk.command(&["acme.yaml", "--bind", &bind, "--wait", "1"]);
    command.env("PANORA_ACME_CLIENT_ID", "one").env("PANORA_ACME_CLIENT_SETTING_DEVELOPER_TOKEN", "dev-1");
    let (code, said) = Trial::start(command, "").await.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("!!  Nobody came back within 1 second."), "{said}");
    assert_eq!(acme.token_requests().len(), 0);
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_stopped_leaves_nothing() {
    let acme = acme().await;
    let (desk, mut trial) = of_acme("try_stopped", &acme, "secret-of-one").await;
    trial.link().await;
    let id = trial.child.id().expect("it runs").to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().await.expect("there is kill");
    assert!(killed.success());
    let (code, said) = trial.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("stopped before the end"), "{said}");
    desk.assert_empty();
}

/// Exit code and words of a trial with a key, typed after its account.
async fn with_key(test: &str, key: &str) -> (Option<i32>, String) {
    let desk = Desk::new(test, "keyed.yaml", KEYED);
    let mut command = desk.command(&["keyed.yaml", "--bind", "127.0.0.1:0"]);
    command.env("PANORA_TRY_ACCOUNT", "acme");
    let ended = Trial::start(command, &format!("{key}\n")).await.end().await;
    desk.assert_empty();
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_tried_and_never_shown() {
    let (code, said) = with_key("try_key", "acme-key").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("header   X-Sandbox-Key: [hidden]") && !said.contains("acme-key"), "{said}");
    assert!(said.contains("--  There is no refresh token, and the credentials do not expire."), "{said}");
    assert!(said.contains("ok  The provider takes the credentials."), "{said}");
    assert!(said.contains("All of it worked."), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_with_1() {
    let (code, said) = with_key("try_wrong_key", "mistyped-key").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("answer   401") && !said.contains("mistyped-key"), "{said}");
    assert!(said.contains("!!  The provider does not know these credentials."), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_gives_is_named() {
    let (code, said) = with_key("try_no_key", "").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Key: nothing was given: set PANORA_TRY_API_KEY"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_explained_by_its_line_and_nothing_starts() {
    let desk = Desk::new("try_broken", "keyed.yaml", &KEYED.replace("#336699", "blue"));
    let (code, said) = Trial::start(desk.command(&["keyed.yaml"]), "").await.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("keyed.yaml:5: colour `blue`") && !said.contains("good"), "{said}");
    desk.assert_empty();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_never_reach_it() {
    let desk = Desk::new("try_open", "keyed.yaml", KEYED);
    let command = desk.command(&["keyed.yaml", "--bind", "0.0.0.0:0"]);
    let (code, said) = Trial::start(command, "").await.end().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("--bind takes a loopback address"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_help_names_what_the_environment_may_say() {
    let desk = Desk::new("try_help", "keyed.yaml", KEYED);
    let (code, said) = Trial::start(desk.command(&["--help"]), "").await.end().await;
    assert_eq!(code, Some(0), "{said}");
    for word in
        ["PANORA_<SLUG>_CLIENT_SECRET", "PANORA_TRY_<FIELD>", "--public-url", "redirect URI", "exits with 0"]
    {
        assert!(said.contains(word), "{word}:\n{said}");
    }
}
