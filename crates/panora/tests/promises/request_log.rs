//! `GET /connections/{id}/requests`: what was called and how long it took, never what it carried.

use std::time::Duration;

use panora::model::{ConnectionId, LoggedRequest, ProjectId, RequestId, Time};
use serde_json::{Value, json};

use crate::passthrough_streams::given;
use crate::support::{TestServer, eventually, text};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nanswer";

#[tokio::test]
async fn a_call_is_logged_with_what_it_was_and_took() {
    let it = given().await;
    let before = it.server.app().clock.now();
    it.answered("GET", OK).await;
    let entry = it.logged(1).await;
    for (field, value) in [
        ("method", json!("GET")),
        ("path", json!("/x")),
        ("status", json!(200)),
        ("error", Value::Null),
        ("attempts", json!(1)),
        ("sent_bytes", json!(0)),
        ("received_bytes", json!(6)),
    ] {
        assert_eq!(entry[field], value, "{field}: {entry}");
    }
    assert!(entry["duration_ms"].is_u64());
    let at: Time = text(&entry["created_at"]).parse().expect("a time");
    assert!(at >= before && at <= it.server.app().clock.now());
    assert_eq!(entry.as_object().expect("an object").len(), 10, "{entry}");
}

#[tokio::test]
async fn no_query_header_or_body_is_kept() {
    let it = given().await;
    let mut caller = it
        .caller("POST /passthrough/a/b?token=swordfish", "x-secret: swordfish\r\ncontent-length: 9\r\n")
        .await;
    caller.say("swordfish").await;
    let (mut provider, _) = it.upstream.request().await;
    provider.say("HTTP/1.1 200 OK\r\nx-secret: swordfish\r\ncontent-length: 9\r\n\r\nswordfish").await;
    caller.head().await;
    caller.take(9).await;
    let entry = it.logged(1).await;
    assert_eq!((&entry["path"], &entry["sent_bytes"]), (&json!("/a/b"), &json!(9)));
    assert!(!entry.to_string().contains("swordfish"), "{entry}");
    let list = it.server.get(&format!("/connections/{}/requests", it.id)).await;
    assert!(!list.text.contains("swordfish"));
}

#[tokio::test]
async fn both_forms_and_calls_that_came_to_nothing_are_logged() {
    let it = given().await;
    it.answered("GET", "").await;
    let entry = it.logged(1).await;
    assert_eq!((&entry["status"], &entry["error"]), (&Value::Null, &json!("connection_closed")));
    let call = json!({"method": "PUT", "path": "/x/../y?a=1", "data": {}});
    it.server.passthrough(&it.token, &call).await.assert_refused_at("/path");
    let entry = it.logged(2).await;
    assert_eq!((&entry["method"], &entry["path"]), (&json!("PUT"), &json!("/x/../y")));
    assert_eq!((&entry["error"], &entry["attempts"]), (&json!("invalid_request"), &json!(0)));
}

/// A connection with so many logged calls, a second apart, whose status is 200 and 404 in turn.
async fn with_entries(count: u32) -> (TestServer, String, Vec<LoggedRequest>) {
    let server = TestServer::start().await;
    let made = server.import("user-1", json!({})).await;
    let id = text(&made["id_connection"]);
    let project: ProjectId = text(&made["id_project"]).parse().expect("an id");
    let connection: ConnectionId = id.parse().expect("an id");
    let (app, mut entries) = (server.app(), Vec::new());
    let start = app.clock.now().minus(Duration::from_secs(u64::from(count)));
    for number in 0..count {
        let at = start.plus(Duration::from_secs(u64::from(number)));
        entries.push(LoggedRequest {
            id: RequestId::from_uuid(app.random.uuid(at)),
            id_project: project,
            id_connection: connection,
            method: "GET".to_owned(),
            path: format!("/{number}"),
            status: Some(if number % 2 == 0 { 200 } else { 404 }),
            error: None,
            duration_ms: 1,
            attempts: 1,
            sent_bytes: 0,
            received_bytes: 0,
        });
    }
    for group in entries.chunks(500) {
        app.store.add_requests(group).await.expect("they can be written");
    }
    (server, id, entries)
}

fn paths(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("a list").iter().map(|entry| text(&entry["path"])).collect()
}

#[tokio::test]
async fn the_log_is_paged_newest_first() {
    let (server, id, _) = with_entries(5).await;
    let (mut query, mut all) = ("?limit=2".to_owned(), Vec::new());
    loop {
        let page = server.get(&format!("/connections/{id}/requests{query}")).await.expect(200);
        all.extend(paths(&page));
        assert_eq!(page["prev_cursor"], Value::Null);
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(all, ["/4", "/3", "/2", "/1", "/0"]);
}

#[tokio::test]
async fn filters_narrow_the_log_together() {
    let (server, id, entries) = with_entries(6).await;
    let at = |number: usize| entries[number].id.made_at();
    for (query, expected) in [
        ("status=404".to_owned(), vec!["/5", "/3", "/1"]),
        (format!("since={}", at(4)), vec!["/5", "/4"]),
        (format!("until={}", at(2)), vec!["/1", "/0"]),
        (format!("since={}&until={}&status=200", at(1), at(5)), vec!["/4", "/2"]),
    ] {
        let page = server.get(&format!("/connections/{id}/requests?{query}")).await.expect(200);
        assert_eq!(paths(&page), expected, "{query}");
    }
    for (query, pointer) in [
        ("status=4xx", "?status"),
        ("status=99", "?status"),
        ("since=now", "?since"),
        ("until=", "?until"),
        ("x=1", "?x"),
        ("limit=0", "?limit"),
        ("cursor=x", "?cursor"),
    ] {
        server.get(&format!("/connections/{id}/requests?{query}")).await.assert_refused_at(pointer);
    }
}

#[tokio::test]
async fn another_project_s_log_is_not_there() {
    let (server, id, _) = with_entries(1).await;
    let other = server.another_project("other").await;
    other.get(&format!("/connections/{id}/requests")).await.assert_problem(404, "not_found");
    server.get("/connections/0/requests").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn the_log_of_a_revoked_connection_stays_readable() {
    let (server, id, _) = with_entries(1).await;
    server.delete(&format!("/connections/{id}")).await.expect(200);
    assert_eq!(paths(&server.get(&format!("/connections/{id}/requests")).await.expect(200)), ["/0"]);
}

#[tokio::test]
async fn a_connection_s_log_is_cut_behind_its_newest() {
    let (server, id, entries) = with_entries(30).await;
    let place = (entries[0].id_project, entries[0].id_connection);
    let store = &server.app().store;
    let last = store.newest_request_beyond(place, 10).await.expect("a log that can be read");
    let last = last.expect("an entry beyond the newest ten");
    for expected in [15, 5, 0] {
        assert_eq!(store.forget_requests_up_to(place, last, 15).await.expect("a step"), expected);
    }
    assert_eq!(store.newest_request_beyond(place, 10).await.expect("a log that can be read"), None);
    let page = server.get(&format!("/connections/{id}/requests")).await.expect(200);
    assert_eq!(paths(&page), (20..30).rev().map(|number| format!("/{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn old_entries_are_forgotten_with_the_events_of_their_time() {
    let (server, _, _) = with_entries(600).await;
    server.advance(Duration::from_hours(24 * 31));
    eventually("the log to be empty", || async {
        // A pass that was under way when the clock moved comes again after ten minutes.
        server.advance(Duration::from_mins(11));
        (server.database().number("SELECT COUNT(*) FROM requests").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_person_leaves_no_entries() {
    let (server, id, _) = with_entries(1200).await;
    let user = text(&server.get(&format!("/connections/{id}")).await.expect(200)["id_linked_user"]);
    server.delete(&format!("/linked_users/{user}")).await.expect(200);
    eventually("the log to be empty", || async {
        (server.database().number("SELECT COUNT(*) FROM requests").await == 0).then_some(())
    })
    .await;
}
