//! An end user of a project's product.

use super::{LinkedUserId, ProjectId, Time};
use crate::clock::Clock;
use crate::random::Random;

#[derive(Clone, Debug)]
pub struct LinkedUser {
    pub id: LinkedUserId,
    pub id_project: ProjectId,
    /// The person's id in the product's own system.
    pub origin_id: String,
    /// What the connect page calls the person; may be empty.
    pub alias: String,
    pub created_at: Time,
}

impl LinkedUser {
    pub fn new(
        (clock, random): (&Clock, &Random),
        project: ProjectId,
        origin_id: String,
        alias: Option<&str>,
    ) -> Self {
        let id = LinkedUserId::new(clock, random);
        let alias = alias.unwrap_or_default().to_owned();
        Self { id, id_project: project, origin_id, alias, created_at: clock.now() }
    }
}
