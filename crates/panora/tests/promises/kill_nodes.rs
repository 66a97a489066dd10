//! `kill -9` of one node of three, over one PostgreSQL, while callers work: the others go on, and take over what it had
//! in hand.

use std::collections::BTreeSet;

use crate::support::{
    Burst, PAST_LEASES, Process, Receiver, Settings, TestServer, acceptances, all_delivered, eventually,
    free_port, is_postgres,
};

#[tokio::test]
async fn a_node_that_is_killed_loses_nothing_and_stops_nobody() {
    if !is_postgres() {
        println!("left out: several nodes need PostgreSQL");
        return;
    }
    let (receiver, burst) = (Receiver::start().await, Burst::default());
    let one = TestServer::start().await;
    let other = Settings::default().beside(&one).start().await;
    let third = Process::start(one.database(), free_port(), &Process::new_key(), &[]).await;
    one.endpoint(&receiver, &["connection.created"]).await;
    let (doomed, mut third) = ((*third).clone(), Some(third));
    let (mut recorded, mut before) = (Vec::new(), 0);
    let kill = async {
        burst.accepted_at_least(100).await;
        // So that it has a good deal in hand.
        receiver.answers(false);
        burst.accepted_at_least(200).await;
        third.take().expect("killed once").kill();
        recorded = one.database().texts("SELECT id_event FROM deliveries WHERE state = 'delivered'").await;
        before = receiver.arrived().len();
        receiver.answers(true);
        burst.accepted_at_least(300).await;
    };
    tokio::select! {
        () = burst.of(&one, "one") => {}
        () = burst.of(&other, "other") => {}
        () = async { burst.of(&doomed, "doomed").await; std::future::pending().await } => {}
        () = kill => {}
    }
    let nodes = format!("'{}', '{}'", one.app().node, other.app().node);
    let own = format!(
        "SELECT COUNT(*) FROM deliveries WHERE state = 'open' AND (lease_owner IS NULL OR lease_owner IN ({nodes}))"
    );
    eventually("what is left to be the dead node's", || async {
        (one.database().number(&own).await == 0).then_some(())
    })
    .await;
    let left = one.database().texts("SELECT id_event FROM deliveries WHERE state = 'open'").await;
    one.advance(PAST_LEASES);
    other.advance(PAST_LEASES);
    all_delivered(&one).await;
    burst.check(&one).await;
    let arrived = receiver.arrived();
    let again: BTreeSet<_> = arrived[before..].iter().map(|it| it.id_event().to_owned()).collect();
    assert!(!recorded.iter().any(|id| again.contains(id)), "sent again after it was recorded");
    let counts = acceptances(&arrived);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.iter().all(|(id, count)| **count == 2 && left.contains(id)), "{twice:?}");
    println!("{} events, {} in the dead node's hand, {} came twice", counts.len(), left.len(), twice.len());
}
