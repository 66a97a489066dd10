//! What the engine knows of an endpoint, and how attempts change it: ok, held, draining, inactive. Pure; the
//! times are the caller's.

use std::time::Duration;

use super::Time;
use super::text_enum::text_enum;
use crate::random::Random;

text_enum! {
    /// Whether an endpoint takes deliveries: `held` waits for a probe to succeed, `draining` takes what has waited at a
    /// rising rate, `inactive` takes nothing until somebody activates it.
    EndpointStatus { Ok = "ok", Held = "held", Draining = "draining", Inactive = "inactive" }
}

impl EndpointStatus {
    /// Whether open deliveries are sent as they come due; else they wait.
    pub const fn takes(self) -> bool {
        matches!(self, Self::Ok | Self::Draining)
    }
}

text_enum! {
    /// Why an endpoint is held.
    HoldReason { FailuresInARow = "failures_in_a_row", TriesSpent = "tries_spent" }
}

/// What moves an endpoint from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Hold,
    Accepted,
    HoldAgain,
    Drained,
    Gone,
    Deactivated,
    Activated,
}

/// Every move there is; drawn in docs/ARCHITECTURE.md.
const MOVES: &[(EndpointStatus, Cause, EndpointStatus)] = {
    use EndpointStatus::{Draining, Held, Inactive, Ok};
    &[
        (Ok, Cause::Hold, Held),
        (Held, Cause::Accepted, Draining),
        (Draining, Cause::HoldAgain, Held),
        (Draining, Cause::Drained, Ok),
        (Ok, Cause::Gone, Inactive),
        (Held, Cause::Gone, Inactive),
        (Draining, Cause::Gone, Inactive),
        (Ok, Cause::Deactivated, Inactive),
        (Held, Cause::Deactivated, Inactive),
        (Draining, Cause::Deactivated, Inactive),
        (Inactive, Cause::Activated, Draining),
    ]
};

/// Held after so many failed attempts in a row, spread over so long.
const FAILURES_TO_HOLD: u32 = 10;
const HOLD_SPREAD: Duration = Duration::from_mins(1);
/// A drain that fails so often in a row holds again.
const FAILURES_TO_HOLD_AGAIN: u32 = 3;
const FIRST_PROBE: Duration = Duration::from_secs(30);
const LONGEST_PROBE_GAP: Duration = Duration::from_hours(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// So many answers in a row may ask to wait; the next ones are ordinary failures.
const PAUSES: u32 = 9;
/// Deliveries a second at which an endpoint without a limit has drained.
const DRAINED_RATE: u32 = 256;

/// What other endpoints of the project are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    Held(HoldReason),
    Recovered { held_since: Option<Time> },
    Disabled,
}

/// What may be sent to an endpoint now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing until somebody activates it.
    Rest,
    /// Nothing before then.
    Wait(Time),
    /// One delivery, to see whether it works again.
    Probe,
    /// So many a second; none for no limit.
    Send(Option<u32>),
}

/// An endpoint's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    pub status: EndpointStatus,
    /// Failed attempts in a row, since the last 2xx or change of state, and when the first of them ended.
    pub failures: u32,
    pub failing_since: Option<Time>,
    pub last_success_at: Option<Time>,
    pub held_since: Option<Time>,
    /// Probes that failed since it was held; decides the gap to the next.
    pub failed_probes: u32,
    /// Answers in a row that asked to wait.
    pub pauses: u32,
    /// Nothing is sent before: the next probe of a held one, the end of a pause.
    pub not_before: Time,
    /// Deliveries a second at `drain_since`.
    pub drain_rate: u32,
    pub drain_since: Time,
    /// Counts releases: deliveries scheduled before the last one are due at once.
    pub release: i64,
}

impl EndpointState {
    pub fn new(active: bool) -> Self {
        Self {
            status: if active { EndpointStatus::Ok } else { EndpointStatus::Inactive },
            failures: 0,
            failing_since: None,
            last_success_at: None,
            held_since: None,
            failed_probes: 0,
            pauses: 0,
            not_before: Time::from_millis(0),
            drain_rate: 1,
            drain_since: Time::from_millis(0),
            release: 0,
        }
    }

    /// Whether its open deliveries are sent as they come due; else they wait.
    pub const fn takes(&self) -> bool {
        self.status.takes()
    }

    /// Whether any node may send to it without asking: not while it is held, draining or paused.
    pub fn is_free(&self, now: Time) -> bool {
        self.status == EndpointStatus::Ok && self.not_before <= now
    }

    /// When it is tried next, at the soonest, while it is held.
    pub fn next_probe_at(&self) -> Option<Time> {
        (self.status == EndpointStatus::Held).then_some(self.not_before)
    }

    fn step(&mut self, cause: Cause) -> bool {
        let found = MOVES.iter().find(|(from, by, _)| *from == self.status && *by == cause);
        if let Some((_, _, to)) = found {
            self.status = *to;
        }
        found.is_some()
    }

    /// An attempt, whoever's, was answered with a 2xx.
    pub fn accepted(&mut self, now: Time) {
        self.last_success_at = Some(now);
        (self.failures, self.failing_since, self.pauses) = (0, None, 0);
        if self.step(Cause::Accepted) {
            self.release(now);
        }
    }

    /// Lets go what has waited, at a rate that begins at one a second.
    fn release(&mut self, now: Time) {
        self.release += 1;
        (self.drain_rate, self.drain_since, self.not_before) = (1, now, Time::from_millis(0));
        (self.failures, self.failing_since) = (0, None);
    }

    /// An attempt failed, other than a probe's.
    pub fn failed(&mut self, limit: Option<u32>, now: Time, random: &Random) -> Option<Notice> {
        let rate = self.rate(limit, now);
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        match self.status {
            EndpointStatus::Ok => {
                let spread = now.millis_since(since) >= span_millis(HOLD_SPREAD);
                let holds = self.failures >= FAILURES_TO_HOLD && spread;
                holds.then(|| self.hold(HoldReason::FailuresInARow, now, random)).flatten()
            }
            EndpointStatus::Draining if self.failures >= FAILURES_TO_HOLD_AGAIN => {
                self.hold(HoldReason::FailuresInARow, now, random)
            }
            EndpointStatus::Draining => {
                (self.drain_rate, self.drain_since) = ((rate / 2).max(1), now);
                None
            }
            EndpointStatus::Held | EndpointStatus::Inactive => None,
        }
    }

    /// A delivery's tries were spent and nothing has succeeded here since its first.
    pub fn tries_spent(&mut self, now: Time, random: &Random) -> Option<Notice> {
        self.hold(HoldReason::TriesSpent, now, random)
    }

    /// Holds it. Out of draining the gap of probes goes on where it was, and nobody is told again.
    fn hold(&mut self, reason: HoldReason, now: Time, random: &Random) -> Option<Notice> {
        if self.step(Cause::Hold) {
            (self.held_since, self.failed_probes) = (Some(now), 0);
            self.not_before = now.plus(self.probe_gap(random));
            Some(Notice::Held(reason))
        } else {
            if self.step(Cause::HoldAgain) {
                self.not_before = now.plus(self.probe_gap(random));
            }
            None
        }
    }

    /// 30 s, doubling to 1 h, 0 to 20 % later.
    fn probe_gap(&self, random: &Random) -> Duration {
        let doubled = FIRST_PROBE.saturating_mul(1 << self.failed_probes.min(7)).min(LONGEST_PROBE_GAP);
        later(doubled, random)
    }

    /// The probe of a held endpoint failed; `at_least` is what its answer asked to wait.
    pub fn probe_failed(
        &mut self,
        at_least: Option<Duration>,
        limit: Option<u32>,
        now: Time,
        random: &Random,
    ) -> Option<Notice> {
        if self.status != EndpointStatus::Held {
            return self.failed(limit, now, random);
        }
        self.failed_probes = self.failed_probes.saturating_add(1);
        // The tenth in a row that asks to wait, and each after it, is an ordinary failure.
        let asked = at_least.filter(|_| self.pauses < PAUSES);
        self.pauses = if at_least.is_some() { self.pauses.saturating_add(1) } else { 0 };
        let asked = asked.map_or(Duration::ZERO, |wait| later(wait.min(LONGEST_PAUSE), random));
        self.not_before = now.plus(self.probe_gap(random).max(asked));
        None
    }

    /// An answer asked to wait. Whether it is a pause: else it is an ordinary failure.
    pub fn asked_to_wait(&mut self, wait: Duration, now: Time, random: &Random) -> bool {
        // What was under way when the pause began says nothing new.
        let paused = now < self.not_before && self.takes();
        if !paused {
            if self.pauses >= PAUSES {
                return false;
            }
            self.pauses += 1;
        }
        if self.takes() {
            let rate = self.rate(None, now);
            let wait = later(wait.clamp(Duration::from_secs(1), LONGEST_PAUSE), random);
            self.not_before = self.not_before.max(now.plus(wait));
            // A drain goes on after the pause where it was.
            (self.drain_rate, self.drain_since) = (rate, self.not_before);
        }
        true
    }

    /// The receiver says that it is gone for good.
    pub fn gone(&mut self) -> Option<Notice> {
        self.step(Cause::Gone).then_some(Notice::Disabled)
    }

    /// A person switches it off.
    pub fn deactivate(&mut self) {
        self.step(Cause::Deactivated);
    }

    /// A person switches it on: what has waited is released.
    pub fn activate(&mut self, now: Time) {
        if self.step(Cause::Activated) {
            self.failed_probes = 0;
            self.release(now);
        }
    }

    /// Another URL, secret or header: whatever was wrong may be right now.
    pub fn reset(&mut self, now: Time) {
        (self.failures, self.failing_since, self.failed_probes, self.pauses) = (0, None, 0, 0);
        self.not_before = now;
    }

    /// Everything that has waited was sent, or the rate has reached its limit.
    pub fn drained(&mut self) -> Option<Notice> {
        self.step(Cause::Drained).then(|| {
            self.failed_probes = 0;
            Notice::Recovered { held_since: self.held_since.take() }
        })
    }

    /// Deliveries a second, now. Doubles after each second without failure, up to the limit.
    fn rate(&self, limit: Option<u32>, now: Time) -> u32 {
        let seconds = u32::try_from(now.millis_since(self.drain_since).max(0) / 1000).unwrap_or(u32::MAX);
        let doubled = u64::from(self.drain_rate) << seconds.min(16);
        u32::try_from(doubled).unwrap_or(u32::MAX).min(limit.unwrap_or(DRAINED_RATE)).max(1)
    }

    /// What may be sent now, and the notice of a drain that ends by its rate.
    pub fn plan(&mut self, limit: Option<u32>, now: Time) -> (Plan, Option<Notice>) {
        if self.status == EndpointStatus::Inactive {
            return (Plan::Rest, None);
        }
        if now < self.not_before {
            return (Plan::Wait(self.not_before), None);
        }
        match self.status {
            EndpointStatus::Held => (Plan::Probe, None),
            EndpointStatus::Draining => {
                let rate = self.rate(limit, now);
                if rate < limit.unwrap_or(DRAINED_RATE) {
                    return (Plan::Send(Some(rate)), None);
                }
                let notice = self.drained();
                (Plan::Send(limit), notice)
            }
            _ => (Plan::Send(limit), None),
        }
    }
}

/// 0 to 20 % later, never earlier.
fn later(span: Duration, random: &Random) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 2);
    Duration::from_millis(millis + random.below(millis / 5 + 1))
}

fn span_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "endpoint_state_tests.rs"]
mod tests;
