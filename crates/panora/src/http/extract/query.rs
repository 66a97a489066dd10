//! Query parameters: unknown and malformed ones are refused.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;

pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|error| {
            let words = error.body_text();
            let words = words.rsplit(": ").next().unwrap_or_default();
            let name = words.split('`').nth(1).unwrap_or_default();
            Problem::field(format!("?{name}"), format!("{words}."))
        })
    }
}

/// A parameter's value, where one was given; `words` say what it may be.
pub fn parameter<T: FromStr>(pointer: &str, text: Option<&str>, words: &str) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| Problem::field(pointer, words))).transpose()
}

/// For a resource that takes no query parameter.
pub struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        refuse_query(&parts.uri).map(|()| Self)
    }
}

/// Refuses a query, by the name of its first parameter.
pub fn refuse_query(uri: &axum::http::Uri) -> Result<(), Problem> {
    let Some(query) = uri.query() else { return Ok(()) };
    match url::form_urlencoded::parse(query.as_bytes()).next() {
        Some((name, _)) => Err(Problem::field(format!("?{name}"), "There is no such parameter.")),
        None => Ok(()),
    }
}

/// Refuses values that no field could hold: U+0000, or more than 2,048 characters.
pub fn check_query(uri: &axum::http::Uri) -> Result<(), Problem> {
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if value.contains('\0') || name.contains('\0') {
            return Err(Problem::field("?", "A parameter may not hold U+0000."));
        }
        if value.chars().count() > super::MAX_TEXT {
            return Err(Problem::field(format!("?{name}"), "A string may hold 2,048 characters."));
        }
    }
    Ok(())
}
