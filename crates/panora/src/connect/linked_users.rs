//! The people of a group of imports: found or made, those named more than once only once.

use std::collections::{BTreeMap, HashMap};

use crate::app::App;
use crate::model::{LinkedUser, LinkedUserId, ProjectId};
use crate::store::{StoreError, Tx};

/// A project, and its own id of a person.
pub type Name<'a> = (ProjectId, &'a str);

/// A person as an import names them.
pub struct Named<'a> {
    pub name: Name<'a>,
    /// Replaces the stored one.
    pub alias: Option<&'a str>,
    /// The person's id if they are new.
    pub id_if_new: LinkedUserId,
}

impl<'a> Named<'a> {
    pub fn new(app: &App, name: Name<'a>, alias: Option<&'a str>) -> Self {
        Self { name, alias, id_if_new: LinkedUserId::new(&app.clock, &app.random) }
    }
}

/// Finds or makes those who are named. Of aliases the last counts, of ids the first.
pub async fn ensure<'a>(
    app: &App,
    tx: &mut Tx,
    named: impl IntoIterator<Item = Named<'a>>,
) -> Result<HashMap<Name<'a>, LinkedUserId>, StoreError> {
    let mut wanted: BTreeMap<Name<'a>, Named<'a>> = BTreeMap::new();
    for it in named {
        let alias = it.alias;
        let first = wanted.entry(it.name).or_insert(it);
        first.alias = alias.or(first.alias);
    }
    let mut found = HashMap::with_capacity(wanted.len());
    for replace in [false, true] {
        let some: Vec<_> = wanted.values().filter(|it| it.alias.is_some() == replace).collect();
        let new: Vec<_> = some.iter().map(|it| user(app, it)).collect();
        let users = app.store.ensure_linked_users(tx, &new, replace).await?;
        found.extend(some.iter().zip(users).map(|(it, user)| (it.name, user.id)));
    }
    Ok(found)
}

fn user(app: &App, it: &Named<'_>) -> LinkedUser {
    let (project, origin) = it.name;
    let new = LinkedUser::new((&app.clock, &app.random), project, origin.to_owned(), it.alias);
    LinkedUser { id: it.id_if_new, ..new }
}
