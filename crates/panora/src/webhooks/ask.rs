//! Single attempts on somebody's wish: a delivery sent again, an endpoint tried. Asked for here, made by `resend`.

use super::publish::Draft;
use crate::app::App;
use crate::model::{AttemptKind, DeliveryId, DeliveryState, EndpointId, EventType, ProjectId, ResendId};
use crate::store::{DeliveryListing, NewDelivery, NewResend, StoreError, Tx};

/// Attempts that may wait for one delivery.
const MOST_WAITING: u32 = 10;

/// Why a delivery is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotResent {
    /// The person it is about was erased, and the event's body with it.
    Erased,
    EndpointDeleted,
    /// So many attempts wait already.
    TooMany,
}

/// Asks for one more attempt at a delivery. The caller holds the project's lock.
///
/// Of a test it is another test: it was one attempt for one endpoint, and is nothing to blame the endpoint for.
pub async fn ask_again(
    app: &App,
    tx: &mut Tx,
    project: ProjectId,
    it: &DeliveryListing,
) -> Result<Result<(), NotResent>, StoreError> {
    if it.erased {
        return Ok(Err(NotResent::Erased));
    }
    if it.endpoint_deleted_at.is_some() {
        return Ok(Err(NotResent::EndpointDeleted));
    }
    let waiting = app.store.count_resends(tx, it.id_endpoint, Some(it.id), MOST_WAITING).await?;
    if waiting >= MOST_WAITING {
        return Ok(Err(NotResent::TooMany));
    }
    let kind = if it.test { AttemptKind::Test } else { AttemptKind::Resend };
    add(app, tx, project, it.id_endpoint, it.id, kind).await.map(Ok)
}

/// Asks for a test of one endpoint: an event that is no part of the project's history, with its only delivery. The
/// caller holds the project's lock and has seen the endpoint.
pub async fn ask_for_test(
    app: &App,
    tx: &mut Tx,
    (project, endpoint): (ProjectId, EndpointId),
    kind: EventType,
) -> Result<DeliveryId, StoreError> {
    let draft = Draft::new(kind, None, kind.shape().example.clone());
    // Our own examples are small.
    let event = draft.written(app, project).map_err(|_| StoreError::Corrupt("example"))?.row();
    let id_event = event.id;
    app.store.add_events(tx, [event]).await?;
    let id = DeliveryId::new(&app.clock, &app.random);
    let delivery = NewDelivery {
        id,
        id_project: project,
        id_event,
        id_endpoint: endpoint,
        state: DeliveryState::Test,
        lease_owner: None,
        release: 0,
    };
    app.store.add_deliveries(tx, &[delivery]).await?;
    add(app, tx, project, endpoint, id, AttemptKind::Test).await?;
    Ok(id)
}

async fn add(
    app: &App,
    tx: &mut Tx,
    id_project: ProjectId,
    id_endpoint: EndpointId,
    id_delivery: DeliveryId,
    kind: AttemptKind,
) -> Result<(), StoreError> {
    let id = ResendId::new(&app.clock, &app.random);
    app.store.add_resends(tx, [NewResend { id, id_project, id_delivery, id_endpoint, kind }]).await
}
