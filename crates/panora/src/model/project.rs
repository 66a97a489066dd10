//! A project is a tenant; an API key speaks for it.

use super::{ApiKeyId, ProjectId, Time};

/// The handle of the project that a new installation starts with.
pub const DEFAULT_PROJECT: &str = "default";

#[derive(Clone, Debug)]
pub struct Project {
    pub id: ProjectId,
    /// What the command line calls it; never changes.
    pub handle: String,
    /// What people read.
    pub name: String,
    pub logo_url: Option<String>,
    /// `#rrggbb`
    pub color: Option<String>,
    pub support_email: Option<String>,
    pub privacy_url: Option<String>,
    /// Origins from which the widget may be used.
    pub allowed_origins: Vec<String>,
    /// Where a connect page may send people back to.
    pub return_urls: Vec<String>,
    /// Whether an end user may hand a link to somebody else.
    pub hand_over: bool,
    pub created_at: Time,
}

impl Project {
    pub fn new(id: ProjectId, name: String, created_at: Time) -> Self {
        Self {
            id,
            handle: name.clone(),
            name,
            logo_url: None,
            color: None,
            support_email: None,
            privacy_url: None,
            allowed_origins: Vec::new(),
            return_urls: Vec::new(),
            hand_over: false,
            created_at,
        }
    }
}

/// What is kept of an API key: never its text.
#[derive(Clone, Debug)]
pub struct ApiKeyRecord {
    pub id: ApiKeyId,
    pub id_project: ProjectId,
    pub name: String,
    /// Its last four characters.
    pub ending: String,
    pub created_at: Time,
    pub expires_at: Option<Time>,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

impl ApiKeyRecord {
    pub fn is_live(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}
