//! The nouns and their rules. Nothing here does I/O or knows SQL, HTTP or configuration.

mod attempt;
mod connection;
mod credential_life;
mod delivery;
mod endpoint;
mod endpoint_state;
mod event;
mod event_catalog;
mod ids;
mod linked_user;
mod magic_link;
mod oauth_app;
mod page;
mod project;
mod recovery;
mod request;
mod retry_after;
mod scope;
mod scope_history;
mod secret;
mod text_enum;
mod time;

pub use attempt::{AttemptKind, Outcome};
pub use connection::{Account, Connection, ConnectionStatus, TokenType};
pub use credential_life::{
    CredentialLife, NEW_TOKENS_REFUSED, Setback, due_in, next_try_after_loss, setback,
};
pub use delivery::{DeliveryCause, DeliveryState, DeliveryStatus, Progress, RetrySchedule, Tried};
pub use endpoint::Endpoint;
pub use endpoint_state::{EndpointState, EndpointStatus, HoldReason, Notice, Plan};
pub use event::{EventHead, EventPosition, EventType};
pub use event_catalog::EventShape;
pub use ids::*;
pub use linked_user::LinkedUser;
pub use magic_link::{LinkRefusal, LinkStatus, LinkStep, MagicLink};
pub use oauth_app::{AppSource, Obstacle, TroublePlace};
pub use page::{PageQuery, Paged};
pub use project::{ApiKeyRecord, DEFAULT_PROJECT, Project};
pub use recovery::{Found, Recoverable, Recovery, RecoveryStatus, Remedy};
pub use request::{LoggedRequest, RequestFilter};
pub use retry_after::retry_after;
pub use scope::{EventScope, ScopeError};
pub use scope_history::{ScopeChange, ScopeHistory};
pub use secret::*;
pub(crate) use text_enum::text_enum;
pub use time::Time;
