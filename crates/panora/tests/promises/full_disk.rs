//! A disk without room, as SQLite meets it: what cannot be written is refused, half of it is never there, and with room
//! again everything goes on.

use std::process::Command;

use serde_json::json;

use crate::support::{
    Burst, Database, PAST_LEASES, Process, Receiver, Settings, acceptances, all_delivered, an_import,
    eventually, free_port, is_postgres,
};

/// Ignores the signal that a file too large raises, so that writing fails instead.
const SHELL: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

/// How large a file of a process may become: less than that and writing fails.
fn limit(process: &Process, bytes: &str) {
    let id = process.id().to_string();
    let limit = format!("--fsize={bytes}:");
    let done = Command::new("prlimit").args(["--pid", &id, &limit]).status().expect("util-linux is there");
    assert!(done.success());
}

#[tokio::test]
async fn a_full_disk_refuses_imports_and_loses_none() {
    if is_postgres() {
        println!("left out: the database's disk is PostgreSQL's own affair");
        return;
    }
    let (database, receiver, burst) = (Database::fresh().await, Receiver::start().await, Burst::default());
    let (port, key) = (free_port(), Process::new_key());
    let mut server = Process::spawn(&SHELL, &database, port, &key, &[]);
    server.wait_until_ready().await;
    server.endpoint(&receiver, &["*"]).await;
    server.import_many("early", 20).await;
    // Not even a page, wherever SQLite's log stands, nor a line of the server's.
    limit(&server, "4000");
    for number in 0..20 {
        let answer = burst.import(&server, &format!("late-{number}")).await.expect("the server answers");
        assert!(answer >= 500, "taken by a full disk");
    }
    server.get("/connections").await.expect(200);
    let answer = server.post("/connections", &an_import("user", json!({}))).await;
    assert!(answer.status >= 500 && answer.header("content-type") == "application/problem+json");
    let stored = server.all("/connections?limit=200").await;
    assert_eq!(stored.len(), 20, "what was refused is not there");
    limit(&server, "unlimited");
    eventually("imports to be taken again", || async {
        (burst.import(&server, "again").await == Some(201)).then_some(())
    })
    .await;
    server.import_many("after", 5).await;
    let stored = server.all("/connections?limit=200").await.len();
    println!("{stored} connections, {} imports refused", burst.refused());
    server.kill();
    let clock = panora::clock::Clock::system();
    clock.advance(PAST_LEASES);
    let server = Settings::default().database(database).start_at(clock).await;
    all_delivered(&server).await;
    burst.check(&server).await;
    assert_eq!(acceptances(&receiver.arrived()).len(), stored);
}
