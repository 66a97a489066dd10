//! Look-ups by the system, which hold a thread until they end, even when nobody waits for them any more. So one name is
//! looked up once at a time, for all who ask, and names whose servers never answer do not take every thread.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

/// Look-ups at once, and how many of them may be of names that have not resolved lately.
const AT_ONCE: usize = 128;
const OF_STRANGERS: usize = 96;

/// Names that are remembered because they resolved; then all are forgotten.
const REMEMBERED: usize = 50_000;

type Found = Vec<SocketAddr>;
type Answer = watch::Sender<Option<Found>>;
type Asked = Pin<Box<dyn Future<Output = Found> + Send>>;

/// Whom to ask, and who is being asked.
pub(crate) struct Lookups {
    ask: Box<dyn Fn(String) -> Asked + Send + Sync>,
    slots: Semaphore,
    strangers: Semaphore,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    under_way: HashMap<String, watch::Receiver<Option<Found>>>,
    resolved: HashSet<String>,
}

impl Lookups {
    /// Asks the operating system; its answers have port 0.
    pub(crate) fn by_system() -> Arc<Self> {
        Self::by(|host| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((host.as_str(), 0)).await;
                found.map(Iterator::collect).unwrap_or_default()
            })
        })
    }

    pub(crate) fn by(ask: impl Fn(String) -> Asked + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            ask: Box::new(ask),
            slots: Semaphore::new(AT_ONCE),
            strangers: Semaphore::new(OF_STRANGERS),
            names: Mutex::default(),
        })
    }

    /// The addresses of a name; none where it does not resolve.
    pub(crate) async fn addresses(self: &Arc<Self>, host: &str) -> Found {
        let mut answer = self.answer(host);
        let found = answer.wait_for(Option::is_some).await;
        found.ok().and_then(|found| found.clone()).unwrap_or_default()
    }

    /// Where the answer will be: of the look-up under way, or of one that begins now.
    fn answer(self: &Arc<Self>, host: &str) -> watch::Receiver<Option<Found>> {
        let mut names = self.names();
        // One whose task has ended without an answer has panicked.
        if let Some(answer) = names.under_way.get(host).filter(|it| it.has_changed().is_ok()) {
            return answer.clone();
        }
        let (sender, answer) = watch::channel(None);
        names.under_way.insert(host.to_owned(), answer.clone());
        let stranger = !names.resolved.contains(host);
        let (lookups, host) = (Arc::clone(self), host.to_owned());
        tokio::spawn(async move {
            if let Some(found) = lookups.look_up(&host, stranger, &sender).await {
                lookups.note(&host, !found.is_empty());
                sender.send_replace(Some(found));
            }
        });
        answer
    }

    /// None if nobody waits for it any more once its turn has come.
    async fn look_up(&self, host: &str, stranger: bool, sender: &Answer) -> Option<Found> {
        let _slots = if stranger { self.strangers.acquire().await.ok() } else { None };
        let _slot = self.slots.acquire().await;
        if self.is_given_up(host, sender) {
            return None;
        }
        Some((self.ask)(host.to_owned()).await)
    }

    fn is_given_up(&self, host: &str, sender: &Answer) -> bool {
        let mut names = self.names();
        // One receiver is kept for those who may still come.
        let alone = sender.receiver_count() <= 1;
        if alone {
            names.under_way.remove(host);
        }
        alone
    }

    fn note(&self, host: &str, resolved: bool) {
        let mut names = self.names();
        names.under_way.remove(host);
        if !resolved {
            names.resolved.remove(host);
            return;
        }
        if names.resolved.len() >= REMEMBERED {
            names.resolved.clear();
        }
        names.resolved.insert(host.to_owned());
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::{FutureExt, poll};

    use super::*;

    /// Answers for every name but those that begin with `dead`, and counts.
    fn lookups() -> (Arc<Lookups>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let lookups = Lookups::by(move |host| {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if host.starts_with("dead") {
                    std::future::pending().await
                } else {
                    vec![([127, 0, 0, 1], 0).into()]
                }
            })
        });
        (lookups, asked)
    }

    /// Asks for a name that never answers; the look-up has begun.
    async fn dead(lookups: &Arc<Lookups>, number: usize) -> impl Future<Output = Found> {
        let (lookups, name) = (Arc::clone(lookups), format!("dead-{number}.example"));
        let mut asked = Box::pin(async move { lookups.addresses(&name).await });
        assert!(poll!(&mut asked).is_pending());
        tokio::task::yield_now().await;
        asked
    }

    #[tokio::test]
    async fn all_who_ask_for_a_name_at_once_share_one_look_up() {
        let (lookups, asked) = lookups();
        let all = join_all((0..100).map(|_| lookups.addresses("good.example"))).await;
        assert!(all.iter().all(|found| found.len() == 1));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        lookups.addresses("good.example").await;
        assert_eq!(asked.load(Ordering::Relaxed), 2, "a later one looks again");
    }

    #[tokio::test]
    async fn names_that_never_answer_take_no_look_up_from_those_that_resolved() {
        let (lookups, _) = lookups();
        lookups.addresses("good.example").await;
        let mut waiting = Vec::new();
        for number in 0..2 * AT_ONCE {
            waiting.push(dead(&lookups, number).await);
        }
        assert_eq!(lookups.addresses("good.example").await.len(), 1);
        let mut new = Box::pin(lookups.addresses("new.example"));
        for _ in 0..10 {
            assert!(poll!(&mut new).is_pending(), "a name that is not known waits with the others");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn names_that_nobody_waits_for_any_more_are_not_looked_up() {
        let (lookups, asked) = lookups();
        for number in 0..2 * AT_ONCE {
            let name = format!("dead-{number}.example");
            assert!(lookups.addresses(&name).now_or_never().is_none());
        }
        tokio::task::yield_now().await;
        assert_eq!(asked.load(Ordering::Relaxed), 0, "whoever asked has gone away");
        assert_eq!(lookups.addresses("new.example").await.len(), 1);
        assert!(lookups.names().under_way.is_empty());
    }
}
