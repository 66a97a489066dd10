//! Events go with their deliveries and attempts once the last delivery has ended for longer than they are kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::rest;
use crate::app::App;
use crate::model::{EventId, ProjectId, Time};
use crate::store::{OldEvent, StoreError};

/// Events that are looked at at a time; of one transaction, unless they have very many deliveries.
const PAGE: u32 = 100;
const DELIVERIES: u32 = 500;
/// How often those that had to stay are looked at again.
const AGAIN: Duration = Duration::from_hours(6);

/// How far the events have been walked, oldest first. Those that had to stay are left behind until the walk begins
/// again.
#[derive(Default)]
pub struct Walk {
    after: Option<EventId>,
    began: Option<Time>,
}

impl Walk {
    /// Goes on up to the youngest event that may go.
    pub async fn go_on(&mut self, app: &App) -> Result<(), StoreError> {
        let now = app.clock.now();
        if self.began.is_none_or(|began| now.millis_since(began).unsigned_abs() >= millis(AGAIN)) {
            *self = Self { after: None, began: Some(now) };
        }
        let before = now.minus(app.retention);
        loop {
            let began = Instant::now();
            let page = app.store.list_old_events(self.after, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            let last = last.id;
            rest(began).await;
            forget(app, &page, before).await?;
            self.after = Some(last);
        }
    }
}

async fn forget(app: &App, page: &[OldEvent], before: Time) -> Result<(), StoreError> {
    let mut projects: BTreeMap<ProjectId, Vec<OldEvent>> = BTreeMap::new();
    for event in page.iter().filter(|event| !event.stays) {
        projects.entry(event.id_project).or_default().push(*event);
    }
    for (project, events) in projects {
        for step in steps(&events) {
            let began = Instant::now();
            let mut tx = app.store.begin().await?;
            app.store.lock_project(&mut tx, project).await?;
            app.store.forget_events(&mut tx, project, &step, before).await?;
            tx.commit().await?;
            rest(began).await;
        }
    }
    Ok(())
}

/// Cuts events into steps of so many deliveries; one with more is a step of its own.
fn steps(events: &[OldEvent]) -> Vec<Vec<EventId>> {
    let (mut steps, mut deliveries) = (vec![Vec::new()], 0_u32);
    for event in events {
        deliveries = deliveries.saturating_add(event.deliveries);
        if deliveries > DELIVERIES && steps.last().is_some_and(|step| !step.is_empty()) {
            steps.push(Vec::new());
            deliveries = event.deliveries;
        }
        steps.last_mut().into_iter().for_each(|step| step.push(event.id));
    }
    steps
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::random::Random;

    #[test]
    fn a_step_has_a_bounded_number_of_deliveries_or_one_event() {
        let (clock, random) = (Clock::system(), Random::seeded(7));
        let id_project = ProjectId::new(&clock, &random);
        let of = |counts: &[u32]| {
            let event = |deliveries: &u32| {
                let id = EventId::new(&clock, &random);
                OldEvent { id, id_project, deliveries: *deliveries, stays: false }
            };
            let events: Vec<_> = counts.iter().map(event).collect();
            let steps = steps(&events);
            assert_eq!(steps.concat(), events.iter().map(|event| event.id).collect::<Vec<_>>());
            steps.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(of(&[0, 1, 2]), [3]);
        assert_eq!(of(&[200, 300, 1, 499, 1]), [2, 2, 1]);
        assert_eq!(of(&[9000, 1, 9000, 9000]), [1, 1, 1, 1]);
    }
}
