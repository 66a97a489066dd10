//! A provider that speaks OAuth 1.0a (RFC 5849) behind the server's public URL: it checks the signature of whatever it is
//! sent by its own reading of the standard, takes no nonce twice, and agrees to everything unless told otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde_json::json;
use sha1::Sha1;
use sha2::Sha256;
use tokio::net::TcpListener;

use super::database::Database;
use super::road::Road;
use super::server::{Settings, TestServer};

const FILE: &str = r##"
slug: signed
name: Signed
verticals: [crm]
colour: "#123456"
docs: https://signed.example/docs
auth: oauth1
oauth1:
  request_token_url: "{public_url}/signed/request?from=panora"
  access_token_url: "{public_url}/signed/access"
  signature: METHOD
  realm: Photos
authorization:
  url: "{public_url}/signed/authorize"
  parameters: {expiration: never}
revocation:
  requests: [{method: DELETE, url: "{public_url}/signed/token"}]
scopes:
  separator: ","
  default: [{name: read}, {name: write}]
variables:
  - {name: user, from: {token: /screen_name}}
api: {base_url: "{public_url}/signed/api"}
identity:
  request: {url: "/me?fields=id,name&x=a%20b+c"}
  id: ["{/id}"]
  name: ["{user}"]
"##;

/// All but the unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type Fields = BTreeMap<String, String>;

/// What it holds to, and what has happened.
pub struct Rules {
    pub client: (String, String),
    /// The person says no.
    pub denies: bool,
    /// Leaves out that it has bound the token to the callback, as before 1.0a.
    pub is_of_version_1_0: bool,
    /// Takes no token any more.
    pub has_lost_grants: bool,
    /// Sent to the callback instead of the token that was asked for.
    pub returns_token: Option<String>,
    /// Of requests that were signed as they should be: method, path and body.
    pub taken: Vec<(String, String, String)>,
    pub refused: usize,
    method: &'static str,
    nonces: BTreeSet<String>,
    /// Secrets by token.
    tokens: Fields,
    callbacks: Fields,
    verifiers: Fields,
    count: u32,
}

#[derive(Clone)]
pub struct SignedProvider {
    pub road: Road,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    rules: Mutex<Rules>,
}

impl SignedProvider {
    /// One that wants this signature method.
    pub async fn start(method: &'static str) -> Self {
        let road = Road::start().await;
        let rules = Rules {
            client: ("key-1".to_owned(), "secret & of key-1".to_owned()),
            denies: false,
            is_of_version_1_0: false,
            has_lost_grants: false,
            returns_token: None,
            taken: Vec::new(),
            refused: 0,
            method,
            nonces: BTreeSet::new(),
            tokens: Fields::new(),
            callbacks: Fields::new(),
            verifiers: Fields::new(),
            count: 0,
        };
        let shared = Arc::new(Shared { url: road.url.clone(), rules: Mutex::new(rules) });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let router = Router::new()
            .route("/signed/request", post(request))
            .route("/signed/authorize", get(authorize))
            .route("/signed/access", post(access))
            .fallback(api)
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        road.branch("/signed/", &url);
        Self { road, shared }
    }

    /// A server that knows it, and its client with this secret.
    pub async fn server(&self, secret: &str) -> TestServer {
        let database = Database::fresh().await;
        let folder = database.folder.join("providers");
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        let file = FILE.replace("METHOD", self.rules().method);
        std::fs::write(folder.join("signed.yaml"), file).expect("the folder can be written");
        let settings = Settings::default()
            .flag("--providers-dir", folder.display().to_string())
            .variable("PANORA_SIGNED_CLIENT_ID", "key-1")
            .variable("PANORA_SIGNED_CLIENT_SECRET", secret);
        settings.database(database).behind(&self.road).start().await
    }

    pub fn rules(&self) -> MutexGuard<'_, Rules> {
        self.shared.rules()
    }

    /// Every secret of a token that it has given.
    pub fn secrets(&self) -> Vec<String> {
        self.rules().tokens.values().cloned().collect()
    }

    /// A token that nobody was asked for, as an integrator has from before.
    pub fn grant(&self) -> (String, String) {
        let mut rules = self.rules();
        rules.count += 1;
        let (token, secret) = (format!("access/{}", rules.count), format!("secret/{}+", rules.count));
        rules.tokens.insert(token.clone(), secret.clone());
        (token, secret)
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The protocol parameters, if the request is signed as it should be (section 3.2).
    async fn take(&self, request: Request) -> Result<Fields, StatusCode> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let text = |name: header::HeaderName| {
            parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
        };
        let protocol = read_header(text(header::AUTHORIZATION));
        let form = text(header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
        let mut rules = self.rules();
        let signed = protocol.as_ref().is_some_and(|protocol| {
            let url = format!("{}{}", self.url, parts.uri.path());
            let mut all: Vec<(String, String)> = read_form(parts.uri.query().unwrap_or_default());
            all.extend(read_form(if form {
                std::str::from_utf8(&body).expect("forms are ASCII")
            } else {
                ""
            }));
            rules.is_signed((parts.method.as_str(), &url), all, protocol)
        });
        if !signed {
            rules.refused += 1;
            return Err(StatusCode::UNAUTHORIZED);
        }
        let target = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        rules.taken.push((parts.method.to_string(), target, body));
        Ok(protocol.unwrap_or_default())
    }
}

impl Rules {
    fn is_signed(
        &mut self,
        (method, url): (&str, &str),
        mut all: Vec<(String, String)>,
        protocol: &Fields,
    ) -> bool {
        let of = |name: &str| protocol.get(name).map(String::as_str).unwrap_or_default();
        let token = of("oauth_token");
        let token_secret = self.tokens.get(token).cloned();
        let known = of("oauth_consumer_key") == self.client.0
            && (token.is_empty() || (token_secret.is_some() && !self.has_lost_grants))
            && of("oauth_signature_method") == self.method
            && of("realm") == "Photos"
            && of("oauth_version") == "1.0";
        let fresh = self.nonces.insert(of("oauth_nonce").to_owned());
        let signed = protocol.iter().filter(|(name, _)| *name != "realm" && *name != "oauth_signature");
        all.extend(signed.map(|(name, value)| (name.clone(), value.clone())));
        let mut all: Vec<_> = all.iter().map(|(name, value)| (escape(name), escape(value))).collect();
        all.sort();
        let all: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let base = format!("{method}&{}&{}", escape(url), escape(&all.join("&")));
        let key = format!("{}&{}", escape(&self.client.1), escape(&token_secret.unwrap_or_default()));
        let expected = match self.method {
            "PLAINTEXT" => key,
            "HMAC-SHA256" => BASE64_STANDARD.encode(mac::<Hmac<Sha256>>(&key, &base)),
            _ => BASE64_STANDARD.encode(mac::<Hmac<Sha1>>(&key, &base)),
        };
        known && fresh && of("oauth_signature") == expected
    }
}

fn mac<M: Mac + KeyInit>(key: &str, text: &str) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn escape(text: &str) -> String {
    percent_encode(text.as_bytes(), ESCAPED).to_string()
}

fn unescape(text: &str) -> String {
    percent_decode_str(text).decode_utf8().expect("it is UTF-8").into_owned()
}

fn read_form(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (unescape(&name.replace('+', " ")), unescape(&value.replace('+', " "))))
        .collect()
}

fn read_header(text: &str) -> Option<Fields> {
    let pairs = text.strip_prefix("OAuth ")?.split(',');
    let pair = |pair: &str| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((unescape(name), unescape(value.strip_prefix('"')?.strip_suffix('"')?)))
    };
    pairs.map(pair).collect()
}

async fn request(State(shared): State<Arc<Shared>>, request: Request) -> Result<String, StatusCode> {
    let protocol = shared.take(request).await?;
    let callback = protocol.get("oauth_callback").ok_or(StatusCode::BAD_REQUEST)?.clone();
    let mut rules = shared.rules();
    rules.count += 1;
    let (token, secret) = (format!("request/{}", rules.count), format!("request secret {}", rules.count));
    rules.callbacks.insert(token.clone(), callback);
    rules.tokens.insert(token.clone(), secret.clone());
    let confirmed = if rules.is_of_version_1_0 { "" } else { "&oauth_callback_confirmed=true" };
    Ok(format!("oauth_token={}&oauth_token_secret={}{confirmed}", escape(&token), escape(&secret)))
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(sent): Query<Fields>) -> Response {
    let (token, mut rules) = (sent.get("oauth_token").cloned().unwrap_or_default(), shared.rules());
    let right = sent.get("expiration").is_some_and(|it| it == "never")
        && sent.get("scope").is_some_and(|it| it == "read,write");
    let Some(callback) = rules.callbacks.get(&token).filter(|_| right).cloned() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut back = url::Url::parse(&callback).expect("our server's callback is a URL");
    if rules.denies {
        back.query_pairs_mut().append_pair("denied", &token);
        return Redirect::to(back.as_str()).into_response();
    }
    let verifier = format!("verifier of {token}");
    rules.verifiers.insert(token.clone(), verifier.clone());
    let returned = rules.returns_token.clone().unwrap_or(token);
    back.query_pairs_mut().append_pair("oauth_token", &returned).append_pair("oauth_verifier", &verifier);
    Redirect::to(back.as_str()).into_response()
}

async fn access(State(shared): State<Arc<Shared>>, request: Request) -> Result<String, StatusCode> {
    let protocol = shared.take(request).await?;
    let (token, verifier) = (protocol.get("oauth_token"), protocol.get("oauth_verifier"));
    let (token, mut rules) = (token.cloned().unwrap_or_default(), shared.rules());
    // Temporary credentials work once.
    if rules.verifiers.remove(&token).as_ref() != verifier || verifier.is_none() {
        return Err(StatusCode::UNAUTHORIZED);
    }
    rules.tokens.remove(&token);
    rules.count += 1;
    let (token, secret) = (format!("access/{}", rules.count), format!("secret/{}+", rules.count));
    rules.tokens.insert(token.clone(), secret.clone());
    Ok(format!("oauth_token={}&oauth_token_secret={}&screen_name=Ada", escape(&token), escape(&secret)))
}

async fn api(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, StatusCode> {
    let is_revocation = request.uri().path() == "/signed/token";
    let protocol = shared.take(request).await?;
    let token = protocol.get("oauth_token").cloned().ok_or(StatusCode::UNAUTHORIZED)?;
    if is_revocation {
        shared.rules().tokens.remove(&token);
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], Bytes::from(json!({"id": token}).to_string()))
        .into_response())
}
