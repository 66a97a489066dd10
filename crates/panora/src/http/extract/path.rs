//! The id in a path. One that is malformed names nothing, so it is the same 404.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::http::problem::Problem;

pub struct IdPath<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for IdPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        path.parse().map(Self).map_err(|_| Problem::not_found())
    }
}
