//! A provider of a test's own: an OAuth token endpoint whose refresh tokens work once, and an API that takes only the
//! newest access token. It lives at the public URL that its servers are given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::database::Database;
use super::server::Settings;
use super::wait::within;

/// Its file in the catalog.
const FILE: &str = r##"
slug: rotating
name: Rotating
verticals: [crm]
colour: "#336699"
docs: https://example.com/docs
auth: oauth2_code
client: {id: rotating}
authorization: {url: "{public_url}/authorize"}
token: {url: "{public_url}/token"}
refresh: {rotates: true}
scopes:
  default: [{name: read}, {name: write}]
api: {base_url: "{public_url}/api"}
identity:
  request: {url: /me}
  id: ["{/id}"]
"##;

/// How strictly refresh tokens are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// One used twice ends the whole grant, as RFC 9700, section 4.14.2, wants it.
    Strict,
    /// The one before the newest gives tokens too.
    Forgiving,
    /// There is one, and it stays.
    None,
}

/// What the token endpoint answers instead.
#[derive(Clone)]
pub struct Instead {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Instead {
    pub fn new(status: u16, body: &'static str) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[derive(Clone)]
pub struct RotatingProvider {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    rotation: Rotation,
    grants: Mutex<HashMap<String, Grant>>,
    refreshes: Mutex<Vec<String>>,
    instead: Mutex<Option<Instead>>,
    /// Whether the next answer of the token endpoint waits to be let out.
    held: Mutex<bool>,
    arrived: Notify,
    let_out: Notify,
    refuses_calls: Mutex<bool>,
    calls: Mutex<usize>,
    /// Of the tokens it gives, in seconds.
    life: Mutex<u32>,
    scope: Mutex<Option<&'static str>>,
}

/// A grant and how often it was refreshed: its tokens hold that number.
#[derive(Clone, Copy)]
struct Grant {
    number: u32,
    dead: bool,
}

impl RotatingProvider {
    pub async fn start(rotation: Rotation) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let shared = Arc::new(Shared {
            rotation,
            grants: Mutex::default(),
            refreshes: Mutex::default(),
            instead: Mutex::default(),
            held: Mutex::default(),
            arrived: Notify::new(),
            let_out: Notify::new(),
            refuses_calls: Mutex::default(),
            calls: Mutex::default(),
            life: Mutex::new(3600),
            scope: Mutex::default(),
        });
        let router = Router::new().route("/token", post(token)).route("/api/me", get(me));
        let router = router.with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Settings of a server that knows it, on a database of its own.
    pub async fn settings(&self) -> Settings {
        self.settings_on(Database::fresh().await)
    }

    pub fn settings_on(&self, database: Database) -> Settings {
        let folder = Self::folder(&database);
        Settings::default().database(database).flag("--providers-dir", folder).flag("--public-url", &self.url)
    }

    /// Settings of another node.
    pub fn settings_beside(&self, server: &super::server::TestServer) -> Settings {
        let folder = Self::folder(server.database());
        Settings::default().beside(server).flag("--providers-dir", folder).flag("--public-url", &self.url)
    }

    /// The folder with its file.
    pub fn folder(database: &Database) -> String {
        let folder = database.folder.join("providers");
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        std::fs::write(folder.join("rotating.yaml"), FILE).expect("the folder can be written");
        folder.display().to_string()
    }

    /// The body of an import of a new grant whose access token has ended.
    pub fn expired(&self, name: &str) -> Value {
        self.granted(name, -1)
    }

    /// The same with a token that lives on for so many seconds.
    pub fn granted(&self, name: &str, seconds: i64) -> Value {
        lock(&self.shared.grants).insert(name.to_owned(), Grant { number: 1, dead: false });
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        json!({"provider_slug": "rotating", "credentials": {
            "access_token": format!("access-{name}-1"), "refresh_token": format!("refresh-{name}-1"),
            "expires_at": at.to_string(), "scope": "read write"}})
    }

    /// Ends a grant: nothing of it is taken any more.
    pub fn end(&self, name: &str, dead: bool) {
        lock(&self.shared.grants).get_mut(name).expect("there is such a grant").dead = dead;
    }

    /// Forgets the last refresh of a grant, as a replica does that takes over too early.
    pub fn forget_last(&self, name: &str) {
        lock(&self.shared.grants).get_mut(name).expect("there is such a grant").number -= 1;
    }

    /// Refresh tokens that arrived, in their order.
    pub fn refreshes(&self) -> Vec<String> {
        lock(&self.shared.refreshes).clone()
    }

    pub fn answers(&self, instead: Option<Instead>) {
        *lock(&self.shared.instead) = instead;
    }

    /// Whether calls of the API are 401 whatever they carry.
    pub fn refuses_calls(&self, refuses: bool) {
        *lock(&self.shared.refuses_calls) = refuses;
    }

    /// Calls of the API that have arrived.
    pub fn calls(&self) -> usize {
        *lock(&self.shared.calls)
    }

    pub fn gives_tokens_for(&self, seconds: u32) {
        *lock(&self.shared.life) = seconds;
    }

    pub fn grants_scope(&self, scope: &'static str) {
        *lock(&self.shared.scope) = Some(scope);
    }

    /// Holds the token endpoint's next answer back.
    pub fn hold(&self) {
        *lock(&self.shared.held) = true;
    }

    /// Waits until it holds one: what was asked for has been granted or refused.
    pub async fn holds_an_answer(&self) {
        within("a refresh to hold", self.shared.arrived.notified()).await;
    }

    pub fn let_out(&self) {
        self.shared.let_out.notify_waiters();
    }
}

impl Shared {
    fn answer(&self, sent: &HashMap<String, String>) -> Response {
        let token = sent.get("refresh_token").cloned().unwrap_or_default();
        lock(&self.refreshes).push(token.clone());
        if let Some(Instead { status, headers, body }) = lock(&self.instead).clone() {
            let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
            let mut answer = (StatusCode::from_u16(status).expect("a status"), body).into_response();
            answer.headers_mut().insert(header::CONTENT_TYPE, kind.parse().expect("a header"));
            for (name, value) in headers {
                answer.headers_mut().insert(name, value.parse().expect("a header"));
            }
            return answer;
        }
        let refused = || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
        let Some((name, number)) = parts(&token, "refresh-") else { return refused() };
        let mut grants = lock(&self.grants);
        let Some(grant) = grants.get_mut(&name).filter(|grant| !grant.dead) else { return refused() };
        if self.rotation == Rotation::None {
            grant.number += 1;
            let access = format!("access-{name}-{}", grant.number);
            return Json(json!({"access_token": access, "expires_in": *lock(&self.life)})).into_response();
        }
        let newest = number == grant.number;
        let forgiven = self.rotation == Rotation::Forgiving && number + 1 == grant.number;
        if !newest && !forgiven {
            grant.dead = self.rotation == Rotation::Strict;
            return refused();
        }
        grant.number = number + 1;
        let mut answer = json!({
            "access_token": format!("access-{name}-{}", grant.number),
            "refresh_token": format!("refresh-{name}-{}", grant.number),
            "expires_in": *lock(&self.life),
        });
        if let Some(scope) = *lock(&self.scope) {
            answer["scope"] = scope.into();
        }
        Json(answer).into_response()
    }
}

async fn token(State(shared): State<Arc<Shared>>, Form(sent): Form<HashMap<String, String>>) -> Response {
    let answer = shared.answer(&sent);
    let mut let_out = std::pin::pin!(shared.let_out.notified());
    // From now on, not from when it is waited for.
    let_out.as_mut().enable();
    let held = std::mem::take(&mut *lock(&shared.held));
    if held {
        shared.arrived.notify_one();
        let_out.await;
    }
    answer
}

async fn me(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    *lock(&shared.calls) += 1;
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let found = sent.and_then(|sent| parts(sent.strip_prefix("Bearer ")?, "access-"));
    let grants = lock(&shared.grants);
    let taken = found.filter(|(name, number)| {
        grants.get(name).is_some_and(|grant| !grant.dead && grant.number == *number)
    });
    match taken.filter(|_| !*lock(&shared.refuses_calls)) {
        Some((name, _)) => Json(json!({"id": name})).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"error": "no such token"}))).into_response(),
    }
}

/// Name and number of a token.
fn parts(token: &str, kind: &str) -> Option<(String, u32)> {
    let (name, number) = token.strip_prefix(kind)?.rsplit_once('-')?;
    Some((name.to_owned(), number.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
