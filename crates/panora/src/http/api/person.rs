//! How bodies name a linked user: by our id, or by yours; an unknown id of yours makes the linked user.

use crate::app::App;
use crate::http::extract::parse_id;
use crate::http::problem::Problem;
use crate::model::{LinkedUser, LinkedUserId, ProjectId};
use crate::store::Tx;

/// `id_linked_user | linked_user_origin_id`, and a name for people.
pub struct Person<'a> {
    pub id_linked_user: Option<&'a str>,
    pub linked_user_origin_id: Option<&'a str>,
    pub alias: Option<&'a str>,
}

impl Person<'_> {
    /// Checks what can be checked without the database.
    pub fn check(&self) -> Result<(), Problem> {
        match (self.id_linked_user, self.linked_user_origin_id) {
            (Some(_), Some(_)) => {
                let detail =
                    "Name the linked user by `id_linked_user` or by `linked_user_origin_id`, not by both.";
                Err(Problem::field("/linked_user_origin_id", detail))
            }
            (None, None) => {
                let detail = "Name the linked user by `id_linked_user` or by `linked_user_origin_id`.";
                Err(Problem::field("/linked_user_origin_id", detail))
            }
            (Some(id), None) => parse_id::<LinkedUserId>("/id_linked_user", id).map(|_| ()),
            (None, Some("")) => Err(Problem::field("/linked_user_origin_id", "Must not be empty.")),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Finds or makes the linked user, in the transaction that uses it.
    pub async fn resolve(&self, app: &App, tx: &mut Tx, project: ProjectId) -> Result<LinkedUser, Problem> {
        self.check()?;
        let origin_id = match (self.id_linked_user, self.linked_user_origin_id) {
            (Some(id), _) => {
                let id = parse_id("/id_linked_user", id)?;
                let known = app.store.read_linked_user(tx, project, id).await?;
                let known = known.ok_or_else(|| Problem::unknown_id("/id_linked_user"))?;
                if self.alias.is_none() {
                    return Ok(known);
                }
                known.origin_id
            }
            (None, origin_id) => origin_id.unwrap_or_default().to_owned(),
        };
        let user = LinkedUser::new((&app.clock, &app.random), project, origin_id, self.alias);
        let mut users = app.store.ensure_linked_users(tx, &[user], self.alias.is_some()).await?;
        users.pop().ok_or_else(Problem::internal)
    }
}
