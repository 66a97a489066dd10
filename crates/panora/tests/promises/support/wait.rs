//! Waiting with a deadline, for what announces itself and for what has to be asked; and chance that can be repeated.

use std::future::Future;
use std::time::Duration;

use panora::random::Random;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Long enough for a busy machine, and for an attempt that runs into its own 15 seconds.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// What the future gives, unless `what` takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again and again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let mut again = interval(Duration::from_millis(25));
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    within(what, async {
        loop {
            again.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    })
    .await
}

/// For [`Random::seeded`]: what `PANORA_SEED` says, else anything. A test prints it.
pub fn seed() -> u64 {
    let given = std::env::var("PANORA_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| Random::system().below(u64::MAX))
}

/// Whether the long form is wanted.
pub fn is_full() -> bool {
    std::env::var_os("PANORA_TEST_FULL").is_some()
}
