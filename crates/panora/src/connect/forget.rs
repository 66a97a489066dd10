//! Forgetting a person: connections end and links die in one transaction, which promises that what was told of the person
//! is erased.

use super::erasure::{erase_now, promise};
use super::error::ConnectError;
use super::revoke::end;
use crate::app::App;
use crate::model::{LinkedUserId, ProjectId};
use crate::store::Erasure;
use crate::webhooks::Publication;

/// Whether there was such a linked user.
pub async fn forget_person(app: &App, project: ProjectId, user: LinkedUserId) -> Result<bool, ConnectError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 0).await?;
    if !app.store.delete_linked_user(&mut tx, project, user).await? {
        return Ok(false);
    }
    let now = app.clock.now();
    // The events that are written here stay: they hold ids only.
    let until = publication.last_position(project);
    let erasure = Erasure { id_project: project, id_linked_user: user, after: 0, until };
    let job = promise(app, &mut tx, &erasure).await?;
    loop {
        // Each one ended is no longer among the next ones.
        let standing = app.store.list_standing_connections(&mut tx, project, user).await?;
        if standing.is_empty() {
            break;
        }
        for stored in standing {
            end(app, &mut tx, &mut publication, stored).await?;
        }
    }
    app.store.erase_connections_of(&mut tx, project, user, now).await?;
    app.store.erase_flows_of(&mut tx, project, user).await?;
    app.store.revoke_magic_links_of(&mut tx, project, user, now).await?;
    publication.commit(app, tx).await?;
    app.wake.jobs.notify_one();
    erase_now(app, job, erasure).await;
    Ok(true)
}
