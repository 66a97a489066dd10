//! Why an address or URL is refused before anything is sent, and the check of a URL that needs no look-up.

use std::net::IpAddr;

use http::Uri;
use url::{Host, Url};

use crate::policy::{AddressPolicy, Verdict};

/// Why a URL may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not `http` or `https`.
    #[error("only http and https URLs can be called")]
    Scheme,
    /// The URL holds a user name or password.
    #[error("the URL must not contain a user name or password")]
    UserInfo,
    /// No host, or text that HTTP cannot carry.
    #[error("the URL cannot be called")]
    Malformed,
    /// Plain http outside the networks where it is allowed.
    #[error("the URL must use https")]
    HttpsRequired,
    /// A private, reserved or otherwise closed address.
    #[error("the address is not allowed")]
    AddressNotAllowed,
}

impl Refusal {
    /// A stable name for API answers and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Scheme => "scheme_not_allowed",
            Self::UserInfo => "user_info_not_allowed",
            Self::Malformed => "url_malformed",
            Self::HttpsRequired => "https_required",
            Self::AddressNotAllowed => "address_not_allowed",
        }
    }
}

/// Whether plain or secured HTTP may go to an address judged so; answers whether it is a private one.
pub(crate) fn admit(verdict: Verdict, secure: bool) -> Result<bool, Refusal> {
    match verdict {
        Verdict::AllowedPrivate => Ok(true),
        Verdict::Public if secure => Ok(false),
        Verdict::Public => Err(Refusal::HttpsRequired),
        Verdict::Forbidden => Err(Refusal::AddressNotAllowed),
    }
}

/// Refuses what is wrong by the look of the URL: scheme, user info, and a literal address in any spelling,
/// since [`Url`] has already turned `0x7f.1` and `2130706433` into `127.0.0.1`. Names are judged when
/// resolved.
pub fn check_url(url: &Url, policy: &AddressPolicy, project: &str) -> Result<(), Refusal> {
    prepare(url, policy, project).map(|_| ())
}

/// The same, answering with the form that HTTP sends: [`Url`] allows hosts that HTTP cannot carry.
pub(crate) fn prepare(url: &Url, policy: &AddressPolicy, project: &str) -> Result<Uri, Refusal> {
    let secure = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(Refusal::Scheme),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::UserInfo);
    }
    if url.port() == Some(0) {
        return Err(Refusal::Malformed);
    }
    let literal: Option<IpAddr> = match url.host().ok_or(Refusal::Malformed)? {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
    };
    if let Some(ip) = literal {
        admit(policy.check(ip, project), secure)?;
    }
    Uri::try_from(url.as_str()).map_err(|_| Refusal::Malformed)
}
