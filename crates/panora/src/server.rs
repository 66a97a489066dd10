//! The running server: opened, serving, stopped in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::ServiceExt;
use axum::extract::Request;
use axum::http::HeaderValue;
use panora_catalog::Catalog;
use panora_outbound::{AddressPolicy, AllowedNetwork, Outbound, Settings};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Shared, USER_AGENT, Wake};
use crate::clock::Clock;
use crate::config::{ClientError, PublicUrl, ServeArgs, provider_clients};
use crate::connect::import_group::Waiting;
use crate::connect::{KnownApps, Witness};
use crate::doctor::Diagnoses;
use crate::events::{self, Followers};
use crate::http::auth::ApiKeys;
use crate::http::stream_slots::StreamSlots;
use crate::passthrough::{KnownConnections, RequestLog};
use crate::random::Random;
use crate::storage::{self, StorageError};
use crate::turns::Turns;
use crate::webhooks::{Finished, KnownListeners, Lanes};
use crate::{connect, http, maintenance, passthrough, webhooks, writer};

/// Attempts that may wait to be recorded.
const RESULTS: usize = 1024;
/// Imports that may wait for their group.
const IMPORTS: usize = 1024;

/// What a server is given besides its settings.
pub struct Surroundings {
    pub clock: Clock,
    pub random: Random,
    /// `PANORA_*` of the environment.
    pub variables: BTreeMap<String, String>,
    /// Where requests that leave look up names, and whom they trust.
    pub outbound: Settings,
}

impl Surroundings {
    /// The machine's own clock, randomness and names.
    pub fn of_machine(variables: BTreeMap<String, String>) -> Self {
        let outbound = Settings::new(HeaderValue::from_static(USER_AGENT));
        Self { clock: Clock::system(), random: Random::system(), variables, outbound }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("cannot listen on {0}: {1}; another address is chosen with --bind ADDR:PORT")]
    Bind(SocketAddr, std::io::Error),
    #[error("{0} is reachable from other machines: say under which URL with PANORA_PUBLIC_URL (https://...)")]
    PublicUrlMissing(SocketAddr),
    #[error("PANORA_ALLOWED_PRIVATE_NETWORKS: {0}")]
    Networks(String),
    #[error("provider files: {0}")]
    Catalog(#[from] panora_catalog::CatalogError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Where handlers and attempts leave what is written in groups.
struct Queues {
    results: Sender<Finished>,
    imports: Sender<Waiting>,
}

/// A server that serves.
pub struct Server {
    pub app: App,
    pub address: SocketAddr,
    http: JoinHandle<()>,
    workers: TaskTracker,
    stop_http: CancellationToken,
    stop_workers: CancellationToken,
    /// Cancelled once a worker ended that should not.
    failed: CancellationToken,
    patience: Duration,
}

impl Server {
    /// Opens storage, listens and starts the workers. Requests are answered once this returns.
    pub async fn start(args: ServeArgs, around: Surroundings) -> Result<Self, StartError> {
        let listener =
            TcpListener::bind(args.bind).await.map_err(|error| StartError::Bind(args.bind, error))?;
        let address = listener.local_addr().map_err(|error| StartError::Bind(args.bind, error))?;
        let (results, finished) = tokio::sync::mpsc::channel(RESULTS);
        let (imports, waiting) = tokio::sync::mpsc::channel(IMPORTS);
        let (stop_http, stop_workers) = (CancellationToken::new(), CancellationToken::new());
        let queues = Queues { results, imports };
        let app = open(&args, address, around, stop_http.clone(), queues).await?;
        app.store.note_public_url(app.public_url.as_str()).await.map_err(StorageError::from)?;
        let workers =
            Workers { tasks: TaskTracker::new(), app: app.clone(), failed: CancellationToken::new() };
        let stop_writer = CancellationToken::new();
        let writing = writer::run(
            app.clone(),
            writer::Queues { imports: waiting, results: finished },
            stop_writer.clone(),
        );
        let store = app.store.clone();
        workers.watch("writer", &stop_writer, async move { store.run_writer(writing).await });
        let sending = webhooks::run(app.clone(), stop_workers.clone());
        // What was sent is recorded before the writer ends.
        let sending = async move {
            sending.await;
            stop_writer.cancel();
        };
        workers.watch("deliveries", &stop_workers, sending);
        let recoveries = webhooks::run_recoveries(app.clone(), stop_workers.clone());
        workers.watch("recoveries", &stop_workers, recoveries);
        workers.watch("jobs", &stop_workers, connect::run_jobs(app.clone(), stop_workers.clone()));
        let keeping = connect::run_keeper(app.clone(), stop_workers.clone());
        workers.watch("credentials", &stop_workers, keeping);
        workers.watch("events", &stop_workers, events::run(app.clone(), stop_workers.clone()));
        let logging = passthrough::run_log(app.clone(), stop_workers.clone());
        workers.watch("request log", &stop_workers, logging);
        let maintaining = maintenance::run(app.clone(), stop_workers.clone());
        workers.watch("maintenance", &stop_workers, maintaining);
        let Workers { tasks: workers, failed, .. } = workers;
        workers.close();
        let (front, stopping) =
            (ServiceExt::<Request>::into_make_service(http::Front::new(&app)), stop_http.clone());
        let http = tokio::spawn(async move {
            let serve = axum::serve(listener, front).with_graceful_shutdown(stopping.cancelled_owned());
            if let Err(error) = serve.await {
                tracing::error!(%error, "the listener failed");
            }
        });
        let patience = Duration::from_secs(args.shutdown_seconds);
        Ok(Self { app, address, http, workers, stop_http, stop_workers, failed, patience })
    }

    /// Waits until a worker ends that should not: the node is then to be stopped and started again.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Ends in order: no new requests, those that run end, then deliveries in flight are recorded, then the
    /// database is closed. Whatever takes too long is found again at the next start.
    pub async fn stop(self) {
        self.stop_http.cancel();
        let abort = self.http.abort_handle();
        if tokio::time::timeout(self.patience, self.http).await.is_err() {
            tracing::warn!("requests were still running");
            abort.abort();
        }
        self.app.tasks.close();
        if tokio::time::timeout(self.patience, self.app.tasks.wait()).await.is_err() {
            tracing::warn!("connections were still being made");
        }
        self.stop_workers.cancel();
        if tokio::time::timeout(self.patience, self.workers.wait()).await.is_err() {
            tracing::warn!("deliveries were still in flight; they are sent again");
        }
        self.app.store.close().await;
    }
}

/// What a node does beside answering requests.
struct Workers {
    tasks: TaskTracker,
    app: App,
    failed: CancellationToken,
}

impl Workers {
    /// Runs a worker. If it ends before it is told to, by a panic, the node says that it is not ready and begins no
    /// attempt any more, since it might not record it; others go on, and take over what it had in hand.
    fn watch(
        &self,
        name: &'static str,
        stop: &CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (app, failed) = (self.app.clone(), self.failed.clone());
        let (stop, work) = (stop.clone(), tokio::spawn(work));
        self.tasks.spawn(async move {
            if work.await.is_err() || !stop.is_cancelled() {
                tracing::error!(worker = name, "a worker ended: this node must start again");
                app.works.store(false, Ordering::Relaxed);
                drop(app.lanes.stop());
                failed.cancel();
            }
        });
    }
}

/// What a server is made of, for a command that looks at it: nothing listens and nothing works.
pub async fn open_only(args: &ServeArgs, around: Surroundings) -> Result<App, StartError> {
    // Looking must not make a key.
    let args = ServeArgs { bootstrap_api_key: None, ..args.clone() };
    let (results, _) = tokio::sync::mpsc::channel(1);
    let (imports, _) = tokio::sync::mpsc::channel(1);
    open(&args, args.bind, around, CancellationToken::new(), Queues { results, imports }).await
}

async fn open(
    args: &ServeArgs,
    address: SocketAddr,
    around: Surroundings,
    stopping: CancellationToken,
    queues: Queues,
) -> Result<App, StartError> {
    let public_url = match &args.public_url {
        Some(url) => url.clone(),
        None if address.ip().is_loopback() => PublicUrl::of_address(address),
        None => return Err(StartError::PublicUrlMissing(address)),
    };
    let Surroundings { clock, random, variables, outbound } = around;
    let catalog = Catalog::load(args.providers_dir.as_deref(), public_url.url())?;
    let policy = AddressPolicy { local_allowed: public_url.is_local(), networks: networks(args)? };
    let outbound = Outbound::new(policy, outbound);
    let storage = storage::open(&args.storage, clock.clone(), random.clone()).await?;
    if let Some(key) = &args.bootstrap_api_key {
        storage.ensure_bootstrap_key(key).await?;
    } else {
        storage.ensure_default_project().await?;
    }
    Ok(App::new(Shared {
        store: storage.store,
        vault: storage.vault,
        clock,
        random: random.clone(),
        clients: provider_clients(&variables, &catalog.list(""))?,
        catalog,
        outbound,
        public_url,
        retention: Duration::from_hours(24 * u64::from(args.retention_days)),
        api_keys: ApiKeys::new(args.api_rate_limit),
        known_apps: KnownApps::default(),
        diagnoses: Diagnoses::default(),
        wake: Wake::default(),
        witness: Witness::default(),
        connections: KnownConnections::new(),
        request_log: RequestLog::default(),
        node: random.base62(16),
        listeners: KnownListeners::new(),
        lanes: Lanes::default(),
        sends: TaskTracker::new(),
        results: queues.results,
        imports: queues.imports,
        followers: Followers::default(),
        stream_slots: StreamSlots::default(),
        stopping,
        works: AtomicBool::new(true),
        tasks: TaskTracker::new(),
        idempotency_turns: Turns::new(),
        refresh_turns: Turns::new(),
    }))
}

fn networks(args: &ServeArgs) -> Result<Vec<AllowedNetwork>, StartError> {
    let parts = args.allowed_private_networks.split(',').map(str::trim).filter(|part| !part.is_empty());
    let networks: Result<_, panora_outbound::NotANetwork> = parts.map(str::parse).collect();
    networks.map_err(|error| StartError::Networks(error.to_string()))
}
