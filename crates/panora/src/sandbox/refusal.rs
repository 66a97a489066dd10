//! The Sandbox's errors: the JSON of OAuth 2 (RFC 6749, section 5.2; RFC 6750, section 3). They never repeat what
//! was sent.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;

pub struct Refusal {
    status: StatusCode,
    /// Stable, as OAuth 2 names it where it has a name.
    error: &'static str,
    description: &'static str,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, header: None }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    pub fn invalid_request(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "The only client is `sandbox`, without a secret.",
        )
    }

    pub fn invalid_grant(description: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    pub fn unsupported_grant_type() -> Self {
        let description = "Send `authorization_code` or `refresh_token`.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    pub fn invalid_token() -> Self {
        let description = "The access token is missing, unknown, expired or revoked.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", description)
            .with(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    pub fn insufficient_scope() -> Self {
        let description = "The access token was not granted the scope that this needs.";
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", description)
            .with(header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\"")
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such contact.")
    }

    pub fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Every second call is one too many.")
            .with(header::RETRY_AFTER, "1")
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
            response.headers_mut().insert(name, HeaderValue::from_static(value));
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
