//! The way back to the customer's product. Only a URL that came with an API key is ever linked to.

use url::Url;

use crate::model::{ConnectionId, MagicLink};

/// With what a success adds; only a hint, the customer asks the API.
pub fn of_success(link: &MagicLink, id: ConnectionId) -> Option<String> {
    with(link, &[("status", "success"), ("id_connection", &id.to_string())])
}

pub fn of_failure(link: &MagicLink, code: &str) -> Option<String> {
    with(link, &[("status", "error"), ("code", code)])
}

fn with(link: &MagicLink, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse(link.return_url.as_deref()?).ok()?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}
