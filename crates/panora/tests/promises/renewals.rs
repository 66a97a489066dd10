//! The same account again renews the connection that stands; anything else is another connection.

use serde_json::json;

use crate::support::{Browser, Receiver, Road, TestServer, an_import, text};

#[tokio::test]
async fn the_same_account_again_keeps_id_and_token_and_is_told_as_reauthorized() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.*"]).await;
    let (first, second) = (server.connect("user-1").await, server.connect("user-1").await);
    assert_eq!((&first.id, &first.token), (&second.id, &second.token));
    assert_eq!(server.count("/connections").await, 1);
    let event = receiver.first("connection.reauthorized").await;
    assert_eq!(event.data()["id_connection"], first.id.as_str());
    assert_eq!(event.data()["connection_token"], first.token.as_str());
}

#[tokio::test]
async fn another_account_is_another_connection() {
    let server = TestServer::start().await;
    let (first, second) =
        (server.connect_as("user-1", "acme").await, server.connect_as("user-1", "globex").await);
    assert!(first.id != second.id && first.token != second.token);
    assert_eq!(server.count("/connections").await, 2);
}

#[tokio::test]
async fn the_same_account_of_another_linked_user_is_another_connection() {
    let server = TestServer::start().await;
    let (first, second) = (server.connect("user-1").await, server.connect("user-2").await);
    assert_ne!(first.id, second.id);
    assert_eq!(server.count("/connections").await, 2);
}

#[tokio::test]
async fn after_a_revocation_it_is_a_new_connection_with_a_new_token() {
    let server = TestServer::start().await;
    let first = server.connect("user-1").await;
    server.delete(&format!("/connections/{}", first.id)).await.expect(200);
    let second = server.connect("user-1").await;
    assert!(first.id != second.id && first.token != second.token);
}

#[tokio::test]
async fn a_renewal_never_revokes_the_old_grant_at_the_provider() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    server.connect("user-1").await;
    server.connect("user-1").await;
    let other = server.connect_as("user-2", "globex").await;
    server.delete(&format!("/connections/{}", other.id)).await.expect(200);
    // That deletion's job comes after any that a renewal could have made.
    road.wait_for("/sandbox/oauth/revoke", 1).await;
    assert_eq!(road.arrived("/sandbox/oauth/revoke"), 1);
}

#[tokio::test]
async fn a_link_for_a_connection_renews_that_one() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let link = server.magic_link_with("user-1", json!({"id_connection": connected.id})).await;
    Browser::new().connect(&text(&link["url"])).await.assert_says(200, "Sandbox is connected again");
    assert_eq!(server.connection_of("user-1").await["connection_token"], connected.token.as_str());
    assert_eq!(server.count("/connections").await, 1);
}

#[tokio::test]
async fn renewing_with_another_account_is_refused_and_changes_nothing() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let connected = server.connect("user-1").await;
    server.endpoint(&receiver, &["connection.*"]).await;
    let before = server.connection_of("user-1").await;
    let link = server.magic_link_with("user-1", json!({"id_connection": connected.id})).await;
    let page = Browser::new().connect_as(&text(&link["url"]), "globex").await;
    page.assert_says(409, "That is a different account");
    assert_eq!(receiver.next().await.data()["code"], "other_account");
    assert_eq!(server.connections_of("user-1").await, [before]);
}

#[tokio::test]
async fn a_link_for_somebody_else_s_connection_is_422() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let body = json!({"linked_user_origin_id": "user-2", "id_connection": connected.id});
    let answer = server.post("/magic_links", &body).await;
    answer.assert_problem(422, "unknown_id");
    assert_eq!(answer.pointer(), "/id_connection");
}

#[tokio::test]
async fn a_link_for_a_connection_names_no_providers() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let body =
        json!({"linked_user_origin_id": "user-1", "id_connection": connected.id, "providers": ["sandbox"]});
    assert_eq!(server.post("/magic_links", &body).await.status, 400);
}

#[tokio::test]
async fn an_import_of_an_account_that_is_connected_renews_it_with_200() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let connected = server.connect("user-1").await;
    server.connect("user-2").await;
    let tokens = road.passed("/sandbox/oauth/token").pop().expect("the second flow's tokens").answer;
    let tokens: serde_json::Value = serde_json::from_slice(&tokens).expect("JSON");
    let body =
        json!({"credentials": {"access_token": tokens["access_token"], "expires_in": 3600}, "verify": true});
    let renewed = server.post("/connections", &an_import("user-1", body)).await.expect(200);
    assert_eq!(renewed["connection_token"], connected.token.as_str());
}

#[tokio::test]
async fn where_the_account_is_unknown_each_import_is_another_connection() {
    let server = TestServer::start().await;
    let (first, second) =
        (server.import("user-1", json!({})).await, server.import("user-1", json!({})).await);
    assert_ne!(first["id_connection"], second["id_connection"]);
    assert_eq!(server.count("/connections").await, 2);
}
