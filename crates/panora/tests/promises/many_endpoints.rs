//! One event for very many endpoints of one project: all get it, and the server stays small.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Database, Process, Receiver, eventually, free_port, is_full};

/// The most memory that a process has had, in MiB.
fn peak_memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes / 1024
}

#[tokio::test]
async fn an_event_reaches_very_many_endpoints_in_bounded_memory() {
    let endpoints = if is_full() { 10_000 } else { 500 };
    let (database, receiver) = (Database::fresh().await, Receiver::start().await);
    let variables = [("PANORA_API_RATE_LIMIT", "0")];
    let server = Process::start(&database, free_port(), &Process::new_key(), &variables).await;
    let add = async |number: usize| {
        let url = format!("{}/{number}", receiver.url());
        server.post("/webhooks", &json!({"url": url, "scope": ["connection.created"]})).await.expect(201)
    };
    for some in (0..endpoints).collect::<Vec<_>>().chunks(20) {
        let made: Vec<Value> = join_all(some.iter().map(|number| add(*number))).await;
        assert!(made.iter().all(|endpoint| endpoint["status"] == "ok"), "{}", made[0]);
    }
    server.import("user-1", json!({})).await;
    let mut arrived = receiver.arrived();
    while arrived.len() < endpoints {
        arrived = receiver.wait_for(endpoints.min(arrived.len() + 200)).await;
    }
    eventually("all to be recorded", || async {
        let open = database.number("SELECT COUNT(*) FROM deliveries WHERE state <> 'delivered'").await;
        (open == 0).then_some(())
    })
    .await;
    let places: BTreeSet<_> = receiver.arrived().into_iter().map(|it| it.line).collect();
    assert_eq!((places.len(), receiver.arrived().len()), (endpoints, endpoints), "each once");
    let peak = peak_memory(&server);
    println!("{endpoints} endpoints, {peak} MiB at most");
    assert!(peak < 300, "{peak} MiB");
}

#[tokio::test]
async fn as_many_files_are_opened_as_the_system_allows() {
    let database = Database::fresh().await;
    let shell = ["sh", "-c", "ulimit -Sn 200; exec \"$@\"", "sh"];
    let mut server = Process::spawn(&shell, &database, free_port(), &Process::new_key(), &[]);
    server.wait_until_ready().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("Linux says it");
    let limits: Vec<_> = line.split_whitespace().take(2).collect();
    assert_ne!(limits[0], "200");
    assert_eq!(limits[0], limits[1]);
}
