//! A flow that ended without a connection: the customer is told, and what was granted is given back.

use serde_json::json;

use super::Failure;
use super::error::ConnectError;
use super::flow::{OpenFlow, step};
use super::grant::Grant;
use super::revoke::{Revocation, promise_revocation};
use crate::app::App;
use crate::model::{EventType, LinkStep};
use crate::store::{StoreError, Tx};
use crate::webhooks::{Draft, Publication};

/// Tells of the failure; one transaction with the promise to give the grant back.
pub async fn record_failure(
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
    let draft = Draft { kind: EventType::ConnectionFailed, id_linked_user: Some(user), data };
    publication.publish(app, &mut tx, draft).await?;
    step(app, &mut tx, &open.link, LinkStep::Failed, Some(failure.code())).await?;
    if let Some(grant) = grant {
        give_back(app, &mut tx, open, grant).await?;
    }
    tx.commit().await?;
    app.wake.deliveries.notify_one();
    app.wake.jobs.notify_one();
    Ok(())
}

/// Unless a standing connection has the same OAuth client and account: that grant is in use.
async fn give_back(app: &App, tx: &mut Tx, open: &OpenFlow, grant: &Grant) -> Result<(), StoreError> {
    if !grant.provider.can_revoke() || grant.client_id.is_none() {
        return Ok(());
    }
    let which = (grant.provider.slug(), grant.account.id.as_deref(), grant.client_id.as_deref());
    let in_use = app.store.is_grant_in_use(tx, open.link.id_project, which, None).await?;
    if in_use {
        return Ok(());
    }
    let revocation = Revocation {
        provider_slug: grant.provider.slug().to_owned(),
        client_id: grant.client_id.clone(),
        credentials: grant.credentials.clone(),
    };
    promise_revocation(app, tx, open.link.id_project, &revocation).await
}
