//! The accounts: whether each event in an endpoint's scope has its delivery there, and what became of it. Walks the
//! history in pages, beside a server that works; reads only.

mod report;
mod tally;

use crate::model::{EventId, EventPosition, ProjectId, Time};
use crate::store::{ClaimCursor, CountedProject, Store, StoreError};

pub use report::{Account, Accounts, Counts, Finding, Found};
use tally::Tally;

/// Rows of a page, about: an event has as many as it has deliveries.
const ROWS: usize = 20_000;
/// The most events and the most deliveries of a page.
const EVENTS: usize = 500;
const DELIVERIES: u32 = 2000;
const PROJECTS: u32 = 100;

/// What the accounts are narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// A project's handle.
    pub project: Option<String>,
    /// Events made at that moment or later.
    pub since: Option<Time>,
}

/// Goes through all events up to now, and all deliveries.
pub async fn verify(store: &Store, query: &Query) -> Result<Accounts, StoreError> {
    let mut accounts = Accounts::default();
    let (mut after, mut chosen) = (None, None);
    loop {
        let page = store.list_counted_projects(query.project.as_deref(), after, PROJECTS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for project in page {
            count(store, query, &project, &mut accounts).await?;
            chosen = Some(project.id);
        }
    }
    let chosen = query.project.as_ref().and(chosen);
    find_claims_without_event(store, query, chosen, &mut accounts).await?;
    Ok(accounts)
}

/// Counts one project's events. Whatever is published from now on stands beyond its last position.
async fn count(
    store: &Store,
    query: &Query,
    project: &CountedProject,
    accounts: &mut Accounts,
) -> Result<(), StoreError> {
    let mut position = match query.since {
        Some(since) => {
            let (from, _) = store.position_range(project.id, Some(since), None).await?;
            from.map_or(0, EventPosition::number) - 1
        }
        None => 0,
    };
    let scopes = store.list_scope_changes(project.id).await?;
    let endpoints = store.list_counted_endpoints(project.id).await?;
    let most = u32::try_from((ROWS / endpoints.len().max(1)).clamp(1, EVENTS)).unwrap_or(1);
    let mut tally = Tally::new(scopes, endpoints);
    loop {
        let events = store.list_counted_events(project.id, position..project.last_position, most).await?;
        let Some(last) = events.last() else { break };
        position = last.position;
        if tally.misses_endpoint(&events) {
            // One that was made meanwhile, and asked for what it had missed.
            tally.renew(store.list_counted_endpoints(project.id).await?);
        }
        let since = query.since.unwrap_or(Time::from_millis(0));
        for event in events.iter().filter(|event| event.created_at >= since) {
            tally.count(event, accounts);
        }
    }
    accounts.accounts.extend(tally.into_accounts(project));
    Ok(())
}

/// Goes through the deliveries by their events' ids, which are in the order of time.
async fn find_claims_without_event(
    store: &Store,
    query: &Query,
    project: Option<ProjectId>,
    accounts: &mut Accounts,
) -> Result<(), StoreError> {
    let since = query.since.unwrap_or(Time::from_millis(0));
    let mut cursor = ClaimCursor { id_event: EventId::floor(since), id_endpoint: None };
    if query.project.is_some() && project.is_none() {
        return Ok(());
    }
    loop {
        let claims = store.list_claims(&cursor, DELIVERIES).await?;
        let Some(last) = claims.last() else { return Ok(()) };
        cursor = ClaimCursor { id_event: last.id_event, id_endpoint: Some(last.id_endpoint) };
        let asked = |id| project.is_none_or(|project| project == id);
        for claim in claims.into_iter().filter(|it| it.without_event && asked(it.id_project)) {
            accounts.except(Finding {
                id_event: claim.id_event,
                position: None,
                id_webhook_endpoint: claim.id_endpoint,
                found: Found::NoEvent,
            });
        }
    }
}
