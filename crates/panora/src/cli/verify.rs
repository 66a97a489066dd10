//! `panora verify`: the accounts. Looks only, beside a server that runs; ends with 1 if anything is unaccounted for.

use clap::Args;

use super::terminal::{counted, table};
use super::{existing, with_causes};
use crate::accounts::{Account, Accounts, Finding, Found, Query, verify};
use crate::clock::Clock;
use crate::config::StorageArgs;
use crate::model::Time;
use crate::random::Random;
use crate::storage;

#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    storage: StorageArgs,
    /// Events made on that day (UTC) or at that moment, and later: 2026-01-31 or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = day_or_moment)]
    since: Option<Time>,
    /// The project, as the column PROJECT of `panora projects list` has it; all projects unless given
    #[arg(long)]
    project: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: VerifyArgs) -> Result<(), String> {
    existing(&args.storage)?;
    let storage = storage::open(&args.storage, Clock::system(), Random::system()).await;
    let storage = storage.map_err(|error| with_causes(&error))?;
    if let Some(handle) = &args.project {
        let found = storage.store.lookup_project_by_handle(handle).await;
        found
            .map_err(|error| with_causes(&error))?
            .ok_or_else(|| format!("there is no project `{handle}`"))?;
    }
    let query = Query { project: args.project, since: args.since };
    let accounts = verify(&storage.store, &query).await.map_err(|error| with_causes(&error))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&accounts).map_err(|error| error.to_string())?);
    } else {
        print(&accounts);
    }
    if accounts.are_complete() {
        Ok(())
    } else {
        Err(format!("{} unaccounted for", accounts.exception_count))
    }
}

fn day_or_moment(text: &str) -> Result<Time, String> {
    let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    moment.map_err(|_| "a day or an RFC 3339 time such as 2026-01-31T09:30:00Z".to_owned())
}

fn print(accounts: &Accounts) {
    let heading = [
        "PROJECT",
        "ENDPOINT",
        "DAY",
        "IN SCOPE",
        "DELIVERED",
        "PENDING",
        "WAITING",
        "FAILED",
        "CANCELLED",
        "MISSING",
        "BEYOND SCOPE",
    ];
    table(&heading, &accounts.accounts.iter().map(line).collect::<Vec<_>>());
    for (title, findings) in [("Unaccounted for:", &accounts.exceptions), ("Notes:", &accounts.notes)] {
        if !findings.is_empty() {
            println!("\n{title}");
            let rows: Vec<_> = findings.iter().map(finding).collect();
            table(&["EVENT", "POSITION", "ENDPOINT", "WHAT IS WRONG"], &rows);
        }
    }
    let Accounts { events, deliveries, .. } = accounts;
    let words = if accounts.are_complete() { ": all are accounted for" } else { "" };
    let events = counted(events, "event", "events");
    println!("\n{events}, {}{words}", counted(deliveries, "delivery", "deliveries"));
}

fn line(it: &Account) -> Vec<String> {
    let counts = &it.counts;
    let numbers = [
        it.in_scope,
        counts.delivered,
        counts.pending,
        counts.waiting,
        counts.failed,
        counts.cancelled,
        counts.missing,
        it.beyond_scope,
    ];
    let words = [it.project.clone(), it.id_webhook_endpoint.to_string(), it.day.clone()];
    words.into_iter().chain(numbers.iter().map(ToString::to_string)).collect()
}

fn finding(it: &Finding) -> Vec<String> {
    let position = it.position.map_or_else(|| "-".to_owned(), |position| position.to_string());
    let words = match it.found {
        Found::NoDelivery => "in scope, but there is no delivery",
        Found::NoEvent => "a delivery, but there is no event",
        Found::NoEndpoint => "a delivery, but there is no such endpoint",
        Found::NoAttempt => "delivered, but no attempt with a 2xx is recorded",
    };
    vec![it.id_event.to_string(), position, it.id_webhook_endpoint.to_string(), words.to_owned()]
}
