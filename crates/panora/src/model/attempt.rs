//! One request for a delivery: why it is made, and what its answer means.

use std::time::Duration;

use super::text_enum::text_enum;

text_enum! {
    /// Why an attempt is made: in its turn, to see whether a held endpoint works again, because somebody asked for it,
    /// or as a test.
    AttemptKind { Try = "try", Probe = "probe", Resend = "resend", Test = "test" }
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx.
    Accepted,
    /// 410: nobody is there any more.
    Gone,
    /// 429 or 503 with a `Retry-After` that can be read.
    AskedToWait(Duration),
    /// Any other answer, or none.
    Failed,
}

impl Outcome {
    /// `retry_after` is what the answer's header asks for.
    pub const fn of(status: Option<u16>, retry_after: Option<Duration>) -> Self {
        match (status, retry_after) {
            (Some(200..=299), _) => Self::Accepted,
            (Some(410), _) => Self::Gone,
            (Some(429 | 503), Some(wait)) => Self::AskedToWait(wait),
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_section_5_says() {
        let wait = Some(Duration::from_secs(3));
        let table = [
            (Some(200), wait, Outcome::Accepted),
            (Some(299), None, Outcome::Accepted),
            (Some(410), wait, Outcome::Gone),
            (Some(429), wait, Outcome::AskedToWait(Duration::from_secs(3))),
            (Some(503), wait, Outcome::AskedToWait(Duration::from_secs(3))),
            (Some(503), None, Outcome::Failed),
            (Some(500), wait, Outcome::Failed),
            (Some(301), None, Outcome::Failed),
            (None, None, Outcome::Failed),
        ];
        for (status, wait, meaning) in table {
            assert_eq!(Outcome::of(status, wait), meaning, "{status:?}");
        }
    }
}
