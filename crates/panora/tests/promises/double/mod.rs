//! One server that plays every provider of the catalog by its own file, at the provider's own https addresses, and holds
//! each request against what the snapshots of `crates/panora-catalog/tests/catalog` promise.

mod answers;
mod document;
mod file;
mod promised;
mod tls;
mod walk;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use panora_outbound::{Resolver, Settings};

pub use file::{File, form_slugs, oauth_slugs};
pub use promised::Sent;
pub use walk::{CLIENT, Walk};

/// The double, and the walks that are under way.
#[derive(Clone)]
pub struct Double(Arc<Shared>);

struct Shared {
    walks: Mutex<Vec<Arc<Walk>>>,
    /// Requests that no walk can have made.
    strays: Mutex<Vec<String>>,
    listener: tls::Listening,
    hosts: BTreeSet<String>,
}

impl Double {
    /// Plays every host that the snapshots name, and no other.
    pub async fn start() -> Self {
        let hosts = promised::hosts();
        let (listener, listening) = tls::listen(&hosts).await;
        let shared = Shared { walks: Mutex::default(), strays: Mutex::default(), listener: listening, hosts };
        let double = Self(Arc::new(shared));
        let router = Router::new().fallback(play).with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        double
    }

    /// How a server reaches the double: names lead here, and its certificate is trusted.
    pub fn settings(&self) -> Settings {
        let shared = self.0.clone();
        let resolver = Resolver::given_at(move |host| {
            if shared.hosts.contains(host) {
                return vec![shared.listener.address];
            }
            shared.strays.lock().expect("no test panics here").push(format!("{host} was looked up"));
            Vec::new()
        });
        let user_agent = HeaderValue::from_static(panora::app::USER_AGENT);
        let extra_roots = vec![self.0.listener.root.clone()];
        Settings { resolver, extra_roots, ..Settings::new(user_agent) }
    }

    /// Begins to play the provider of a file; its token answers have the file's shape of that number.
    pub fn walk(&self, file: File, shape: usize, redirect_uri: &str) -> Arc<Walk> {
        let walk = Arc::new(Walk::new(file, shape, redirect_uri));
        self.0.walks.lock().expect("no test panics here").push(walk.clone());
        walk
    }

    pub fn strays(&self) -> Vec<String> {
        self.0.strays.lock().expect("no test panics here").clone()
    }

    /// The walk whose secrets the request carries, else the one that is promised such a request.
    fn walk_of(&self, sent: &Sent) -> Option<Arc<Walk>> {
        let walks = self.0.walks.lock().expect("no test panics here");
        let own = walks.iter().find(|walk| walk.owns(sent));
        let promised = || walks.iter().find(|walk| !walk.is_over() && walk.promises(sent));
        own.or_else(promised).cloned()
    }
}

async fn play(State(double): State<Double>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let sent = Sent::of(&parts, &body);
    let Some(walk) = double.walk_of(&sent) else {
        double.0.strays.lock().expect("no test panics here").push(format!("nobody's:\n{sent}"));
        return unpromised();
    };
    let answer = walk.answer(&sent).map(|answer| answer.to_string());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    answer.map_or_else(|()| unpromised(), |answer| (kind, answer).into_response())
}

/// Final, so that nobody tries again.
fn unpromised() -> Response {
    StatusCode::IM_A_TEAPOT.into_response()
}
