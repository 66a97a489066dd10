//! The Sandbox's errors: the JSON of OAuth 2 (RFC 6749, section 5.2; RFC 6750, section 3). They never repeat what
//! was sent.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::quirk::Quirk;
use crate::model::Time;
use crate::store::{SandboxGrant, StoreError};

pub struct Refusal {
    status: StatusCode,
    /// Stable, as OAuth 2 names it where it has a name.
    error: &'static str,
    description: &'static str,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, header: None }
    }

    fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// As the grant's quirks have it.
    pub fn of_grant(mut self, grant: &SandboxGrant) -> Self {
        if grant.plays(Quirk::RefusesWith200) && !self.status.is_server_error() {
            self.status = StatusCode::OK;
        }
        self
    }

    pub fn invalid_request(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The clients are `sandbox`, without a secret, and `sandbox-app`.",
        )
    }

    pub fn invalid_grant(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    pub fn unsupported_grant_type() -> Self {
        let description = "Send `authorization_code`, `refresh_token`, `client_credentials` or `password`.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    pub fn invalid_token() -> Self {
        let description = "The access token is missing, unknown, expired or revoked.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
    }

    pub fn insufficient_scope() -> Self {
        let description = "The access token was not granted the scope that this needs.";
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", description)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"insufficient_scope\""))
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such contact.")
    }

    /// One more is taken in a second.
    pub fn too_many_requests(grant: &SandboxGrant, now: Time) -> Self {
        let refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Every second call is one too many.",
        );
        let then = now.millis() + 1000;
        let spelled = [
            (Quirk::ResetSeconds, 1),
            (Quirk::ResetEpochSeconds, then.div_euclid(1000) + 1),
            (Quirk::ResetEpochMilliseconds, then),
        ];
        match spelled.into_iter().find(|(quirk, _)| grant.plays(*quirk)) {
            Some((_, reset)) => refusal.with(HeaderName::from_static("x-ratelimit-reset"), reset),
            None => refusal.with(header::RETRY_AFTER, 1),
        }
    }

    /// Of whoever holds a key that is good for nothing.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The key was not given any permission.")
    }

    pub fn unknown_account() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_account", "There is no such account.")
    }

    pub fn server_error(description: &'static str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", description)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"error": self.error, "error_description": self.description});
        let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let mut response = (self.status, fresh, Json(body)).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(code = error.code(), error = &error as &dyn std::error::Error, "storage failed");
        Self::server_error("The Sandbox's own storage failed.")
    }
}
