//! What attempts make of their deliveries and endpoints: the rules of the model, applied in order. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::Finished;
use super::notices::draft_of;
use super::publish::Draft;
use crate::model::{
    AttemptKind, DeliveryCause, DeliveryId, DeliveryState, EndpointId, EndpointState, EndpointStatus, Notice,
    Outcome, Progress, ProjectId, Time, Tried,
};
use crate::random::Random;
use crate::store::EndpointStanding;

/// A group's endpoints and deliveries, while its attempts are judged.
pub struct Verdicts {
    now: Time,
    endpoints: BTreeMap<EndpointId, EndpointStanding>,
    deliveries: BTreeMap<DeliveryId, (EndpointId, Progress)>,
    read: BTreeMap<DeliveryId, Progress>,
    drafts: Vec<(ProjectId, Draft)>,
    changed: BTreeSet<(ProjectId, EndpointId)>,
}

/// What others must learn of a group.
pub struct Told {
    pub drafts: Vec<(ProjectId, Draft)>,
    /// Endpoints that are to be read again, by project.
    pub changed: BTreeMap<ProjectId, Vec<EndpointId>>,
}

impl Verdicts {
    pub fn new(now: Time, endpoints: Vec<EndpointStanding>, deliveries: Vec<(DeliveryId, Progress)>) -> Self {
        Self {
            now,
            endpoints: endpoints.into_iter().map(|it| (it.id, it)).collect(),
            deliveries: BTreeMap::new(),
            read: deliveries.into_iter().collect(),
            drafts: Vec::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Judges one attempt.
    pub fn judge(&mut self, finished: &Finished, random: &Random) {
        let (work, now) = (&finished.work, self.now);
        let Some(endpoint) = self.endpoints.get_mut(&work.endpoint_id()) else { return };
        let before = outline(&endpoint.state, now);
        let known = self.deliveries.get(&work.id).map(|(_, progress)| *progress);
        let known = known.or_else(|| self.read.get(&work.id).copied());
        // A delivery that was not read is one that was accepted, whatever its state; or it is gone.
        if known.is_none() && finished.outcome != Outcome::Accepted {
            return;
        }
        let mut delivery = known.unwrap_or(Progress {
            state: DeliveryState::Open,
            cause: None,
            tries: work.tries,
            probes: 0,
            first_try_at: work.first_try_at,
            due_at: now,
        });
        let (mut words, found) = (Vec::new(), delivery);
        judge(finished, endpoint, &mut delivery, (now, random), &mut words);
        if outline(&endpoint.state, now) != before {
            endpoint.look_by(now);
            self.changed.insert((endpoint.id_project, endpoint.id));
        }
        if delivery.state == DeliveryState::Open {
            endpoint.look_by(delivery.due_at);
        }
        // Nobody else's lease or schedule is touched by an attempt that was asked for and changed nothing.
        if work.resend.is_none() || delivery != found {
            self.deliveries.insert(work.id, (endpoint.id, delivery));
        }
        // Deliveries of `webhook.*` raise nothing, and nobody asks after a deleted endpoint.
        if !work.is_about_webhooks && !endpoint.deleted {
            let drafts = words.into_iter().map(|word| draft_of(endpoint, &word, now, Some(work)));
            self.drafts.extend(drafts);
        }
    }

    /// The projects that must be locked to write this, with how many events each.
    pub fn projects(&self) -> BTreeMap<ProjectId, u32> {
        let mut projects: BTreeMap<ProjectId, u32> =
            self.changed.iter().map(|(project, _)| (*project, 0)).collect();
        for (project, _) in &self.drafts {
            *projects.entry(*project).or_default() += 1;
        }
        projects
    }

    pub fn told(&mut self) -> Told {
        let mut changed: BTreeMap<ProjectId, Vec<EndpointId>> = BTreeMap::new();
        for (project, endpoint) in std::mem::take(&mut self.changed) {
            changed.entry(project).or_default().push(endpoint);
        }
        Told { drafts: std::mem::take(&mut self.drafts), changed }
    }

    /// How everything stands now: endpoints, and deliveries with their endpoint's release.
    pub fn into_parts(self) -> (Vec<EndpointStanding>, Vec<(DeliveryId, Progress, i64)>) {
        let release = |endpoint| self.endpoints.get(endpoint).map_or(0, |it| it.state.release);
        let deliveries =
            self.deliveries.iter().map(|(id, (endpoint, progress))| (*id, *progress, release(endpoint)));
        let deliveries = deliveries.collect();
        (self.endpoints.into_values().collect(), deliveries)
    }
}

/// What other nodes must know of an endpoint before they send to it: its status, its release, and until when it pauses.
fn outline(state: &EndpointState, now: Time) -> (EndpointStatus, i64, Option<Time>) {
    let pauses = state.takes() && now < state.not_before;
    (state.status, state.release, pauses.then_some(state.not_before))
}

/// What other endpoints may have to be told.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    Endpoint(Notice),
    DeliveryFailed,
}

/// One attempt's consequences, by the rules of section 5 of the contract.
fn judge(
    finished: &Finished,
    endpoint: &mut EndpointStanding,
    delivery: &mut Progress,
    (now, random): (Time, &Random),
    words: &mut Vec<Word>,
) {
    let (limit, kind) = (endpoint.rate_limit, finished.work.kind);
    let state = &mut endpoint.state;
    if finished.outcome == Outcome::Accepted {
        if kind == AttemptKind::Try && delivery.state == DeliveryState::Open {
            delivery.first_try_at.get_or_insert(now);
            delivery.tries += 1;
        }
        delivery.accepted();
        state.accepted(now);
        return;
    }
    if kind == AttemptKind::Test {
        // Of a test only a 2xx counts for the endpoint.
        if delivery.state == DeliveryState::Test {
            (delivery.state, delivery.cause) = (DeliveryState::Failed, Some(DeliveryCause::TestFailed));
        }
        return;
    }
    let open = delivery.state == DeliveryState::Open;
    let asked = match finished.outcome {
        Outcome::AskedToWait(wait) => Some(wait),
        _ => None,
    };
    if asked.is_none() {
        // Answers that ask to wait are counted in a row, which any other ends.
        state.pauses = 0;
    }
    let notice = match (finished.outcome, kind) {
        (Outcome::Gone, _) => {
            if open && kind != AttemptKind::Resend {
                delivery.keep_try(now);
            }
            state.gone()
        }
        (_, AttemptKind::Probe) => {
            if open {
                delivery.probes += 1;
                delivery.keep_try(now);
            }
            state.probe_failed(asked, limit, now, random)
        }
        (Outcome::AskedToWait(wait), _) if state.asked_to_wait(wait, now, random) => {
            if open && kind == AttemptKind::Try {
                delivery.keep_try(now);
            }
            None
        }
        (_, AttemptKind::Resend) => state.failed(limit, now, random),
        _ => {
            let notice = state.failed(limit, now, random);
            let spent = if open { try_failed(endpoint, delivery, (now, random), words) } else { None };
            notice.or(spent)
        }
    };
    words.extend(notice.map(Word::Endpoint));
}

/// A try of an open delivery failed. If it was the last and nothing has succeeded here since the first, the endpoint
/// is to blame: it is held, and the delivery waits with one try.
fn try_failed(
    endpoint: &mut EndpointStanding,
    delivery: &mut Progress,
    (now, random): (Time, &Random),
    words: &mut Vec<Word>,
) -> Option<Notice> {
    if delivery.try_failed(&endpoint.retry_schedule, now, random) == Tried::Again {
        return None;
    }
    let first = delivery.first_try_at.unwrap_or(now);
    if endpoint.state.last_success_at.is_some_and(|at| at >= first) {
        delivery.fail();
        words.push(Word::DeliveryFailed);
        return None;
    }
    delivery.wait_with_one_try(&endpoint.retry_schedule, now);
    endpoint.state.tries_spent(now, random)
}
