//! Counts one project's events, in their order, for each endpoint and day. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Account, Accounts, Counts, Finding, Found};
use crate::model::{DeliveryState, DeliveryStatus, EndpointId, ScopeChange, ScopeHistory, Time};
use crate::store::{CountedDelivery, CountedEndpoint, CountedEvent, CountedProject};

const DAY: i64 = 86_400_000;

#[derive(Default)]
struct Line {
    in_scope: u64,
    counts: Counts,
    beyond_scope: u64,
}

pub struct Tally {
    history: ScopeHistory,
    endpoints: BTreeMap<EndpointId, CountedEndpoint>,
    /// By endpoint and day, the latter in days since the epoch.
    lines: BTreeMap<(EndpointId, i64), Line>,
}

impl Tally {
    pub fn new(scopes: Vec<ScopeChange>, endpoints: BTreeMap<EndpointId, CountedEndpoint>) -> Self {
        Self { history: ScopeHistory::new(scopes), endpoints, lines: BTreeMap::new() }
    }

    /// Whether there is a delivery to an endpoint that is not known yet.
    pub fn misses_endpoint(&self, events: &[CountedEvent]) -> bool {
        let mut deliveries = events.iter().flat_map(|event| &event.deliveries);
        deliveries.any(|delivery| !self.endpoints.contains_key(&delivery.id_endpoint))
    }

    pub fn renew(&mut self, endpoints: BTreeMap<EndpointId, CountedEndpoint>) {
        // What was deleted meanwhile was open at an endpoint that stood: those that are known stay as they are.
        for (id, endpoint) in endpoints {
            self.endpoints.entry(id).or_insert(endpoint);
        }
    }

    pub fn count(&mut self, event: &CountedEvent, accounts: &mut Accounts) {
        accounts.events += 1;
        let day = event.created_at.millis().div_euclid(DAY);
        let takers = self.history.takers(event.position, &event.kind);
        let asked = |id: &EndpointId| takers.contains(id) && event.about_endpoint != Some(*id);
        let finding = |id, found| Finding {
            id_event: event.id,
            position: Some(event.position),
            id_webhook_endpoint: id,
            found,
        };
        let reached: BTreeSet<_> = event.deliveries.iter().map(|delivery| delivery.id_endpoint).collect();
        for delivery in &event.deliveries {
            accounts.deliveries += 1;
            let id = delivery.id_endpoint;
            let line = self.lines.entry((id, day)).or_default();
            match self.endpoints.get(&id) {
                None => accounts.except(finding(id, Found::NoEndpoint)),
                Some(_) if delivery.unproven => accounts.note(finding(id, Found::NoAttempt)),
                Some(_) => {}
            }
            if asked(&id) {
                line.in_scope += 1;
                *line.counts.of(delivery, self.endpoints.get(&id)) += 1;
            } else {
                line.beyond_scope += 1;
            }
        }
        for id in takers.iter().copied().filter(|id| asked(id) && !reached.contains(id)) {
            let line = self.lines.entry((id, day)).or_default();
            line.in_scope += 1;
            line.counts.missing += 1;
            accounts.except(finding(id, Found::NoDelivery));
        }
    }

    pub fn into_accounts(self, project: &CountedProject) -> impl Iterator<Item = Account> {
        self.lines.into_iter().map(|((id, day), line)| Account {
            project: project.handle.clone(),
            id_webhook_endpoint: id,
            day: Time::from_millis(day * DAY).to_string().chars().take(10).collect(),
            in_scope: line.in_scope,
            counts: line.counts,
            beyond_scope: line.beyond_scope,
        })
    }
}

impl Counts {
    fn of(&mut self, delivery: &CountedDelivery, endpoint: Option<&CountedEndpoint>) -> &mut u64 {
        let open = delivery.state == DeliveryState::Open;
        if open && endpoint.is_some_and(|endpoint| endpoint.deleted) {
            // It will never be sent, whether or not it was cancelled by now.
            return &mut self.cancelled;
        }
        match DeliveryStatus::of(delivery.state, endpoint.is_some_and(|endpoint| endpoint.takes)) {
            DeliveryStatus::Pending => &mut self.pending,
            DeliveryStatus::Waiting => &mut self.waiting,
            DeliveryStatus::Delivered => &mut self.delivered,
            DeliveryStatus::Failed => &mut self.failed,
            DeliveryStatus::Cancelled => &mut self.cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::{EventId, EventScope, ProjectId};
    use crate::random::Random;

    #[test]
    fn each_event_in_scope_is_counted_once_and_the_rest_apart() {
        let (clock, random) = (Clock::system(), Random::seeded(7));
        let ids: Vec<_> = (0..4).map(|_| EndpointId::new(&clock, &random)).collect();
        let scope = |id_endpoint, after_position, pattern: &str| ScopeChange {
            after_position,
            id_endpoint,
            scope: EventScope::from_stored(vec![pattern.to_owned()]),
        };
        let scopes = vec![scope(ids[0], 0, "*"), scope(ids[1], 0, "connection.*"), scope(ids[2], 5, "*")];
        let endpoint = |takes, deleted| CountedEndpoint { takes, deleted };
        let endpoints = [
            (ids[0], endpoint(true, false)),
            (ids[1], endpoint(false, false)),
            (ids[2], endpoint(true, true)),
        ];
        let delivery =
            |place: usize, state| CountedDelivery { id_endpoint: ids[place], state, unproven: false };
        let event = |position, kind: &str, about_endpoint, deliveries| CountedEvent {
            id: EventId::new(&clock, &random),
            position,
            kind: kind.to_owned(),
            about_endpoint,
            created_at: Time::from_millis(86_400_000),
            deliveries,
        };
        let events = [
            event(
                1,
                "connection.created",
                None,
                vec![
                    delivery(0, DeliveryState::Open),
                    delivery(1, DeliveryState::Open),
                    delivery(2, DeliveryState::Cancelled),
                ],
            ),
            event(2, "webhook.held", Some(ids[0]), vec![]),
            event(3, "webhook.held", Some(ids[1]), vec![]),
            event(
                6,
                "connection.created",
                None,
                vec![
                    delivery(0, DeliveryState::Delivered),
                    delivery(1, DeliveryState::Failed),
                    delivery(2, DeliveryState::Open),
                    delivery(3, DeliveryState::Failed),
                ],
            ),
        ];
        let (mut tally, mut accounts) = (Tally::new(scopes, endpoints.into()), Accounts::default());
        assert!(tally.misses_endpoint(&events));
        for event in &events {
            tally.count(event, &mut accounts);
        }
        let project = ProjectId::new(&clock, &random);
        let project = CountedProject { id: project, handle: "default".into(), last_position: 6 };
        let lines: Vec<_> = tally.into_accounts(&project).collect();
        let line = |place: usize| lines.iter().find(|line| line.id_webhook_endpoint == ids[place]).unwrap();
        let none = Counts::default();
        for (place, in_scope, beyond_scope, counts) in [
            (0, 3, 0, Counts { pending: 1, delivered: 1, missing: 1, ..none }),
            (1, 2, 0, Counts { waiting: 1, failed: 1, ..none }),
            (2, 1, 1, Counts { cancelled: 1, ..none }),
            (3, 0, 1, none),
        ] {
            let found = (line(place).in_scope, line(place).beyond_scope, line(place).counts);
            assert_eq!(found, (in_scope, beyond_scope, counts), "{place}");
            assert_eq!(line(place).day, "1970-01-02");
        }
        let found: Vec<_> = accounts.exceptions.iter().map(|it| (it.id_webhook_endpoint, it.found)).collect();
        let expected = [(ids[0], Found::NoDelivery), (ids[3], Found::NoEndpoint)];
        assert_eq!(found, expected);
    }
}
