//! What is taken from outside, what is refused, and where an error points.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use panora_signature::{canonical_json, intake};
use proptest::prelude::*;
use serde_json::{Value, json};

fn refused(text: &str) -> (String, String) {
    let error = intake::parse(text.as_bytes()).expect_err(text);
    (error.pointer, error.detail)
}

fn lenient(bytes: &[u8]) -> Value {
    intake::parse_lenient(bytes).unwrap()
}

fn nested(levels: usize) -> Vec<u8> {
    [b"[".repeat(levels), b"]".repeat(levels)].concat()
}

#[test]
fn ordinary_json_is_read_as_serde_reads_it() {
    let text = r#" {"a": [1, -2.5, true, false, null, {}, []], "b\n": "\u00e9\ud83d\ude00\"\\\/\b\f\r\t€"} "#;
    assert_eq!(intake::parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn numbers_beyond_a_double_become_text() {
    let value = intake::parse(b"[9007199254740993, 1e400, 0.1, -0]").unwrap();
    assert_eq!(value, json!(["9007199254740993", "1e400", 0.1, 0]));
}

#[test]
fn duplicate_keys_are_refused_with_their_pointer() {
    let twice = "The name occurs twice in its object.";
    assert_eq!(refused(r#"{"a":{"b":1,"b":1}}"#), ("/a/b".into(), twice.into()));
    assert_eq!(refused(r#"{"é":1,"\u00e9":2}"#), ("/é".into(), twice.into()));
}

#[test]
fn u_0000_is_refused_in_strings_and_keys() {
    assert_eq!(refused(r#"{"a":["\u0000"]}"#), ("/a/0".into(), "A string must not contain U+0000.".into()));
    assert_eq!(refused(r#"{"\u0000":1}"#).0, "");
    refused("\"\0\"");
}

#[test]
fn lone_surrogates_are_refused() {
    for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800x""#, r#""\ud800\ud800""#, r#""\udc00\ud800""#] {
        assert_eq!(refused(text).1, "A string must not contain half of a surrogate pair.");
    }
}

#[test]
fn invalid_utf_8_is_refused() {
    for bytes in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"\"\xc3"] {
        intake::parse(bytes).unwrap_err();
    }
}

#[test]
fn thirty_two_levels_are_taken_and_one_more_is_not() {
    intake::parse(&nested(32)).unwrap();
    let error = intake::parse(&nested(33)).unwrap_err();
    assert_eq!((error.pointer, error.detail.as_str()), ("/0".repeat(32), "Nested deeper than 32 levels."));
    intake::parse_nested(&nested(34), 34).unwrap();
}

#[test]
fn endless_nesting_is_refused_without_following_it() {
    intake::parse(&b"[".repeat(1 << 20)).unwrap_err();
    intake::parse_lenient(&b"{\"a\":".repeat(1 << 18)).unwrap_err();
    intake::parse_nested(&b"[".repeat(1 << 20), usize::MAX).unwrap_err();
}

#[test]
fn what_is_not_json_is_refused() {
    let samples = [
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "'a'",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "\"\\u12é\"",
        "\"\t\"",
        "tru",
        "nul",
        "True",
        "1 2",
        "01",
        "+1",
        "1.",
        ".5",
        "NaN",
        "-Infinity",
        "[1]]",
        "\u{feff}1",
        "\u{a0}1",
        "/**/1",
        "undefined",
    ];
    for text in samples {
        refused(text);
    }
}

#[test]
fn an_error_points_at_what_is_wrong_and_quotes_no_value() {
    let (pointer, detail) = refused(r#"{"list":[1,{"a/b~":hunter2}]}"#);
    assert_eq!(pointer, "/list/1/a~1b~0");
    assert_eq!(detail, "The text is not JSON at byte 19: a value was expected.");
    assert_eq!(refused("[1").1, "The text is not JSON at its end: `,` or `]` was expected.");
}

#[test]
fn a_provider_answer_is_mended_where_it_can_be() {
    assert_eq!(
        lenient(br#"{"a":1,"a":"\u0000","b":"\ud800\u0041\ud83d\ude00"}"#),
        json!({"a": "\u{fffd}", "b": "\u{fffd}A😀"})
    );
    assert_eq!(lenient(b"\xef\xbb\xbf[\"\xff\",\"a\tb\0\"]"), json!(["\u{fffd}", "a\tb\u{fffd}"]));
    assert_eq!(lenient(b"[9007199254740993]"), json!(["9007199254740993"]));
}

#[test]
fn a_provider_answer_may_nest_deeper_but_not_without_end() {
    intake::parse_lenient(&nested(128)).unwrap();
    intake::parse_lenient(&nested(129)).unwrap_err();
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\u{0}]*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map("[^\u{0}]*", inner, 0..8)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let _ = intake::parse(&bytes);
        let _ = intake::parse_lenient(&bytes);
    }

    #[test]
    fn almost_json_never_panics_and_strict_reading_agrees_with_serde(text in "([\\[\\]{},:\"\\\\ud8c0ef1.\\-+ é\n]|true|null|\"a\":|\\\\u00e9){0,40}") {
        let _ = intake::parse_lenient(text.as_bytes());
        if let Ok(value) = intake::parse(text.as_bytes()) {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
            prop_assert_eq!(&value, &intake::parse_lenient(text.as_bytes()).unwrap());
        }
    }

    #[test]
    fn canonical_text_is_read_as_what_was_written(value in any_json()) {
        let read = intake::parse(&serde_json::to_vec(&value).unwrap()).unwrap();
        let written = canonical_json(&read);
        prop_assert_eq!(intake::parse(&written).unwrap(), read);
        prop_assert_eq!(canonical_json(&serde_json::from_slice(&written).unwrap()), written);
    }
}
