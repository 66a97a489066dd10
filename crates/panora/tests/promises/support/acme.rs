//! A provider that knows its clients: an OAuth 2 server of its own behind the server's public URL, described by a file.
//! It agrees to everything at once, and can be made strict or mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::database::Database;
use super::road::Road;
use super::server::{Settings, TestServer};

pub const FILE: &str = r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#123456"
docs: https://acme.example/docs
setup: https://acme.example/apps
auth: oauth2_code
variables:
  - {name: developer_token, from: app, label: Developer token, pattern: "[a-z0-9-]+"}
  - {name: tier, from: app, label: Tier, one_of: [free, paid], default: free}
authorization:
  url: "{public_url}/acme/authorize"
token:
  url: "{public_url}/acme/token"
revocation:
  requests:
    - url: "{public_url}/acme/revoke"
      client_auth: body
      parameters: {token: "{token}"}
scopes:
  default:
    - {name: contacts.read, says: can read your contacts}
    - {name: offline_access}
api:
  base_url: "{public_url}/acme/api"
  headers: {Authorization: "Bearer {access_token}", X-Developer-Token: "{developer_token}"}
identity:
  request: {url: /me}
  id: ["{/id}"]
"##;

type Fields = BTreeMap<String, String>;

/// What the double holds to. By default it knows no client, and everything else is as it should be.
#[derive(Clone)]
pub struct Rules {
    /// Secrets by client id.
    pub clients: BTreeMap<String, String>,
    /// The one redirect URI that is registered; any where none.
    pub redirect_uri: Option<String>,
    /// Whether clients prove themselves by HTTP Basic instead of by fields.
    pub basic: bool,
    /// What it grants instead of what was asked for.
    pub scope: Option<String>,
    pub gives_refresh_tokens: bool,
    /// Refuses every refresh: `invalid_grant`.
    pub has_lost_grants: bool,
}

pub struct Acme {
    pub road: Road,
    pub database: Option<Database>,
    rules: Arc<Mutex<Rules>>,
}

impl Acme {
    /// The provider, and a database with a folder that describes it.
    pub async fn start() -> Self {
        let (database, road) = (Database::fresh().await, Road::start().await);
        let rules = Rules {
            clients: BTreeMap::new(),
            redirect_uri: None,
            basic: false,
            scope: None,
            gives_refresh_tokens: true,
            has_lost_grants: false,
        };
        let rules = Arc::new(Mutex::new(rules));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let router = Router::new()
            .route("/acme/authorize", get(authorize))
            .route("/acme/token", post(token))
            .route("/acme/revoke", post(|| async { "{}" }))
            .route("/acme/api/me", get(|| async { Json(json!({"id": 7})) }))
            .with_state(rules.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        road.branch("/acme/", &url);
        let acme = Self { road, database: Some(database), rules };
        acme.write("acme.yaml", FILE);
        acme
    }

    pub fn folder(&self) -> std::path::PathBuf {
        self.database.as_ref().expect("no server has it yet").folder.join("providers")
    }

    /// Writes a provider file, before a server starts.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder().join(name);
        std::fs::create_dir_all(file.parent().expect("it is in a folder"))
            .expect("the folder can be written");
        std::fs::write(file, text).expect("the folder can be written");
    }

    pub fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    /// Registers a client there.
    pub fn register(&self, id: &str, secret: &str) {
        self.rules().clients.insert(id.to_owned(), secret.to_owned());
    }

    /// A server that knows the provider.
    pub async fn server(&mut self) -> TestServer {
        self.server_with(Settings::default()).await
    }

    pub async fn server_with(&mut self, settings: Settings) -> TestServer {
        let settings = settings.flag("--providers-dir", self.folder().display().to_string());
        let database = self.database.take().expect("one server");
        settings.database(database).behind(&self.road).start().await
    }

    /// The fields and the `Authorization` header of each request for tokens.
    pub fn token_requests(&self) -> Vec<(Fields, String)> {
        let fields = |body: &[u8]| url::form_urlencoded::parse(body).into_owned().collect();
        let basic = |headers: &HeaderMap| {
            headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
        };
        self.road.passed("/acme/token").iter().map(|it| (fields(&it.body), basic(&it.headers))).collect()
    }

    /// `(client_id, client_secret)` of the last request for tokens.
    pub fn last_client(&self) -> (String, String) {
        let (fields, _) = self.token_requests().pop().expect("tokens were asked for");
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        (field("client_id"), field("client_secret"))
    }
}

async fn authorize(State(rules): State<Arc<Mutex<Rules>>>, Query(asked): Query<Fields>) -> Response {
    let rules = lock(&rules).clone();
    let field = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if !rules.clients.contains_key(&field("client_id")) {
        return refusal(StatusCode::BAD_REQUEST, "invalid_client");
    }
    if rules.redirect_uri.is_some_and(|registered| registered != field("redirect_uri")) {
        return refusal(StatusCode::BAD_REQUEST, "redirect_uri_mismatch");
    }
    let code = format!("code-of-{}", field("client_id"));
    Redirect::to(&format!("{}?code={code}&state={}", field("redirect_uri"), field("state"))).into_response()
}

async fn token(
    State(rules): State<Arc<Mutex<Rules>>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let rules = lock(&rules).clone();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let given =
        if rules.basic { basic(&headers) } else { Some((field("client_id"), field("client_secret"))) };
    let known = given.filter(|(id, secret)| rules.clients.get(id) == Some(secret));
    let Some((client, _)) = known else { return refusal(StatusCode::UNAUTHORIZED, "invalid_client") };
    let is_refresh = field("grant_type") == "refresh_token";
    let expected = if is_refresh { format!("refresh-of-{client}") } else { format!("code-of-{client}") };
    let shown = if is_refresh { field("refresh_token") } else { field("code") };
    if shown != expected || is_refresh && rules.has_lost_grants {
        return refusal(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let mut granted = json!({"access_token": format!("access-of-{client}"), "expires_in": 3600});
    if rules.gives_refresh_tokens {
        granted["refresh_token"] = Value::from(format!("refresh-of-{client}"));
    }
    if let Some(scope) = rules.scope {
        granted["scope"] = scope.into();
    }
    Json(granted).into_response()
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

fn lock(rules: &Mutex<Rules>) -> MutexGuard<'_, Rules> {
    rules.lock().unwrap_or_else(PoisonError::into_inner)
}
