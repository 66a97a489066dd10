//! The URL under which the world reaches this server.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use url::{Host, Url};

/// Scheme, host and port, perhaps a path; never ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// `http://` and the address that was bound.
    pub fn of_address(address: SocketAddr) -> Self {
        let text = format!("http://{address}");
        Self(Url::parse(&text).expect("an address makes a URL"))
    }

    /// Whether it names this machine: a development set-up.
    pub fn is_local(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => is_loopback_name(name),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The URL of `path`, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether a `Host` header names this server: exactly, or any loopback name where the URL is local.
    pub fn is_named_by(&self, host: &str) -> bool {
        let Ok(given) = Url::parse(&format!("{}://{host}", self.0.scheme())) else { return false };
        if self.is_local() {
            return match given.host() {
                Some(Host::Domain(name)) => is_loopback_name(name),
                Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
                Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
                None => false,
            };
        }
        self.has_place_of(&given)
    }

    /// Whether a `Host` header is this URL's own.
    pub fn is_exactly(&self, host: &str) -> bool {
        Url::parse(&format!("{}://{host}", self.0.scheme())).is_ok_and(|given| self.has_place_of(&given))
    }

    fn has_place_of(&self, given: &Url) -> bool {
        given.host() == self.0.host() && given.port_or_known_default() == self.0.port_or_known_default()
    }
}

/// `localhost` and what ends with it (RFC 6761, section 6.3).
fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err("give scheme, host and perhaps port: https://panora.example.com".into());
        }
        let parsed = Self(url);
        if parsed.is_https() || parsed.is_local() {
            Ok(parsed)
        } else {
            Err("must be https:// (http:// only for a loopback name)".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_host_names_it() {
        let url: PublicUrl = "https://panora.example.com".parse().unwrap();
        for (host, named) in [
            ("panora.example.com", true),
            ("PANORA.example.com:443", true),
            ("panora.example.com:8443", false),
            ("evil.example.com", false),
            ("localhost", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(url.is_named_by(host), named, "{host}");
        }
    }

    #[test]
    fn any_loopback_name_names_a_local_one() {
        let url: PublicUrl = "http://127.0.0.1:3000".parse().unwrap();
        for (host, named) in
            [("localhost:3000", true), ("[::1]:3000", true), ("127.0.0.1:9", true), ("evil.test", false)]
        {
            assert_eq!(url.is_named_by(host), named, "{host}");
        }
    }

    #[test]
    fn must_be_https_where_it_is_not_local() {
        for text in
            ["http://panora.example.com", "ftp://x.test", "https://u:p@x.test", "https://x.test/?a", "x.test"]
        {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        assert!("http://localhost:3000".parse::<PublicUrl>().unwrap().is_local());
    }
}
