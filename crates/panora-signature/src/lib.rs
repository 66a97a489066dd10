//! Canonical JSON, the signatures of webhooks, and the reading of JSON that both depend on.
//!
//! It must never do I/O, read a clock, or put a secret or an expected signature into an error.

mod canonical;
pub mod intake;
mod secret;
mod sign;
mod verify;

pub use canonical::canonical_json;
pub use secret::{SecretError, WebhookSecret};
pub use sign::{SignatureHeaders, sign};
pub use verify::{TOLERANCE_SECONDS, VerifyError, verify_body, verify_value};
