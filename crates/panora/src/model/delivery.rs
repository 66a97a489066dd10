//! One event for one endpoint: its states, and when it is tried again.

use std::time::Duration;

use super::Time;
use super::text_enum::text_enum;
use crate::random::Random;

text_enum! {
    /// What is stored of a delivery. An open one shows as `pending` or, where its endpoint does not take
    /// deliveries, as `waiting`; no row is rewritten for that.
    DeliveryState {
        Open = "open",
        /// Open, and driven by the one attempt of a test alone.
        Test = "test",
        Delivered = "delivered",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// Why a delivery failed or was cancelled.
    DeliveryCause {
        TriesSpent = "tries_spent",
        Expired = "expired",
        TestFailed = "test_failed",
        Discarded = "discarded",
        EndpointDeleted = "endpoint_deleted",
        Erased = "erased",
    }
}

text_enum! {
    /// How a delivery stands: `pending` is due, in flight or between tries; `waiting` waits for its endpoint to take
    /// deliveries again.
    DeliveryStatus {
        Pending = "pending",
        Waiting = "waiting",
        Delivered = "delivered",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl DeliveryStatus {
    /// How a delivery shows whose endpoint takes deliveries now, or does not.
    pub const fn of(state: DeliveryState, endpoint_takes: bool) -> Self {
        match state {
            DeliveryState::Open if endpoint_takes => Self::Pending,
            DeliveryState::Test => Self::Pending,
            DeliveryState::Open => Self::Waiting,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Cancelled => Self::Cancelled,
        }
    }
}

/// Gaps between tries, in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Vec<u32>);

impl RetrySchedule {
    /// At most this many gaps, each of 1 to 86,400 seconds.
    pub const MAX_GAPS: usize = 20;
    pub const GAP_SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;

    pub fn new(gaps: Vec<u32>) -> Option<Self> {
        let fits = gaps.len() <= Self::MAX_GAPS && gaps.iter().all(|gap| Self::GAP_SECONDS.contains(gap));
        fits.then_some(Self(gaps))
    }

    pub fn gaps(&self) -> &[u32] {
        &self.0
    }

    /// How long after the end of the last of `tries` tries the next is due: the gap, 0 to 20 % later, never
    /// earlier. None when all tries are spent.
    pub fn gap_after(&self, tries: u32, random: &Random) -> Option<Duration> {
        let gap = self.0.get((tries as usize).checked_sub(1)?)?;
        let millis = u64::from(*gap) * 1000;
        Some(Duration::from_millis(millis + random.below(millis / 5 + 1)))
    }
}

impl Default for RetrySchedule {
    /// 5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 24 h and 24 h.
    fn default() -> Self {
        Self(vec![5, 60, 300, 1800, 7200, 18_000, 36_000, 86_400, 86_400])
    }
}

/// What is known of a delivery when an attempt at it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub state: DeliveryState,
    pub cause: Option<DeliveryCause>,
    /// Tries used.
    pub tries: u32,
    pub probes: u32,
    /// When the first of its tries ended.
    pub first_try_at: Option<Time>,
    /// Not sent before.
    pub due_at: Time,
}

/// What a failed try of an open delivery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// There will be another.
    Again,
    /// It was the last one.
    Spent,
}

impl Progress {
    /// A 2xx wins over any state, whoever's attempt it was.
    pub const fn accepted(&mut self) {
        self.state = DeliveryState::Delivered;
        self.cause = None;
    }

    /// A try failed, and ended now: the next is due after the schedule's gap.
    pub fn try_failed(&mut self, schedule: &RetrySchedule, now: Time, random: &Random) -> Tried {
        self.first_try_at.get_or_insert(now);
        self.tries += 1;
        self.probes = 0;
        match schedule.gap_after(self.tries, random) {
            Some(gap) => {
                self.due_at = now.plus(gap);
                Tried::Again
            }
            None => Tried::Spent,
        }
    }

    /// Its tries are spent while the endpoint took others.
    pub const fn fail(&mut self) {
        self.state = DeliveryState::Failed;
        self.cause = Some(DeliveryCause::TriesSpent);
    }

    /// Its tries are spent because the endpoint took nothing: it waits, with one try.
    pub fn wait_with_one_try(&mut self, schedule: &RetrySchedule, now: Time) {
        self.tries = u32::try_from(schedule.gaps().len()).unwrap_or(u32::MAX);
        self.due_at = now;
    }

    /// The attempt uses no try; the next may follow as soon as the endpoint takes deliveries.
    pub const fn keep_try(&mut self, now: Time) {
        self.due_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_never_early_and_at_most_a_fifth_late() {
        let (schedule, random) = (RetrySchedule::default(), Random::seeded(7));
        for (tries, gap) in (1..).zip(schedule.gaps()) {
            for _ in 0..200 {
                let wait = schedule.gap_after(tries, &random).unwrap().as_millis();
                let gap = u128::from(*gap) * 1000;
                assert!((gap..=gap + gap / 5).contains(&wait), "gap {gap}, waited {wait}");
            }
        }
    }

    fn fresh() -> Progress {
        let now = Time::from_millis(0);
        Progress {
            state: DeliveryState::Open,
            cause: None,
            tries: 0,
            probes: 0,
            first_try_at: None,
            due_at: now,
        }
    }

    #[test]
    fn nine_retries_follow_the_first_try() {
        let (schedule, random, mut delivery) = (RetrySchedule::default(), Random::seeded(7), fresh());
        for _ in 0..9 {
            assert_eq!(delivery.try_failed(&schedule, Time::from_millis(5), &random), Tried::Again);
        }
        assert_eq!(delivery.try_failed(&schedule, Time::from_millis(5), &random), Tried::Spent);
    }

    #[test]
    fn one_that_waits_for_its_endpoint_keeps_one_try() {
        let (schedule, random, mut delivery) = (RetrySchedule::default(), Random::seeded(7), fresh());
        delivery.tries = 9;
        assert_eq!(delivery.try_failed(&schedule, Time::from_millis(5), &random), Tried::Spent);
        delivery.wait_with_one_try(&schedule, Time::from_millis(5));
        assert_eq!(delivery.try_failed(&schedule, Time::from_millis(5), &random), Tried::Spent);
    }

    #[test]
    fn a_schedule_is_bounded() {
        assert!(RetrySchedule::new(vec![1; 20]).is_some());
        assert!(RetrySchedule::new(vec![]).is_some());
        assert!(RetrySchedule::new(vec![1; 21]).is_none());
        assert!(RetrySchedule::new(vec![0]).is_none());
        assert!(RetrySchedule::new(vec![86_401]).is_none());
    }
}
