//! A flow that ended without a connection: the customer is told, and what was granted is given back.

use std::time::Duration;

use serde_json::json;

use super::Failure;
use super::error::ConnectError;
use super::flow::{OpenFlow, step};
use super::grant::Grant;
use super::revoke::{Revocation, promise_revocation};
use crate::app::App;
use crate::model::{EventType, LinkStep, TroublePlace};
use crate::store::{StoreError, Tx};
use crate::webhooks::{Draft, Publication};

/// How often a failure is tried to be told.
const TELLS: u32 = 5;

/// Tells the customer of the failure and gives the grant back. The person sees the failure in any case.
pub async fn tell_failure(app: &App, open: &OpenFlow, slug: &str, failure: Failure, grant: Option<&Grant>) {
    for tries in 1..=TELLS {
        match record_failure(app, open, slug, failure, grant).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(%error, flow = %open.flow.id, "a failed flow could not be told of yet");
            }
        }
        app.clock.sleep(Duration::from_millis(200) * tries).await;
    }
}

/// One transaction with the promise to give the grant back.
async fn record_failure(
    app: &App,
    open: &OpenFlow,
    slug: &str,
    failure: Failure,
    grant: Option<&Grant>,
) -> Result<(), ConnectError> {
    let (project, user) = (open.link.id_project, open.link.id_linked_user);
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let data = json!({"id_linked_user": user.to_string(), "provider_slug": slug, "code": failure.code()});
    publication.add(app, project, Draft::new(EventType::ConnectionFailed, Some(user), data))?;
    step(app, &mut tx, &open.link, LinkStep::Failed, Some(failure.code())).await?;
    app.store.note_trouble(&mut tx, (project, slug), TroublePlace::Flow, failure.code()).await?;
    if let Some(grant) = grant {
        give_back(app, &mut tx, open, grant).await?;
    }
    publication.commit(app, tx).await?;
    app.wake.jobs.notify_one();
    Ok(())
}

/// Unless a standing connection lives on that grant.
async fn give_back(app: &App, tx: &mut Tx, open: &OpenFlow, grant: &Grant) -> Result<(), StoreError> {
    if !grant.provider.can_revoke() || grant.client_id.is_none() {
        return Ok(());
    }
    let revocation = Revocation {
        provider_slug: grant.provider.slug().to_owned(),
        client_id: grant.client_id.clone(),
        account_id: grant.account.id.clone(),
        account_email: grant.account.email.clone(),
        id_linked_user: open.link.id_linked_user,
        credentials: grant.credentials.clone(),
    };
    let project = open.link.id_project;
    if app.store.is_grant_in_use_now(tx, &revocation.grant(project, &grant.provider)).await? {
        return Ok(());
    }
    promise_revocation(app, tx, project, &revocation).await
}
