//! Errors as the world sees them: RFC 9457 `application/problem+json`, and a page where a person would see it, made here
//! and nowhere else. A problem never holds a secret, an expected signature, SQL or a stack trace.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use panora_pages::{Failure, FailurePage, Frame, NotFoundPage};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem_codes::CODES;
use crate::connect::{ConnectError, RefreshError};
use crate::store::StoreError;
use crate::vault::VaultError;

/// What went wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    pub detail: String,
}

/// A refusal or a failure on its way to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable, snake_case.
    pub code: &'static str,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub retry_after: Option<Duration>,
    /// Whether a person reads it, in a browser.
    pub is_page: bool,
    /// What is answered instead: somebody else's answer to the same request.
    instead: Option<Box<JsonAnswer>>,
}

/// An answer whose text is there already.
#[derive(Clone, Debug)]
pub struct JsonAnswer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl IntoResponse for JsonAnswer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// The document that callers read.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Where the code is explained: a path of this server's documentation.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// Stable; compare with this.
    code: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    request_id: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(CODES.iter().any(|(known, _)| *known == code), "`{code}` is not documented");
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            is_page: false,
            instead: None,
        }
    }

    /// Ends a handler with the answer that another node gave to the same request.
    pub fn instead(answer: JsonAnswer) -> Self {
        Self { instead: Some(Box::new(answer)), ..Self::internal() }
    }

    /// 400 that names a field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "The request is not valid.").at(pointer, detail)
    }

    /// 422: well-formed but impossible, at a field.
    pub fn impossible(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.clone()).at(pointer, detail)
    }

    /// An id in a body that is not this project's.
    pub fn unknown_id(pointer: &str) -> Self {
        Self::impossible("unknown_id", pointer, "There is no such id in this project.")
    }

    /// Not there, or not yours: the same answer.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here, or it is not yours.")
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. The request id finds it in our logs.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// The document, or the page, once the request's id is known.
    pub fn render(self, request_id: &str) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = if self.is_page { self.page(request_id) } else { self.document(request_id) };
        *response.status_mut() = status;
        if let Some(span) = retry_after {
            let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn document(self, request_id: &str) -> Response {
        let document = ProblemDocument {
            kind: format!("/docs#error-{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            errors: self.errors,
            request_id: request_id.to_owned(),
        };
        let body = serde_json::to_vec(&document).expect("a problem serializes");
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// What a person can act on, with the request's id to pass on.
    fn page(&self, request_id: &str) -> Response {
        let failure = match self.status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                return Html(NotFoundPage.render()).into_response();
            }
            // A form that was not made in this browser.
            StatusCode::FORBIDDEN => Failure::FlowNotFound,
            _ => Failure::Unexpected,
        };
        let page = FailurePage {
            frame: Frame::default(),
            failure,
            provider_name: None,
            details: Vec::new(),
            action_url: None,
            return_url: None,
            reference: request_id.to_owned(),
        };
        Html(page.render()).into_response()
    }
}

/// Carries the problem outwards; the request-id layer renders it.
impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        if let Some(answer) = self.instead.take() {
            return answer.into_response();
        }
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::conflict("conflict", "This exists already."),
            StoreError::Busy => {
                let detail = "The database is busy. Try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(Duration::from_secs(1))
            }
            error => {
                tracing::error!(
                    code = error.code(),
                    error = &error as &dyn std::error::Error,
                    "storage failed"
                );
                Self::internal()
            }
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the vault failed");
        Self::internal()
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Store(error) => error.into(),
            ConnectError::Vault(error) => error.into(),
            ConnectError::EventTooLarge => {
                let detail = "An event of this would exceed 64 KiB: shorten `metadata`.";
                Self::impossible("event_too_large", "/metadata", detail)
            }
            ConnectError::Gone => Self::conflict("connection_revoked", "This connection no longer stands."),
            ConnectError::OtherAccount => {
                Self::conflict("other_account", "These credentials are another account's.")
            }
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Connect(error) => error.into(),
            RefreshError::Revoked => Self::unauthorized("connection_revoked", "This connection was revoked."),
            RefreshError::NeedsReauth => {
                let detail = "The provider no longer takes this connection's credentials: the person must connect again.";
                Self::conflict("needs_reauth", detail)
            }
            RefreshError::TryLater(later) => {
                let detail = format!("The provider gave no new access token ({later}).");
                Self::new(StatusCode::BAD_GATEWAY, "refresh_failed", detail).retry_after(later.retry_after)
            }
        }
    }
}
