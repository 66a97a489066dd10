//! The format of a provider file: what it can say, and whether what it says holds together. It must never do
//! I/O, and must not use the rest of the crate: the build script compiles it too, to check the built-in files.

mod api;
mod check;
mod check_api;
mod check_auth;
mod check_authorization;
mod check_urls;
mod check_variables;
mod error;
mod host;
mod nearest;
mod node;
mod oauth;
mod oauth1;
mod provider;
mod reader_words;
#[cfg(test)]
mod schema_tests;
mod shape;
mod template;
mod variable;

pub use api::{Pagination, RateLimit, Request, ResetUnit, Verify};
pub use error::{FileError, Mistake};
pub use host::host_of;
pub use nearest::nearest;
pub use oauth::{
    Answer, Authorization, ClientAuth, Constants, Encoding, Expiry, GrantRequest, Introspection, Parameters,
    Pkce, Reach, Scopes, ScopesInToken, Token,
};
pub use oauth1::{Oauth1, SignatureMethod};
pub use provider::{AuthKind, ProviderFile, Testing};
pub use template::{Part, Pointer, Template};
pub use variable::{Source, Variable};
