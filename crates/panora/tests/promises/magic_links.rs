//! Magic links: what their answers say, and which of them still open anything.

use std::time::Duration;

use serde_json::json;

use crate::support::{Browser, TestServer, text};

#[tokio::test]
async fn a_new_link_shows_its_url_for_seven_days() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    assert!(text(&link["url"]).starts_with(&format!("{}/connect/", server.url)));
    assert_eq!(link["status"], "active");
    let at = |name: &str| text(&link[name]).parse::<panora::model::Time>().expect("a time");
    assert_eq!(at("expires_at").millis_since(at("created_at")), 7 * 24 * 3_600_000);
}

#[tokio::test]
async fn the_url_is_shown_once_and_its_token_is_in_no_list() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let token = text(&link["url"]).rsplit('/').next().expect("a token").to_owned();
    for path in ["/magic_links".to_owned(), format!("/magic_links/{}", text(&link["id_magic_link"]))] {
        let answer = server.get(&path).await;
        assert!(answer.status == 200 && !answer.text.contains(&token), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_unknown_origin_id_makes_the_linked_user() {
    let server = TestServer::start().await;
    let link = server.magic_link_with("user-1", json!({"alias": "Ada"})).await;
    let user = server.get("/linked_users/fromRemoteId?remoteId=user-1").await.expect(200);
    assert_eq!((&user["id_linked_user"], &user["alias"]), (&link["id_linked_user"], &json!("Ada")));
}

#[tokio::test]
async fn a_linked_user_that_is_not_this_project_s_is_422() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let user = other.post("/linked_users", &json!({"linked_user_origin_id": "user-1"})).await.expect(201);
    let answer = server.post("/magic_links", &json!({"id_linked_user": user["id_linked_user"]})).await;
    answer.assert_problem(422, "unknown_id");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn the_person_is_named_in_exactly_one_way() {
    let server = TestServer::start().await;
    let id = "01890000-0000-7000-8000-000000000000";
    for body in [json!({}), json!({"id_linked_user": id, "linked_user_origin_id": "user-1"})] {
        server.post("/magic_links", &body).await.assert_refused_at("/linked_user_origin_id");
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_field_outside_its_bounds_is_refused() {
    let server = TestServer::start().await;
    for (field, value) in [
        ("expires_in", json!(59)),
        ("expires_in", json!(2_592_001)),
        ("return_url", json!("ftp://example.com/")),
        ("return_url", json!("/home")),
        ("return_url", json!("http://example.com/")),
        ("return_url", json!("https://ada@example.com/")),
        ("return_url", json!("https://example.com/#top")),
        ("return_url", json!("javascript:alert(1)")),
        ("email", json!("ada")),
    ] {
        let mut body = json!({"linked_user_origin_id": "user-1"});
        body[field] = value.clone();
        let answer = server.post("/magic_links", &body).await;
        assert_eq!(
            (answer.status, answer.pointer()),
            (400, format!("/{field}").as_str()),
            "{value}: {}",
            answer.text
        );
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_unknown_provider_is_422() {
    let server = TestServer::start().await;
    let body = json!({"linked_user_origin_id": "user-1", "providers": ["sandbox", "nosuch"]});
    let answer = server.post("/magic_links", &body).await;
    answer.assert_problem(422, "unknown_provider");
    assert_eq!(answer.pointer(), "/providers/1");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_expired_link_says_so() {
    let server = TestServer::start().await;
    let link = server.magic_link_with("user-1", json!({"expires_in": 60})).await;
    server.advance(Duration::from_secs(61));
    Browser::new().open(text(&link["url"])).await.assert_says(410, "This link has expired");
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    assert_eq!(link["status"], "expired");
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_revoked_link_says_so() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let path = format!("/magic_links/{}", text(&link["id_magic_link"]));
    assert_eq!(server.delete(&path).await.expect(200)["status"], "revoked");
    Browser::new().open(text(&link["url"])).await.assert_says(410, "This link no longer works");
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_used_link_says_so_to_everybody_else() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    Browser::new().connect(&text(&link["url"])).await.assert_says(200, "Sandbox is connected");
    Browser::new().open(text(&link["url"])).await.assert_says(410, "This link has already been used");
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    assert_eq!(link["status"], "used");
    assert_eq!(server.count("/connections").await, 1);
}

#[tokio::test]
async fn an_address_that_no_link_has_leads_nowhere() {
    let server = TestServer::start().await;
    let unknown = format!("{}/connect/{}", server.url, "A".repeat(43));
    Browser::new().open(unknown).await.assert_says(404, "This link leads nowhere");
}

#[tokio::test]
async fn opening_a_link_spends_nothing() {
    let server = TestServer::start().await;
    let link = text(&server.magic_link("user-1").await["url"]);
    for _ in 0..5 {
        assert_eq!(Browser::new().open(&link).await.status, 200);
    }
    Browser::new().connect(&link).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_link_for_many_uses_connects_many_accounts() {
    let server = TestServer::start().await;
    let link = text(&server.magic_link_with("user-1", json!({"single_use": false})).await["url"]);
    for account in ["acme", "globex"] {
        Browser::new().connect_as(&link, account).await.assert_says(200, "Sandbox is connected");
    }
    assert_eq!(server.count("/connections").await, 2);
}

#[tokio::test]
async fn a_resent_link_has_a_fresh_url_and_the_old_one_is_dead() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let resend = format!("/magic_links/{}/resend", text(&link["id_magic_link"]));
    let fresh = server.post_raw(&resend, "").await.body;
    assert_ne!(fresh["url"], link["url"]);
    let dead = Browser::new().open(text(&link["url"])).await;
    assert!(dead.status == 404 || dead.status == 410, "{} {}", dead.status, dead.text());
    Browser::new().connect(&text(&fresh["url"])).await.assert_says(200, "Sandbox is connected");
}

#[tokio::test]
async fn a_resend_ends_the_flows_of_the_old_url() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let browser = Browser::new();
    let consent = browser.to_consent(&text(&link["url"])).await;
    server.post_raw(&format!("/magic_links/{}/resend", text(&link["id_magic_link"])), "").await;
    let page = browser.submit(&consent.form().allow()).await;
    assert!(page.status >= 400, "{} {}", page.status, page.text());
    assert_eq!(server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_used_or_revoked_link_cannot_be_resent() {
    let server = TestServer::start().await;
    let used = server.magic_link("user-1").await;
    Browser::new().connect(&text(&used["url"])).await;
    let revoked = server.magic_link("user-2").await;
    server.delete(&format!("/magic_links/{}", text(&revoked["id_magic_link"]))).await.expect(200);
    for (link, code) in [(used, "link_used"), (revoked, "link_revoked")] {
        let path = format!("/magic_links/{}/resend", text(&link["id_magic_link"]));
        server.post_raw(&path, "").await.assert_problem(409, code);
    }
}

#[tokio::test]
async fn another_project_s_link_is_not_there() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let path = format!("/magic_links/{}", text(&server.magic_link("user-1").await["id_magic_link"]));
    other.get(&path).await.assert_problem(404, "not_found");
    other.delete(&path).await.assert_problem(404, "not_found");
    other.post_raw(&format!("{path}/resend"), "").await.assert_problem(404, "not_found");
    assert_eq!(other.count("/magic_links").await, 0);
    assert_eq!(server.get(&path).await.expect(200)["status"], "active");
}

#[tokio::test]
async fn a_link_s_timeline_tells_what_happened() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    Browser::new().connect(&text(&link["url"])).await;
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    let steps: Vec<_> =
        link["timeline"].as_array().expect("steps").iter().map(|it| text(&it["step"])).collect();
    for step in ["created", "opened", "away", "back", "connected"] {
        assert!(steps.iter().any(|it| it == step), "{step} in {steps:?}");
    }
}

#[tokio::test]
async fn a_browser_with_many_flows_goes_on_with_the_newest_of_them() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let mut links = Vec::new();
    for person in 0..9 {
        let link = server.link(&format!("user-{person}")).await;
        let page = browser.open(&link).await;
        links.push((link, page.url));
        server.advance(Duration::from_secs(1));
    }
    for (link, page) in links.iter().skip(1) {
        assert_eq!(browser.open(link).await.url, *page);
    }
}
