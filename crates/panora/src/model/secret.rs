//! Secrets that we make: what they look like, how they are hashed. They are never printed.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Time;
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

/// Names a connection; sent as `x-connection-token`. `ct_`, when it was made in 8 base62 characters, and 256 random
/// bits.
#[derive(Clone)]
pub struct ConnectionToken(SecretString);

impl ConnectionToken {
    const TIME: usize = 8;
    const RANDOM: usize = 43;

    pub fn generate(random: &Random, now: Time) -> Self {
        let time = base62_number(now.millis().unsigned_abs(), Self::TIME);
        Self(SecretString::from(format!("ct_{time}{}", random.base62(Self::RANDOM))))
    }

    /// What somebody sent as one; proves nothing until its key is found.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// By what it is stored and found: its SHA-256, behind the time that it names. So what is made together stands
    /// together in the index, and storing it costs a fraction of what a key anywhere would.
    pub fn key(&self) -> Vec<u8> {
        let hash = token_hash(self.expose());
        let body = self.expose().strip_prefix("ct_").unwrap_or_default().as_bytes();
        let timed = body.len() == Self::TIME + Self::RANDOM && body.is_ascii();
        let time = if timed { &body[..Self::TIME] } else { &[] };
        [time, hash.as_slice()].concat()
    }
}

impl fmt::Debug for ConnectionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionToken([redacted])")
    }
}

/// Authenticates a product's backend.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// `panora_`, 43 base62 characters (256 bits) and the CRC-32 of these 50 characters in 6 more, so that
    /// secret scanners tell a key from noise.
    pub fn generate(random: &Random) -> Self {
        let body = format!("panora_{}", random.base62(43));
        let checksum = base62_number(crc32fast::hash(body.as_bytes()).into(), 6);
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
        assert_eq!(checksum, base62_number(crc32fast::hash(body.as_bytes()).into(), 6));
    }

    #[test]
    fn connection_tokens_are_kept_in_the_order_in_which_they_were_made() {
        let random = Random::seeded(1);
        let made = |millis| ConnectionToken::generate(&random, Time::from_millis(millis)).key();
        let keys: Vec<_> =
            [0, 61, 62, 1_702_232_684_869, 1_702_232_684_870, 100_000_000_000_000].map(made).into();
        assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == 40));
    }

    #[test]
    fn any_text_has_a_key_as_a_connection_token() {
        for text in ["", "ct_", "nonsense", "ct_ü", &format!("ct_{}", "A".repeat(43)), &"é".repeat(30)] {
            assert_eq!(ConnectionToken::from_text(text).key(), token_hash(text), "{text}");
        }
    }

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let random = Random::seeded(1);
        let token = ConnectionToken::generate(&random, Time::from_millis(0));
        let key = ApiKey::generate(&random);
        assert_eq!(format!("{key:?} {token:?}"), "ApiKey([redacted]) ConnectionToken([redacted])");
    }
}
