//! `panora doctor` in the terminal: what it prints for people, and how it ends.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{Acme, Database, Settings, TestServer};

/// A server beside which the command runs, with its settings.
struct Given {
    acme: Acme,
    server: TestServer,
    providers: String,
}

async fn given() -> Given {
    let mut acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    let providers = acme.folder().display().to_string();
    let server = acme.server_with(Settings::default()).await;
    Given { acme, server, providers }
}

impl Given {
    async fn set_up(&self) {
        let app = json!({"client_id": "one", "client_secret": "secret-of-one", "settings": {"developer_token": "dev-1"}});
        self.server.put("/providers/acme/app", &app).await.expect(200);
    }

    /// `(exit code, output)` of the command, addresses that differ from run to run aside.
    async fn doctor(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = panora(self.server.database());
        command.env("PANORA_PROVIDERS_DIR", &self.providers);
        command.arg("doctor").args(arguments);
        let output = run(command).await;
        let words = said(&output);
        assert!(!words.contains("secret-of"), "{words}");
        (output.status.code(), words.replace(&self.acme.road.url, "<public URL>"))
    }
}

fn panora(database: &Database) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.current_dir(&database.folder).env_clear().envs(database.variables());
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("it ends")
        .expect("the binary can be run")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_provider_ends_with_0() {
    let given = given().await;
    given.set_up().await;
    let (code, words) = given.doctor(&["acme"]).await;
    insta::assert_snapshot!(words, @r#"
    Acme (acme): nothing to mend
      redirect URI to register  <public URL>/connections/oauth/callback
      ok  set_up                  The project's own OAuth app.
      ok  public_url              People come back to <public URL>.
      ok  authorization_endpoint  The authorization endpoint answers.
      ok  token_endpoint          The token endpoint knows the client.
      ok  clock                   The provider's clock and ours agree.
      --  connections             There is no connection to look at.
      --  flows                   Nobody has tried to connect lately.

      info: The public URL is this machine's [public_url_local]
        seen   The public URL is <public URL>.
        mend   If the provider refuses it, use a tunnel and set PANORA_PUBLIC_URL to its https URL.
        paste  PANORA_PUBLIC_URL=https://panora.example.com
    "#);
    assert_eq!(code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_mending_ends_with_1_and_says_what_to_paste() {
    let given = given().await;
    given.set_up().await;
    given.acme.rules().basic = true;
    given.acme.rules().redirect_uri = Some("https://old.example.com/callback".into());
    let (code, words) = given.doctor(&["acme"]).await;
    insta::assert_snapshot!(words, @r#"
    Acme (acme): asks for mending
      redirect URI to register  <public URL>/connections/oauth/callback
      ok  set_up                  The project's own OAuth app.
      ok  public_url              People come back to <public URL>.
      !!  authorization_endpoint  The authorization endpoint refuses the redirect URI (the page says so).
      !!  token_endpoint          The token endpoint refuses the client with `client_auth: body` and takes it with `client_auth: basic`.
      ok  clock                   The provider's clock and ours agree.
      --  connections             There is no connection to look at.
      --  flows                   Nobody has tried to connect lately.

      error: The redirect URI is not registered [redirect_uri_refused]
        seen   The authorization endpoint refuses the redirect URI (the page says so).
        mend   Open the app at Acme (https://acme.example/apps) and register exactly this redirect URI: scheme, host, port and path, no slash behind it.
        paste  <public URL>/connections/oauth/callback

      error: The client is authenticated the wrong way [wrong_client_auth]
        seen   The token endpoint refuses the client with `client_auth: body` and takes it with `client_auth: basic`.
        mend   In the file acme.yaml write this below `token:`.
        paste  client_auth: basic

      info: The public URL is this machine's [public_url_local]
        seen   The public URL is <public URL>.
        mend   If the provider refuses it, use a tunnel and set PANORA_PUBLIC_URL to its https URL.
        paste  PANORA_PUBLIC_URL=https://panora.example.com
    panora: one provider asks for mending
    "#);
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_all_are_looked_at_that_have_an_app() {
    let given = given().await;
    let (code, words) = given.doctor(&[]).await;
    assert_eq!(
        (code, words.trim()),
        (Some(0), "No provider has an OAuth app yet. Name one to see what it needs: panora doctor hubspot")
    );
    given.set_up().await;
    let (code, words) = given.doctor(&["--json"]).await;
    let found: Value = serde_json::from_str(&words).expect("JSON");
    assert_eq!((code, found.as_array().map(Vec::len)), (Some(0), Some(1)));
    assert_eq!(found[0]["provider_slug"], "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_an_app_is_told_what_it_needs() {
    let given = given().await;
    let (code, words) = given.doctor(&["acme"]).await;
    insta::assert_snapshot!(words, @r#"
    Acme (acme): asks for mending
      redirect URI to register  <public URL>/connections/oauth/callback
      !!  set_up                  No OAuth app.
      ok  public_url              People come back to <public URL>.
      --  connections             There is no connection to look at.
      --  flows                   Nobody has tried to connect lately.

      error: There is no OAuth client [client_missing]
        seen   Neither this project nor the configuration (PANORA_ACME_CLIENT_ID) has an OAuth client for Acme.
        mend   Register an app at https://acme.example/apps with the redirect URI <public URL>/connections/oauth/callback, then PUT its id and secret to /providers/acme/app.
        paste  {"client_id": "...", "client_secret": "..."}

      error: A setting of the app is missing [settings_missing]
        seen   Not set: developer_token.
        mend   PUT it to /providers/acme/app, together with the client.
        paste  "settings": {"developer_token": "..."}

      info: The public URL is this machine's [public_url_local]
        seen   The public URL is <public URL>.
        mend   If the provider refuses it, use a tunnel and set PANORA_PUBLIC_URL to its https URL.
        paste  PANORA_PUBLIC_URL=https://panora.example.com
    panora: one provider asks for mending
    "#);
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_that_is_not_the_server_s_is_told_from_it() {
    let given = given().await;
    given.set_up().await;
    let (_, words) = given.doctor(&["acme", "--public-url", "http://localhost:3999"]).await;
    assert!(words.contains("redirect URI to register  http://localhost:3999/"), "{words}");
    let warning =
        "panora: the server that was started last has the public URL <public URL>, not http://localhost:3999";
    assert!(words.contains(warning), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_and_not_made() {
    let given = given().await;
    let (code, words) = given.doctor(&["acmee"]).await;
    let hint = "panora: `acmee`: There is no such provider. Did you mean `acme`?";
    assert_eq!((code, words.trim()), (Some(1), hint));
    let (code, words) = given.doctor(&["acme", "--project", "nosuch"]).await;
    assert_eq!((code, words.trim()), (Some(1), "panora: there is no project `nosuch`"));
    let nothing = given.server.database().folder.join("nothing");
    let mut command = panora(given.server.database());
    command.env_clear().env("PANORA_DATA_DIR", &nothing).args(["doctor", "sandbox"]);
    let output = run(command).await;
    assert!(output.status.code() == Some(1) && !nothing.exists(), "{}", said(&output));
}
