//! What a receiver can rely on: only the signed body, time and secret pass, and for 300 seconds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use panora_signature::{VerifyError, WebhookSecret, canonical_json, intake, sign, verify_body, verify_value};
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = br#"{"type":"connection.created"}"#;

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::from_bytes([byte; 32])
}

fn header() -> String {
    sign(&[secret(1)], "evt", NOW, BODY).panora_signature
}

fn verify(header: &str) -> Result<(), VerifyError> {
    verify_body(BODY, header, &secret(1), NOW)
}

/// The header's `v1=...`.
fn v1() -> String {
    header().split_once(',').unwrap().1.to_owned()
}

#[test]
fn what_was_signed_verifies() {
    verify(&header()).unwrap();
}

#[test]
fn a_parsed_body_verifies_as_its_bytes_do() {
    let value = json!({"10": 1e21, "9": -0.0, "\u{fb33}": "é", "\u{1f600}": [1.0, 0.1]});
    let signed = sign(&[secret(1)], "evt", NOW, &canonical_json(&value)).panora_signature;
    let parsed = intake::parse(&serde_json::to_vec(&value).unwrap()).unwrap();
    verify_value(&parsed, &signed, &secret(1), NOW).unwrap();
}

#[test]
fn either_secret_of_a_rotation_verifies() {
    let signed = sign(&[secret(2), secret(1)], "evt", NOW, BODY).panora_signature;
    verify(&signed).unwrap();
    verify_body(BODY, &signed, &secret(2), NOW).unwrap();
    assert_eq!(verify_body(BODY, &signed, &secret(3), NOW), Err(VerifyError::NoMatch));
}

#[test]
fn three_hundred_seconds_are_taken_both_ways_and_one_more_is_not() {
    let at = |now| verify_body(BODY, &header(), &secret(1), now);
    at(NOW + 300).unwrap();
    at(NOW - 300).unwrap();
    assert_eq!(at(NOW + 301), Err(VerifyError::TooOld));
    assert_eq!(at(NOW - 301), Err(VerifyError::TooNew));
    assert_eq!(at(i64::MIN), Err(VerifyError::TooNew));
}

#[test]
fn another_time_than_the_signed_one_does_not_fit() {
    assert_eq!(
        verify(&header().replace(&NOW.to_string(), &(NOW + 1).to_string())),
        Err(VerifyError::NoMatch)
    );
}

#[test]
fn unknown_versions_and_spaces_are_ignored() {
    verify(&format!("v0=abc, {}, v2=x ,{}, w=", format_args!("t={NOW}"), v1())).unwrap();
}

#[test]
fn a_header_without_a_signature_or_form_is_named_so() {
    for empty in ["", "  "] {
        assert_eq!(verify(empty), Err(VerifyError::MissingHeader));
    }
    for without in [format!("t={NOW}"), format!("t={NOW},v2=aa,V1=aa")] {
        assert_eq!(verify(&without), Err(VerifyError::NoSignature));
    }
    let malformed = [
        "garbage",
        "t=",
        "t=x,v1=aa",
        "t=-1,v1=aa",
        "t=+1,v1=aa",
        "t=01,v1=aa",
        "t=1e3,v1=aa",
        "v1=aa",
        ",",
        "t=1,",
    ];
    for text in malformed {
        assert_eq!(verify(text), Err(VerifyError::MalformedHeader), "{text}");
    }
    assert_eq!(verify(&format!("{},t={NOW}", header())), Err(VerifyError::MalformedHeader));
    assert_eq!(verify(&format!("t={},{}", u64::MAX, v1())), Err(VerifyError::MalformedHeader));
    assert_eq!(verify(&format!("{},v9={}", header(), "a".repeat(4096))), Err(VerifyError::MalformedHeader));
}

#[test]
fn a_signature_that_is_not_32_bytes_of_hex_never_fits() {
    for text in ["", "zz", &v1()[3..66], &format!("{}00", &v1()[3..])] {
        assert_eq!(verify(&format!("t={NOW},v1={text}")), Err(VerifyError::NoMatch), "{text}");
    }
}

#[test]
fn no_error_holds_a_secret_or_the_expected_signature() {
    let tampered = verify_body(b"{}", &header(), &secret(1), NOW).unwrap_err();
    let words = format!("{tampered} {tampered:?} {}", tampered.code());
    assert!(!words.contains(&v1()[3..]));
    assert!(!words.contains(&secret(1).expose()[6..]));
}

proptest! {
    #[test]
    fn one_changed_bit_of_the_body_never_verifies(at in 0..BODY.len(), bit in 0..8_u8) {
        let mut body = BODY.to_vec();
        body[at] ^= 1 << bit;
        prop_assert_eq!(verify_body(&body, &header(), &secret(1), NOW), Err(VerifyError::NoMatch));
    }

    #[test]
    fn one_changed_character_of_the_signature_never_verifies(at in 3..67_usize) {
        let mut changed = v1();
        let other = if &changed[at..=at] == "0" { "1" } else { "0" };
        changed.replace_range(at..=at, other);
        let header = format!("t={NOW},{changed}");
        prop_assert_eq!(verify(&header), Err(VerifyError::NoMatch));
    }

    #[test]
    fn any_header_is_judged_without_panic(header in any::<String>(), numbers in "t=[0-9]{0,30},v1=[0-9a-f]{0,70}") {
        prop_assert!(verify(&header).is_err());
        prop_assert!(verify(&numbers).is_err());
    }

    #[test]
    fn any_secret_text_is_judged_without_panic(text in "(whsec_)?[A-Za-z0-9+/=]{0,100}") {
        if let Ok(secret) = WebhookSecret::parse(&text) {
            prop_assert_eq!(secret.expose(), text);
        }
    }
}
