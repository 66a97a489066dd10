//! What the pages take from strangers, and under which name they go on.

use std::time::Duration;

use panora::model::Time;
use serde_json::json;

use crate::support::{Browser, Settings, TestServer, sent, text};

#[tokio::test]
async fn a_form_of_2_mib_is_413_at_every_page() {
    let server = TestServer::start().await;
    let form = format!("api_key={}", "a".repeat(2 * 1024 * 1024));
    for path in
        ["/connect/flow/x/y", "/sandbox/oauth/authorize", "/sandbox/oauth/token", "/sandbox/oauth/revoke"]
    {
        let request = server.keyless(reqwest::Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.clone());
        assert_eq!(sent(request).await.status, 413, "{path}");
    }
}

#[tokio::test]
async fn where_nothing_is_under_connect_the_headers_are_a_page_s() {
    let server = TestServer::start().await;
    for path in ["/connect", "/connect/", "/connect/a/b", "/connect/flow/x/sandbox/nothing"] {
        let answer = sent(server.keyless(reqwest::Method::GET, path)).await;
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_link_opened_under_localhost_goes_on_under_the_public_url() {
    let server = TestServer::start().await;
    let link = server.link("user-1").await.replace("127.0.0.1", "localhost");
    let page = Browser::new().connect(&link).await;
    page.assert_says(200, "Sandbox is connected");
    assert_eq!(page.url.host_str(), Some("127.0.0.1"));
}

#[tokio::test]
async fn resending_keeps_the_original_life_however_often() {
    let server = TestServer::start().await;
    let link = server.magic_link_with("user-1", json!({"expires_in": 60})).await;
    let path = format!("/magic_links/{}/resend", text(&link["id_magic_link"]));
    for _ in 0..3 {
        server.advance(Duration::from_secs(30));
        let resent = server.post(&path, &json!({})).await;
        assert!(resent.status < 300, "{}", resent.text);
        let expires: Time = text(&resent.body["expires_at"]).parse().expect("a time");
        let left = expires.millis_since(server.app().clock.now());
        assert!((50_000..=60_000).contains(&left), "{left} ms");
    }
}

#[tokio::test]
async fn asking_for_a_link_s_headers_begins_nothing() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    let path = text(&link["url"]).replace(&server.url, "");
    let answer = sent(server.keyless(reqwest::Method::HEAD, &path)).await;
    assert_eq!(answer.header("set-cookie"), "");
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    assert!(!link["timeline"].to_string().contains("opened"), "{}", link["timeline"]);
}

#[tokio::test]
async fn a_link_that_was_used_stays_used_when_it_is_revoked() {
    let server = TestServer::start().await;
    let link = server.magic_link("user-1").await;
    Browser::new().connect(&text(&link["url"])).await.assert_says(200, "Sandbox is connected");
    let path = format!("/magic_links/{}", text(&link["id_magic_link"]));
    assert_eq!(server.delete(&path).await.expect(200)["status"], "used");
    assert_eq!(server.get(&path).await.expect(200)["status"], "used");
}

#[tokio::test]
async fn a_thousand_openings_hide_no_connection_in_the_timeline() {
    let server = Settings::default().flag("--api-rate-limit", "0").start().await;
    let link = server.magic_link("user-1").await;
    let path = text(&link["url"]).replace(&server.url, "");
    for _ in 0..1001 {
        sent(server.keyless(reqwest::Method::GET, &path)).await;
    }
    Browser::new().connect(&text(&link["url"])).await.assert_says(200, "Sandbox is connected");
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    assert!(link["timeline"].to_string().contains("connected"));
}

/// SQLite's files hold what people trusted us with.
#[cfg(unix)]
#[tokio::test]
async fn the_data_of_sqlite_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = crate::support::Database::fresh().await;
    let data = database.folder.join("data");
    std::fs::create_dir_all(&data).expect("the folder can be written");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let key = crate::support::Process::new_key();
    let port = crate::support::free_port();
    let process = crate::support::Process::start(&database, port, &key, &[]).await;
    process.import("user-1", json!({})).await;
    for file in std::fs::read_dir(&data).expect("the folder can be read") {
        let file = file.expect("the folder can be read");
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} {mode:o}", file.path().display());
    }
}
