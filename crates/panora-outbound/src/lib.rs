//! The one guarded HTTP client: every request that leaves Panora goes through [`Outbound`].
//!
//! It must never connect to an address that the [`AddressPolicy`] forbids for that project, whatever a URL,
//! a name server or a redirect says; never let one project use a connection made under another's rules; and
//! never hold more of an answer than its caller asked for.

mod answer_body;
mod body;
mod classify;
mod client;
mod connect;
mod error;
mod lookup;
mod policy;
mod pool;
mod refusal;
mod request;
mod resolve;
mod special;
mod stream;
mod tls;
mod trace;
mod upload;

pub use answer_body::AnswerBody;
pub use body::BodyEnd;
pub use client::{Outbound, Settings};
pub use error::{ConnectFault, Failure, OutboundError, Stage, TlsFault};
pub use policy::{AddressPolicy, AllowedNetwork, NotANetwork, Verdict};
pub use refusal::{Refusal, check_url};
pub use request::{Answer, Destination, Limits, Message, OpenAnswer, OpenRequest, Request};
pub use resolve::Resolver;
pub use trace::Trace;
pub use upload::{BoxError, Upload};
