//! Verifies deliveries without the code that signs them: plain HMAC-SHA256, as the documentation says it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::receiver::Delivery;

/// The bytes that a `whsec_` text stands for.
pub fn secret_bytes(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix("whsec_").expect("a secret begins with whsec_");
    BASE64_STANDARD.decode(text).expect("a secret is base64")
}

fn mac(secret: &str, signed: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret_bytes(secret)).expect("any length fits");
    for part in signed {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The v1 of `Panora-Signature`: hex HMAC of `<t>.<body>`.
pub fn hex_signature(secret: &str, seconds: &str, body: &[u8]) -> String {
    hex::encode(mac(secret, &[seconds.as_bytes(), b".", body]))
}

/// Whether both signature headers hold a signature by this secret, over the raw body.
pub fn is_signed_with(delivery: &Delivery, secret: &str) -> bool {
    let seconds = delivery.header("webhook-timestamp");
    let mut panora = delivery.header("panora-signature").split(',');
    let ours = format!("v1={}", hex_signature(secret, seconds, &delivery.body));
    let by_panora = panora.next() == Some(&format!("t={seconds}")) && panora.any(|part| part == ours);
    let id = delivery.header("webhook-id");
    let standard = mac(secret, &[id.as_bytes(), b".", seconds.as_bytes(), b".", &delivery.body]);
    let standard = format!("v1,{}", BASE64_STANDARD.encode(standard));
    by_panora && delivery.header("webhook-signature").split(' ').any(|part| part == standard)
}
