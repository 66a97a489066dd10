//! The flow's cookie: HttpOnly, SameSite=Lax, so that it is there when the provider sends the browser back.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;

use subtle::ConstantTimeEq;

use crate::app::App;
use crate::connect::{Cookies, cookie_name};
use crate::http::problem::Problem;
use crate::model::{FlowCookie, FlowId};

/// A flow is forgotten after a day; so is its cookie.
const MAX_AGE: u32 = 24 * 3600;

/// The flow cookies of a request; others are not ours.
pub struct FlowCookies(pub Cookies);

impl<S: Sync> FromRequestParts<S> for FlowCookies {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut cookies = BTreeMap::new();
        for header in parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            for (name, value) in header.split(';').filter_map(|pair| pair.trim().split_once('=')) {
                if name.starts_with("panora_flow_") && cookies.len() < 50 {
                    cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(Self(cookies))
    }
}

/// The `Set-Cookie` of a new flow.
pub fn set_cookie(app: &App, id: FlowId, cookie: &FlowCookie) -> String {
    let secure = if app.public_url.is_https() { "; Secure" } else { "" };
    let (name, value) = (cookie_name(id), cookie.expose());
    format!("{name}={value}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}")
}

/// What a form of this flow must carry: another site cannot know it.
pub fn csrf_token(app: &App, cookie: &FlowCookie) -> String {
    hex::encode(app.vault.mac("csrf", &[cookie.expose().as_bytes()]))
}

/// Refuses a form that does not carry it.
pub fn check_csrf(app: &App, cookie: &FlowCookie, form: &BTreeMap<String, String>) -> Result<(), Problem> {
    let expected = csrf_token(app, cookie);
    let given = form.get("csrf").map(String::as_str).unwrap_or_default();
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(http::StatusCode::FORBIDDEN, "forged_form", "This form is not ours."))
}
