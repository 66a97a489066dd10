//! What every part of the server shares.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use panora_catalog::{Catalog, Provider, ProviderOrigin};
use panora_outbound::Outbound;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::Clock;
use crate::config::{ProviderClient, PublicUrl};
use crate::connect::import_group::Waiting;
use crate::connect::{KnownApps, Witness};
use crate::doctor::Diagnoses;
use crate::events::Followers;
use crate::http::auth::ApiKeys;
use crate::http::stream_slots::StreamSlots;
use crate::model::{ConnectionId, ProjectId};
use crate::passthrough::{KnownConnections, RequestLog};
use crate::random::Random;
use crate::store::Store;
use crate::turns::Turns;
use crate::vault::Vault;
use crate::webhooks::{Finished, KnownListeners, Lanes};

/// How every request that leaves names us.
pub const USER_AGENT: &str = concat!("Panora/", env!("CARGO_PKG_VERSION"));

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub store: Store,
    pub vault: Vault,
    pub clock: Clock,
    pub random: Random,
    pub catalog: Catalog,
    /// This installation's OAuth apps, by provider slug.
    pub clients: BTreeMap<String, ProviderClient>,
    pub outbound: Outbound,
    pub public_url: PublicUrl,
    /// How long an event is kept after the last of its deliveries has ended.
    pub retention: Duration,
    pub api_keys: ApiKeys,
    pub known_apps: KnownApps,
    /// What doctor has found a moment ago.
    pub diagnoses: Diagnoses,
    pub wake: Wake,
    /// Sees what is sent to providers, where somebody tries one.
    pub witness: Witness,
    /// The connections that were called last.
    pub connections: KnownConnections,
    /// Calls to providers that wait to be written down.
    pub request_log: RequestLog,
    /// This process among those that share the database, as leases name it.
    pub node: String,
    /// Whom events go to, and what is under way to them.
    pub listeners: KnownListeners,
    pub lanes: Lanes,
    /// Attempts that run, and where they leave what they came to.
    pub sends: TaskTracker,
    pub results: Sender<Finished>,
    /// Imports that are stored in groups.
    pub imports: Sender<Waiting>,
    /// Who streams which project's events.
    pub followers: Followers,
    pub stream_slots: StreamSlots,
    /// Cancelled when no new requests are taken: an answer without an end then ends.
    pub stopping: CancellationToken,
    /// False once a worker ended that should not: then this node is not ready.
    pub works: AtomicBool,
    /// What must not end with the request that began it.
    pub tasks: TaskTracker,
    /// One request at a time for an `Idempotency-Key`.
    pub idempotency_turns: Turns<(ProjectId, [u8; 32])>,
    /// One refresh at a time for a connection.
    pub refresh_turns: Turns<ConnectionId>,
}

/// Wakes workers after a commit; only a hint, the database is the queue.
#[derive(Default)]
pub struct Wake {
    pub deliveries: Notify,
    pub recoveries: Notify,
    pub jobs: Notify,
    /// Something was learnt of endpoints that this node knows.
    pub changes: Notify,
}

impl App {
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Runs work to its end even if whoever asked for it goes away meanwhile: between a provider's answer and
    /// our commit a closed browser would otherwise lose what was granted.
    pub async fn to_the_end<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.tasks.spawn(work.in_current_span()).await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Whether the pretend provider is served: in development only.
    pub fn has_sandbox(&self) -> bool {
        self.public_url.is_local()
    }

    /// The provider that a project means by a slug.
    pub fn provider(&self, project: ProjectId, slug: &str) -> Option<Arc<Provider>> {
        self.catalog.get(&project.to_string(), slug).filter(|provider| self.is_served(provider))
    }

    /// What to say of a slug that no provider of a project has.
    pub fn no_such_provider(&self, project: ProjectId, slug: &str) -> String {
        let meant = self.catalog.nearest(&project.to_string(), slug, |provider| self.is_served(provider));
        let hint = meant.map(|provider| format!(" Did you mean `{}`?", provider.slug()));
        format!("There is no such provider.{}", hint.unwrap_or_default())
    }

    /// All providers of a project, by name.
    pub fn providers(&self, project: ProjectId) -> Vec<Arc<Provider>> {
        let mut all = self.catalog.list(&project.to_string());
        all.retain(|provider| self.is_served(provider));
        all
    }

    /// A provider that calls this very server is the pretend one: there only where that is.
    fn is_served(&self, provider: &Provider) -> bool {
        self.has_sandbox() || provider.slug() != "sandbox" || *provider.origin() != ProviderOrigin::BuiltIn
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
