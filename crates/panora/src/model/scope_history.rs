//! Who took which types of events at which position: a project's scopes, replayed in the order of its events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{EndpointId, EventScope};

/// From the event after that position on, the endpoint takes these types; none once it is deleted.
#[derive(Clone, Debug)]
pub struct ScopeChange {
    pub after_position: i64,
    pub id_endpoint: EndpointId,
    pub scope: EventScope,
}

/// A project's scopes, asked for positions that never fall.
pub struct ScopeHistory {
    /// Those that are still ahead, the next one last.
    ahead: Vec<ScopeChange>,
    present: BTreeMap<EndpointId, EventScope>,
    /// Answers given since the last change: most events are of few types.
    known: HashMap<String, Arc<BTreeSet<EndpointId>>>,
}

impl ScopeHistory {
    pub fn new(mut changes: Vec<ScopeChange>) -> Self {
        changes.sort_by_key(|change| std::cmp::Reverse((change.after_position, change.id_endpoint)));
        Self { ahead: changes, present: BTreeMap::new(), known: HashMap::new() }
    }

    /// The endpoints whose scope took events of this type at that position. By the type's name: another node may know
    /// more types than this one.
    pub fn takers(&mut self, position: i64, kind: &str) -> Arc<BTreeSet<EndpointId>> {
        while let Some(change) = self.ahead.pop_if(|change| change.after_position < position) {
            self.present.insert(change.id_endpoint, change.scope);
            self.known.clear();
        }
        if let Some(known) = self.known.get(kind) {
            return known.clone();
        }
        let taking = self.present.iter().filter(|(_, scope)| scope.takes_named(kind));
        let takers: Arc<BTreeSet<_>> = Arc::new(taking.map(|(id, _)| *id).collect());
        self.known.insert(kind.to_owned(), takers.clone());
        takers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;

    #[test]
    fn the_last_change_before_a_position_counts() {
        let id = || EndpointId::new(&Clock::system(), &Random::seeded(7));
        let (one, other) = (id(), EndpointId::new(&Clock::system(), &Random::seeded(8)));
        let change = |after_position, id_endpoint, patterns: &[&str]| ScopeChange {
            after_position,
            id_endpoint,
            scope: EventScope::from_stored(patterns.iter().map(ToString::to_string).collect()),
        };
        let mut history = ScopeHistory::new(vec![
            change(9, one, &[]),
            change(2, one, &["connection.created"]),
            change(5, one, &["connection.*"]),
            change(5, other, &["*"]),
        ]);
        let table: [(i64, &str, &[EndpointId]); 9] = [
            (1, "connection.created", &[]),
            (2, "connection.created", &[]),
            (3, "connection.created", &[one]),
            (5, "connection.revoked", &[]),
            (5, "connection.created", &[one]),
            (6, "connection.revoked", &[one, other]),
            (9, "webhook.held", &[other]),
            (9, "connection.created", &[one, other]),
            (10, "connection.created", &[other]),
        ];
        for (position, kind, takers) in table {
            let expected: BTreeSet<_> = takers.iter().copied().collect();
            assert_eq!(*history.takers(position, kind), expected, "{kind} at {position}");
        }
    }
}
