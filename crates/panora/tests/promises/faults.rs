//! A fault of our own: a part of the server that ends is not left behind while the rest goes on as if nothing were.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Database, PAST_LEASES, Process, Receiver, Settings, acceptances, all_delivered, free_port,
};

#[tokio::test]
async fn a_server_whose_writer_ends_by_a_fault_ends_so_that_it_is_started_again() {
    let (database, receiver) = (Database::fresh().await, Receiver::start().await);
    let fault = [("PANORA_TEST_PANIC_AT", "INTO attempts"), ("PANORA_SHUTDOWN_SECONDS", "1")];
    let server = Process::start(&database, free_port(), &Process::new_key(), &fault).await;
    server.endpoint(&receiver, &["connection.created"]).await;
    server.import("user-1", json!({})).await;
    server.wait_for_end().await;
    let clock = panora::clock::Clock::system();
    clock.advance(PAST_LEASES + Duration::from_secs(1));
    let server = Settings::default().database(database).start_at(clock).await;
    all_delivered(&server).await;
    assert_eq!(acceptances(&receiver.arrived()).len(), 1);
}
