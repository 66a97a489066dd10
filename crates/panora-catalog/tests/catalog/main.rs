//! What the catalog promises, by its public face alone. No test touches a network.

mod answers;
mod api_keys;
mod clients;
mod exchanges;
mod files;
mod learnt_hosts;
mod overlays;
mod pasting;
mod paths;
mod quirks;
mod requests;
mod support;
mod tenants;
