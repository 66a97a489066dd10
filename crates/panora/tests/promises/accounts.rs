//! The accounts: for each endpoint and day the events in scope are what was delivered, pending, waiting, failed and
//! cancelled, and whatever is missing is found.

use std::process::{Command, Output};
use std::time::Duration;

use panora::accounts::{Accounts, Counts, Found, Query, verify};
use serde_json::{Value, json};

use crate::support::{Endpoint, Receiver, Reply, TestServer, eventually, text};

async fn accounts(server: &TestServer) -> Accounts {
    verify(&server.app().store, &Query::default()).await.expect("the accounts can be read")
}

/// An endpoint's events in scope, what became of them, and deliveries beyond the scope, over all days.
fn sums(accounts: &Accounts, endpoint: &Endpoint) -> (u64, Counts, u64) {
    let own = accounts.accounts.iter().filter(|it| it.id_webhook_endpoint.to_string() == endpoint.id);
    own.fold((0, Counts::default(), 0), |(in_scope, sum, beyond), it| {
        let counts = Counts {
            delivered: sum.delivered + it.counts.delivered,
            pending: sum.pending + it.counts.pending,
            waiting: sum.waiting + it.counts.waiting,
            failed: sum.failed + it.counts.failed,
            cancelled: sum.cancelled + it.counts.cancelled,
            missing: sum.missing + it.counts.missing,
        };
        (in_scope + it.in_scope, counts, beyond + it.beyond_scope)
    })
}

/// Waits until the accounts say so of an endpoint.
async fn eventually_sums(server: &TestServer, endpoint: &Endpoint, expected: (u64, Counts, u64)) {
    eventually(&format!("the accounts to be {expected:?}"), || async {
        (sums(&accounts(server).await, endpoint) == expected).then_some(())
    })
    .await;
}

fn panora_verify(server: &TestServer, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.arg("verify").args(arguments).env_clear().envs(server.database().variables());
    command.current_dir(&server.database().folder).output().expect("the binary can be run")
}

async fn change(server: &TestServer, endpoint: &Endpoint, body: Value) {
    server.put(&format!("/webhooks/{}", endpoint.id), &body).await.expect(200);
}

/// An id that is stored, and no other like it.
async fn remove(server: &TestServer, table: &str, of_event: &str, column: &str) {
    let sql = format!("DELETE FROM {table} WHERE {column} = '{of_event}'");
    assert_eq!(server.database().execute(&sql).await, 1, "{sql}");
}

const NONE: Counts = Counts { delivered: 0, pending: 0, waiting: 0, failed: 0, cancelled: 0, missing: 0 };

#[tokio::test]
async fn whatever_happens_to_endpoints_their_accounts_are_complete() {
    let (server, works) = (TestServer::start().await, Receiver::start().await);
    let (fails, dead) = (Receiver::start().await, Receiver::start().await);
    let all = server.endpoint(&works, &["*"]).await;
    let narrowed = server.endpoint(&works, &["connection.*"]).await;
    let deleted = server.endpoint(&works, &["connection.created"]).await;
    let inactive =
        server.endpoint_with(&works, json!({"scope": ["connection.created"], "active": false})).await;
    // Takes the second in between, so that the first has failed when its tries are spent.
    fails.replies([Reply::Status(500), Reply::Status(200), Reply::Status(500)]);
    let schedule = |gaps: Value| json!({"scope": ["connection.created"], "retry_schedule": gaps});
    let failing = server.endpoint_with(&fails, schedule(json!([1]))).await;
    dead.always(Reply::Status(500));
    let held = server.endpoint_with(&dead, schedule(json!([]))).await;
    let first = server.import("user-1", json!({})).await;
    fails.wait_for(1).await;
    eventually_sums(&server, &held, (1, Counts { waiting: 1, ..NONE }, 0)).await;
    change(&server, &narrowed, json!({"scope": ["connection.revoked"]})).await;
    server.import("user-2", json!({})).await;
    eventually_sums(&server, &failing, (2, Counts { delivered: 1, pending: 1, ..NONE }, 0)).await;
    server.advance(Duration::from_secs(2));
    eventually_sums(&server, &failing, (2, Counts { delivered: 1, failed: 1, ..NONE }, 0)).await;
    server.delete(&format!("/connections/{}", text(&first["id_connection"]))).await.expect(200);
    server.delete(&format!("/webhooks/{}", deleted.id)).await.expect(200);
    let late = server.endpoint(&works, &["connection.created"]).await;
    server.import("user-3", json!({})).await;
    // Three connections, one revocation, the news that `held` is held and that a delivery failed.
    eventually_sums(&server, &all, (6, Counts { delivered: 6, ..NONE }, 0)).await;
    eventually_sums(&server, &narrowed, (2, Counts { delivered: 2, ..NONE }, 0)).await;
    eventually_sums(&server, &inactive, (3, Counts { waiting: 3, ..NONE }, 0)).await;
    eventually_sums(&server, &failing, (3, Counts { delivered: 2, failed: 1, ..NONE }, 0)).await;
    eventually_sums(&server, &held, (3, Counts { waiting: 3, ..NONE }, 0)).await;
    eventually_sums(&server, &late, (1, Counts { delivered: 1, ..NONE }, 0)).await;
    let accounts = accounts(&server).await;
    let (in_scope, counts, beyond) = sums(&accounts, &deleted);
    assert_eq!((in_scope, counts.delivered + counts.cancelled, beyond), (2, 2, 0));
    assert!(accounts.are_complete() && accounts.notes.is_empty(), "{accounts:?}");
    let output = panora_verify(&server, &[]);
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains(&held.id) && words.contains("all are accounted for"), "{words}");
}

#[tokio::test]
async fn a_delivery_that_is_not_there_is_found_and_the_command_ends_with_1() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    for number in 0..3 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    receiver.wait_for(3).await;
    server.all_attempted(&endpoint).await;
    let lost = text(&server.get("/events").await.expect(200)[1]["id_event"]);
    remove(&server, "deliveries", &lost, "id_event").await;
    let accounts = accounts(&server).await;
    assert_eq!(sums(&accounts, &endpoint), (3, Counts { delivered: 2, missing: 1, ..NONE }, 0));
    let [finding] = &accounts.exceptions[..] else { panic!("{accounts:?}") };
    let expected = (lost.clone(), endpoint.id.clone(), Found::NoDelivery);
    assert_eq!(
        (finding.id_event.to_string(), finding.id_webhook_endpoint.to_string(), finding.found),
        expected
    );
    let output = panora_verify(&server, &["--json", "--project", "default"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let exception = &json["exceptions"][0];
    assert_eq!((&exception["id_event"], &exception["found"]), (&json!(lost), &json!("no_delivery")));
    assert_eq!((&json["exception_count"], &json["accounts"][0]["missing"]), (&json!(1), &json!(1)));
    let output = panora_verify(&server, &[]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && words.contains(&lost), "{words}");
}

#[tokio::test]
async fn a_delivery_without_its_event_and_a_success_without_its_attempt_are_found() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    for number in 0..2 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    server.all_attempted(&endpoint).await;
    let events = server.get("/events").await.expect(200);
    let (newer, older) = (text(&events[0]["id_event"]), text(&events[1]["id_event"]));
    remove(&server, "events", &newer, "id").await;
    server.database().execute("DELETE FROM attempts").await;
    let accounts = accounts(&server).await;
    let found = |list: &[panora::accounts::Finding]| {
        list.iter().map(|it| (it.id_event.to_string(), it.found)).collect::<Vec<_>>()
    };
    assert_eq!(found(&accounts.exceptions), [(newer, Found::NoEvent)]);
    assert_eq!(found(&accounts.notes), [(older, Found::NoAttempt)]);
}

#[tokio::test]
async fn the_accounts_begin_where_they_are_asked_to() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let other = server.another_project("other").await;
    other.endpoint(&receiver, &["*"]).await;
    let mut since = server.app().clock.now();
    for number in 0..4 {
        server.import(&format!("user-{number}"), json!({})).await;
        other.import(&format!("user-{number}"), json!({})).await;
        if number == 1 {
            server.advance(Duration::from_hours(1));
            since = server.app().clock.now();
            server.advance(Duration::from_hours(1));
        }
    }
    let of = async |project: Option<&str>, since| {
        let query = Query { project: project.map(ToOwned::to_owned), since };
        verify(&server.app().store, &query).await.expect("the accounts can be read")
    };
    let late = of(Some("default"), Some(since)).await;
    assert_eq!((late.events, sums(&late, &endpoint).0), (2, 2));
    assert_eq!(of(None, Some(since)).await.events, 4);
    assert_eq!((of(Some("other"), None).await.events, of(None, None).await.events), (4, 8));
    assert_eq!(of(None, Some(server.app().clock.now())).await.events, 0);
}

#[tokio::test]
async fn the_accounts_are_complete_at_every_moment_of_a_working_server() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    let work = async {
        for number in 0..60 {
            if number % 10 == 5 {
                let scope = if number % 20 == 5 { "connection.*" } else { "connection.created" };
                change(&server, &endpoint, json!({"scope": [scope]})).await;
            }
            server.import(&format!("user-{number}"), json!({})).await;
        }
    };
    let look = async {
        loop {
            let accounts = accounts(&server).await;
            assert!(accounts.are_complete(), "{:?}", accounts.exceptions);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = work => {}
        () = look => {}
    }
    assert_eq!(sums(&accounts(&server).await, &endpoint).0, 60);
}

#[tokio::test]
async fn what_a_recovery_of_the_missing_has_made_is_counted_apart() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let since = server.app().clock.now().to_string();
    for number in 0..2 {
        server.import(&format!("early-{number}"), json!({})).await;
    }
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    server.import("late", json!({})).await;
    eventually_sums(&server, &endpoint, (1, Counts { delivered: 1, ..NONE }, 0)).await;
    let body = json!({"since": since, "statuses": ["missing"]});
    server.post(&format!("/webhooks/{}/recover", endpoint.id), &body).await.expect(201);
    eventually_sums(&server, &endpoint, (1, Counts { delivered: 1, ..NONE }, 2)).await;
    assert!(accounts(&server).await.are_complete());
}
