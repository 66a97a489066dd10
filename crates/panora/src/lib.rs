//! Panora: connect your users' accounts, get signed webhooks, call providers through one door.

pub mod accounts;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod doctor;
mod events;
pub mod http;
pub mod idempotency;
mod maintenance;
pub mod model;
mod passthrough;
pub mod random;
mod sandbox;
pub mod server;
pub mod storage;
pub mod store;
mod turns;
pub mod vault;
pub mod webhooks;
mod writer;
