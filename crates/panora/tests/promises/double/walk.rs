//! One provider being played: the secrets given out so far, what came, and what was wrong with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use regex::Regex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::answers::Tokens;
use super::file::File;
use super::promised::{self, Sent};

/// The client of every walk, as in the snapshots.
pub const CLIENT: (&str, &str) = ("client-id", "client secret");

pub struct Walk {
    pub slug: String,
    pub file: File,
    /// Which shape its token answers have.
    shape: usize,
    redirect_uri: String,
    promised: Vec<(String, Sent)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The authorization's `state`.
    nonce: String,
    challenge: String,
    code: String,
    tokens: Tokens,
    given: Vec<String>,
    scope: Option<String>,
    number: u32,
    /// What came, in its order, by the names of the promised requests that it is.
    came: Vec<Vec<String>>,
    problems: Vec<String>,
    identity: Value,
    over: bool,
}

impl Walk {
    pub fn new(file: File, shape: usize, redirect_uri: &str) -> Self {
        let slug = file.text("/slug", "").to_owned();
        let mut promised = promised::of(&slug, redirect_uri);
        for (_, call) in promised.iter_mut().filter(|(what, _)| what == "call") {
            // Passthrough's form of JSON documents reads the answer, so it must not be packed.
            call.headers.push(("accept-encoding".to_owned(), "identity".to_owned()));
            call.headers.sort();
        }
        let redirect_uri = redirect_uri.to_owned();
        Self { file, promised, slug, shape, redirect_uri, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the snapshot shows a request of that name.
    pub fn promises_any(&self, what: &str) -> bool {
        self.promised.iter().any(|(name, _)| name == what)
    }

    /// The names of the requests of a kind, in their order.
    pub fn names(&self, kind: &str) -> Vec<&str> {
        self.promised.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(kind)).collect()
    }

    /// Where calls go.
    pub fn call_url(&self) -> &str {
        let call = self.promised.iter().find(|(name, _)| name == "call");
        call.map_or("", |(_, sent)| &sent.url)
    }

    /// The end of the walk: what went wrong on it.
    pub fn end(&self) -> Vec<String> {
        let mut state = self.state();
        state.over = true;
        state.problems.clone()
    }

    pub fn is_over(&self) -> bool {
        self.state().over
    }

    pub fn complain(&self, problem: impl Into<String>) {
        self.state().problems.push(problem.into());
    }

    /// What came since this was asked last: each by the names that the snapshot has for such a request.
    pub fn came(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.state().came)
    }

    /// How many requests have come since.
    pub fn count(&self) -> usize {
        self.state().came.len()
    }

    /// What the identity request was answered with.
    pub fn identity(&self) -> Value {
        self.state().identity.clone()
    }

    pub fn lifetime(&self) -> Option<i64> {
        self.file.lifetime(self.shape)
    }

    /// Whether the request carries a secret that this walk gave out.
    pub fn owns(&self, sent: &Sent) -> bool {
        self.state().given.iter().any(|secret| sent.holds(secret))
    }

    pub fn promises(&self, sent: &Sent) -> bool {
        !self.names_of(sent, &self.state()).is_empty()
    }

    /// The names of the promised requests that this is.
    fn names_of(&self, sent: &Sent, state: &State) -> Vec<&str> {
        let verifier = verifier_of(sent);
        let word = |word: &str| {
            let secret = match word {
                "STATE" => Some(state.nonce.clone()),
                "CHALLENGE" => Some(state.challenge.clone()),
                "CODE" => Some(state.code.clone()),
                "VERIFIER" => verifier.clone(),
                "ACCESS" => Some(state.tokens.access.clone()),
                "REFRESH" => state.tokens.refresh.clone(),
                _ => None,
            };
            secret.filter(|secret| !secret.is_empty())
        };
        let is = |(_, promised): &&(String, Sent)| promised.with(word).is(sent);
        self.promised.iter().filter(is).map(|(name, _)| name.as_str()).collect()
    }

    /// Plays the provider's consent page: the browser comes with this URL, and is sent back by the one given.
    pub fn consent(&self, url: &Url) -> Url {
        let pairs: BTreeMap<String, String> = parameters_of(url);
        let named = |name: &str| {
            let name = self.file.text(&format!("/authorization/names/{name}"), name);
            pairs.get(name).cloned().unwrap_or_default()
        };
        let mut state = self.state();
        state.nonce = named("state");
        state.challenge = named("code_challenge");
        state.code = self.secret("code", 0);
        let code = state.code.clone();
        state.given.push(code.clone());
        let parameter = self.file.yaml["scopes"].get("parameter").map_or(Some("scope"), Value::as_str);
        state.scope = parameter.and_then(|name| pairs.get(name)).cloned();
        let sent =
            Sent { method: "GET".into(), url: url.to_string(), headers: Vec::new(), body: String::new() };
        if self.names_of(&sent, &state).contains(&"authorization") {
            state.came.push(vec!["authorization".to_owned()]);
        } else {
            state.problems.push(self.difference(&sent));
        }
        let callback = self.callback(&code, &state.nonce);
        drop(state);
        callback
    }

    fn callback(&self, code: &str, state: &str) -> Url {
        let mut pairs: BTreeMap<String, String> = self.file.from("callback").into_iter().collect();
        pairs.insert(self.file.text("/authorization/code_parameter", "code").to_owned(), code.to_owned());
        pairs.insert("state".to_owned(), state.to_owned());
        if let Some(issuer) = self.file.yaml["authorization"]["issuer"].as_str() {
            pairs.insert("iss".to_owned(), issuer.to_owned());
        }
        if let Some(parameter) = self.file.yaml["authorization"]["signature"]["parameter"].as_str() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let mac = Hmac::<Sha256>::new_from_slice(CLIENT.1.as_bytes()).expect("any key will do");
            let mac = mac.chain_update(query).finalize().into_bytes();
            pairs.insert(parameter.to_owned(), hex::encode(mac));
        }
        let mut url = Url::parse(&self.redirect_uri).expect("a URL");
        url.query_pairs_mut().extend_pairs(&pairs);
        url
    }

    /// What the provider answers; nothing where nobody promised such a request.
    pub fn answer(&self, sent: &Sent) -> Result<Value, ()> {
        let mut state = self.state();
        let names: Vec<&str> = self.names_of(sent, &state);
        let Some(first) = names.first().copied() else {
            state.problems.push(self.difference(sent));
            return Err(());
        };
        state.came.push(names.iter().map(|&name| name.to_owned()).collect());
        if first == "exchange" {
            Self::check_verifier(sent, &mut state);
        }
        Ok(match first {
            "exchange" | "then" | "refresh" | "login" => self.give_tokens(first, &mut state),
            "call" => serde_json::json!({"things": []}),
            _ => {
                let mut names = names;
                // Snapshots show a request once that serves both.
                if names.contains(&"identity") && !self.promises_any("verify") {
                    names.push("verify");
                }
                let answer = self.file.api_answer(&names);
                if names.contains(&"identity") {
                    state.identity = answer.clone();
                }
                answer
            }
        })
    }

    /// One that no other walk gives out, and that needs no encoding anywhere.
    fn secret(&self, kind: &str, number: u32) -> String {
        format!("{kind}.{}.{}.{number}.end", self.slug, self.shape)
    }

    fn give_tokens(&self, what: &str, state: &mut State) -> Value {
        state.number += 1;
        let (number, now) = (state.number, jiff::Timestamp::now().as_second());
        let access = self.secret("access", number);
        state.given.push(access.clone());
        let access = self.file.access_token(&access, self.shape, now);
        state.given.push(access.clone());
        let offered = self.file.yaml["refresh"]["offered"] != false;
        let anew = offered && (what != "refresh" || self.file.yaml["refresh"]["rotates"] == true);
        let refresh = anew.then(|| self.secret("refresh", number));
        state.given.extend(refresh.clone());
        let mut tokens = Tokens { access, refresh };
        let scope = state.scope.clone();
        let answer = self.file.token_answer(self.shape, &mut tokens, scope.as_deref(), now);
        // Whoever gives no other leaves the old one good.
        let kept = state.tokens.refresh.take();
        tokens.refresh = tokens.refresh.or(kept);
        state.tokens = tokens;
        answer
    }

    /// RFC 7636, section 4.6.
    fn check_verifier(sent: &Sent, state: &mut State) {
        let proof = verifier_of(sent).map(|it| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(it)));
        if proof.unwrap_or_default() != state.challenge {
            state.problems.push("the verifier is not that of the challenge".to_owned());
        }
    }

    fn difference(&self, sent: &Sent) -> String {
        let near = |(_, promised): &&(String, Sent)| {
            let bare = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
            bare(&promised.url) == bare(&sent.url)
        };
        let near = self.promised.iter().filter(near).map(|(name, it)| format!("# {name}\n{it}\n"));
        let near = near.collect::<String>();
        format!("sent:\n{sent}\npromised there:\n{near}")
    }
}

fn parameters_of(url: &Url) -> BTreeMap<String, String> {
    let fragment = url.fragment().and_then(|fragment| fragment.split_once('?')).map(|(_, query)| query);
    let query = fragment.or(url.query()).unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What came as PKCE's verifier, in whatever encoding.
fn verifier_of(sent: &Sent) -> Option<String> {
    let verifier = Regex::new(r#"code_verifier"?[=:]"?([A-Za-z0-9._~-]+)"#).expect("a constant");
    let found = verifier.captures(&sent.body).or_else(|| verifier.captures(&sent.url))?;
    Some(found[1].to_owned())
}
