//! A webhook endpoint's signing secret. Its bytes leave only through [`WebhookSecret::expose`].

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

const PREFIX: &str = "whsec_";
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The HMAC key of an endpoint, written `whsec_` and its base64, as Standard Webhooks does.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

/// Why a text is not a secret; it holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin with `whsec_`.
    #[error("a secret begins with `whsec_`")]
    Prefix,
    /// What follows the prefix is not base64 with its padding.
    #[error("after `whsec_` a secret is base64")]
    Base64,
    /// Fewer than 24 or more than 64 bytes.
    #[error("a secret holds 24 to 64 bytes")]
    Length,
}

impl WebhookSecret {
    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(bytes.into()))
    }

    /// A secret of these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// The secret's text, for whoever may see it.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(self.key()))
    }

    /// The HMAC key: the decoded bytes.
    pub(crate) fn key(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn text_of(length: usize) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(vec![7; length]))
    }

    #[test]
    fn a_secret_reads_back_as_it_was_written() {
        for length in [24, 25, 32, 64] {
            assert_eq!(WebhookSecret::parse(&text_of(length)).unwrap().expose(), text_of(length));
        }
        assert_eq!(WebhookSecret::from_bytes([7; 32]).expose(), text_of(32));
    }

    #[test]
    fn other_lengths_are_refused() {
        for length in [0, 23, 65] {
            assert_eq!(WebhookSecret::parse(&text_of(length)).unwrap_err(), SecretError::Length);
        }
    }

    #[test]
    fn text_without_the_prefix_or_without_base64_is_refused() {
        let bare = text_of(32).split_off(PREFIX.len());
        assert_eq!(WebhookSecret::parse(&bare).unwrap_err(), SecretError::Prefix);
        assert_eq!(WebhookSecret::parse(&format!("whsec_{bare}!")).unwrap_err(), SecretError::Base64);
        assert_eq!(WebhookSecret::parse("whsec_...").unwrap_err(), SecretError::Base64);
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        assert_eq!(format!("{:?}", WebhookSecret::from_bytes([7; 32])), "WebhookSecret([redacted])");
    }
}
