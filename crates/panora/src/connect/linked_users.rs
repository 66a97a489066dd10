//! The people of a group of imports: found or made, those named more than once only once.

use std::collections::{BTreeMap, HashMap};

use crate::app::App;
use crate::model::{LinkedUser, LinkedUserId, ProjectId};
use crate::store::{StoreError, Tx};

/// Whom the customer names: the project, and its own id of the person.
pub type Named<'a> = (ProjectId, &'a str);

/// Finds or makes those who are named, each with an alias where one was given. Of aliases the last counts.
pub async fn ensure<'a>(
    app: &App,
    tx: &mut Tx,
    named: impl IntoIterator<Item = (Named<'a>, Option<&'a str>)>,
) -> Result<HashMap<Named<'a>, LinkedUserId>, StoreError> {
    let mut wanted: BTreeMap<Named<'a>, Option<&str>> = BTreeMap::new();
    for (name, given) in named {
        let alias = wanted.entry(name).or_default();
        *alias = given.or(*alias);
    }
    let mut found = HashMap::with_capacity(wanted.len());
    for replace in [false, true] {
        let some: Vec<_> = wanted.iter().filter(|(_, alias)| alias.is_some() == replace).collect();
        let mut new = Vec::with_capacity(some.len());
        for ((project, origin), alias) in &some {
            new.push(LinkedUser::new((&app.clock, &app.random), *project, (*origin).to_owned(), **alias));
        }
        let users = app.store.ensure_linked_users(tx, &new, replace).await?;
        found.extend(some.iter().zip(users).map(|((name, _), user)| (**name, user.id)));
    }
    Ok(found)
}
