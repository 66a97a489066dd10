//! A project's own OAuth apps: which client speaks for whom, and that a secret is never answered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Acme, Answer, Browser, Settings, TestServer, eventually, text};

const APP: &str = "/providers/acme/app";

/// A server that knows Acme, where the client `one` is registered; the project has no app yet.
async fn given() -> (Acme, TestServer) {
    given_with(Settings::default()).await
}

async fn given_with(settings: Settings) -> (Acme, TestServer) {
    let mut acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    acme.register("two", "secret-of-two");
    acme.register("installations", "secret-of-the-installation");
    let server = acme.server_with(settings).await;
    (acme, server)
}

/// Settings with an app of the installation's.
fn configured() -> Settings {
    Settings::default()
        .variable("PANORA_ACME_CLIENT_ID", "installations")
        .variable("PANORA_ACME_CLIENT_SECRET", "secret-of-the-installation")
        .variable("PANORA_ACME_CLIENT_SETTING_DEVELOPER_TOKEN", "token-of-the-installation")
        .variable("PANORA_ACME_CLIENT_SCOPES", "contacts.read, offline_access")
}

fn an_app(id: &str) -> Value {
    json!({"client_id": id, "client_secret": format!("secret-of-{id}"), "settings": {"developer_token": "dev-1"}})
}

async fn set(server: &TestServer, id: &str) -> Value {
    server.put(APP, &an_app(id)).await.expect(200)
}

/// A person connects Acme; the connection.
async fn connect(server: &TestServer, origin_id: &str) -> Value {
    let link = server.magic_link_with(origin_id, json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    browser.open(page.link_with("/authorize")).await.assert_says(200, "Acme is connected");
    server.connection_of(origin_id).await
}

/// A call with the connection, once its token has expired.
async fn call_later(server: &TestServer, connection: &Value) -> Answer {
    server.advance(Duration::from_hours(2));
    let call = json!({"method": "GET", "path": "/me"});
    server.passthrough(&text(&connection["connection_token"]), &call).await
}

#[tokio::test]
async fn without_an_app_it_is_said_what_to_register_and_what_is_missing() {
    let (acme, server) = given().await;
    let app = server.get(APP).await.expect(200);
    assert_eq!((&app["source"], &app["client_id"]), (&json!("none"), &Value::Null));
    assert_eq!(app["redirect_uri"], format!("{}/connections/oauth/callback", acme.road.url));
    assert_eq!(
        (&app["setup_url"], &app["obstacle"]),
        (&json!("https://acme.example/apps"), &json!("client_missing"))
    );
    assert_eq!(app["missing_settings"], json!(["developer_token"]));
    let names: Vec<_> = app["settings"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["developer_token", "tier"]);
    assert_eq!(app["scopes"], json!(["contacts.read", "offline_access"]));
}

#[tokio::test]
async fn a_project_connects_with_its_own_app_whose_secret_is_answered_nowhere() {
    let (acme, server) = given().await;
    let put = server.put(APP, &an_app("one")).await;
    let shown = server.get(APP).await;
    for answer in [&put, &shown, &server.get("/providers").await] {
        assert!(!answer.text.contains("secret-of-one"), "{}", answer.text);
    }
    let app = shown.expect(200);
    assert_eq!((&app["source"], &app["client_id"]), (&json!("project"), &json!("one")));
    assert_eq!((&app["client_secret"], &app["obstacle"]), (&json!("[redacted]"), &Value::Null));
    connect(&server, "user-1").await;
    assert_eq!(acme.last_client(), ("one".into(), "secret-of-one".into()));
}

#[tokio::test]
async fn a_call_carries_the_app_s_setting_of_now_whenever_the_connection_was_made() {
    let (acme, server) = given().await;
    set(&server, "one").await;
    let connection = connect(&server, "user-1").await;
    let token =
        || acme.road.passed("/acme/api/me").pop().expect("a call").headers["x-developer-token"].clone();
    assert_eq!(token(), "dev-1");
    let other = json!({"client_id": "one", "settings": {"developer_token": "dev-2"}});
    server.put(APP, &other).await.expect(200);
    call_later(&server, &connection).await.expect(200);
    assert_eq!(token(), "dev-2");
}

#[tokio::test]
async fn the_project_s_app_comes_before_the_installation_s_which_comes_back_when_it_is_deleted() {
    let (acme, server) = given_with(configured()).await;
    let app = server.get(APP).await;
    // Another's setting is not the project's to read.
    assert!(
        !app.text.contains("token-of-the-installation") && !app.text.contains("secret-of"),
        "{}",
        app.text
    );
    assert_eq!(app.expect(200)["source"], "configuration");
    connect(&server, "user-1").await;
    assert_eq!(acme.last_client().0, "installations");
    set(&server, "one").await;
    connect(&server, "user-2").await;
    assert_eq!(acme.last_client().0, "one");
    let left = server.delete(APP).await.expect(200);
    assert_eq!((&left["source"], &left["client_id"]), (&json!("configuration"), &json!("installations")));
    connect(&server, "user-3").await;
    assert_eq!(acme.last_client(), ("installations".into(), "secret-of-the-installation".into()));
}

#[tokio::test]
async fn a_connection_keeps_the_client_that_made_it() {
    let (acme, server) = given().await;
    set(&server, "one").await;
    let older = connect(&server, "user-1").await;
    set(&server, "two").await;
    connect(&server, "user-2").await;
    assert_eq!(acme.last_client().0, "two");
    call_later(&server, &older).await.expect(200);
    assert_eq!(acme.last_client(), ("one".into(), "secret-of-one".into()));
    server.delete(APP).await.expect(200);
    call_later(&server, &older).await.expect(200);
    server.delete(&format!("/connections/{}", text(&older["id_connection"]))).await.expect(200);
    acme.road.wait_for("/acme/revoke", 1).await;
    let revocation = eventually("the revocation", || async { acme.road.passed("/acme/revoke").pop() }).await;
    assert!(String::from_utf8_lossy(&revocation.body).contains("client_id=one&client_secret=secret-of-one"));
}

#[tokio::test]
async fn a_new_secret_of_the_same_client_serves_older_connections() {
    let (acme, server) = given().await;
    set(&server, "one").await;
    let older = connect(&server, "user-1").await;
    acme.register("one", "another-secret-of-one");
    let rotated = json!({"client_id": "one", "client_secret": "another-secret-of-one",
        "settings": {"developer_token": "dev-1"}});
    server.put(APP, &rotated).await.expect(200);
    call_later(&server, &older).await.expect(200);
    assert_eq!(acme.last_client(), ("one".into(), "another-secret-of-one".into()));
}

#[tokio::test]
async fn a_secret_left_out_stays_and_null_takes_it_away() {
    let (_acme, server) = given().await;
    set(&server, "one").await;
    let kept = server.put(APP, &json!({"client_id": "one"})).await.expect(200);
    assert_eq!(kept["client_secret"], "[redacted]");
    let public = server.put(APP, &json!({"client_id": "one", "client_secret": null})).await.expect(200);
    assert_eq!(public["client_secret"], Value::Null);
    let unknown = server.put(APP, &json!({"client_id": "two"})).await;
    unknown.assert_refused_at("/client_secret");
    assert_eq!(server.get(APP).await.expect(200)["client_id"], "one");
}

#[tokio::test]
async fn a_former_client_is_forgotten_when_its_last_connection_is_gone() {
    let (_acme, server) = given().await;
    set(&server, "one").await;
    let connection = connect(&server, "user-1").await;
    set(&server, "two").await;
    let pass = Duration::from_mins(12);
    let clients = || async { server.database().number("SELECT COUNT(*) FROM provider_clients").await };
    let marked = "SELECT COUNT(*) FROM provider_clients WHERE unused_since IS NOT NULL";
    for _ in 0..3 {
        server.advance(Duration::from_hours(50));
        server.advance(pass);
    }
    assert_eq!(clients().await, 2);
    server.delete(&format!("/connections/{}", text(&connection["id_connection"]))).await.expect(200);
    eventually("the client to be found unused", || async {
        server.advance(pass);
        (server.database().number(marked).await == 1).then_some(())
    })
    .await;
    // The grant is still being given back.
    assert_eq!(clients().await, 2);
    server.advance(Duration::from_hours(49));
    eventually("the former client to be forgotten", || async {
        server.advance(pass);
        (clients().await == 1).then_some(())
    })
    .await;
    assert_eq!(server.get(APP).await.expect(200)["client_secret"], "[redacted]");
}

#[tokio::test]
async fn a_setting_must_be_one_that_the_file_allows() {
    let (_acme, server) = given().await;
    for (name, value) in
        [("developer_token", "Not This!"), ("tier", "gold"), ("colour", "red"), ("developer_token", " ")]
    {
        let mut app = an_app("one");
        app["settings"] = json!({name: value});
        server.put(APP, &app).await.assert_refused_at(&format!("/settings/{name}"));
    }
    assert_eq!(server.get(APP).await.expect(200)["source"], "none");
}

#[tokio::test]
async fn a_setting_that_the_file_calls_secret_is_answered_nowhere() {
    let mut acme = Acme::start().await;
    let secret =
        crate::support::ACME_FILE.replace("label: Developer token,", "label: Developer token, secret: true,");
    acme.write("acme.yaml", &secret);
    let server = acme.server().await;
    let app = json!({"client_id": "one", "client_secret": null, "settings": {"developer_token": "swordfish", "tier": "paid"}});
    let answer = server.put(APP, &app).await;
    assert!(!answer.text.contains("swordfish"), "{}", answer.text);
    let settings = answer.expect(200)["settings"].clone();
    assert_eq!((&settings[0]["is_set"], &settings[0]["value"]), (&json!(true), &Value::Null));
    assert_eq!(settings[1]["value"], "paid");
}

#[tokio::test]
async fn an_app_without_a_required_setting_is_kept_and_cannot_connect_yet() {
    let (_acme, server) = given().await;
    let app = json!({"client_id": "one", "client_secret": "secret-of-one"});
    let app = server.put(APP, &app).await.expect(200);
    assert_eq!(
        (&app["missing_settings"], &app["obstacle"]),
        (&json!(["developer_token"]), &json!("settings_missing"))
    );
    let link = json!({"linked_user_origin_id": "user-1", "providers": ["acme"]});
    server.post("/magic_links", &link).await.assert_problem(422, "settings_missing");
}

#[tokio::test]
async fn own_scopes_are_asked_for_trimmed_and_each_once() {
    let (acme, server) = given().await;
    let mut app = an_app("one");
    app["scopes"] = json!([" deals.write ", "nobody.knows.this", "deals.write"]);
    let put = server.put(APP, &app).await.expect(200);
    assert_eq!(put["scopes"], json!(["deals.write", "nobody.knows.this"]));
    acme.rules().scope = Some("deals.write".into());
    let connection = connect(&server, "user-1").await;
    let asked = acme.road.passed("/acme/authorize").pop();
    assert!(asked.is_none_or(|it| it.target.contains("scope=deals.write+nobody.knows.this")));
    assert_eq!(connection["missing_scopes"], json!(["nobody.knows.this"]));
}

#[tokio::test]
async fn a_scope_or_client_that_cannot_be_one_is_refused() {
    let (_acme, server) = given().await;
    for (field, value, pointer) in [
        ("scopes", json!(["a b"]), "/scopes/0"),
        ("scopes", json!(["a", ""]), "/scopes/1"),
        ("scopes", json!(["x".repeat(256)]), "/scopes/0"),
        ("scopes", json!(vec!["x"; 257]), "/scopes"),
        ("client_id", json!(""), "/client_id"),
        ("client_id", json!("with blank"), "/client_id"),
        ("client_id", json!("x".repeat(513)), "/client_id"),
        ("client_id", json!(null), "/client_id"),
        ("client_secret", json!(""), "/client_secret"),
        ("client_secret", json!("a\nb"), "/client_secret"),
        ("client_secret", json!("x".repeat(16 * 1024 + 1)), "/client_secret"),
    ] {
        let mut app = an_app("one");
        app[field] = value;
        server.put(APP, &app).await.assert_refused_at(pointer);
    }
    server.put(APP, &json!({"client_id": "one", "secret": "x"})).await.assert_refused_at("/secret");
    assert_eq!(server.get(APP).await.expect(200)["source"], "none");
}

#[tokio::test]
async fn another_project_neither_sees_nor_uses_an_app() {
    let (_acme, server) = given().await;
    set(&server, "one").await;
    let other = server.another_project("other").await;
    let app = other.get(APP).await.expect(200);
    assert_eq!((&app["source"], &app["client_id"]), (&json!("none"), &Value::Null));
    let link = json!({"linked_user_origin_id": "user-1", "providers": ["acme"]});
    other.post("/magic_links", &link).await.assert_problem(422, "client_missing");
    // Its client is not borrowed by naming it.
    other.put(APP, &json!({"client_id": "one"})).await.assert_refused_at("/client_secret");
    other.delete(APP).await.expect(200);
    assert_eq!(server.get(APP).await.expect(200)["source"], "project");
}

#[tokio::test]
async fn a_project_s_own_provider_file_never_gets_what_is_the_installation_s() {
    let mut acme = Acme::start().await;
    acme.register("installations", "secret-of-the-installation");
    let folder = acme.folder();
    let server = acme.server_with(configured()).await;
    assert_eq!(server.get(APP).await.expect(200)["source"], "configuration");
    let connection = connect(&server, "user-1").await;
    let own = folder.join(text(&server.get("/project").await.expect(200)["id_project"]));
    std::fs::create_dir_all(&own).expect("the folder can be written");
    std::fs::write(own.join("acme.yaml"), crate::support::ACME_FILE).expect("the folder can be written");
    let again = configured().beside(&server).behind(&acme.road);
    let again = again.flag("--providers-dir", folder.display().to_string());
    server.stop().await;
    let requests = acme.token_requests().len();
    let server = again.start().await;
    let app = server.get(APP).await.expect(200);
    assert_eq!((&app["source"], &app["settings"][0]["is_set"]), (&json!("none"), &json!(false)));
    // Nor does a connection that was made when the file was the installation's.
    let (key, _, _) = server.another_key().await;
    server.advance(Duration::from_hours(2));
    let call = json!({"method": "GET", "path": "/me"});
    key.passthrough(&text(&connection["connection_token"]), &call)
        .await
        .assert_problem(502, "refresh_failed");
    assert_eq!(acme.token_requests().len(), requests);
}

#[tokio::test]
async fn a_code_that_names_an_issuer_is_not_exchanged_by_a_project_s_own_file_that_names_none() {
    let mut acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    let folder = acme.folder();
    let server = acme.server().await;
    let own = folder.join(text(&server.get("/project").await.expect(200)["id_project"]));
    std::fs::create_dir_all(&own).expect("the folder can be written");
    std::fs::write(own.join("acme.yaml"), crate::support::ACME_FILE).expect("the folder can be written");
    let again = Settings::default().beside(&server).behind(&acme.road);
    let again = again.flag("--providers-dir", folder.display().to_string());
    server.stop().await;
    let server = again.start().await;
    set(&server, "one").await;
    let link = server.magic_link_with("user-1", json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let away = browser.open_only(page.link_with("/authorize")).await.leads_to();
    let mut callback = browser.open_only(away).await.leads_to();
    // As if the person had been led on to somebody else, whose code this is (RFC 9207, section 1).
    callback.query_pairs_mut().append_pair("iss", "https://accounts.google.com");
    browser.open(&callback).await.assert_says(502, "Acme could not finish this");
    assert!(acme.token_requests().is_empty());
    assert_eq!(server.count("/connections").await, 0);
    connect(&server, "user-1").await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_refused_by_what_is_missing() {
    let (_acme, server) = given().await;
    let link = json!({"linked_user_origin_id": "user-1", "providers": ["hubspot", "acme"]});
    let refused = server.post("/magic_links", &link).await;
    refused.assert_problem(422, "client_missing");
    assert_eq!(refused.pointer(), "/providers/0");
    server.assert_nothing_stored().await;
    set(&server, "one").await;
    server.post("/magic_links", &link).await.expect(201);
    server.patch("/providers/acme", &json!({"enabled": false})).await.expect(200);
    let only = json!({"linked_user_origin_id": "user-1", "providers": ["acme"]});
    server.post("/magic_links", &only).await.assert_problem(422, "provider_disabled");
}

#[tokio::test]
async fn a_person_whose_link_leads_to_nothing_set_up_is_told_whom_to_ask() {
    let (_acme, server) = given().await;
    set(&server, "one").await;
    let link = server.magic_link_with("user-1", json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let consent = browser.open(text(&link["url"])).await;
    server.delete(APP).await.expect(200);
    for address in [text(&link["url"]), consent.url.to_string(), consent.link_with("/authorize").to_string()]
    {
        let page = browser.open(&address).await;
        page.assert_says(500, "This connection is not ready yet");
        page.assert_says(500, "You did nothing wrong");
        assert!(page.text().contains("Acme cannot be connected"), "{}", page.text());
    }
}

#[tokio::test]
async fn a_provider_says_whether_it_can_be_connected_and_why_not() {
    let (_acme, server) = given().await;
    let obstacle = || async {
        let acme = server.get("/providers/acme").await.expect(200);
        assert_eq!(acme["connectable"], acme["obstacle"].is_null());
        acme["obstacle"].clone()
    };
    assert_eq!(obstacle().await, "client_missing");
    server.put(APP, &json!({"client_id": "one", "client_secret": null})).await.expect(200);
    assert_eq!(obstacle().await, "settings_missing");
    set(&server, "one").await;
    assert_eq!(obstacle().await, Value::Null);
    let connectable = server.get("/providers?connectable=true").await.expect(200);
    let oauth =
        connectable["data"].as_array().expect("a list").iter().filter(|it| it["auth_kind"] == "oauth2_code");
    let slugs: Vec<_> = oauth.map(|it| &it["slug"]).collect();
    assert_eq!(slugs, ["acme", "sandbox"]);
    server.patch("/providers/acme", &json!({"enabled": false})).await.expect(200);
    assert_eq!(obstacle().await, "disabled");
    server.get("/providers?connectable=perhaps").await.assert_refused_at("?connectable");
}

#[tokio::test]
async fn a_provider_without_oauth_takes_no_app() {
    let mut acme = Acme::start().await;
    let keyed = "slug: keyed\nname: Keyed\nverticals: [crm]\ncolour: \"#123456\"\ndocs: https://keyed.example\n\
                 auth: api_key\ncredentials: [{name: api_key, label: Key}]\n\
                 api: {base_url: https://keyed.example, headers: {X-Key: \"{api_key}\"}}\n";
    acme.write("keyed.yaml", keyed);
    let server = acme.server().await;
    server.put("/providers/keyed/app", &an_app("one")).await.assert_problem(422, "no_oauth_app");
    let app = server.get("/providers/keyed/app").await.expect(200);
    assert_eq!((&app["redirect_uri"], &app["obstacle"]), (&Value::Null, &Value::Null));
    server.get("/providers/nosuch/app").await.assert_problem(404, "not_found");
    server.put("/providers/nosuch/app", &an_app("one")).await.assert_problem(404, "not_found");
    server.delete("/providers/nosuch/app").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn the_installation_s_settings_and_scopes_are_used_and_a_wrong_one_keeps_it_from_starting() {
    let (acme, server) =
        given_with(configured().variable("PANORA_ACME_CLIENT_SCOPES", "contacts.read")).await;
    assert_eq!(server.get(APP).await.expect(200)["scopes"], json!(["contacts.read"]));
    connect(&server, "user-1").await;
    let call = acme.road.passed("/acme/api/me").pop().expect("a call");
    assert_eq!(call.headers["x-developer-token"], "token-of-the-installation");
    for (name, value) in [("TIER", "swordfish"), ("COLOUR", "swordfish")] {
        let mut acme = Acme::start().await;
        let variable = format!("PANORA_ACME_CLIENT_SETTING_{name}");
        let settings = configured().variable(&variable, value);
        let settings = settings.flag("--providers-dir", acme.folder().display().to_string());
        let error = settings.database(acme.database.take().expect("a database")).refused().await;
        assert!(error.contains(&variable) && !error.contains("swordfish"), "{error}");
    }
}
