//! Paging of lists: `?limit=` and `?cursor=`, and the `Link` header that leads on.

use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::model::{PageQuery, Paged};

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// From the `Link` header, or `next_cursor`, of the page before.
    pub cursor: Option<String>,
}

impl PageParams {
    /// Of a list by ids.
    pub fn query(&self) -> Result<PageQuery, Problem> {
        self.query_by(|cursor| Uuid::parse_str(cursor).ok().map(|id| id.to_string()))
    }

    /// Of a list in another order; `read` reads its cursor.
    pub fn query_by<After>(
        &self,
        read: impl FnOnce(&str) -> Option<After>,
    ) -> Result<PageQuery<After>, Problem> {
        let limit = match self.limit.as_deref().map(str::parse) {
            None => PageQuery::DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=PageQuery::MAX_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(Problem::field("?limit", "A whole number from 1 to 200.")),
        };
        let unreadable = || Problem::field("?cursor", "Not a cursor of this list.");
        let after = self.cursor.as_deref().map(|text| read(text).ok_or_else(unreadable)).transpose()?;
        Ok(PageQuery { limit, after })
    }
}

/// A page as an array, with where the next one is.
pub fn page_answer<T, A: Serialize>(uri: &Uri, page: Paged<T>, show: impl Fn(T) -> A) -> Response {
    let items: Vec<A> = page.items.into_iter().map(show).collect();
    let mut response = Json(items).into_response();
    if let Some(cursor) = page.next {
        let kept: String = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .filter(|(name, _)| name != "cursor")
            .fold(url::form_urlencoded::Serializer::new(String::new()), |mut query, (name, value)| {
                query.append_pair(&name, &value);
                query
            })
            .append_pair("cursor", &cursor)
            .finish();
        // Relative to the request (RFC 8288, section 3.2): we do not trust `Host` to name ourselves.
        if let Ok(value) = HeaderValue::from_str(&format!("<{}?{kept}>; rel=\"next\"", uri.path())) {
            response.headers_mut().insert(header::LINK, value);
        }
    }
    response
}
