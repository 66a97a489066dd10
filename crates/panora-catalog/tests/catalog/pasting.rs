//! Whatever a person pastes becomes the value meant, or is refused.

use panora_catalog::AnswerError;
use proptest::prelude::*;

use crate::support::{acme, built_in};

#[test]
fn anything_that_names_a_subdomain_becomes_the_subdomain() {
    let zendesk = built_in("zendesk");
    let question = zendesk.questions()[0];
    for pasted in [
        "acme",
        " acme ",
        "ACME",
        "acme.zendesk.com",
        "Acme.Zendesk.com",
        "acme.zendesk.com.",
        "acme.zendesk.com/",
        "acme.zendesk.com:443",
        "http://acme.zendesk.com",
        "https://acme.zendesk.com/agent",
        "https://acme.zendesk.com/agent/tickets/1?brand=2#x",
        "https://acme.zendesk.com?next=https://evil.example/",
    ] {
        assert_eq!(question.normalize(pasted).as_deref(), Ok("acme"), "{pasted}");
    }
    assert_eq!(question.shown("acme"), "acme.zendesk.com");
}

#[test]
fn another_host_is_refused() {
    let zendesk = built_in("zendesk");
    let question = zendesk.questions()[0];
    for pasted in [
        "https://evil.example/acme.zendesk.com",
        "acme.zendesk.com.evil.example",
        "https://acme.zendesk.com@evil.example/",
        "evil.example#.zendesk.com",
        "evil.example/x.zendesk.com",
        "evil.example\\.zendesk.com",
        "a b",
        ".zendesk.com",
        "zendesk.com",
        "-acme",
        "acm\u{e9}",
        "{subdomain}",
        "%61cme",
    ] {
        assert_eq!(question.normalize(pasted), Err(AnswerError::WrongShape), "{pasted}");
    }
}

#[test]
fn nothing_too_long_or_unprintable_is_taken() {
    let zendesk = built_in("zendesk");
    let question = zendesk.questions()[0];
    assert_eq!(question.normalize("  "), Err(AnswerError::Missing));
    assert_eq!(question.normalize(&"a".repeat(2_049)), Err(AnswerError::TooLong));
    assert_eq!(question.normalize("ac\r\nme"), Err(AnswerError::BadCharacter));
}

#[test]
fn a_choice_is_taken_in_any_case_and_left_empty_it_is_the_default() {
    let provider = acme(
        "choices",
        r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
variables:
  - {name: region, label: Region, one_of: [us, eu], default: us}
credentials:
  - {name: api_key, label: Key}
api:
  base_url: https://{region}.acme.example.com
  headers: {X-Key: "{api_key}"}
"##,
    );
    let question = provider.questions()[0];
    assert_eq!(question.normalize("EU").as_deref(), Ok("eu"));
    assert_eq!(question.normalize("").as_deref(), Ok("us"));
    assert_eq!(question.normalize("asia"), Err(AnswerError::NotAChoice));
    assert!(!question.required() && !question.is_credential());
}

proptest! {
    #[test]
    fn what_is_taken_for_a_subdomain_is_always_one_label(pasted in "\\PC{0,40}") {
        let zendesk = built_in("zendesk");
        if let Ok(value) = zendesk.questions()[0].normalize(&pasted) {
            prop_assert!(value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')));
        }
    }
}
