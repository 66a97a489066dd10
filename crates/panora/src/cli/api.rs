//! A backend's calls to Panora, and the words for an answer that is not the expected one.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::model::ApiKey;

/// Longer than any provider is waited for.
const PROVIDERS_TIME: Duration = Duration::from_mins(2);

/// The API, as a product's backend uses it.
pub struct Api {
    http: Client,
    pub url: String,
    pub key: ApiKey,
}

impl Api {
    pub fn new(url: String, key: ApiKey) -> Result<Self, String> {
        Ok(Self { http: http_client()?, url, key })
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(Method::POST, path, body, |request| request).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(Method::PATCH, path, body, |request| request).await
    }

    /// GETs `path` at the provider; gives the list in its `data`.
    pub async fn passthrough(&self, token: &str, path: &str) -> Result<Vec<Value>, String> {
        let body = json!({"method": "GET", "path": path});
        let with_token = |request: RequestBuilder| request.header("x-connection-token", token);
        let answer = self.ask(Method::POST, "/passthrough", &body, with_token).await?;
        let records = answer.pointer("/data/data").and_then(Value::as_array).filter(|list| !list.is_empty());
        records.cloned().ok_or_else(|| unlike(&format!("records from GET {path}"), &answer.to_string()))
    }

    /// Whatever it answers, also after calls of a provider: the status, and its JSON or null.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), String> {
        let expected = format!("{method} {path} to answer");
        let came = |error: reqwest::Error| unlike(&expected, &error.without_url().to_string());
        let request = self.request(method, path).timeout(PROVIDERS_TIME);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.map_err(came)?;
        let status = answer.status();
        let text = answer.text().await.map_err(came)?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("x-api-key", self.key.expose())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value, String> {
        let expected = format!("{method} {path} to answer 2xx with JSON");
        let request = self.request(method, path);
        let came = |error: reqwest::Error| unlike(&expected, &error.to_string());
        let answer = more(request).json(body).send().await.map_err(came)?;
        let status = answer.status();
        let text = answer.text().await.map_err(came)?;
        let json = serde_json::from_str(&text).ok().filter(|_| status.is_success());
        json.ok_or_else(|| unlike(&expected, &format!("{status} {text}")))
    }
}

/// A client with cookies and patience, and without a proxy: it reaches this machine only.
pub fn http_client() -> Result<Client, String> {
    let builder = Client::builder().no_proxy().cookie_store(true).timeout(Duration::from_secs(10));
    builder.build().map_err(|error| error.to_string())
}

/// The text at a JSON pointer of an answer.
pub fn text(answer: &Value, pointer: &str) -> Result<String, String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| unlike(&format!("text at {pointer}"), &answer.to_string()))
}

/// A step that failed, in words.
pub fn unlike(expected: &str, came: &str) -> String {
    let came: String = came.chars().take(600).collect();
    format!("expected {expected}\n        but got {came}")
}
