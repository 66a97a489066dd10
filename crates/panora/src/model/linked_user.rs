//! An end user of a project's product.

use super::{LinkedUserId, ProjectId, Time};

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
