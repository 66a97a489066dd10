//! From an event to its endpoints: published in the transaction of its cause, queued in the database, sent
//! until an endpoint says 2xx or the tries are spent.

mod ask;
mod attempt;
mod changes;
mod discard;
mod lanes;
mod listeners;
mod look;
mod notices;
mod publish;
mod recipient;
mod recover;
mod resend;
mod secrets;
pub mod settle;
mod verdict;
mod work;
mod worker;

pub use ask::{NotResent, ask_again, ask_for_test};
pub use attempt::{AttemptDetail, Finished};
pub use discard::discard;
pub use lanes::Lanes;
pub use listeners::KnownListeners;
pub use notices::expired;
pub use publish::{Draft, Publication, TooLarge, Written};
pub use recover::{estimate, run as run_recoveries};
pub use secrets::{new_secret, open_headers, open_secret};
pub use worker::run;
