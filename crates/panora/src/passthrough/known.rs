//! The connections that were called last, opened and ready: a call costs no query. None is kept for five seconds, so
//! that one that was revoked on another node is refused in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use panora_catalog::{Access, Provider, RenderError};
use secrecy::SecretString;

use super::CallError;
use crate::app::App;
use crate::connect::{ConnectError, Credentials, RefreshError, credential_of, fresh_credentials, headers};
use crate::model::{ConnectionId, ConnectionToken, ProjectId};
use crate::store::StoredConnection;

/// Counted from before it was read.
const KEPT: Duration = Duration::from_secs(4);
const MOST: u64 = 10_000;
/// A token that lasts longer than that is used without a look whether it should be refreshed.
const LASTS: Duration = Duration::from_mins(2);

/// A connection that can be called.
pub struct Known {
    pub stored: StoredConnection,
    pub provider: Arc<Provider>,
    /// The project's id as text.
    pub project: String,
    /// What its calls are made with.
    pub access: Result<Access, RenderError>,
    /// The headers of that: those that replace the caller's, and those that yield.
    pub fixed_headers: HeaderMap,
    pub default_headers: HeaderMap,
    pub access_token: Option<SecretString>,
    read_at: Instant,
}

type Key = (ProjectId, Vec<u8>);

/// By the connection token's key.
pub struct KnownConnections(moka::sync::Cache<Key, Arc<Known>>);

impl KnownConnections {
    pub fn new() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }

    /// The connection with fresh credentials; none where no connection of the project has this token.
    pub async fn find(
        &self,
        app: &App,
        project: ProjectId,
        token: &ConnectionToken,
    ) -> Result<Option<Arc<Known>>, CallError> {
        let key = (project, token.key());
        if let Some(known) = self.0.get(&key).filter(|known| known.may_be_used(app)) {
            return Ok(Some(known));
        }
        // Boxed: rare, and large where each call's state would carry it along.
        Box::pin(self.read(app, key)).await
    }

    async fn read(&self, app: &App, key: Key) -> Result<Option<Arc<Known>>, CallError> {
        let read_at = Instant::now();
        let stored = app.store.lookup_connection_by_token(key.0, key.1.clone()).await;
        let Some(stored) = stored.map_err(ConnectError::from)? else { return Ok(None) };
        let known = Arc::new(Known::open(app, stored, read_at).await?);
        if known.may_be_used(app) {
            self.0.insert(key, known.clone());
        }
        Ok(Some(known))
    }
}

impl Default for KnownConnections {
    fn default() -> Self {
        Self::new()
    }
}

impl Known {
    async fn open(app: &App, stored: StoredConnection, read_at: Instant) -> Result<Self, CallError> {
        let credentials = fresh_credentials(app, &stored, None).await?;
        let it = &stored.connection;
        let provider = app.provider(it.id_project, &it.provider_slug).ok_or(CallError::UnknownProvider)?;
        Self::with(app, stored, provider, credentials, read_at).await
    }

    async fn with(
        app: &App,
        stored: StoredConnection,
        provider: Arc<Provider>,
        credentials: Credentials,
        read_at: Instant,
    ) -> Result<Self, CallError> {
        let (project, client_id) = (stored.connection.id_project, stored.connection.client_id.as_deref());
        let credential = credential_of(app, project, (&provider, client_id), &credentials).await?;
        let access_token = credentials.tokens().map(|(access, _)| access);
        let credential = credential.ok_or(panora_catalog::CallError::from(RenderError::ClientUnknown))?;
        let access = provider.access(&credential, &credentials.variables);
        let given = access.as_ref().ok();
        let project = project.to_string();
        let fixed_headers = given.map_or_else(HeaderMap::new, |it| headers(&it.fixed_headers));
        let default_headers = given.map_or_else(HeaderMap::new, |it| headers(&it.default_headers));
        Ok(Self { stored, provider, project, access, fixed_headers, default_headers, access_token, read_at })
    }

    pub fn id(&self) -> ConnectionId {
        self.stored.connection.id
    }

    /// Read so lately that it counts, not changed since, and with a token that is refreshed another time.
    fn may_be_used(&self, app: &App) -> bool {
        let lasts = self.stored.connection.expires_at.is_none_or(|at| at > app.clock.now().plus(LASTS));
        lasts && self.read_at.elapsed() < KEPT && !app.store.has_changed_connection(self.id())
    }

    /// The same with a newer token than the one that the provider has just refused.
    pub async fn renewed(&self, app: &App, refused: &str) -> Result<Self, CallError> {
        let credentials = fresh_credentials(app, &self.stored, Some(refused)).await?;
        Self::with(app, self.stored.clone(), self.provider.clone(), credentials, self.read_at).await
    }

    /// The same as it is now: it may have been revoked or renewed.
    pub async fn again(&self, app: &App) -> Result<Self, CallError> {
        let (project, read_at) = (self.stored.connection.id_project, Instant::now());
        let stored = app.store.lookup_connection(project, self.id()).await.map_err(ConnectError::from)?;
        Self::open(app, stored.ok_or(RefreshError::Revoked)?, read_at).await
    }
}
