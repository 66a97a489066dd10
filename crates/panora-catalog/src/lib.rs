//! Providers are data: this crate reads their files and turns them into requests, and answers into plain values.
//! It must never make a request, and no line of it knows a provider by name.

mod answer;
mod authorize;
mod call;
mod catalog;
mod credential;
mod file;
mod identity;
mod introspect;
mod oauth1;
mod path;
mod probe;
mod provider;
mod question;
mod request;
mod revoke;
mod tenants;
mod token;
mod values;
mod verify;

pub use answer::{Grant, RefusalKind, TokenRefusal};
pub use authorize::AuthorizeInput;
pub use call::{Access, Call, CallError};
pub use catalog::{Catalog, CatalogError};
pub use credential::{Client, Credential};
pub use file::{
    AuthKind, ClientAuth, FileError, Mistake, Pagination, Pointer, RateLimit, Reach, ResetUnit, Testing,
};
pub use identity::Account;
pub use oauth1::{RequestToken, Signing, Stamp, is_form, read_form};
pub use path::PathError;
pub use provider::{Provider, ProviderOrigin};
pub use question::{AnswerError, Question};
pub use request::HttpRequest;
pub use revoke::RevocationOutcome;
pub use tenants::Tenant;
pub use token::{ExchangeInput, Renewal};
pub use values::{RenderError, Variables};
pub use verify::Verification;
