//! How long an answer asks us to wait (RFC 9110, section 10.2.3). It caps nothing: how long a wait may be is
//! its caller's to say.

use std::time::Duration;

use super::Time;

/// The wait that `value` asks for at `now`: a number of seconds, or a date in any of the three forms of
/// RFC 9110, section 5.6.7. A negative number and a date that is past ask for a wait of zero. None where it is
/// neither number nor date.
pub fn retry_after(value: &str, now: Time) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let (digits, negative) = value.strip_prefix('-').map_or((value, false), |digits| (digits, true));
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted is still a number of seconds.
        let seconds = if negative { 0 } else { digits.parse().unwrap_or(u64::MAX) };
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = i64::try_from(at.as_millis()).ok()?;
    Some(Duration::from_millis(u64::try_from(Time::from_millis(at).millis_since(now)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const DATE: i64 = 784_111_777_000;

    fn asked(value: &str) -> Option<u128> {
        retry_after(value, Time::from_millis(DATE - 10_000)).map(|wait| wait.as_millis())
    }

    #[test]
    fn a_number_is_seconds_from_now() {
        for (value, millis) in [("0", 0), ("120", 120_000), (" 7\t", 7000), ("0007", 7000)] {
            assert_eq!(asked(value), Some(millis), "{value}");
        }
    }

    #[test]
    fn a_date_is_read_in_all_three_forms() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(asked(value), Some(10_000), "{value}");
        }
    }

    #[test]
    fn a_past_date_or_negative_number_asks_for_no_wait() {
        for value in [
            "-1",
            "-99999999999999999999999",
            "Sun, 06 Nov 1994 08:49:27 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert_eq!(asked(value), Some(0), "{value}");
        }
    }

    #[test]
    fn an_absurd_wait_stays_absurd_for_its_caller_to_cap() {
        assert_eq!(
            retry_after("99999999999999999999999", Time::from_millis(0)),
            Some(Duration::from_secs(u64::MAX))
        );
        assert!(
            retry_after("Fri, 31 Dec 9999 23:59:59 GMT", Time::from_millis(0))
                > Some(Duration::from_hours(24))
        );
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for value in [
            "",
            " ",
            "soon",
            "-",
            "--1",
            "+1",
            "1.5",
            "1 2",
            "0x10",
            "１２",
            "12s",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(asked(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_moment_makes_it_panic(value in any::<String>(), now: i64) {
            retry_after(&value, Time::from_millis(now));
        }

        #[test]
        fn nothing_that_resembles_a_date_makes_it_panic(
            value in "(Sun|Sunday|Mon),? [ 0-9]{2}[ -](Nov|Feb|Xxx)[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT| [0-9]{4})?",
            now: i64,
        ) {
            retry_after(&value, Time::from_millis(now));
        }

        #[test]
        fn a_date_asks_for_the_time_until_it(at in 0_i64..253_402_300_800, now in 0_i64..4_000_000_000_000) {
            let date = std::time::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs());
            let wait = retry_after(&httpdate::fmt_http_date(date), Time::from_millis(now));
            prop_assert_eq!(wait, Some(Duration::from_millis((at * 1000 - now).max(0).unsigned_abs())));
        }
    }
}
