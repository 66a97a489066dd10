//! Forgetting a person: connections end, links die, what is stored of the person is erased.

use super::error::ConnectError;
use super::revoke::end;
use crate::app::App;
use crate::model::{LinkedUserId, ProjectId};
use crate::webhooks::Publication;

/// Whether there was such a linked user.
pub async fn forget_person(app: &App, project: ProjectId, user: LinkedUserId) -> Result<bool, ConnectError> {
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 0).await?;
    if !app.store.delete_linked_user(&mut tx, project, user).await? {
        return Ok(false);
    }
    let now = app.clock.now();
    // Before the new events are written: those stay, they hold ids only.
    app.store.erase_events_of(&mut tx, project, user, now).await?;
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
    app.store.revoke_magic_links_of(&mut tx, project, user, now).await?;
    tx.commit().await?;
    app.wake.jobs.notify_one();
    app.published(project);
    Ok(true)
}
