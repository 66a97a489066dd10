//! What the promises are tried with: real servers, receivers, browsers and databases, each test its own.
//! Nothing here sleeps for a fixed time: every wait ends with what it waits for, or fails at its deadline.

mod accounts;
pub mod acme;
mod api;
mod browser;
mod burst;
mod cluster;
mod database;
mod event_stream;
mod given;
mod line;
mod process;
mod provider;
mod quirky;
mod receiver;
mod road;
mod server;
mod signature;
mod signed;
pub mod trial;
pub mod wait;

pub use accounts::{PAST_LEASES, acceptances, all_delivered};
pub use acme::{Acme, FILE as ACME_FILE};
pub use api::{Answer, Api, complete, sent};
pub use browser::{Browser, Page};
pub use burst::Burst;
pub use cluster::Cluster;
pub use database::{Database, is_postgres};
pub use event_stream::{Block, EventStream};
pub use given::{Connected, Endpoint, an_import, text};
pub use line::{Line, Upstream, header_of};
pub use process::{Process, free_port};
pub use provider::{Instead, RotatingProvider, Rotation};
pub use quirky::{Quirky, Says};
pub use receiver::{Delivery, Receiver, Reply};
pub use road::{Road, Trouble};
pub use server::{Settings, TestServer};
pub use signature::{hex_signature, is_signed_with, secret_bytes};
pub use signed::SignedProvider;
pub use wait::{eventually, is_full, seed, within};
