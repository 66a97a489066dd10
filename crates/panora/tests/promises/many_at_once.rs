//! Many at once: callers, endpoints and servers do not stand in each other's way.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Database, Process, Receiver, Reply, TestServer, an_import, free_port, text};

#[tokio::test]
async fn sixty_imports_at_once_for_one_person_are_all_taken() {
    let server = TestServer::start().await;
    let user = server.post("/linked_users", &json!({"linked_user_origin_id": "user-1"})).await.expect(201);
    let mut import = an_import("user-1", json!({"id_linked_user": user["id_linked_user"]}));
    import.as_object_mut().expect("an object").remove("linked_user_origin_id");
    for answer in join_all((0..60).map(|_| server.post("/connections", &import))).await {
        answer.expect(201);
    }
}

#[tokio::test]
async fn imports_at_once_name_one_person_in_answers_lists_and_events_whether_new_or_known() {
    let server = TestServer::start().await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.created"]).await;
    let import = an_import("user-1", json!({}));
    let mut made = Vec::new();
    for _ in 0..2 {
        for answer in join_all((0..20).map(|_| server.post("/connections", &import))).await {
            made.push(answer.expect(201));
        }
    }
    let person = made[0]["id_linked_user"].clone();
    let mut told = Vec::new();
    for _ in &made {
        told.push(receiver.next().await.event["data"].clone());
    }
    for connection in &made {
        let path = format!("/connections/{}", text(&connection["id_connection"]));
        assert_eq!(server.get(&path).await.expect(200)["id_linked_user"], person);
        assert_eq!(connection["id_linked_user"], person);
        assert!(told.contains(connection), "{connection}");
    }
    let users = server.get("/linked_users").await.expect(200);
    assert_eq!(users.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn sixty_links_at_once_for_one_person_are_all_made() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let body = json!({"linked_user_origin_id": "user-1", "id_connection": connected.id});
    for answer in join_all((0..60).map(|_| server.post("/magic_links", &body))).await {
        answer.expect(201);
    }
}

#[tokio::test]
async fn sixteen_endpoints_that_hang_delay_no_healthy_one() {
    let (server, hanging, healthy) =
        (TestServer::start().await, Receiver::start().await, Receiver::start().await);
    hanging.always(Reply::Hang);
    for _ in 0..16 {
        server.endpoint(&hanging, &["connection.created"]).await;
    }
    for number in 0..70 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    // As many as one endpoint may keep waiting, of each.
    hanging.wait_for(16 * 64).await;
    server.endpoint(&healthy, &["connection.created"]).await;
    let begun = Instant::now();
    server.import("user-1", json!({})).await;
    healthy.next().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn two_servers_asked_at_once_with_one_key_make_one_object_and_give_one_answer() {
    let database = Database::fresh().await;
    if database.url().is_none() {
        // SQLite is one server's own.
        return;
    }
    let key = Process::new_key();
    let first = Process::start(&database, free_port(), &key, &[]).await;
    let second = Process::start(&database, free_port(), &key, &[]).await;
    for round in 0..10 {
        let body = json!({"linked_user_origin_id": format!("user-{round}"), "expires_in": 600});
        let idempotency_key = format!("key-{round}");
        let (one, other) = tokio::join!(
            first.post_once("/magic_links", &idempotency_key, &body),
            second.post_once("/magic_links", &idempotency_key, &body)
        );
        let (one, other) = (one.expect(201), other.expect(201));
        assert_eq!(text(&one["url"]).rsplit('/').next(), text(&other["url"]).rsplit('/').next());
        assert_eq!(one["id_magic_link"], other["id_magic_link"]);
        assert_eq!(first.count("/magic_links").await, round + 1);
    }
}
