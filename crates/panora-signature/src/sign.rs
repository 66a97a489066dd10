//! Signs deliveries: Panora's own header and the one of Standard Webhooks.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::WebhookSecret;

/// The values of a delivery's signature headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Panora-Signature`: `t=<unix seconds>,v1=<hex>[,v1=<hex>]`.
    pub panora_signature: String,
    /// `webhook-signature`: `v1,<base64>[ v1,<base64>]`.
    pub webhook_signature: String,
}

/// Signs a body, once with each secret: two sign while a rotation's grace lasts.
///
/// `id` is the event's id and the `webhook-id` header, `timestamp` is in Unix seconds and also the
/// `webhook-timestamp` header.
pub fn sign(secrets: &[WebhookSecret], id: &str, timestamp: i64, body: &[u8]) -> SignatureHeaders {
    let mut panora_signature = format!("t={timestamp}");
    let mut standard = Vec::new();
    for secret in secrets {
        let own = hex::encode(own_signature(secret, timestamp, body));
        panora_signature.push_str(",v1=");
        panora_signature.push_str(&own);
        let prefix = format!("{id}.{timestamp}.");
        standard
            .push(format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(secret, &[prefix.as_bytes(), body]))));
    }
    SignatureHeaders { panora_signature, webhook_signature: standard.join(" ") }
}

/// What `Panora-Signature`'s `v1` holds: the HMAC of `<timestamp>.<body>`.
pub(crate) fn own_signature(secret: &WebhookSecret, timestamp: i64, body: &[u8]) -> [u8; 32] {
    hmac_sha256(secret, &[format!("{timestamp}.").as_bytes(), body])
}

fn hmac_sha256(secret: &WebhookSecret, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// A secret, message and signature of the Standard Webhooks specification's reference libraries.
    #[test]
    fn the_vector_of_standard_webhooks_is_met() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.webhook_signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_secret_signs_in_order_in_both_headers() {
        let secrets = [[1; 32], [2; 32]].map(WebhookSecret::from_bytes);
        let both = sign(&secrets, "e", 1, b"{}");
        let [first, second] = secrets.map(|secret| sign(&[secret], "e", 1, b"{}"));
        let second_own = second.panora_signature.strip_prefix("t=1").unwrap();
        assert_eq!(both.panora_signature, first.panora_signature + second_own);
        assert_eq!(both.webhook_signature, first.webhook_signature + " " + &second.webhook_signature);
    }
}
