//! Whether a call is repeated after a 429 or 503, and when. It decides and waits for nothing.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use panora_catalog::{RateLimit, ResetUnit};

use crate::model::{Time, retry_after};

/// The longest wait, all in all.
pub const LONGEST: Duration = Duration::from_secs(10);
/// Where the provider does not say for how long.
const UNSAID: Duration = Duration::from_secs(1);

/// For how long to wait before the call is made again; none if it is not. `jitter` is 0 to 1: of a fifth of the wait
/// so much is added, as far as there is room.
pub fn pause(
    method: &Method,
    (status, headers): (StatusCode, &HeaderMap),
    limit: Option<&RateLimit>,
    (now, jitter): (Time, f64),
) -> Option<Duration> {
    // Safe or idempotent: RFC 9110, section 9.2.2.
    let repeatable =
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    if !repeatable || !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let asked = asked(headers, limit, now).unwrap_or(UNSAID);
    (asked <= LONGEST).then(|| (asked + asked.mul_f64(jitter * 0.2)).min(LONGEST))
}

/// The standard header counts before the provider's own.
fn asked(headers: &HeaderMap, limit: Option<&RateLimit>, now: Time) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let standard = text(header::RETRY_AFTER.as_str()).and_then(|value| retry_after(value, now));
    standard.or_else(|| {
        let limit = limit?;
        reset(text(limit.reset.as_deref()?)?, limit.reset_unit, now)
    })
}

fn reset(value: &str, unit: ResetUnit, now: Time) -> Option<Duration> {
    // Some write a fraction; longer than a day is as good as never.
    let number: f64 = value.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
    let now = now.millis() as f64 / 1000.0;
    let seconds = match unit {
        ResetUnit::Seconds => number,
        ResetUnit::EpochSeconds => number - now,
        ResetUnit::EpochMilliseconds => number / 1000.0 - now,
    };
    Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds since the epoch.
    const NOW: i64 = 1_700_000_000;

    fn waits(
        method: &Method,
        status: u16,
        headers: &[(&'static str, &str)],
        unit: ResetUnit,
    ) -> Option<u128> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let limit = RateLimit { remaining: None, reset: Some("x-reset".to_owned()), reset_unit: unit };
        let status = StatusCode::from_u16(status).unwrap();
        let now = Time::from_millis(NOW * 1000);
        pause(method, (status, &map), Some(&limit), (now, 0.0)).map(|wait| wait.as_millis())
    }

    #[test]
    fn only_safe_and_idempotent_methods_are_repeated_and_only_after_429_and_503() {
        for (method, repeated) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::OPTIONS, true),
            (Method::PUT, true),
            (Method::DELETE, true),
            (Method::POST, false),
            (Method::PATCH, false),
            (Method::from_bytes(b"QUERY").unwrap(), false),
        ] {
            for status in [429, 503] {
                assert_eq!(waits(&method, status, &[], ResetUnit::Seconds).is_some(), repeated, "{method}");
            }
            for status in [200, 401, 408, 500, 502, 504] {
                assert_eq!(waits(&method, status, &[], ResetUnit::Seconds), None, "{method} {status}");
            }
        }
    }

    #[test]
    fn retry_after_counts_before_the_provider_s_own_header() {
        let get = |headers: &[(&'static str, &str)]| waits(&Method::GET, 429, headers, ResetUnit::Seconds);
        assert_eq!(get(&[("retry-after", "3"), ("x-reset", "7")]), Some(3000));
        assert_eq!(get(&[("retry-after", "soon"), ("x-reset", "7")]), Some(7000));
        assert_eq!(get(&[("retry-after", "Tue, 14 Nov 2023 22:13:25 GMT")]), Some(5000));
        assert_eq!(get(&[("retry-after", "0")]), Some(0));
        assert_eq!(get(&[]), Some(1000));
    }

    #[test]
    fn the_provider_s_own_header_is_read_in_its_unit() {
        let get = |value: &str, unit| waits(&Method::GET, 429, &[("x-reset", value)], unit);
        assert_eq!(get("2.5", ResetUnit::Seconds), Some(2500));
        assert_eq!(get(&(NOW + 4).to_string(), ResetUnit::EpochSeconds), Some(4000));
        assert_eq!(get(&((NOW + 4) * 1000 + 500).to_string(), ResetUnit::EpochMilliseconds), Some(4500));
        assert_eq!(get(&(NOW - 4).to_string(), ResetUnit::EpochSeconds), Some(0));
        assert_eq!(get("later", ResetUnit::Seconds), Some(1000));
        assert_eq!(get("NaN", ResetUnit::Seconds), Some(1000));
    }

    #[test]
    fn who_asks_for_more_than_ten_seconds_is_handed_on() {
        for (value, repeated) in [("10", true), ("11", false), ("99999999999999999999", false)] {
            let wait = waits(&Method::GET, 429, &[("retry-after", value)], ResetUnit::Seconds);
            assert_eq!(wait.is_some(), repeated, "{value}");
        }
        assert_eq!(waits(&Method::GET, 429, &[("x-reset", "1e300")], ResetUnit::Seconds), None);
    }

    #[test]
    fn jitter_makes_a_wait_longer_and_never_too_long() {
        let mut headers = HeaderMap::new();
        for (asked, longest) in [("5", 6000), ("9", 10_000), ("10", 10_000)] {
            headers.insert("retry-after", asked.parse().unwrap());
            let answer = (StatusCode::TOO_MANY_REQUESTS, &headers);
            let wait = pause(&Method::GET, answer, None, (Time::from_millis(0), 1.0)).unwrap();
            assert_eq!(wait.as_millis(), longest, "{asked}");
        }
    }
}
