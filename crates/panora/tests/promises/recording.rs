//! A database that takes no record of attempts for a while: what was answered meanwhile is recorded once it does, and not
//! sent again.

use serde_json::json;

use crate::support::{Receiver, TestServer, acceptances, all_delivered, eventually};

#[tokio::test]
async fn answers_that_cannot_be_recorded_for_a_while_are_recorded_later_and_nothing_is_sent_twice() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    receiver.answers(false);
    server.import_many("early", 30).await;
    receiver.wait_for(30).await;
    server.database().execute("ALTER TABLE attempts RENAME TO attempts_away").await;
    receiver.answers(true);
    // Imports are taken and sent meanwhile, whatever waits to be recorded.
    for number in 0..10 {
        server.import(&format!("late-{number}"), json!({})).await;
    }
    receiver.wait_for(40).await;
    server.database().execute("ALTER TABLE attempts_away RENAME TO attempts").await;
    all_delivered(&server).await;
    let arrived = receiver.arrived();
    assert!(acceptances(&arrived).values().all(|count| *count == 1) && arrived.len() == 40);
    eventually("the log of all attempts", || async {
        (server.database().number("SELECT COUNT(*) FROM attempts").await == 40).then_some(())
    })
    .await;
}
