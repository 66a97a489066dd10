//! Panora: connect your users' accounts, get signed webhooks, call providers through one door.

pub mod clock;
pub mod model;
pub mod random;
pub mod store;
pub mod vault;
