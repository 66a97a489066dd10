//! The nouns and their rules. Nothing here does I/O or knows SQL, HTTP or configuration.

mod connection;
mod delivery;
mod endpoint;
mod event;
mod ids;
mod linked_user;
mod magic_link;
mod page;
mod project;
mod retry_after;
mod scope;
mod secret;
mod text_enum;
mod time;

pub use connection::{Account, Connection, ConnectionStatus, TokenType};
pub use delivery::{AfterAttempt, DeliveryState, DeliveryStatus, RetrySchedule, after_attempt};
pub use endpoint::{Endpoint, EndpointStatus};
pub use event::{Event, EventType};
pub use ids::*;
pub use linked_user::LinkedUser;
pub use magic_link::{LinkRefusal, LinkStatus, LinkStep, MagicLink};
pub use page::{PageQuery, Paged};
pub use project::{ApiKeyRecord, DEFAULT_PROJECT, Project};
pub use retry_after::retry_after;
pub use scope::{EventScope, ScopeError};
pub use secret::*;
pub use time::Time;
