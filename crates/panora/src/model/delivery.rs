//! One event for one endpoint: its states, and when it is tried again.

use std::time::Duration;

use super::text_enum::text_enum;
use crate::random::Random;

text_enum! {
    /// What is stored of a delivery. An open one shows as `pending` or, where its endpoint does not take
    /// deliveries, as `waiting`; no row is rewritten for that.
    DeliveryState { Open = "open", Delivered = "delivered", Failed = "failed", Cancelled = "cancelled" }
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
    pub const fn of(state: DeliveryState, endpoint_active: bool) -> Self {
        match state {
            DeliveryState::Open if endpoint_active => Self::Pending,
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

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAttempt {
    Delivered,
    /// Tried again after so long.
    TryAgain(Duration),
    Failed,
}

/// Any 2xx is delivered, whoever's attempt it was; anything else uses a try.
pub fn after_attempt(
    accepted: bool,
    tries_before: u32,
    schedule: &RetrySchedule,
    random: &Random,
) -> AfterAttempt {
    if accepted {
        return AfterAttempt::Delivered;
    }
    schedule.gap_after(tries_before + 1, random).map_or(AfterAttempt::Failed, AfterAttempt::TryAgain)
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

    #[test]
    fn nine_retries_follow_the_first_try() {
        let (schedule, random) = (RetrySchedule::default(), Random::seeded(7));
        assert!(matches!(after_attempt(false, 8, &schedule, &random), AfterAttempt::TryAgain(_)));
        assert_eq!(after_attempt(false, 9, &schedule, &random), AfterAttempt::Failed);
    }

    #[test]
    fn a_2xx_is_delivered_even_on_the_last_try() {
        let (schedule, random) = (RetrySchedule::default(), Random::seeded(7));
        assert_eq!(after_attempt(true, 9, &schedule, &random), AfterAttempt::Delivered);
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
