//! OAuth 1.0a (RFC 5849) as a provider's file says it. Plain data; nothing here signs.

use serde::Deserialize;

use super::template::Template;

/// Where its credentials are made, and how requests are signed. The person goes to `authorization`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oauth1 {
    /// Gives temporary credentials, section 2.1.
    pub request_token_url: Template,
    /// Gives token credentials, section 2.3.
    pub access_token_url: Template,
    #[serde(default)]
    pub signature: SignatureMethod,
    /// Of the `Authorization` header, section 3.5.1.
    #[serde(default)]
    pub realm: Option<Template>,
}

/// Section 3.4. HMAC-SHA256 is its method with the younger hash, which some providers ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SignatureMethod {
    #[default]
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
}
