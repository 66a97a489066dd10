//! What was told can be read again: one event, or all of them page by page.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Receiver, TestServer, sent, text};

/// The ids of the events that a query finds, in its order.
async fn found(server: &TestServer, query: &[(&str, &str)]) -> Vec<String> {
    let list = sent(server.request(Method::GET, "/events").query(query)).await.expect(200);
    list.as_array().expect("an array").iter().map(|it| text(&it["id_event"])).collect()
}

/// A server that told of two connections and, a minute later, of the first one's end; their ids, oldest first.
async fn given() -> (TestServer, [String; 3]) {
    let server = TestServer::start().await;
    let first = server.import("user-1", json!({})).await;
    server.import("user-2", json!({})).await;
    server.advance(Duration::from_mins(1));
    server.delete(&format!("/connections/{}", text(&first["id_connection"]))).await.expect(200);
    let mut ids = found(&server, &[]).await;
    ids.reverse();
    let ids = ids.try_into().expect("three events");
    (server, ids)
}

#[tokio::test]
async fn an_event_is_shown_in_the_bytes_that_endpoints_receive() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["*"]).await;
    // Numbers and keys whose text a careless parser changes.
    let metadata =
        json!({"metadata": {"10": 1e21, "9": 0.1, "ö": "\u{2028}", "big": 9_007_199_254_740_993_i64}});
    server.import("user-1", metadata).await;
    let delivered = receiver.next().await;
    let body = String::from_utf8(delivered.body.clone()).expect("a body is UTF-8");
    let shown = server.get(&format!("/events/{}", delivered.id_event())).await;
    assert_eq!((shown.status, &shown.text), (200, &body));
    assert_eq!(shown.header("content-type"), "application/json");
    assert_eq!(server.get("/events").await.text, format!("[{body}]"));
}

#[tokio::test]
async fn events_are_listed_newest_first() {
    let (server, [first, second, third]) = given().await;
    assert_eq!(found(&server, &[]).await, [third, second, first]);
}

#[tokio::test]
async fn pages_lead_on_by_their_link_and_show_each_event_once() {
    let server = TestServer::start().await;
    for number in 0..7 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    let whole = server.all("/events").await;
    assert_eq!(whole.len(), 7);
    let first = server.get("/events?limit=3&type=connection.created").await;
    // What comes meanwhile does not move the pages.
    server.import("user-7", json!({})).await;
    let link = first.header("link");
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
    let mut paged = first.body.as_array().cloned().expect("an array");
    paged.extend(server.all(next).await);
    assert_eq!(paged, whole);
    assert_eq!(server.get("/events?limit=8").await.header("link"), "");
}

#[tokio::test]
async fn events_are_narrowed_by_type() {
    let (server, [first, second, third]) = given().await;
    assert_eq!(found(&server, &[("type", "connection.revoked")]).await, [third]);
    assert_eq!(found(&server, &[("type", "connection.created")]).await, [second, first]);
    assert_eq!(found(&server, &[("type", "connection.failed")]).await, [""; 0]);
}

#[tokio::test]
async fn events_are_narrowed_by_time_with_the_beginning_and_without_the_end() {
    let (server, [first, second, third]) = given().await;
    let at = text(&server.get(&format!("/events/{third}")).await.expect(200)["created_at"]);
    assert_eq!(found(&server, &[("since", &at)]).await, [third.as_str()]);
    assert_eq!(found(&server, &[("until", &at)]).await, [second, first]);
    assert_eq!(found(&server, &[("since", &at), ("until", &at)]).await, [""; 0]);
    assert_eq!(found(&server, &[("since", &at), ("type", "connection.created")]).await, [""; 0]);
}

#[tokio::test]
async fn a_time_days_ago_finds_what_was_told_there() {
    let (server, [first, second, third]) = given().await;
    let day = Duration::from_hours(24);
    let before = server.app().clock.now();
    server.advance(3 * day);
    server.import("user-3", json!({})).await;
    let (since, until) = (before.minus(day).to_string(), before.plus(day).to_string());
    let between = found(&server, &[("since", &since), ("until", &until)]).await;
    assert_eq!(between, [third, second, first]);
    assert_eq!(found(&server, &[("since", &until)]).await.len(), 1);
    assert_eq!(found(&server, &[("until", &since)]).await, [""; 0]);
}

#[tokio::test]
async fn of_a_person_who_was_forgotten_an_event_keeps_only_that_it_was() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let connection = server.import("user-1", json!({"metadata": {"name": "Ada"}})).await;
    let told = receiver.next().await.event;
    server.delete(&format!("/linked_users/{}", text(&connection["id_linked_user"]))).await.expect(200);
    let mut left = told.clone();
    left["data"] = Value::Null;
    let path = format!("/events/{}", text(&told["id_event"]));
    assert_eq!(server.get(&path).await.expect(200), left);
    assert_eq!(server.get("/events?type=connection.created").await.expect(200), json!([left]));
    assert_eq!(server.stream_after("0").await.next().await.envelope(), left);
}

#[tokio::test]
async fn another_project_s_event_is_not_there() {
    let (server, ids) = given().await;
    let other = server.another_project("other").await;
    for id in &ids {
        other.get(&format!("/events/{id}")).await.assert_problem(404, "not_found");
    }
    assert_eq!(other.count("/events").await, 0);
}

#[tokio::test]
async fn an_id_that_names_no_event_is_404() {
    let server = TestServer::start().await;
    for id in ["01890000-0000-7000-8000-000000000000", "1", "x"] {
        server.get(&format!("/events/{id}")).await.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_parameter_that_says_nothing_is_refused_where_it_is() {
    let server = TestServer::start().await;
    for (name, value) in [
        ("type", "connection.craeted"),
        ("type", "connection.*"),
        ("since", "yesterday"),
        ("until", "2026-13-01T00:00:00Z"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "x"),
        ("cursor", "-1"),
        ("cursor", "01890000-0000-7000-8000-000000000000"),
        ("status", "valid"),
    ] {
        let answer = sent(server.request(Method::GET, "/events").query(&[(name, value)])).await;
        answer.assert_refused_at(&format!("?{name}"));
    }
    let path = "/events/01890000-0000-7000-8000-000000000000?limit=1";
    server.get(path).await.assert_refused_at("?limit");
}

#[tokio::test]
async fn events_are_for_callers_with_a_key() {
    let (server, [id, ..]) = given().await;
    for path in ["/events".to_owned(), format!("/events/{id}")] {
        sent(server.keyless(Method::GET, &path)).await.assert_problem(401, "missing_api_key");
    }
}
