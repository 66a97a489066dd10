//! What the snapshots promise, with the words in the place of secrets, and what was really sent.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::{Captures, Regex};

/// A request as a snapshot shows it: `ANY` stands for every method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub method: String,
    pub url: String,
    /// Names in small letters, sorted.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        f.write_str(&self.body)
    }
}

impl Sent {
    /// Without what every request has by HTTP.
    pub fn of(parts: &Parts, body: &[u8]) -> Self {
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let host = parts.uri.host().map(str::to_owned);
        let host = host.or_else(|| parts.headers.get(header::HOST).map(text)).unwrap_or_default();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            let ours = name == header::USER_AGENT && value == panora::app::USER_AGENT;
            if !ours && ![header::HOST, header::CONTENT_LENGTH].contains(name) {
                headers.push((name.as_str().to_owned(), text(value)));
            }
        }
        headers.sort();
        let body = String::from_utf8_lossy(body).into_owned();
        Self { method: parts.method.to_string(), url: format!("https://{host}{path}"), headers, body }
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.trim_end().lines();
        let (method, url) = lines.next().and_then(|line| line.split_once(' ')).expect("a request line");
        let mut sent =
            Self { method: method.into(), url: url.into(), headers: Vec::new(), body: String::new() };
        for line in lines {
            match line.split_once(": ").filter(|(name, _)| !name.contains(['=', '{', '"'])) {
                Some((name, value)) => sent.headers.push((name.to_lowercase(), value.to_owned())),
                None => line.clone_into(&mut sent.body),
            }
        }
        sent.headers.sort();
        sent
    }

    /// With other words in the place of those that stand alone and in capitals.
    pub fn with(&self, word: impl Fn(&str) -> Option<String>) -> Self {
        let words = Regex::new(r"\b(STATE|CHALLENGE|CODE|VERIFIER|ACCESS|REFRESH)\b").expect("a constant");
        let filled = |text: &str| {
            let fill = |found: &Captures<'_>| word(&found[1]).unwrap_or_else(|| found[1].to_owned());
            words.replace_all(text, fill).into_owned()
        };
        let filled_header = |value: &str| match unpacked(value) {
            Some((scheme, text)) if words.is_match(&text) => {
                format!("{scheme} {}", BASE64_STANDARD.encode(filled(&text)))
            }
            _ => filled(value),
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), filled_header(value)));
        let url = filled(&self.url);
        Self { method: self.method.clone(), url, headers: headers.collect(), body: filled(&self.body) }
    }

    /// Whether what was sent is what is promised here.
    pub fn is(&self, sent: &Self) -> bool {
        let method = self.method == "ANY" || self.method == sent.method;
        method && self.url == sent.url && self.headers == sent.headers && self.body == sent.body
    }

    pub fn holds(&self, text: &str) -> bool {
        let packed = |value: &str| unpacked(value).is_some_and(|(_, inside)| inside.contains(text));
        let in_header = self.headers.iter().any(|(_, value)| value.contains(text) || packed(value));
        in_header || self.url.contains(text) || self.body.contains(text)
    }
}

/// The scheme of a header, and what is encoded behind it (RFC 4648, section 4).
fn unpacked(value: &str) -> Option<(&str, String)> {
    let (scheme, packed) = value.split_once(' ')?;
    Some((scheme, String::from_utf8(BASE64_STANDARD.decode(packed).ok()?).ok()?))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../panora-catalog/tests/catalog/snapshots")
}

/// The requests of a provider's snapshot in their order, by what they are for; `revocation 2` is the second of that kind.
pub fn of(slug: &str, redirect_uri: &str) -> Vec<(String, Sent)> {
    let text = fs::read_to_string(folder().join(format!("{slug}.snap"))).expect("it has a snapshot");
    let (_, text) = text.split_once("\n---\n").expect("a snapshot has a head");
    let encoded: String = url::form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
    let text = text.replace("https%3A%2F%2Fpanora.example%2Fconnections%2Foauth%2Fcallback", &encoded);
    let text = text.replace("https://panora.example/connections/oauth/callback", redirect_uri);
    let sections = format!("\n{text}").split("\n# ").skip(1).map(str::to_owned).collect::<Vec<_>>();
    let divided = sections.iter().filter_map(|section| section.split_once('\n'));
    let mut requests: Vec<(String, Sent)> = Vec::new();
    for (what, request) in divided.filter(|(what, _)| *what != "account") {
        let before = requests.iter().filter(|(name, _)| name.starts_with(what)).count();
        let name = if before == 0 { what.to_owned() } else { format!("{what} {}", before + 1) };
        requests.push((name, Sent::parse(request)));
    }
    requests
}

/// Every host that a snapshot names.
pub fn hosts() -> BTreeSet<String> {
    let url = Regex::new(r"(?m)^[A-Z]+ https://([^/?#\s]+)").expect("a constant");
    let mut hosts = BTreeSet::new();
    for entry in fs::read_dir(folder()).expect("it is there") {
        let text = fs::read_to_string(entry.expect("it is readable").path()).expect("it is text");
        hosts.extend(url.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    hosts
}
