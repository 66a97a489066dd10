//! The node's engine: looks for what is due again and again; what was published here is sent without it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::changes;
use super::look::look;
use super::resend::resend;
use super::work::give_back;
use crate::app::App;
use crate::store::StoreError;

/// How long what came due may go unnoticed; what is published is announced.
const LOOK: Duration = Duration::from_millis(500);

/// Works until told to stop, then waits for the attempts in flight. They are recorded by whoever writes groups, who
/// must be stopped only afterwards.
pub async fn run(app: App, stop: CancellationToken) {
    tokio::join!(send(&app, &stop), changes::run(&app, &stop));
    give_back(&app, app.lanes.stop()).await;
    app.sends.close();
    app.sends.wait().await;
    // Else others would leave them alone until the leases end.
    if let Err(error) = give_up_endpoints(&app).await {
        tracing::warn!(
            code = error.code(),
            "endpoints could not be given back: their leases end by themselves"
        );
    }
}

async fn give_up_endpoints(app: &App) -> Result<(), StoreError> {
    for project in app.store.list_projects_leased_by(&app.node).await? {
        let mut tx = app.store.begin().await?;
        app.store.lock_project(&mut tx, project).await?;
        app.store.give_up_endpoints(&mut tx, project, &app.node).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn send(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let looked = look(app).await;
        let resent = resend(app).await;
        for error in [looked.as_ref().err(), resent.as_ref().err()].into_iter().flatten() {
            tracing::error!(code = error.code(), "deliveries could not be claimed");
        }
        if matches!(looked, Ok(true)) || matches!(resent, Ok(true)) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.wake.deliveries.notified() => {}
            () = app.clock.sleep(LOOK) => {}
        }
    }
}
