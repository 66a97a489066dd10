//! Verifies the `Panora-Signature` header. It must never take a time that depends on how much of a signature fits,
//! nor say what would have fitted.

use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::sign::own_signature;
use crate::{WebhookSecret, canonical_json};

/// How far a signature's time may lie before or after the verifier's, in seconds; this far is still taken.
pub const TOLERANCE_SECONDS: u64 = 300;

/// Room for dozens of signatures; what is longer was not made by Panora.
const MAX_HEADER: usize = 4096;

/// Why a delivery is not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The header is empty.
    #[error("The Panora-Signature header is missing.")]
    MissingHeader,
    /// Not `t=<unix seconds>,v1=<hex>`, two times, or over 4,096 bytes.
    #[error("The Panora-Signature header is not of the form t=<unix seconds>,v1=<hex>.")]
    MalformedHeader,
    /// The header is well formed but has no `v1`.
    #[error("The Panora-Signature header holds no v1 signature.")]
    NoSignature,
    /// No `v1` fits the body, the time and the secret.
    #[error("No signature fits this body and secret.")]
    NoMatch,
    /// Signed more than 300 seconds ago.
    #[error("The signature is older than 300 seconds.")]
    TooOld,
    /// Signed more than 300 seconds in the future.
    #[error("The signature's time is more than 300 seconds ahead.")]
    TooNew,
}

impl VerifyError {
    /// A stable name, the same in every library of Panora.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing_header",
            Self::MalformedHeader => "malformed_header",
            Self::NoSignature => "no_signature",
            Self::NoMatch => "no_match",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
        }
    }
}

/// Verifies a delivery by the bytes of its body.
///
/// Any `v1` may fit; other versions are ignored. The time counts only once a signature fits: before, anybody could
/// have written it.
pub fn verify_body(
    body: &[u8],
    header: &str,
    secret: &WebhookSecret,
    now_seconds: i64,
) -> Result<(), VerifyError> {
    let claim = Claim::parse(header)?;
    let expected = own_signature(secret, claim.timestamp, body);
    let mut matches = subtle::Choice::from(0);
    for signature in claim.signatures {
        matches |= signature.ct_eq(&expected);
    }
    if !bool::from(matches) {
        return Err(VerifyError::NoMatch);
    }
    if claim.timestamp.abs_diff(now_seconds) <= TOLERANCE_SECONDS {
        return Ok(());
    }
    Err(if claim.timestamp < now_seconds { VerifyError::TooOld } else { VerifyError::TooNew })
}

/// Verifies a delivery by its parsed body, whose canonical text is what was signed.
pub fn verify_value(
    payload: &Value,
    header: &str,
    secret: &WebhookSecret,
    now_seconds: i64,
) -> Result<(), VerifyError> {
    verify_body(&canonical_json(payload), header, secret, now_seconds)
}

/// What a header claims.
struct Claim {
    timestamp: i64,
    signatures: Vec<[u8; 32]>,
}

impl Claim {
    fn parse(header: &str) -> Result<Self, VerifyError> {
        if header.trim().is_empty() {
            return Err(VerifyError::MissingHeader);
        }
        if header.len() > MAX_HEADER {
            return Err(VerifyError::MalformedHeader);
        }
        let (mut timestamp, mut signatures, mut has_v1) = (None, Vec::new(), false);
        for part in header.split(',') {
            match part.trim().split_once('=').ok_or(VerifyError::MalformedHeader)? {
                ("t", _) if timestamp.is_some() => return Err(VerifyError::MalformedHeader),
                ("t", text) => timestamp = Some(seconds(text).ok_or(VerifyError::MalformedHeader)?),
                ("v1", text) => {
                    has_v1 = true;
                    let mut signature = [0; 32];
                    if hex::decode_to_slice(text, &mut signature).is_ok() {
                        signatures.push(signature);
                    }
                }
                _ => {}
            }
        }
        let timestamp = timestamp.ok_or(VerifyError::MalformedHeader)?;
        if has_v1 { Ok(Self { timestamp, signatures }) } else { Err(VerifyError::NoSignature) }
    }
}

/// Digits only, without leading zeros: the one spelling that is signed.
fn seconds(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
