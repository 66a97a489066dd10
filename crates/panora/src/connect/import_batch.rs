//! Many imports of one project in one transaction, an outcome each: what is wrong with one concerns no other.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::error::ConnectError;
use super::establish::{Fresh, Wanted, establish};
use super::grant::Grant;
use super::object::connection_object;
use crate::app::App;
use crate::model::{EventType, LinkedUser, LinkedUserId, ProjectId};
use crate::store::{StoreError, Tx};
use crate::webhooks::{Draft, Publication};

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
    let users = linked_users(app, tx, project, imports).await?;
    let (mut outcomes, mut fresh) = (Vec::with_capacity(imports.len()), Vec::new());
    for import in imports {
        let linked_user = match &import.person {
            For::Known(id) => *id,
            For::Origin(origin, _) => {
                *users.get(origin.as_str()).ok_or(StoreError::Corrupt("linked user"))?
            }
        };
        let wanted = Wanted { project, linked_user, renews: None, metadata: &import.metadata };
        outcomes.push(if import.grant.account.id.is_some() {
            // It may renew what stands, or what came before it in this very batch.
            let renewed = establish(app, tx, publication, &wanted, &import.grant).await;
            match renewed {
                Ok(made) => Ok(Imported {
                    object: connection_object(&made.connection, &made.token),
                    renewed: made.renewed,
                }),
                Err(error @ (ConnectError::Store(_) | ConnectError::Vault(_))) => return Err(error),
                Err(error) => Err(error),
            }
        } else {
            let it = Fresh::new(app, &wanted, &import.grant);
            let object = connection_object(&it.connection, &it.token);
            let draft = Draft::new(EventType::ConnectionCreated, Some(linked_user), object.clone());
            match publication.add(app, project, draft) {
                Ok(_) => {
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

/// Finds or makes those who are named by the customer's own ids, each once. Of aliases the last counts.
async fn linked_users<'a>(
    app: &App,
    tx: &mut Tx,
    project: ProjectId,
    imports: &'a [ReadyImport],
) -> Result<HashMap<&'a str, LinkedUserId>, StoreError> {
    let mut wanted: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for import in imports {
        if let For::Origin(origin, alias) = &import.person {
            let known = wanted.entry(origin).or_default();
            *known = alias.as_deref().or(*known);
        }
    }
    let mut found = HashMap::with_capacity(wanted.len());
    for replace in [false, true] {
        let named: Vec<_> = wanted.iter().filter(|(_, alias)| alias.is_some() == replace).collect();
        let mut new = Vec::with_capacity(named.len());
        for (origin, alias) in &named {
            new.push(LinkedUser::new((&app.clock, &app.random), project, (**origin).to_owned(), **alias));
        }
        let users = app.store.ensure_linked_users(tx, &new, replace).await?;
        found.extend(named.iter().zip(users).map(|((origin, _), user)| (**origin, user.id)));
    }
    Ok(found)
}
