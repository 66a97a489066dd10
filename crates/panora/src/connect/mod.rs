//! From a magic link to a connection, and a connection's life: authorise, establish, refresh, revoke. Decides and
//! does; what a person sees of it is in `http/hosted`.

mod authorize;
mod callback;
mod client;
mod credentials;
mod erasure;
mod error;
mod establish;
mod failed;
mod finish;
mod flow;
mod forget;
mod form;
mod fresh;
mod grant;
pub mod import;
pub mod import_batch;
pub mod import_group;
mod introspect;
mod jobs;
mod linked_users;
mod oauth1;
mod object;
mod parked;
mod provider_call;
mod refresh;
mod revoke;
mod troubles;
mod verify;
mod witness;

pub use authorize::{AuthorizeError, authorization_url, redirect_uri};
pub use callback::{Arrival, CallbackQuery, arrive};
pub use client::{Apps, KnownApps, OAuthApp, app_for, app_of, client_row, credential_of, row as app_row};
pub use credentials::{Credentials, Secret};
pub use error::ConnectError;
pub use establish::Established;
pub use failed::tell_failure;
pub use finish::Unfinished;
pub use flow::{
    Cookies, FlowHere, LinkOpening, OpenFlow, answers_of, cookie_name, find_flow, newest_flows, note,
    open_link, save_answers, step,
};
pub use forget::forget_person;
pub use form::{FormError, MOST_TRIES, try_credentials};
pub use grant::Grant;
pub use jobs::run as run_jobs;
pub use object::connection_object;
pub use panora_pages::Failure;
pub use parked::{Parked, choose, parked_of};
pub use provider_call::{headers, stamp};
pub use refresh::{RefreshError, fresh_credentials, run_keeper};
pub use revoke::{AtProvider, revoke_connection};
pub use troubles::NO_REFRESH_TOKEN;
pub use verify::{AskError, FoundCredentials, refresh_connection, verify_connection};
pub use witness::{Exchange, SeenAnswer, Sighting, Witness};
