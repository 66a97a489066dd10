//! Calls of a customer's backend to a provider, with the connection's credential added and nothing of ours leaked.

mod call;
mod headers;

pub use call::{Call, CallError, Called, call};
pub use headers::{is_forwarded, shown as shown_headers};
