//! Which headers cross, and which never do.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use panora_catalog::Provider;

/// Hop-by-hop (RFC 9110, section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Of the caller: our own credentials, what names the caller, and what HTTP says of the request itself.
const NEVER_SENT: [&str; 21] = [
    "authorization",
    "x-api-key",
    "x-connection-token",
    "cookie",
    "cookie2",
    "host",
    "content-length",
    "http2-settings",
    "expect",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-remote-addr",
    "client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "true-client-ip",
];

/// Of the provider's answer: what would speak for our own origin.
const NEVER_RETURNED: [&str; 9] = [
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "strict-transport-security",
];

/// How Panora speaks to its callers; a provider must not be taken for it.
const OURS: &str = "panora-";

/// Where a provider may repeat the URL that it was called by.
const WITH_URLS: [HeaderName; 4] =
    [header::LOCATION, header::CONTENT_LOCATION, header::LINK, header::REFRESH];

/// Whether a header of the caller goes on to the provider, unless `Connection` names it.
pub fn is_forwarded(name: &HeaderName) -> bool {
    let name = name.as_str();
    !HOP_BY_HOP.contains(&name)
        && !NEVER_SENT.contains(&name)
        && !name.starts_with("x-forwarded-")
        && !name.starts_with(OURS)
}

fn is_returned(name: &HeaderName) -> bool {
    let name = name.as_str();
    !HOP_BY_HOP.contains(&name) && !NEVER_RETURNED.contains(&name) && !name.starts_with(OURS)
}

/// What goes on of a caller's headers.
pub fn from_caller(given: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(given);
    kept(given, |name| is_forwarded(name) && !named.contains(name.as_str()))
}

/// What goes on of a provider's headers, without the credential parameters of the URLs in it. How long the body is
/// says the body itself, where there is one.
pub fn to_caller(
    given: &HeaderMap,
    provider: &Provider,
    (method, status): (&Method, StatusCode),
) -> HeaderMap {
    let named = named_by_connection(given);
    let bodyless = *method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let is_length = |name: &HeaderName| *name == header::CONTENT_LENGTH;
    let mut all = kept(given, |name| {
        is_returned(name) && !named.contains(name.as_str()) && (bodyless || !is_length(name))
    });
    if bodyless {
        one_length(&mut all);
    }
    let secret: Vec<&str> = provider.credential_query_parameters().collect();
    if !secret.is_empty() {
        for name in WITH_URLS {
            without_parameters(&mut all, &name, &secret);
        }
    }
    all
}

fn kept(given: &HeaderMap, keeps: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut all = HeaderMap::with_capacity(given.len() + 4);
    for (name, value) in given.iter().filter(|(name, _)| keeps(name)) {
        all.append(name, value.clone());
    }
    all
}

/// Headers that are for this one hop because `Connection` says so.
fn named_by_connection(headers: &HeaderMap) -> BTreeSet<String> {
    let values = headers.get_all(header::CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| Some(std::str::from_utf8(name).ok()?.trim().to_ascii_lowercase()))
        .filter(|name| !name.is_empty())
        .collect()
}

/// One length, and a number: it stands beside no body that could contradict it.
fn one_length(headers: &mut HeaderMap) {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let is_number = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.parse::<u64>().is_ok());
    if values.next().is_some_and(|value| !is_number(value)) || values.next().is_some() {
        headers.remove(header::CONTENT_LENGTH);
    }
}

fn without_parameters(headers: &mut HeaderMap, name: &HeaderName, secret: &[&str]) {
    let Some(first) = headers.get(name) else { return };
    let changed = |value: &HeaderValue| {
        // Whatever the bytes are text of, each is one character here and goes back as it came.
        let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        let cut = cut_parameters(&text, secret);
        let bytes: Vec<u8> = cut.chars().filter_map(|character| u8::try_from(character).ok()).collect();
        (cut != text).then(|| HeaderValue::from_bytes(&bytes).ok()).flatten()
    };
    if headers.get_all(name).iter().count() == 1 {
        if let Some(value) = changed(first) {
            headers.insert(name, value);
        }
        return;
    }
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| changed(value).unwrap_or_else(|| value.clone())).collect();
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}

/// The text without these parameters, wherever a URL in it has one.
fn cut_parameters(text: &str, secret: &[&str]) -> String {
    let is_secret = |pair: &str| {
        let mut names = url::form_urlencoded::parse(pair.as_bytes()).map(|(name, _)| name);
        names.any(|name| secret.iter().any(|secret| name.eq_ignore_ascii_case(secret)))
    };
    let (mut result, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, query)) = rest.split_once('?') {
        let (query, tail) = query.split_at(query.find(['#', '>', '"', ' ']).unwrap_or(query.len()));
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
        result.push_str(before);
        if !kept.is_empty() {
            result.push('?');
            result.push_str(&kept.join("&"));
        }
        rest = tail;
    }
    result + rest
}

/// Adds headers from the provider's file: those that carry the credential or name the account replace the caller's, the
/// others yield.
pub fn complete(headers: &mut HeaderMap, fixed: &HeaderMap, defaults: &HeaderMap) {
    for (name, value) in defaults {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    for (name, value) in fixed {
        headers.insert(name, value.clone());
    }
}

/// Headers as `POST /passthrough` shows them; several of one name are joined.
pub fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        shown
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&text);
            })
            .or_insert_with(|| text.into_owned());
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn what_connection_names_is_for_one_hop_only() {
        let given = map(&[
            ("connection", "X-Hop, close,, \"odd\""),
            ("connection", "x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("x-kept", "1"),
        ]);
        assert_eq!(from_caller(&given), map(&[("x-kept", "1")]));
    }

    #[test]
    fn several_values_of_one_name_all_go_on() {
        let given = map(&[("accept", "a"), ("accept", "b"), ("x-api-key", "s"), ("x-api-key", "t")]);
        assert_eq!(from_caller(&given), map(&[("accept", "a"), ("accept", "b")]));
    }

    #[test]
    fn credential_parameters_are_cut_from_urls() {
        for (text, cut) in [
            ("https://a.example/b?key=s", "https://a.example/b"),
            ("https://a.example/b?key=s&x=1#f", "https://a.example/b?x=1#f"),
            ("/b?x=1&KEY=s&y=2", "/b?x=1&y=2"),
            ("/b?x=1&k%65y=s", "/b?x=1"),
            (
                "<https://a.example/?key=s&page=2>; rel=\"next\", </?page=9&key=s>; rel=\"last\"",
                "<https://a.example/?page=2>; rel=\"next\", </?page=9>; rel=\"last\"",
            ),
            ("/key=s/monkey?monkey=1&keys=2", "/key=s/monkey?monkey=1&keys=2"),
            ("/nothing", "/nothing"),
            ("?", "?"),
        ] {
            assert_eq!(cut_parameters(text, &["key"]), cut, "{text}");
        }
    }

    #[test]
    fn credential_parameters_are_cut_whatever_else_the_bytes_are() {
        for (bytes, cut) in [
            (&b"/caf\xe9?key=s&a=\xff"[..], &b"/caf\xe9?a=\xff"[..]),
            (b"/caf\xc3\xa9?a=1&key=\xe9", b"/caf\xc3\xa9?a=1"),
            (b"</\xe9?key=s>; rel=\"next\"", b"</\xe9>; rel=\"next\""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::LINK, HeaderValue::from_bytes(bytes).unwrap());
            without_parameters(&mut headers, &header::LINK, &["key"]);
            assert_eq!(headers[header::LINK].as_bytes(), cut);
        }
    }

    #[test]
    fn two_lengths_are_none() {
        for (lengths, kept) in
            [(vec!["5"], true), (vec!["5", "5"], false), (vec!["-1"], false), (vec!["5, 5"], false)]
        {
            let mut headers = HeaderMap::new();
            for length in lengths {
                headers.append(header::CONTENT_LENGTH, length.parse().unwrap());
            }
            one_length(&mut headers);
            assert_eq!(headers.contains_key(header::CONTENT_LENGTH), kept);
        }
    }

    /// A header's name in any spelling, often one that matters.
    fn name() -> impl Strategy<Value = String> {
        let known: Vec<&str> = HOP_BY_HOP.into_iter().chain(NEVER_SENT).chain(NEVER_RETURNED).collect();
        let spelt = |(name, bits): (&str, u64)| -> String {
            let upper = |index: usize| bits >> (index % 64) & 1 == 1;
            let letter = |(index, it): (usize, char)| if upper(index) { it.to_ascii_uppercase() } else { it };
            name.chars().enumerate().map(letter).collect()
        };
        prop_oneof![
            (proptest::sample::select(known), any::<u64>()).prop_map(spelt),
            "[Pp]anora-[a-z]{1,8}",
            "[Xx]-[Ff]orwarded-[A-Za-z]{1,8}",
            "[A-Za-z][A-Za-z0-9-]{0,20}",
        ]
    }

    fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
        let value = prop_oneof![name(), (name(), name()).prop_map(|(one, two)| format!("{one} , {two}"))];
        let named = name().prop_map(|name| ("Connection".to_owned(), name));
        proptest::collection::vec(prop_oneof![(name(), value), named], 0..20)
    }

    proptest! {
        #[test]
        fn nothing_crosses_that_must_not(pairs in headers()) {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let given = map(&pairs);
            let sent = from_caller(&given);
            let connection: Vec<String> = given.get_all("connection").iter()
                .flat_map(|value| value.to_str().unwrap().split(','))
                .map(|name| name.trim().to_ascii_lowercase()).collect();
            for name in given.keys() {
                let text = name.as_str();
                let forbidden = HOP_BY_HOP.contains(&text) || NEVER_SENT.contains(&text)
                    || text.starts_with("x-forwarded-") || text.starts_with("panora-")
                    || connection.iter().any(|named| named == text);
                // All of it crosses, or nothing.
                let before: Vec<_> = given.get_all(name).iter().collect();
                let after: Vec<_> = sent.get_all(name).iter().collect();
                prop_assert_eq!(after, if forbidden { Vec::new() } else { before }, "{}", name);
            }
            prop_assert!(sent.keys().all(|name| given.contains_key(name)));
        }

        #[test]
        fn no_credential_parameter_is_left_in_a_url(
            pairs in proptest::collection::vec(("(key|KEY|k%65y|x|page|)", "[a-z0-9%]{0,4}"), 0..6),
        ) {
            let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let cut = cut_parameters(&format!("https://a.example/b?{}#f", query.join("&")), &["key"]);
            let url: url::Url = cut.parse().unwrap();
            prop_assert!(url.query_pairs().all(|(name, _)| !name.eq_ignore_ascii_case("key")), "{}", cut);
        }
    }
}
