//! Linked users: your end users inside Panora.

use serde_json::{Value, json};

use crate::support::{Answer, Browser, Receiver, TestServer, text};

async fn a_user(server: &TestServer, origin_id: &str) -> Value {
    server.post("/linked_users", &json!({"linked_user_origin_id": origin_id})).await.expect(201)
}

#[tokio::test]
async fn a_linked_user_has_four_fields() {
    let server = TestServer::start().await;
    let body = json!({"linked_user_origin_id": "user-1", "alias": "Ada"});
    let user = server.post("/linked_users", &body).await.expect(201);
    let project = server.get("/projects").await.expect(200)[0]["id_project"].clone();
    let expected = json!({"id_linked_user": user["id_linked_user"], "linked_user_origin_id": "user-1",
        "alias": "Ada", "id_project": project});
    assert_eq!(user, expected);
    let path = format!("/linked_users/{}", text(&user["id_linked_user"]));
    assert_eq!(server.get(&path).await.expect(200), user);
}

#[tokio::test]
async fn the_same_origin_id_gives_the_same_linked_user() {
    let server = TestServer::start().await;
    let (first, second) = (a_user(&server, "user-1").await, a_user(&server, "user-1").await);
    assert_eq!(first, second);
    assert_eq!(server.count("/linked_users").await, 1);
}

#[tokio::test]
async fn a_given_alias_replaces_the_stored_one_and_none_leaves_it() {
    let server = TestServer::start().await;
    for (alias, stored) in [(json!("Ada"), "Ada"), (json!("Grace"), "Grace"), (Value::Null, "Grace")] {
        let body = json!({"linked_user_origin_id": "user-1", "alias": alias});
        assert_eq!(server.post("/linked_users", &body).await.expect(201)["alias"], stored);
    }
    assert_eq!(a_user(&server, "user-1").await["alias"], "Grace");
}

#[tokio::test]
async fn a_batch_answers_in_the_order_of_its_request() {
    let server = TestServer::start().await;
    let origin_ids = ["user-9", "user-1", "user-5", "user-1"];
    let body = json!({"linked_user_origin_ids": origin_ids, "alias": null});
    let users = server.post("/linked_users/batch", &body).await.expect(201);
    let answered: Vec<_> =
        users.as_array().expect("an array").iter().map(|it| text(&it["linked_user_origin_id"])).collect();
    assert_eq!(answered, origin_ids);
    assert_eq!(users[1]["id_linked_user"], users[3]["id_linked_user"]);
    assert_eq!(server.count("/linked_users").await, 3);
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let server = TestServer::start().await;
    for count in [0, 501] {
        let ids: Vec<_> = (0..count).map(|number| format!("user-{number}")).collect();
        let answer = server.post("/linked_users/batch", &json!({"linked_user_origin_ids": ids})).await;
        answer.assert_refused_at("/linked_user_origin_ids");
    }
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn a_linked_user_is_found_by_your_own_id() {
    let server = TestServer::start().await;
    let user = a_user(&server, "a b&c/é").await;
    let found = server.get("/linked_users/fromRemoteId?remoteId=a%20b%26c%2F%C3%A9").await.expect(200);
    assert_eq!(found, user);
    server.get("/linked_users/fromRemoteId?remoteId=nobody").await.assert_problem(404, "not_found");
}

/// The next page that a `Link` header leads to.
fn next_of(answer: &Answer) -> Option<String> {
    let link = answer.header("link").strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(link.to_owned())
}

#[tokio::test]
async fn lists_page_by_their_link_header_and_show_each_once() {
    let server = TestServer::start().await;
    let ids: Vec<_> = (0..7).map(|number| format!("user-{number}")).collect();
    server.post("/linked_users/batch", &json!({"linked_user_origin_ids": ids})).await.expect(201);
    let (mut path, mut seen, mut pages) = ("/linked_users?limit=3".to_owned(), Vec::new(), 0);
    loop {
        let answer = server.get(&path).await;
        pages += 1;
        let users = answer.body.as_array().expect("an array");
        seen.extend(users.iter().map(|user| text(&user["linked_user_origin_id"])));
        match next_of(&answer) {
            Some(next) => path = next,
            None => break,
        }
    }
    seen.sort();
    assert_eq!((seen, pages), (ids, 3));
}

#[tokio::test]
async fn a_deleted_linked_user_is_gone_with_what_it_could_open() {
    let server = TestServer::start().await;
    let user = a_user(&server, "user-1").await;
    let link = server.magic_link("user-1").await;
    let path = format!("/linked_users/{}", text(&user["id_linked_user"]));
    assert_eq!(server.delete(&path).await.expect(200), user);
    server.get(&path).await.assert_problem(404, "not_found");
    server.delete(&path).await.assert_problem(404, "not_found");
    let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
    assert_eq!(link["status"], "revoked");
}

#[tokio::test]
async fn deleting_a_linked_user_revokes_its_connections_and_says_so_with_ids_only() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let connected = server.connect("user-1").await;
    let connection = server.get(&format!("/connections/{}", connected.id)).await.expect(200);
    server.endpoint(&receiver, &["connection.revoked"]).await;
    let user = text(&connection["id_linked_user"]);
    server.delete(&format!("/linked_users/{user}")).await.expect(200);
    let event = receiver.next().await;
    assert_eq!(event.data()["id_connection"], connected.id.as_str());
    let body = String::from_utf8_lossy(&event.body).into_owned();
    for personal in ["ada@", "Acme", &connected.token, "user-1"] {
        assert!(!body.contains(personal), "{personal} in {body}");
    }
    let call = json!({"method": "GET", "path": "/me"});
    assert!(server.passthrough(&connected.token, &call).await.status >= 400);
}

#[tokio::test]
async fn deleting_a_linked_user_cancels_older_unsent_deliveries_about_the_person() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint =
        server.endpoint_with(&receiver, json!({"scope": ["connection.created"], "active": false})).await;
    let connection = server.import("user-1", json!({})).await;
    let user = text(&connection["id_linked_user"]);
    server.delete(&format!("/linked_users/{user}")).await.expect(200);
    assert_eq!(server.only_delivery(&endpoint).await["status"], "cancelled");
}

#[tokio::test]
async fn deleting_a_linked_user_erases_what_its_deliveries_were_answered() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let connection = server.import("user-1", json!({"metadata": {"name": "Ada"}})).await;
    assert!(server.delivery_after(&endpoint, 1).await["attempts"][0]["detail"].is_object());
    server.delete(&format!("/linked_users/{}", text(&connection["id_linked_user"]))).await.expect(200);
    assert_eq!(server.only_delivery(&endpoint).await["attempts"][0]["detail"], Value::Null);
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    assert!(!server.get(&path).await.text.contains("Ada"));
}

#[tokio::test]
async fn a_person_who_comes_back_after_being_deleted_is_another_linked_user() {
    let server = TestServer::start().await;
    let first = a_user(&server, "user-1").await;
    server.delete(&format!("/linked_users/{}", text(&first["id_linked_user"]))).await.expect(200);
    assert_ne!(a_user(&server, "user-1").await["id_linked_user"], first["id_linked_user"]);
}

#[tokio::test]
async fn a_linked_user_deleted_on_the_way_is_connected_to_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::new();
    let link = server.magic_link("user-1").await;
    let consent = browser.to_consent(&text(&link["url"])).await;
    server.delete(&format!("/linked_users/{}", text(&link["id_linked_user"]))).await.expect(200);
    let page = browser.submit(&consent.form().allow()).await;
    assert!((400..500).contains(&page.status), "{} {}", page.status, page.text());
    assert_eq!((server.count("/connections").await, server.count("/linked_users").await), (0, 0));
}
