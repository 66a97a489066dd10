//! The life of a connection's credentials: when they are refreshed, and how long after a failure. Rules without I/O.

use std::time::Duration;

use super::Time;

/// How the refreshing of one connection stands. Times are the database's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialLife {
    /// When they are refreshed whether anybody asks or not; none where nothing can be.
    pub due_at: Option<Time>,
    /// Until when only the node that refreshes them may.
    pub leased_until: Time,
    /// A refresh was begun then whose outcome nobody has recorded.
    pub begun_at: Option<Time>,
    /// Refreshes in a row that gave nothing.
    pub failures: u32,
    /// What the last of them came to.
    pub error: Option<String>,
    /// No refresh is tried before.
    pub not_before: Time,
    pub refreshed_at: Option<Time>,
}

/// What a refresh that gave nothing leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setback {
    /// So long nobody tries again.
    pub pause: Duration,
    /// After so long it is tried again whether anybody asks or not.
    pub due_in: Duration,
}

/// Refresh tokens die unused after 60 to 90 days at many providers, and at some sooner.
const IDLE: Duration = Duration::from_hours(24 * 7);
/// An access token that lives at least so long may be all there is to refresh with.
const LONG_LIFE: Duration = Duration::from_hours(24);
/// The first pause; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The longest that a provider's own `Retry-After` is obeyed.
const LONGEST_ASKED: Duration = Duration::from_hours(1);
/// Where nobody asks, a try is made after so many pauses.
const UNASKED: u32 = 6;
/// A provider that refuses tokens younger than this refuses them for another reason than their age.
const YOUNG: Duration = Duration::from_secs(30);
/// So many of them are replaced in a row before there are pauses.
const YOUNG_REPLACED: u32 = 8;
/// Tries after a loss, in case that the provider was wrong.
const AFTER_LOSS: [Duration; 4] =
    [Duration::from_hours(1), Duration::from_hours(6), Duration::from_hours(24), Duration::from_hours(72)];

impl CredentialLife {
    /// Of credentials that are new: due in `due_in`, if they can be refreshed.
    pub fn begins(now: Time, due_in: Option<Duration>) -> Self {
        let never = Time::from_millis(0);
        Self {
            due_at: due_in.map(|span| now.plus(span)),
            leased_until: never,
            begun_at: None,
            failures: 0,
            error: None,
            not_before: never,
            refreshed_at: None,
        }
    }

    /// Whether the present access token was given just now.
    pub fn is_young(&self, now: Time) -> bool {
        self.refreshed_at.is_some_and(|at| now < at.plus(YOUNG))
    }

    /// These credentials replace young ones that the provider has refused, as it has `before` in a row: it may go on
    /// with that, and must not be asked for more and more.
    pub fn replaces_young(&mut self, before: u32, now: Time, chance: u64) {
        self.failures = before + 1;
        if let Some(beyond) = self.failures.checked_sub(YOUNG_REPLACED).filter(|beyond| *beyond > 0) {
            self.error = Some(NEW_TOKENS_REFUSED.to_owned());
            self.not_before = now.plus(setback(beyond, None, false, chance).pause);
        }
    }
}

/// The error that is kept where the provider goes on refusing access tokens that it has just given.
pub const NEW_TOKENS_REFUSED: &str = "new_tokens_refused";

/// How long after a refresh the next one is made though nobody asks: before a long-lived access token ends, and once a
/// week. `lasts` is the access token's life; `chance` of 0 to 99 spreads those that were made together.
pub fn due_in(lasts: Option<Duration>, chance: u64) -> Duration {
    let of_token = lasts.filter(|lasts| *lasts >= LONG_LIFE).map(|lasts| lasts / 4 * 3);
    let longest = of_token.unwrap_or(IDLE).min(IDLE);
    // Up to a tenth sooner.
    longest / 1000 * (1000 - u32::try_from(chance.min(99)).unwrap_or(0))
}

/// After so many failures in a row. `asked` is the provider's own `Retry-After`; `unknown` says that it may have
/// granted the refresh nevertheless: some then take the old token again, for a moment.
pub fn setback(failures: u32, asked: Option<Duration>, unknown: bool, chance: u64) -> Setback {
    let doubled = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let spread = doubled / 500 * u32::try_from(chance.min(99)).unwrap_or(0);
    let pause = (doubled + spread).max(asked.unwrap_or_default().min(LONGEST_ASKED));
    Setback { pause, due_in: if unknown { pause } else { pause * UNASKED } }
}

/// When lost credentials are tried once more, after so many refusals in a row. None at the end: then only a person
/// helps, or somebody who asks.
pub fn next_try_after_loss(refusals: u32, chance: u64) -> Option<Duration> {
    let gap = AFTER_LOSS.get(usize::try_from(refusals.saturating_sub(1)).ok()?)?;
    Some(*gap + *gap / 1000 * u32::try_from(chance.min(99)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn what_nobody_uses_is_refreshed_once_a_week() {
        for lasts in [None, Some(Duration::from_mins(30)), Some(60 * DAY)] {
            assert_eq!(due_in(lasts, 0), 7 * DAY);
            assert!((6 * DAY..7 * DAY).contains(&due_in(lasts, 99)));
        }
    }

    #[test]
    fn a_token_that_lives_for_days_is_refreshed_before_it_ends() {
        assert_eq!(due_in(Some(4 * DAY), 0), 3 * DAY);
        assert_eq!(due_in(Some(DAY), 0), Duration::from_hours(18));
    }

    #[test]
    fn pauses_double_to_five_minutes_each_up_to_a_fifth_longer() {
        let pauses: Vec<_> =
            [1, 2, 3, 8, 9, 50].map(|failures| setback(failures, None, false, 0).pause.as_secs()).into();
        assert_eq!(pauses, [2, 4, 8, 256, 300, 300]);
        assert!(setback(1, None, false, 99).pause < PAUSE * 6 / 5);
        assert!(setback(1, None, false, 99).pause > PAUSE);
    }

    #[test]
    fn a_provider_s_own_wait_is_obeyed_up_to_an_hour() {
        let pause = |seconds| setback(1, Some(Duration::from_secs(seconds)), false, 0).pause.as_secs();
        assert_eq!([pause(0), pause(90), pause(86_400)], [2, 90, 3600]);
    }

    #[test]
    fn a_refresh_that_may_have_been_granted_is_tried_again_at_once_though_nobody_asks() {
        let (known, unknown) = (setback(3, None, false, 0), setback(3, None, true, 0));
        assert_eq!((unknown.due_in, known.due_in), (unknown.pause, known.pause * 6));
    }

    #[test]
    fn what_is_lost_is_tried_four_times_more() {
        let gaps: Vec<_> = (1..=5).map(|refusals| next_try_after_loss(refusals, 0)).collect();
        assert_eq!(gaps[0], Some(Duration::from_hours(1)));
        assert!(gaps[3].is_some() && gaps[4].is_none());
    }
}
