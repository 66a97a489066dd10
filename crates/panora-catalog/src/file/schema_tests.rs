//! `catalog/schema.json` must know each word of the format, and no other.

use serde_json::Value;

use super::provider::ProviderFile;

/// Sections, and where their words stand in the schema.
const SECTIONS: &[(&str, &str)] = &[
    ("", ""),
    ("authorization", "/$defs/authorization"),
    ("token", "/$defs/token"),
    ("oauth1", "/$defs/oauth1"),
    ("refresh", "/$defs/refresh"),
    ("revocation", "/$defs/revocation"),
    ("scopes", "/$defs/scopes"),
    ("api", "/$defs/api"),
    ("tenants", "/$defs/tenants"),
    ("identity", "/$defs/identity"),
    ("verify", "/$defs/verify"),
];

#[test]
fn the_schema_knows_each_word_of_the_format() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../catalog/schema.json")).expect("it is JSON");
    for (section, place) in SECTIONS {
        let text =
            if section.is_empty() { "nick: 1\n".to_owned() } else { format!("{section}: {{nick: 1}}\n") };
        let read: Result<ProviderFile, _> = serde_saphyr::from_str(&text);
        let error = read.expect_err("there is no such word");
        let serde_saphyr::Error::SerdeUnknownField { expected: words, .. } = error.without_snippet() else {
            panic!("{section}: {error}");
        };
        let mut words = words.clone();
        words.sort_unstable();
        let properties = schema.pointer(&format!("{place}/properties")).and_then(Value::as_object);
        let mut known: Vec<&str> = properties.expect("a map").keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(known, words, "{section}");
    }
}
