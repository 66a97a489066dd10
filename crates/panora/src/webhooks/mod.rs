//! From an event to its endpoints: published in the transaction of its cause, queued in the database, sent
//! until an endpoint says 2xx or the tries are spent.

mod attempt;
mod publish;
mod secrets;
mod settle;
mod worker;

pub use attempt::AttemptDetail;
pub use publish::{Draft, Publication, PublishError};
pub use secrets::{live_secrets, new_secret};
pub use worker::run;
