//! Secrets that we make: what they look like, how they are hashed. They are never printed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::random::{Random, base62_number};

/// The SHA-256 by which a secret is stored and found.
pub type TokenHash = [u8; 32];

/// SHA-256 of a secret of at least 128 random bits.
pub fn token_hash(text: &str) -> TokenHash {
    Sha256::digest(text.as_bytes()).into()
}

macro_rules! token {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// A new one, of 256 random bits.
            pub fn generate(random: &Random) -> Self {
                Self(SecretString::from(format!(concat!($prefix, "{}"), random.base62(43))))
            }

            /// What somebody sent as one; proves nothing until its hash is found.
            pub fn from_text(text: impl Into<String>) -> Self {
                Self(SecretString::from(text.into()))
            }

            pub fn hash(&self) -> TokenHash {
                token_hash(self.expose())
            }

            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )+};
}

token! {
    /// Names a connection; sent as `x-connection-token`.
    ConnectionToken = "ct_",
    /// The secret part of a magic link's URL.
    LinkToken = "",
    /// Ties a browser to its flow; lives in a cookie.
    FlowCookie = "",
    /// OAuth 2 `state` (RFC 6749, section 10.12).
    OAuthState = "",
    /// PKCE code verifier (RFC 7636, section 4.1): 43 characters.
    PkceVerifier = "",
    /// The sandbox provider's codes and tokens.
    SandboxToken = "sbx_",
}

/// Authenticates a product's backend.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// `panora_`, 43 base62 characters (256 bits) and the CRC-32 of these 50 characters in 6 more, so that
    /// secret scanners tell a key from noise.
    pub fn generate(random: &Random) -> Self {
        let body = format!("panora_{}", random.base62(43));
        let checksum = base62_number(crc32fast::hash(body.as_bytes()), 6);
        Self(SecretString::from(body + &checksum))
    }

    pub fn from_text(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    pub fn hash(&self) -> TokenHash {
        token_hash(self.expose())
    }

    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The last four characters, which lists may show.
    pub fn ending(&self) -> String {
        let text = self.expose();
        text.chars().skip(text.chars().count().saturating_sub(4)).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_carries_the_checksum_of_its_own_text() {
        let key = ApiKey::generate(&Random::seeded(1));
        let (body, checksum) = key.expose().split_at(50);
        assert!(body.starts_with("panora_") && key.expose().len() == 56);
        assert_eq!(checksum, base62_number(crc32fast::hash(body.as_bytes()), 6));
    }

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let random = Random::seeded(1);
        let (key, token) = (ApiKey::generate(&random), ConnectionToken::generate(&random));
        assert_eq!(format!("{key:?} {token:?}"), "ApiKey([redacted]) ConnectionToken([redacted])");
    }
}
