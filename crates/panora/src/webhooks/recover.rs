//! Recoveries: walked step by step along the events' positions. What a step does and how far it came are one
//! transaction, so that any node may make the next one and none is made twice.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::discard::clear_deleted;
use crate::app::App;
use crate::model::{
    AttemptKind, DeliveryId, DeliveryState, EndpointStatus, EventScope, Found, ProjectId, Recovery,
    RecoveryId, RecoveryStatus, Remedy, ResendId,
};
use crate::store::{LookAt, NewDelivery, NewResend, StoreError, StoredEndpoint, Tx};

/// How long what is due may go unnoticed; what is asked for here is announced.
const LOOK: Duration = Duration::from_millis(500);
/// Recoveries of one turn.
const TURN: u32 = 16;
/// Events that a step looks at.
const PAGE: u32 = 1000;
/// Positions that an estimate looks at with one statement.
const STRETCH: i64 = 50_000;
/// While so many single attempts wait at an endpoint, no more are asked for.
const MOST_WAITING: u32 = 1000;
/// How long a recovery waits for an endpoint that takes no single attempts now.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes steps, and goes on with what deletions have left, until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = turn(&app).await.unwrap_or_else(|error| {
            tracing::error!(code = error.code(), "recoveries could not be looked for");
            LOOK
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.wake.recoveries.notified() => {}
            () = app.clock.sleep(wait) => {}
        }
    }
}

/// How long nothing is due.
async fn turn(app: &App) -> Result<Duration, StoreError> {
    let more = clear_deleted(app).await?;
    let running = app.store.list_running_recoveries(TURN).await?;
    let mut wait =
        if more { Duration::ZERO } else { running.first().map_or(LOOK, |first| first.wait.min(LOOK)) };
    for it in running.iter().filter(|it| it.wait.is_zero()) {
        // One that fails stops no other.
        if let Err(error) = step(app, it.id_project, it.id).await {
            tracing::error!(recovery = %it.id, code = error.code(), "a recovery does not go on");
            wait = LOOK;
        }
    }
    Ok(wait)
}

/// How many deliveries a recovery would come to, as things stand.
pub async fn estimate(app: &App, it: &Recovery, scope: &EventScope) -> Result<u64, StoreError> {
    let (mut deliveries, mut after) = (0, it.position);
    while after < it.last_position {
        let last = it.last_position.min(after.saturating_add(STRETCH));
        let counted = app.store.count_recoverable(it, (after, last)).await?;
        let wanted = counted.iter().filter(|(found, _)| it.remedy(scope, found).is_some());
        deliveries += wanted.map(|(_, number)| number).sum::<u64>();
        after = last;
    }
    Ok(deliveries)
}

async fn step(app: &App, project: ProjectId, id: RecoveryId) -> Result<(), StoreError> {
    let mut tx = app.store.begin().await?;
    app.store.lock_project(&mut tx, project).await?;
    let Some(mut recovery) = app.store.lock_due_recovery(&mut tx, project, id).await? else { return Ok(()) };
    let Some(endpoint) = app.store.read_endpoint(&mut tx, project, recovery.id_endpoint).await? else {
        recovery.end(RecoveryStatus::Stopped, app.clock.now());
        app.store.save_recovery(&mut tx, &recovery, None).await?;
        return tx.commit().await;
    };
    let found = app.store.read_recoverable(&mut tx, &recovery, PAGE).await?;
    let pace = recovery.pace(endpoint.endpoint.rate_limit);
    let takes_resends = takes_resends(app, &mut tx, &endpoint).await?;
    let walked = walk(&mut recovery, &endpoint.endpoint.scope, &found, Recovery::step(pace), takes_resends);
    if walked.all && found.len() < PAGE as usize {
        recovery.position = recovery.last_position;
        recovery.end(RecoveryStatus::Done, app.clock.now());
    }
    let deliveries = walked.remedies.len();
    recovery.recovered += deliveries as u64;
    let rest = Recovery::rest(pace, deliveries);
    let rest = if walked.must_wait { rest.max(PATIENCE) } else { rest };
    apply(app, &mut tx, &endpoint, &walked.remedies).await?;
    app.store.save_recovery(&mut tx, &recovery, Some(rest)).await?;
    tx.commit().await?;
    if deliveries > 0 {
        app.wake.deliveries.notify_one();
    }
    Ok(())
}

/// What a step came to.
struct Walked {
    remedies: Vec<Remedy>,
    /// Everything that was found was looked at.
    all: bool,
    /// The next one is a single attempt, which the endpoint does not take now.
    must_wait: bool,
}

/// Goes along what was found until the step is full.
fn walk(
    recovery: &mut Recovery,
    scope: &EventScope,
    found: &[Found],
    most: usize,
    takes_resends: bool,
) -> Walked {
    let mut walked = Walked { remedies: Vec::new(), all: false, must_wait: false };
    for it in found {
        if let Some(remedy) = recovery.remedy(scope, it) {
            walked.must_wait = matches!(remedy, Remedy::Resend(_)) && !takes_resends;
            if walked.must_wait || walked.remedies.len() == most {
                return walked;
            }
            walked.remedies.push(remedy);
        }
        recovery.position = it.position;
    }
    walked.all = true;
    walked
}

/// Single attempts do not mind an endpoint's state, but a recovery does: it asks for them only where they are taken.
async fn takes_resends(app: &App, tx: &mut Tx, endpoint: &StoredEndpoint) -> Result<bool, StoreError> {
    let state = &endpoint.endpoint.state;
    if !state.takes() || app.store.present() < state.not_before {
        return Ok(false);
    }
    let waiting = app.store.count_resends(tx, endpoint.endpoint.id, None, MOST_WAITING).await?;
    Ok(waiting < MOST_WAITING)
}

async fn apply(
    app: &App,
    tx: &mut Tx,
    stored: &StoredEndpoint,
    remedies: &[Remedy],
) -> Result<(), StoreError> {
    let endpoint = &stored.endpoint;
    let (mut restarted, mut added, mut resent) = (Vec::new(), Vec::new(), Vec::new());
    for remedy in remedies {
        match *remedy {
            Remedy::Restart(id) => restarted.push(id),
            Remedy::Add(id_event) => added.push(NewDelivery {
                id: DeliveryId::new(&app.clock, &app.random),
                id_project: endpoint.id_project,
                id_event,
                id_endpoint: endpoint.id,
                state: DeliveryState::Open,
                lease_owner: None,
                release: endpoint.state.release,
            }),
            Remedy::Resend(id_delivery) => resent.push(NewResend {
                id: ResendId::new(&app.clock, &app.random),
                id_project: endpoint.id_project,
                id_delivery,
                id_endpoint: endpoint.id,
                kind: AttemptKind::Resend,
            }),
        }
    }
    app.store.restart_deliveries(tx, &restarted, endpoint.state.release).await?;
    app.store.add_deliveries(tx, &added).await?;
    app.store.add_resends(tx, resent).await?;
    let open = !restarted.is_empty() || !added.is_empty();
    if open && endpoint.state.status != EndpointStatus::Inactive {
        app.store.look_at_endpoints(tx, [(endpoint.id, LookAt::Once)]).await?;
    }
    Ok(())
}
