//! What Panora promises, tried from outside: each test starts a server of its own and speaks HTTP with it.
//!
//! `PANORA_TEST_DATABASE=postgres` runs the same tests on PostgreSQL, at `PANORA_TEST_POSTGRES_URL` (a superuser's:
//! each test makes a database and drops it). `PANORA_TEST_FULL=1` is the long form, `PANORA_SEED` repeats a run's
//! random choices, `PANORA_TEST_LOG=panora=debug` shows what the servers say.

mod support;

mod api_keys;
mod connect_flow;
mod connect_refusals;
mod connections;
mod delivery;
mod delivery_log;
mod idempotency;
mod linked_users;
mod magic_links;
mod nothing_lost;
mod numbers;
mod openapi;
mod own_providers;
mod passthrough;
mod problems;
mod projects;
mod providers;
mod renewals;
mod requests;
mod secrets_at_rest;
mod webhook_secrets;
mod webhooks;
