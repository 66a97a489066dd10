//! What Panora promises, tried from outside: each test starts a server of its own and speaks HTTP with it.
//!
//! `PANORA_TEST_DATABASE=postgres` runs the same tests on PostgreSQL, at `PANORA_TEST_POSTGRES_URL` (a superuser's:
//! each test makes a database and drops it); where `PANORA_TEST_POSTGRES_BIN` names the folder of PostgreSQL's programs, a
//! test makes a cluster that it restarts. `PANORA_TEST_FULL=1` is the long form, `PANORA_SEED` repeats a run's random
//! choices, `PANORA_TEST_LOG=panora=debug` shows what the servers say, `PANORA_TEST_PROVIDER=hubspot` walks one provider alone.

mod double;
mod support;

mod accounts;
mod api_keys;
mod batch_imports;
mod clock_jumps;
mod configuration;
mod connect_flow;
mod connect_refusals;
mod connections;
mod crash_points;
mod credential_crashes;
mod credential_life;
mod credential_loss;
mod dead_for_days;
mod delivery;
mod delivery_log;
mod discarding;
mod doctor;
mod doctor_command;
mod doctor_records;
mod doubtful_input;
mod drains;
mod dropped_connections;
mod endpoint_changes;
mod endpoint_states;
mod erasure;
mod event_stream;
mod event_types;
mod events;
mod every_provider;
mod expiry;
mod faults;
mod forgetting;
mod full_disk;
mod hostile_endpoints;
mod idempotency;
mod indexes;
mod kill_nodes;
mod linked_users;
mod logins;
mod magic_links;
mod many_at_once;
mod many_endpoints;
mod nothing_lost;
mod numbers;
mod openapi;
mod other_accounts;
mod own_apps;
mod own_providers;
mod pages;
mod passthrough;
mod passthrough_repeats;
mod passthrough_streams;
mod passthrough_trouble;
mod postgres_restart;
mod problems;
mod projects;
mod provider_files;
mod providers;
mod rate_limits;
mod recording;
mod recoveries;
mod recovery_bounds;
mod renewals;
mod request_log;
mod requests;
mod resends;
mod retention;
mod second_exchanges;
mod secrets_at_rest;
mod signed_callbacks;
mod standing_connections;
mod test_deliveries;
mod told_failures;
mod webhook_notices;
mod webhook_secrets;
mod webhooks;
mod withdrawing;
