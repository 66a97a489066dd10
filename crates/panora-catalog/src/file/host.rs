//! Which hosts a provider may be reached at. A pattern must never match a host that somebody else can register.

use serde::Deserialize;

/// `api.acme.com`, or `*.acme.com` for every host under it (and not itself).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostPattern {
    under: bool,
    host: String,
}

impl HostPattern {
    /// The one host that is meant, where it is one.
    pub fn single(&self) -> Option<&str> {
        (!self.under).then_some(self.host.as_str())
    }

    /// Whether a host name, in lower case, is meant by this pattern.
    pub fn matches(&self, host: &str) -> bool {
        if !self.under {
            return host == self.host;
        }
        host.strip_suffix(self.host.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|labels| labels.split('.').all(is_label))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (under, host) = match text.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, text.as_str()),
        };
        // One label alone (`*.com`, `localhost`) is nobody's domain.
        if is_host_name(host) {
            Ok(Self { under, host: host.to_owned() })
        } else {
            Err(format!("`{text}` is no host: write api.acme.com, or *.acme.com for every host under it"))
        }
    }
}

/// A host name of at least two labels, or an IPv4 address; where it leads is for whoever sends to judge.
pub fn is_host_name(text: &str) -> bool {
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

/// One label of a host name in lower case (RFC 1123, section 2.1), `_` allowed as some providers have it.
pub fn is_label(text: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The host of a pasted URL, or of a host pasted alone, in lower case. User info stays, and so fails the pattern.
pub fn host_of(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    host.trim_end_matches('.').to_owned()
}
