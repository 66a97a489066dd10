//! A whole server in this process, on a port of its own. The test holds its clock.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use panora::app::App;
use panora::clock::Clock;
use panora::config::ServeArgs;
use panora::model::{ApiKey, ApiKeyId, ApiKeyRecord, EventType, LinkedUserId, Project, ProjectId};
use panora::random::Random;
use panora::server::{Server, StartError, Surroundings};
use panora::webhooks::{Draft, Publication};
use serde_json::{Value, json};

use super::api::Api;
use super::database::Database;
use super::given::Endpoint;
use super::receiver::{Receiver, Reply};
use super::road::Road;

/// A server's settings, before it starts.
#[derive(Default)]
pub struct Settings {
    flags: Vec<String>,
    variables: BTreeMap<String, String>,
    database: Option<Arc<Database>>,
    road: Option<Road>,
    outbound: Option<panora_outbound::Settings>,
}

/// Reads flags as `panora serve` does.
#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    args: ServeArgs,
}

impl Settings {
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl Into<String>) -> Self {
        self.flags.extend([name.to_owned(), value.into()]);
        self
    }

    /// A variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A database that something else has used before.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = Some(Arc::new(database));
        self
    }

    /// The database of another server: both are nodes of one installation, where it is no SQLite.
    #[must_use]
    pub fn beside(mut self, server: &TestServer) -> Self {
        self.database = Some(server.database.clone());
        self
    }

    /// Everybody reaches the server by this road.
    #[must_use]
    pub fn behind(mut self, road: &Road) -> Self {
        self.road = Some(road.clone());
        self
    }

    /// What leaves looks up names there, and trusts those authorities.
    #[must_use]
    pub fn outbound(mut self, outbound: panora_outbound::Settings) -> Self {
        self.outbound = Some(outbound);
        self
    }

    pub async fn start(self) -> TestServer {
        self.start_at(Clock::system()).await
    }

    /// Starts with a clock that the test has set.
    pub async fn start_at(mut self, clock: Clock) -> TestServer {
        log_if_wanted();
        let database = self.own_database().await;
        let key = ApiKey::generate(&Random::system()).expose().to_owned();
        let road = self.road.take();
        let server = self.open(&database, &key, road.as_ref(), clock).await.expect("the server starts");
        let mut url = format!("http://{}", server.address);
        if let Some(road) = road {
            road.leads_to(&url);
            url = road.url;
        }
        TestServer { api: Api::new(url, key), server, database }
    }

    /// Why it does not start, in words.
    pub async fn refused(mut self) -> String {
        let database = self.own_database().await;
        let key = ApiKey::generate(&Random::system()).expose().to_owned();
        match self.open(&database, &key, None, Clock::system()).await {
            Ok(_) => panic!("the server started"),
            Err(error) => error.to_string(),
        }
    }

    async fn own_database(&mut self) -> Arc<Database> {
        match self.database.take() {
            Some(database) => database,
            None => Arc::new(Database::fresh().await),
        }
    }

    async fn open(
        self,
        database: &Database,
        key: &str,
        road: Option<&Road>,
        clock: Clock,
    ) -> Result<Server, StartError> {
        let mut flags: Vec<String> = vec!["panora".into(), "--bootstrap-api-key".into(), key.into()];
        if !self.flags.iter().any(|flag| flag == "--bind") {
            flags.extend(["--bind".into(), "127.0.0.1:0".into()]);
        }
        if let Some(road) = road {
            flags.extend(["--public-url".into(), road.url.clone()]);
        }
        flags.extend(self.flags);
        let mut args = Serve::parse_from(flags).args;
        // The developer's own settings must not reach a test.
        let variables: BTreeMap<_, _> = database.variables().into_iter().collect();
        let given = |name: &str| variables.get(name).cloned();
        args.storage.data_dir = given("PANORA_DATA_DIR").unwrap_or_default().into();
        args.storage.database_url = given("DATABASE_URL").map(Into::into);
        args.storage.encryption_keys = given("PANORA_ENCRYPTION_KEYS").map(Into::into);
        let mut around = Surroundings { clock, ..Surroundings::of_machine(self.variables) };
        if let Some(outbound) = self.outbound {
            around.outbound = outbound;
        }
        Server::start(args, around).await
    }
}

pub struct TestServer {
    api: Api,
    server: Server,
    /// Dropped after the server.
    database: Arc<Database>,
}

impl TestServer {
    /// One with settings as a newcomer has them.
    pub async fn start() -> Self {
        Settings::default().start().await
    }

    /// One that is reached by a road where a test can put trouble.
    pub async fn behind(road: &Road) -> Self {
        Settings::default().behind(road).start().await
    }

    /// Nodes over one database: three on PostgreSQL, one on SQLite, which is one server's own.
    pub async fn nodes() -> Vec<Self> {
        let mut nodes = vec![Self::start().await];
        let more = if nodes[0].database.url().is_some() { 2 } else { 0 };
        for _ in 0..more {
            nodes.push(Settings::default().beside(&nodes[0]).start().await);
        }
        nodes
    }

    /// Stops the server as a signal does.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    pub fn app(&self) -> &App {
        &self.server.app
    }

    /// What the server keeps its data in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Lets time pass for the whole server at once.
    pub fn advance(&self, by: Duration) {
        self.app().clock.advance(by);
    }

    /// Publishes so many events about that person at once, as the server's own code does.
    pub async fn publish(&self, count: u32, user: Option<LinkedUserId>, data: &Value) {
        let app = self.app();
        let project = app.store.list_projects().await.expect("projects can be listed")[0].id;
        let mut left = count;
        while left > 0 {
            let group = left.min(500);
            left -= group;
            let mut tx = app.store.begin().await.expect("a transaction can be opened");
            let publication = Publication::open(app, &mut tx, project, group).await;
            let mut publication = publication.expect("the project is there");
            for _ in 0..group {
                let draft = Draft::new(EventType::ConnectionCreated, user, data.clone());
                publication.add(app, project, draft).expect("it is small");
            }
            publication.commit(app, tx).await.expect("it can be committed");
        }
    }

    /// A delivery that has failed for good: its two tries were spent while the endpoint took another delivery. The
    /// endpoint's schedule is `[1]`, and it has no deliveries yet.
    pub async fn failed_delivery(&self, endpoint: &Endpoint, receiver: &Receiver) -> Value {
        receiver.replies([Reply::Status(500), Reply::Status(200), Reply::Status(500)]);
        self.import("failed", json!({})).await;
        let first = self.delivery_after(endpoint, 1).await;
        self.import("delivered", json!({})).await;
        self.delivery_is(&self.deliveries(endpoint).await[0]["id_delivery"], "delivered").await;
        self.advance(Duration::from_secs(2));
        self.delivery_is(&first["id_delivery"], "failed").await
    }

    /// Another key of the project that this one's key belongs to.
    pub async fn another_key(&self) -> (Api, ProjectId, ApiKeyId) {
        let projects = self.app().store.list_projects().await.expect("projects can be listed");
        self.key_of(projects[0].id).await
    }

    /// A second project, and a caller with its key.
    pub async fn another_project(&self, name: &str) -> Api {
        let app = self.app();
        let id = ProjectId::new(&app.clock, &app.random);
        let project = Project::new(id, name.to_owned(), app.clock.now());
        app.store.add_project(&project).await.expect("a project can be made");
        self.key_of(id).await.0
    }

    async fn key_of(&self, project: ProjectId) -> (Api, ProjectId, ApiKeyId) {
        let (app, key) = (self.app(), ApiKey::generate(&Random::system()));
        let record = ApiKeyRecord {
            id: ApiKeyId::new(&app.clock, &app.random),
            id_project: project,
            name: "test".to_owned(),
            ending: key.ending(),
            created_at: app.clock.now(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        };
        app.store.add_api_key(&record, key.hash()).await.expect("a key can be made");
        (self.api.with_key(key.expose()), project, record.id)
    }
}

/// A server is called as the API that it serves.
impl Deref for TestServer {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// `PANORA_TEST_LOG=panora=debug` shows what the servers of a failing test say.
fn log_if_wanted() {
    if let Ok(filter) = std::env::var("PANORA_TEST_LOG") {
        drop(tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init());
    }
}
