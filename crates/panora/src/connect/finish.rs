//! The end of a flow: one transaction stores the connection, its event, and that the link was used.

use uuid::Uuid;

use super::Failure;
use super::error::ConnectError;
use super::establish::{Established, Wanted, establish};
use super::flow::{OpenFlow, failure_of, step};
use super::grant::Grant;
use super::parked::{Taken, take};
use crate::app::App;
use crate::model::{LinkRefusal, LinkStep, MagicLink, Time};
use crate::store::Tx;
use crate::webhooks::Publication;

/// How a person left for the provider.
#[derive(Clone, Copy)]
pub struct Departure {
    pub at: Time,
    /// Whether a new connection is wanted where the link names one to renew.
    pub as_new: bool,
    /// The mark of a grant that was parked until the person had chosen.
    pub parked: Option<Uuid>,
}

/// Why no connection was stored.
pub enum Unfinished {
    Failed(Failure),
    /// Another grant was parked meanwhile in the place of the one that the person chose of.
    Replaced,
}

impl From<LinkRefusal> for Unfinished {
    fn from(refusal: LinkRefusal) -> Self {
        Self::Failed(failure_of(refusal))
    }
}

impl From<Unfinished> for Failure {
    fn from(why: Unfinished) -> Self {
        match why {
            Unfinished::Failed(failure) => failure,
            Unfinished::Replaced => Self::Unexpected,
        }
    }
}

/// Stores what a flow came to; the caller tells of a failure. A link that expired since the person
/// left does not matter. Of two flows that race the second finds its link used.
pub async fn finish(
    app: &App,
    open: &OpenFlow,
    departure: Departure,
    grant: &Grant,
) -> Result<Established, Unfinished> {
    let failure = match try_finish(app, open, departure, grant).await {
        Ok(finished) => return finished,
        Err(ConnectError::OtherAccount) => Failure::OtherAccount,
        Err(ConnectError::Gone) => Failure::LinkRevoked,
        Err(error) => {
            tracing::error!(%error, flow = %open.flow.id, "a connection could not be stored");
            Failure::Unexpected
        }
    };
    Err(Unfinished::Failed(failure))
}

async fn try_finish(
    app: &App,
    open: &OpenFlow,
    departure: Departure,
    grant: &Grant,
) -> Result<Result<Established, Unfinished>, ConnectError> {
    let project = open.link.id_project;
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let link = app.store.lock_magic_link(&mut tx, project, open.link.id).await?;
    let Some(link) = link else { return Ok(Err(LinkRefusal::Revoked.into())) };
    if let Some(refusal) =
        link.refusal(app.clock.now()).filter(|refusal| !forgiven(*refusal, &link, departure.at))
    {
        return Ok(Err(refusal.into()));
    }
    if let Some(refusal) = app.store.flow_refusal(&mut tx, &open.flow).await? {
        return Ok(Err(refusal.into()));
    }
    if let Some(mark) = departure.parked {
        match take(app, &mut tx, open, mark).await? {
            Taken::It(_) => {}
            // It is being given back.
            Taken::Gone => return Ok(Err(LinkRefusal::Expired.into())),
            Taken::Another => return Ok(Err(Unfinished::Replaced)),
        }
    }
    let wanted = Wanted {
        project,
        linked_user: link.id_linked_user,
        renews: link.id_connection.filter(|_| !departure.as_new),
        metadata: &link.metadata,
    };
    let established = establish(app, &mut tx, &mut publication, &wanted, grant).await?;
    close(app, &mut tx, open, &link, &established).await?;
    publication.commit(app, tx).await?;
    Ok(Ok(established))
}

/// A flow begun before the link's expiry may end.
fn forgiven(refusal: LinkRefusal, link: &MagicLink, began: Time) -> bool {
    refusal == LinkRefusal::Expired && began < link.expires_at
}

async fn close(
    app: &App,
    tx: &mut Tx,
    open: &OpenFlow,
    link: &MagicLink,
    established: &Established,
) -> Result<(), ConnectError> {
    if established.connection.client_id.is_some() {
        app.store.note_authorization(tx, &established.connection).await?;
    }
    app.store.set_magic_link_used(tx, link, app.clock.now()).await?;
    app.store.finish_flow(tx, &open.flow, established.connection.id, established.renewed).await?;
    let slug = Some(established.connection.provider_slug.as_str());
    step(app, tx, link, LinkStep::Verified, slug).await?;
    step(app, tx, link, LinkStep::Connected, slug).await?;
    Ok(())
}
