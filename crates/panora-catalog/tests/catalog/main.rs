//! What the catalog promises, by its public face alone. No test touches a network.

mod advice;
mod answers;
mod any_host;
mod api_keys;
mod clients;
mod documentation;
mod exchanges;
mod files;
mod learnt_hosts;
mod lives;
mod logins;
mod mistypings;
mod oauth1;
mod overlays;
mod pasting;
mod paths;
mod quirks;
mod requests;
mod schema;
mod support;
mod tenants;
mod values;
