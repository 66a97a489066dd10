//! Rules for values that several bodies share.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use crate::http::problem::Problem;
use crate::model::Time;

/// The most characters of a string that has no bound of its own.
pub const MAX_TEXT: usize = 2048;

/// For `deserialize_with`: tells `null` from a field that was left out.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Whether a mail could go there: one `@` between two parts without blanks, controls or brackets.
pub fn is_email(text: &str) -> bool {
    let plain = |it: char| {
        !it.is_whitespace() && !it.is_control() && !matches!(it, '<' | '>' | ',' | ';' | '"' | '@')
    };
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && (name.chars().chain(host.chars())).all(plain)
    })
}

/// Whether it has the shape of a language tag (RFC 5646, section 2.1).
pub fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts
        .next()
        .is_some_and(|it| (2..=8).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphabetic()));
    first && parts.all(|it| (1..=8).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// An id in a body: malformed is 400.
pub fn parse_id<T: FromStr>(pointer: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::field(pointer, "Not an id: ids are UUIDs."))
}

/// A time in a query, where one was given.
pub fn time(pointer: &str, text: Option<&str>) -> Result<Option<Time>, Problem> {
    text.map(|text| parse_time(pointer, text)).transpose()
}

/// A time in a body.
pub fn parse_time(pointer: &str, text: &str) -> Result<Time, Problem> {
    text.parse().map_err(|_| Problem::field(pointer, "An RFC 3339 time such as 2026-01-31T09:30:00.000Z."))
}

/// `metadata` of at most 16 KiB, counted in canonical form.
pub fn metadata(given: Option<Map<String, Value>>) -> Result<Map<String, Value>, Problem> {
    let given = given.unwrap_or_default();
    let size = panora_signature::canonical_json(&Value::Object(given.clone())).len();
    if size > 16 * 1024 {
        return Err(Problem::field("/metadata", "`metadata` may hold 16 KiB."));
    }
    Ok(given)
}

/// Where the connect page may send a person back to: exact, https (http where local), without user info or
/// fragment.
pub fn return_url(pointer: &str, text: &str) -> Result<Url, Problem> {
    let url = Url::parse(text).map_err(|_| Problem::field(pointer, "Not an absolute URL."))?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match url.scheme() {
        "https" if plain => Ok(url),
        "http" if plain && local => Ok(url),
        "https" | "http" if !plain => Err(Problem::field(pointer, "Leave out user info and fragment.")),
        _ => Err(Problem::field(pointer, "Must begin with https:// (http:// only for this machine).")),
    }
}
