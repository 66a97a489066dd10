//! Providers: what can be connected, and what a project has switched off.

use serde_json::{Value, json};

use crate::support::{Browser, Database, Settings, TestServer, text};

/// The providers with a client of which the field is true.
async fn with_a_client(server: &TestServer, field: &str) -> Vec<String> {
    let list = server.get("/providers").await.expect(200);
    let list = list["data"].as_array().cloned().expect("a list");
    let oauth = list.iter().filter(|it| it["auth_kind"] == "oauth2_code");
    oauth.filter(|it| it[field] == true).map(|it| text(&it["slug"])).collect()
}

#[tokio::test]
async fn a_provider_without_a_client_is_listed_and_not_configured() {
    let server = TestServer::start().await;
    assert_eq!(with_a_client(&server, "configured").await, ["sandbox"]);
    let hubspot = server.get("/providers/hubspot").await.expect(200);
    assert_eq!((&hubspot["configured"], &hubspot["token_type"]), (&json!(false), &json!("oauth2")));
    assert_eq!(hubspot["redirect_uri"], format!("{}/connections/oauth/callback", server.url));
}

#[tokio::test]
async fn a_client_in_the_environment_configures_its_provider_and_is_not_shown() {
    let server = Settings::default()
        .variable("PANORA_HUBSPOT_CLIENT_ID", "an-id")
        .variable("PANORA_HUBSPOT_CLIENT_SECRET", "a-secret-of-hubspot")
        .start()
        .await;
    assert_eq!(with_a_client(&server, "configured").await, ["hubspot", "sandbox"]);
    assert!(!server.get("/providers").await.text.contains("a-secret-of-hubspot"));
}

#[tokio::test]
async fn the_sandbox_is_not_what_somebody_meant_where_it_is_off() {
    let database = Database::fresh().await;
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let file = crate::own_providers::FILE.replace("slug: keyed", "slug: sandbag");
    std::fs::write(folder.join("sandbag.yaml"), file).expect("the folder can be written");
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let settings = settings.flag("--public-url", "https://panora.example.com");
    let server = settings.database(database).start().await;
    let answer = server.get("/providers/sandbx").await;
    assert_eq!(answer.body["detail"], "There is no such provider. Did you mean `sandbag`?");
}

#[tokio::test]
async fn the_sandbox_is_off_where_the_public_url_is_public() {
    let server = Settings::default().flag("--public-url", "https://panora.example.com").start().await;
    server.get("/providers/sandbox").await.assert_problem(404, "not_found");
    let answer = server
        .post("/magic_links", &json!({"linked_user_origin_id": "user-1", "providers": ["sandbox"]}))
        .await;
    answer.assert_problem(422, "unknown_provider");
    let token = crate::support::sent(server.keyless(reqwest::Method::POST, "/sandbox/oauth/token")).await;
    assert_eq!(token.status, 404);
}

#[tokio::test]
async fn an_unknown_provider_is_404() {
    let server = TestServer::start().await;
    server.get("/providers/nosuch").await.assert_problem(404, "not_found");
    server.patch("/providers/nosuch", &json!({"enabled": false})).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_slug_near_a_known_one_is_asked_about() {
    let server = TestServer::start().await;
    for path in ["/providers/hubspo", "/providers/hubspto/app", "/doctor/hubspots"] {
        let answer = server.get(path).await;
        answer.assert_problem(404, "not_found");
        assert_eq!(answer.body["detail"], "There is no such provider. Did you mean `hubspot`?", "{path}");
    }
    assert_eq!(server.get("/providers/nosuch").await.body["detail"], "There is no such provider.");
    let link = json!({"linked_user_origin_id": "user-1", "providers": ["hub_spot"]});
    let link = server.post("/magic_links", &link).await;
    link.assert_problem(422, "unknown_provider");
    assert!(link.text.contains("Did you mean `hubspot`?"), "{}", link.text);
}

#[tokio::test]
async fn a_provider_switched_off_can_be_connected_by_nobody_of_the_project() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let page = browser.open(server.link("user-1").await).await;
    let changed = server.patch("/providers/sandbox", &json!({"enabled": false})).await.expect(200);
    assert_eq!(changed["enabled"], Value::Bool(false));
    assert_eq!(browser.open(page.link_with("/authorize")).await.status, 404);
    server.patch("/providers/sandbox", &json!({"enabled": true})).await.expect(200);
    let consent = browser.on_to_consent(&page).await;
    browser.submit(&consent.form().allow()).await.assert_says(200, "Sandbox is connected");
}
