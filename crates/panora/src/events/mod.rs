//! Events after they were told: read again, or followed as they happen. Nothing here writes.

mod envelope;
mod follow;
mod followers;

pub use envelope::envelope_text;
pub use follow::{Follow, FollowError, Told};
pub use followers::{Followers, run};
