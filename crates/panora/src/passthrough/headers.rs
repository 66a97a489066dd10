//! Which headers cross, and which never do.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Of the caller: our own credentials, what names the caller, and hop-by-hop (RFC 9110, section 7.6.1).
const NEVER_SENT: [&str; 24] = [
    "authorization",
    "x-api-key",
    "x-connection-token",
    "cookie",
    "host",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "forwarded",
    "via",
    "x-real-ip",
    "expect",
    "accept-encoding",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
];

/// Of the provider's answer: cookies would be ours to keep, the rest describes a connection that is not the
/// caller's.
const NEVER_RETURNED: [&str; 9] = [
    "set-cookie",
    "set-cookie2",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header of the caller goes on to the provider.
pub fn is_forwarded(name: &HeaderName) -> bool {
    !NEVER_SENT.contains(&name.as_str()) && !name.as_str().starts_with("x-forwarded-")
}

/// Adds headers from the provider's file: those with the credential replace the caller's, the others yield.
pub fn complete(headers: &mut HeaderMap, credential: &HeaderMap, defaults: &HeaderMap) {
    for (name, value) in defaults {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    for (name, value) in credential {
        headers.insert(name, value.clone());
    }
}

/// The answer's headers, as `POST /passthrough` shows them; several of one name are joined.
pub fn shown(headers: &HeaderMap) -> std::collections::BTreeMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut shown = std::collections::BTreeMap::<String, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| !NEVER_RETURNED.contains(&name.as_str())) {
        shown
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&text(value));
            })
            .or_insert_with(|| text(value));
    }
    shown
}
