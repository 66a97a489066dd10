//! Many imports of one project in one transaction, an outcome each: what is wrong with one concerns no other.

use serde_json::{Map, Value};

use super::error::ConnectError;
use super::establish::{Wanted, establish};
use super::fresh::Fresh;
use super::grant::Grant;
use super::linked_users::{self, Named};
use crate::app::App;
use crate::model::{LinkedUserId, ProjectId};
use crate::store::{StoreError, Tx};
use crate::webhooks::Publication;

/// Whom an import is for.
pub enum For {
    Known(LinkedUserId),
    /// By the customer's own id, which may be new; with an alias.
    Origin(String, Option<String>),
}

/// An import that may be stored.
pub struct ReadyImport {
    pub person: For,
    pub metadata: Map<String, Value>,
    pub grant: Grant,
}

/// A connection object, and whether it is of a connection that was there before.
pub struct Imported {
    pub object: Value,
    pub renewed: bool,
}

/// Stores imports in their order. `publication` has the project's lock.
pub async fn store_batch(
    app: &App,
    tx: &mut Tx,
    publication: &mut Publication,
    project: ProjectId,
    imports: &[ReadyImport],
) -> Result<Vec<Result<Imported, ConnectError>>, ConnectError> {
    let named = imports.iter().filter_map(|import| match &import.person {
        For::Known(_) => None,
        For::Origin(origin, alias) => Some(Named::new(app, (project, origin), alias.as_deref())),
    });
    let users = linked_users::ensure(app, tx, named).await?;
    let (mut outcomes, mut fresh) = (Vec::with_capacity(imports.len()), Vec::new());
    for import in imports {
        let linked_user = match &import.person {
            For::Known(id) => *id,
            For::Origin(origin, _) => {
                *users.get(&(project, origin.as_str())).ok_or(StoreError::Corrupt("linked user"))?
            }
        };
        let wanted = Wanted { project, linked_user, renews: None, metadata: &import.metadata };
        outcomes.push(if import.grant.account.id.is_some() {
            // It may renew what stands, or what came before it in this very batch.
            match establish(app, tx, publication, &wanted, &import.grant).await {
                Ok(made) => Ok(Imported { object: made.object, renewed: made.renewed }),
                Err(error @ (ConnectError::Store(_) | ConnectError::Vault(_))) => return Err(error),
                Err(error) => Err(error),
            }
        } else {
            match Fresh::new(app, &wanted, &import.grant) {
                Ok(it) => {
                    publication.add_written(app, &it.event);
                    let object = it.object();
                    fresh.push(it);
                    Ok(Imported { object, renewed: false })
                }
                Err(error) => Err(error.into()),
            }
        });
    }
    let rows: Vec<_> = fresh.iter().map(Fresh::row).collect();
    app.store.add_connections(tx, &rows).await?;
    Ok(outcomes)
}
