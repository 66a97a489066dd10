//! One linked user's authorised account at one provider.

use serde_json::{Map, Value};

use super::text_enum::text_enum;
use super::{ConnectionId, LinkedUserId, ProjectId, Time};

text_enum! {
    /// Whether a connection can be used: as it is, after the person connects again, or no longer.
    ConnectionStatus { Valid = "valid", NeedsReauth = "needs_reauth", Revoked = "revoked" }
}

impl ConnectionStatus {
    /// A connection stands while it can, perhaps after a renewal, be used.
    pub const fn stands(self) -> bool {
        !matches!(self, Self::Revoked)
    }
}

text_enum! {
    /// The family of a credential; `auth_kind` names the exact kind.
    TokenType { Oauth2 = "oauth2", Apikey = "apikey", Basic = "basic" }
}

/// Who the provider says the account belongs to; nulls where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub id: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub id_project: ProjectId,
    pub id_linked_user: LinkedUserId,
    pub provider_slug: String,
    /// The provider's first vertical.
    pub vertical: String,
    pub status: ConnectionStatus,
    /// `oauth2 | apikey | basic`
    pub token_type: String,
    /// The exact kind, such as `oauth2_code`.
    pub auth_kind: String,
    pub account: Account,
    /// This account's API base URL.
    pub account_url: String,
    pub scopes: Vec<String>,
    /// Asked for and not granted.
    pub missing_scopes: Vec<String>,
    /// When the access token expires; none where it does not.
    pub expires_at: Option<Time>,
    pub metadata: Map<String, Value>,
    /// The OAuth client that made it; only it can refresh and revoke.
    pub client_id: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}
