//! What a test that broke something looks at afterwards: the accounts, and what has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use panora::accounts::{Accounts, Query, verify};

use super::receiver::Delivery;
use super::server::TestServer;
use super::wait::eventually;

/// Leases of killed servers last a minute; a clock that is ahead by this is past them.
pub const PAST_LEASES: Duration = Duration::from_secs(90);

/// The accounts of all projects.
pub async fn accounts(server: &TestServer) -> Accounts {
    verify(&server.app().store, &Query::default()).await.expect("the accounts can be read")
}

/// Waits until every event has been delivered to every endpoint in scope, with nothing unaccounted for.
pub async fn all_delivered(server: &TestServer) -> Accounts {
    eventually("every event to be delivered to every endpoint", || async {
        let accounts = accounts(server).await;
        assert!(accounts.are_complete(), "{:?}", accounts.exceptions);
        accounts.accounts.iter().all(|it| it.counts.delivered == it.in_scope).then_some(accounts)
    })
    .await
}

/// How often each event was answered with a 2xx. Fails where an event came with two bodies, or with two ids.
pub fn acceptances(arrived: &[Delivery]) -> BTreeMap<String, usize> {
    let mut bodies: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for delivery in arrived {
        assert_eq!(delivery.header("webhook-id"), delivery.id_event());
        bodies.entry(delivery.id_event()).or_default().insert(&delivery.body);
        *counts.entry(delivery.id_event().to_owned()).or_default() += usize::from(delivery.accepted);
    }
    assert!(bodies.values().all(|of_one| of_one.len() == 1), "an event with two bodies");
    counts
}
