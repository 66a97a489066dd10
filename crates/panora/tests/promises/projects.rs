//! The key's own project, and how its connect page looks.

use serde_json::{Value, json};

use crate::support::{Browser, TestServer};

#[tokio::test]
async fn a_project_is_changed_field_by_field_and_null_clears() {
    let server = TestServer::start().await;
    let change = json!({"name": "Acme", "color": "#1a73e8", "support_email": "help@acme.example"});
    server.patch("/project", &change).await.expect(200);
    let changed = server.patch("/project", &json!({"color": null})).await.expect(200);
    assert_eq!((&changed["name"], &changed["color"]), (&json!("Acme"), &Value::Null));
    assert_eq!(changed["support_email"], "help@acme.example");
    assert_eq!(server.get("/projects").await.expect(200)[0], changed);
}

#[tokio::test]
async fn the_list_of_projects_pages_as_every_list() {
    let server = TestServer::start().await;
    let own = server.get("/projects?limit=1").await.expect(200);
    let id = own[0]["id_project"].as_str().expect("an id").to_owned();
    assert_eq!(server.get(&format!("/projects?cursor={id}")).await.expect(200), json!([]));
    server.get("/projects?limit=0").await.assert_refused_at("?limit");
}

#[tokio::test]
async fn the_connect_page_says_who_asks_and_for_whom() {
    let server = TestServer::start().await;
    server.patch("/project", &json!({"name": "Acme <b>&</b> Söhne"})).await.expect(200);
    let link = server.magic_link_with("user-1", json!({"alias": "Ada <script>"})).await;
    let page = Browser::new().open(link["url"].as_str().expect("a URL")).await;
    page.assert_says(200, "Acme <b>&</b> Söhne wants to connect to your Sandbox account");
    page.assert_says(200, "Ada <script>");
    assert!(!page.html.contains("<script>") && !page.html.contains("<b>&"), "{}", page.html);
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_whole() {
    let server = TestServer::start().await;
    for (field, value) in [
        ("name", json!("")),
        ("color", json!("red")),
        ("logo_url", json!("javascript:alert(1)")),
        ("privacy_url", json!("http://acme.example/")),
        ("support_email", json!("nobody")),
        ("id_project", json!("x")),
    ] {
        let mut body = json!({"hand_over": true});
        body[field] = value.clone();
        let answer = server.patch("/project", &body).await;
        answer.assert_refused_at(&format!("/{field}"));
    }
    assert_eq!(server.get("/project").await.expect(200)["hand_over"], false);
}
