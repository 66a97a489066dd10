//! No statement reads a table from end to end: whatever the server asks of the large tables, an index leads to it. So
//! nobody waits longer because somebody else has a long history or a long queue.

use std::time::Duration;

use panora::model::RequestId;
use panora::store::record_statements;
use serde_json::json;

use crate::support::{Endpoint, Receiver, Reply, TestServer, an_import, eventually, text};

/// Tables that grow.
const LARGE: [&str; 7] =
    ["events", "deliveries", "attempts", "endpoints", "connections", "resends", "requests"];
/// What statements call them.
const ALIASES: [&str; 9] = ["e", "ev", "te", "d", "a", "en", "ep", "c", "r"];

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let server = TestServer::start().await;
    record_statements();
    let endpoint = deliver(&server).await;
    read(&server, &endpoint).await;
    change(&server, &endpoint).await;
    grow(&server).await;
    let plans = server.app().store.explain_recorded().await.expect("every statement can be explained");
    println!("{} statements", plans.len());
    assert!(plans.len() > 100, "the recorder works");
    let scans: Vec<_> = plans.iter().filter(|(text, plan)| scans(text, plan)).collect();
    let shown: Vec<_> =
        scans.iter().map(|(text, plan)| format!("{text}\n    {}", plan.join("\n    "))).collect();
    assert!(scans.is_empty(), "{} read a table from end to end:\n{}", scans.len(), shown.join("\n"));
}

/// Whether a plan reads a large table from end to end. SQLite says `SCAN d`, PostgreSQL `Seq Scan on deliveries d`.
fn scans(text: &str, plan: &[String]) -> bool {
    // A page of rows that an index gave is then read whole; SQLite names no index for it.
    let page =
        |line: &str| line.strip_prefix("SCAN ").is_some_and(|name| text.contains(&format!(") {name} ")));
    plan.iter().any(|line| {
        let mut words = line.split_whitespace();
        let scanned = words.next().filter(|word| *word == "SCAN").and_then(|_| words.next());
        let sqlite = scanned.is_some_and(|name| LARGE.contains(&name) || ALIASES.contains(&name));
        let postgres = LARGE.iter().any(|table| line.contains(&format!("Seq Scan on {table}")))
            // An index whose every row is looked at to see whether it is due.
            || ["Filter: (due_at <=", "Filter: (look_at <=", "Filter: (refresh_due_at <="].iter().any(|filter| line.contains(filter));
        postgres || sqlite && !page(line)
    })
}

/// Everything that the engine does: new events, retries, a hold, probes, a release, single attempts.
async fn deliver(server: &TestServer) -> Endpoint {
    let (works, fails) = (Receiver::start().await, Receiver::start().await);
    server.endpoint(&works, &["*"]).await;
    server.endpoint_with(&works, json!({"rate_limit": 1000})).await;
    fails.always(Reply::Status(500));
    let endpoint = server.endpoint(&fails, &["connection.*"]).await;
    server.import_many("user", 6).await;
    server.all_attempted(&endpoint).await;
    server.advance(Duration::from_secs(70));
    works.first("webhook.held").await;
    // A probe for each that waits, and one more.
    for probes in 1..=7 {
        server.advance(Duration::from_mins(75));
        eventually("a probe", || async {
            let sql = "SELECT COUNT(*) FROM attempts WHERE kind = 'probe'";
            (server.database().number(sql).await >= probes).then_some(())
        })
        .await;
    }
    fails.always(Reply::Status(200));
    server.advance(Duration::from_mins(75));
    works.first("webhook.recovered").await;
    let of_endpoint = format!("/webhooks/{}", endpoint.id);
    let log = server.get(&format!("{of_endpoint}/deliveries")).await.expect(200);
    let delivery = text(&log["data"][0]["id_delivery"]);
    server.post(&format!("/deliveries/{delivery}/resend"), &json!({})).await.expect(200);
    server.post(&format!("{of_endpoint}/test"), &json!({})).await.expect(201);
    for statuses in [json!(["failed", "cancelled", "delivered"]), json!(["missing"])] {
        let recover = json!({"since": "2020-01-01T00:00:00Z", "statuses": statuses});
        server.post(&format!("{of_endpoint}/recover"), &recover).await.expect(201);
    }
    eventually("what was asked for", || async {
        let left = "SELECT (SELECT COUNT(*) FROM resends) + (SELECT COUNT(*) FROM recoveries WHERE state = 'running')";
        (server.database().number(left).await == 0).then_some(())
    })
    .await;
    endpoint
}

/// Every list with each of its filters, and every object.
async fn read(server: &TestServer, endpoint: &Endpoint) {
    let event = server.get("/events?limit=1").await.expect(200)[0].clone();
    let connection = server.connections_of("user-1").await[0].clone();
    let log = format!("/webhooks/{}/deliveries", endpoint.id);
    let times = "since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z";
    let user = text(&connection["id_linked_user"]);
    let mut paths = vec![
        format!("/events/{}", text(&event["id_event"])),
        format!("/connections/{}", text(&connection["id_connection"])),
        format!("/connections/{}/requests?status=200&{times}", text(&connection["id_connection"])),
        format!("/linked_users/{user}"),
        "/linked_users/fromRemoteId?remoteId=user-1".to_owned(),
        format!("/webhooks/{}", endpoint.id),
        format!("/connections?id_linked_user={user}"),
        "/connections?linked_user_origin_id=user-1".to_owned(),
        "/projects".to_owned(),
        "/doctor/sandbox".to_owned(),
        "/connections?metadata.plan=pro".to_owned(),
        "/connections?provider_slug=sandbox&vertical=crm&status=valid".to_owned(),
        format!("{log}?type=connection.created&{times}"),
        format!("{log}?id_event={}", text(&event["id_event"])),
        format!("/events?type=connection.created&{times}"),
    ];
    for list in ["/events", "/connections", "/linked_users", "/magic_links", "/webhooks", &log] {
        paths.extend([list.to_owned(), format!("{list}?limit=1")]);
    }
    for status in ["pending", "waiting", "delivered", "failed", "cancelled"] {
        paths.extend([format!("{log}?status={status}"), format!("{log}?status={status}&type=webhook.held")]);
    }
    for path in paths {
        let answer = server.get(&path).await;
        let next = answer.header("link").strip_prefix('<').and_then(|link| link.split('>').next());
        let next = next.map(str::to_owned);
        let list = answer.expect(200);
        if let Some(next) = next {
            server.get(&next).await.expect(200);
        }
        if let Some(cursor) = list["next_cursor"].as_str() {
            let joined = if path.contains('?') { '&' } else { '?' };
            server.get(&format!("{path}{joined}cursor={cursor}")).await.expect(200);
        }
        if let Some(delivery) = list["data"][0]["id_delivery"].as_str() {
            server.get(&format!("/deliveries/{delivery}")).await.expect(200);
        }
    }
    server.stream_after("0").await;
}

/// Renewals, changes, ends.
async fn change(server: &TestServer, endpoint: &Endpoint) {
    let of_endpoint = format!("/webhooks/{}", endpoint.id);
    let connected = server.connect("person").await;
    server.connect("person").await;
    let import = json!({"metadata": {"plan": "pro"}});
    server.import("user-1", import.clone()).await;
    let app = json!({"client_id": "an-id", "client_secret": null});
    server.put("/providers/hubspot/app", &app).await.expect(200);
    server.delete("/providers/hubspot/app").await.expect(200);
    let connection = format!("/connections/{}", connected.id);
    server.patch(&connection, &import).await.expect(200);
    server.passthrough(&connected.token, &json!({"method": "GET", "path": "/me"})).await;
    let store = &server.app().store;
    let project = store.list_projects().await.expect("projects can be listed")[0].id;
    let (id, last) = (connected.id.parse().expect("an id"), RequestId::floor(server.app().clock.now()));
    store.newest_request_beyond((project, id), 1).await.expect("a log can be read");
    store.forget_requests_up_to((project, id), last, 1).await.expect("a log can be cut");
    server.put(&of_endpoint, &json!({"url": "http://127.0.0.1:1/"})).await.expect(200);
    server.post(&format!("{of_endpoint}/rotate_secret"), &json!({})).await.expect(200);
    for action in ["refresh", "verify"] {
        server.post_raw(&format!("{connection}/{action}"), "").await.expect(200);
    }
    let batch = json!({"connections": [an_import("user-1", json!({})), an_import("user-9", json!({}))]});
    server.post("/connections/batch", &batch).await.expect(201);
    server.delete(&connection).await.expect(200);
    let user = text(&server.connections_of("user-2").await[0]["id_linked_user"]);
    server.delete(&format!("/linked_users/{user}")).await.expect(200);
    let discard = json!({"before": "2100-01-01T00:00:00Z"});
    server.post(&format!("{of_endpoint}/discard"), &discard).await.expect(200);
    server.delete(&of_endpoint).await.expect(200);
    // What is old is forgotten, what was open for too long is ended.
    server.advance(Duration::from_hours(24 * 40));
    eventually("old events to be forgotten", || async {
        (server.database().number("SELECT COUNT(*) FROM events WHERE position < 5").await == 0).then_some(())
    })
    .await;
    server.import_many("late", 3).await;
}

/// A copy of a row, `n` times: which columns differ, and how.
async fn copy(server: &TestServer, table: &str, from: &str, count: u32, different: &[(&str, &str)]) {
    let postgres = server.database().url().is_some();
    let columns = if postgres {
        format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'")
    } else {
        format!("SELECT name FROM pragma_table_info('{table}')")
    };
    let columns = server.database().texts(&columns).await;
    let blob = if postgres { "convert_to('t' || n, 'UTF8')" } else { "CAST('t' || n AS BLOB)" };
    let value = |column: &String| {
        let other = different.iter().find(|(name, _)| name == column);
        let other = other.map_or_else(|| format!("t.{column}"), |(_, other)| (*other).to_owned());
        // A project in twenty is the one that is asked for.
        other.replace("{blob}", blob).replace("{project}", &id("t.id_project", "n % 20"))
    };
    let values: Vec<_> = columns.iter().map(value).collect();
    let sql = format!(
        "INSERT INTO {table} ({}) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) \
         SELECT {} FROM s CROSS JOIN (SELECT * FROM {table} ORDER BY {from} LIMIT 1) t",
        columns.join(", "),
        values.join(", ")
    );
    assert_eq!(server.database().execute(&sql).await, u64::from(count), "{sql}");
}

/// An id like that of the row, and of number `n`.
fn id(like: &str, n: &str) -> String {
    format!("substr({like}, 1, 24) || CAST(100000000000 + {n} AS TEXT)")
}

/// Gives the tables a history: many projects, endpoints without work, one with a long queue.
async fn grow(server: &TestServer) {
    // PostgreSQL prefers to read a small table whole, and is right.
    let rows = if server.database().url().is_some() { 80_000 } else { 20_000 };
    let own = &*id("t.id", "n");
    let project = ("id_project", "{project}");
    copy(server, "projects", "id", 20, &[("id", &id("t.id", "n - 1")), ("handle", "'p' || n")]).await;
    let quiet = ("look_at", "9223372036854775807");
    let version = ("version", "n");
    copy(server, "endpoints", "id", 5000, &[("id", own), project, quiet, version]).await;
    let (position, time) = (("position", "100 + n"), ("created_at", "t.created_at - 1000 * n"));
    copy(server, "events", "position DESC", rows, &[("id", own), project, position, time]).await;
    let endpoint =
        format!("CASE WHEN n % 4 = 0 THEN t.id_endpoint ELSE {} END", id("t.id_endpoint", "n % 5000"));
    let deliveries = [
        ("id", own),
        project,
        ("id_event", &id("t.id_event", "n")),
        ("id_endpoint", &endpoint),
        ("state", "CASE WHEN n % 4 = 0 THEN 'open' ELSE 'delivered' END"),
        ("due_at", "t.created_at + 1000 * n"),
    ];
    copy(server, "deliveries", "id", rows, &deliveries).await;
    let attempts = [("id", own), project, ("id_delivery", &*id("t.id_delivery", "n"))];
    copy(server, "attempts", "id", 20_000, &attempts).await;
    let connections = [
        ("id", own),
        project,
        ("token_hash", "{blob}"),
        ("account_id", "'a' || n"),
        ("id_linked_user", own),
        ("refresh_due_at", "9000000000000000 + n"),
        ("client_id", "'client-' || n"),
    ];
    copy(server, "connections", "id", 20_000, &connections).await;
    // Each at an endpoint of its own: where many are at one, to read all would be right.
    let resend = "INSERT INTO resends (id, id_project, id_delivery, id_endpoint, kind, due_at, created_at) \
                  SELECT id, id_project, id_event, id, 'resend', 9000000000000000, 0 FROM deliveries";
    server.database().execute(resend).await;
    let request = "INSERT INTO requests (id, id_project, id_connection, method, path, status, duration_ms, attempts, \
                   sent_bytes, received_bytes) SELECT id, id_project, id_endpoint, 'GET', '/', 200, 0, 1, 0, 0 FROM deliveries";
    server.database().execute(request).await;
    if server.database().url().is_some() {
        server.database().execute("ANALYZE").await;
    }
}
