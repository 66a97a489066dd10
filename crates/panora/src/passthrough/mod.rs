//! Calls of a customer's backend to a provider, with the connection's credential added and nothing of ours leaked.
//!
//! Nothing here keeps a query, a header or a body: the log knows what was called and how long it took.

mod body;
mod call;
mod headers;
mod known;
mod log;
mod passing;
mod patience;

pub use body::{CallerBody, CutShort};
pub use call::{Call, CallError, Called, SILENCE, call};
pub use headers::{from_caller, shown as shown_headers};
pub use known::{Known, KnownConnections};
pub use log::{RequestLog, run as run_log};
pub use passing::Passing;
