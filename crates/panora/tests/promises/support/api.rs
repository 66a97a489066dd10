//! A backend that calls the API over HTTP.

use std::sync::Once;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// One caller: an address and a key.
#[derive(Clone)]
pub struct Api {
    pub url: String,
    pub key: String,
    client: Client,
}

/// What came back; `body` is null where it was no JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

/// A client that goes straight to its address and follows nothing.
pub fn client() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // The client has no TLS of its own choice; the server in this process may have chosen already.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

impl Api {
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        let client = client().build().expect("a client can be made");
        Self { url: url.into(), key: key.into(), client }
    }

    /// The same server with another key.
    pub fn with_key(&self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    /// A request with this caller's key, to be completed and [`sent`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.keyless(method, path).bearer_auth(&self.key)
    }

    /// A request that names nobody.
    pub fn keyless(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        sent(self.request(Method::GET, path)).await
    }

    /// Every item of a list that is an array, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut path, mut all) = (path.to_owned(), Vec::new());
        loop {
            let answer = self.get(&path).await;
            let next = answer.header("link").strip_prefix('<').and_then(|link| link.split('>').next());
            let next = next.map(str::to_owned);
            all.extend(answer.expect(200).as_array().expect("an array").iter().cloned());
            match next {
                Some(next) => path = next,
                None => return all,
            }
        }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, body.to_string()).await
    }

    /// Posts bytes as JSON, whatever they are.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        sent(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    /// The status and JSON of an answer; none where the server goes away before it is complete.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let request = self.request(method, path);
        complete(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    /// Posts with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        sent(request.header("idempotency-key", key).body(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::PUT, path).header("content-type", "application/json");
        sent(request.body(body.to_string())).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::PATCH, path).header("content-type", "application/json");
        sent(request.body(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        sent(self.request(Method::DELETE, path)).await
    }

    /// Calls the provider of a connection.
    pub async fn passthrough(&self, connection_token: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/passthrough").header("content-type", "application/json");
        sent(request.header("x-connection-token", connection_token).body(body.to_string())).await
    }
}

/// The status and JSON of an answer; none where it does not come, or not all of it.
pub async fn complete(request: RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, serde_json::from_str(&response.text().await.ok()?).unwrap_or(Value::Null)))
}

/// Sends the request and reads the whole answer.
pub async fn sent(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer is text");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

impl Answer {
    /// The body of an answer that went as it should.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Checks that it is a problem document with this status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
    }

    /// Checks that it refuses the field at this pointer.
    #[track_caller]
    pub fn assert_refused_at(&self, pointer: &str) {
        assert_eq!((self.status, self.pointer()), (400, pointer), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
    }

    /// Where the first error is.
    pub fn pointer(&self) -> &str {
        self.body["errors"][0]["pointer"].as_str().unwrap_or("(none)")
    }

    /// A header's text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
