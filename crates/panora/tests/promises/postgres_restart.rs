//! PostgreSQL goes away under the server, as in a crash and as for an upgrade, and comes back.

use crate::support::{
    Burst, Cluster, Database, PAST_LEASES, Receiver, Settings, acceptances, all_delivered, is_postgres,
};

#[tokio::test]
async fn a_restart_of_postgresql_loses_nothing_and_needs_nobody() {
    let cluster = if is_postgres() { Cluster::start().await } else { None };
    let Some(cluster) = cluster else {
        println!("left out: needs PostgreSQL, and its programs at PANORA_TEST_POSTGRES_BIN");
        return;
    };
    let (receiver, burst) = (Receiver::start().await, Burst::default());
    let server = Settings::default().database(Database::in_cluster(cluster.url()).await).start().await;
    server.endpoint(&receiver, &["connection.created"]).await;
    let restarts = async {
        for mode in ["immediate", "fast"] {
            let so_far = burst.accepted().len();
            burst.accepted_at_least(so_far + 100).await;
            cluster.restart(mode).await;
            burst.accepted_at_least(so_far + 200).await;
        }
    };
    tokio::select! {
        () = burst.of(&server, "one") => {}
        () = burst.of(&server, "two") => {}
        () = burst.of(&server, "three") => {}
        () = restarts => {}
    }
    server.advance(PAST_LEASES);
    all_delivered(&server).await;
    burst.check(&server).await;
    let counts = acceptances(&receiver.arrived());
    let twice = counts.values().filter(|count| **count > 1).count();
    println!("{} events, {} imports failed, {twice} came twice", counts.len(), burst.refused());
    server.stop().await;
}
