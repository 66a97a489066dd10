//! Whoever holds the lock of a project may wait for its endpoints; whoever does not waits for none, so that no two wait
//! for each other. On PostgreSQL only: SQLite has no locks of rows.

use sqlx::{Connection, Executor, PgConnection};

use crate::support::{Receiver, TestServer, all_delivered};

#[tokio::test]
async fn attempts_that_are_recorded_hold_no_endpoint_that_a_publisher_waits_for() {
    let (server, one, other) = (TestServer::start().await, Receiver::start().await, Receiver::start().await);
    let Some(url) = server.database().url() else { return };
    let mut ids = Vec::new();
    for receiver in [&one, &other] {
        ids.push(server.endpoint(receiver, &["connection.created"]).await.id);
        receiver.answers(false);
    }
    ids.sort_unstable();
    server.import_many("user", 20).await;
    one.wait_for(20).await;
    other.wait_for(20).await;
    // A publisher, which has the second endpoint and needs the first.
    let mut publisher = PgConnection::connect(&url).await.expect("a connection");
    let lock = |what: &str| sqlx::AssertSqlSafe(format!("SELECT id FROM {what} FOR UPDATE"));
    let endpoint = |place: usize| lock(&format!("endpoints WHERE id = '{}'", ids[place]));
    publisher.execute("BEGIN").await.expect("it begins");
    publisher.execute(lock("projects")).await.expect("the project is free");
    publisher.execute(endpoint(1)).await.expect("the endpoint is free");
    one.answers(true);
    other.answers(true);
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    crate::support::eventually("somebody waits", || async {
        (server.database().number(waiting).await > 0).then_some(())
    })
    .await;
    publisher.execute("SET LOCAL lock_timeout = '500ms'").await.expect("a setting");
    publisher.execute(endpoint(0)).await.expect("nobody has it who waits");
    publisher.execute("COMMIT").await.expect("it ends");
    all_delivered(&server).await;
}
