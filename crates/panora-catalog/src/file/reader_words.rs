//! What the reader of YAML says, in plain words.

use serde_saphyr::Error;

/// What the reader says of YAML that falls apart, and what mostly mends it.
const ADVICE: &[(&str, &str)] = &[
    (" tab", "indent with spaces"),
    ("mapping values are not allowed", "quote a text that holds `: `, or look at the indent"),
    ("expected key", "quote a text that holds `: `, or look at the indent"),
    ("expected ',' or", "quote a text that holds { } [ ] or `, `, or close what is open"),
    ("unclosed bracket", "close it, or quote a text that begins with it"),
    ("trailing content after", "look for a quote that is missing here or above"),
    ("simple key expected", "write `key: value`, or look at the indent"),
    ("unexpected character", "quote a text that begins with it"),
    ("unknown anchor", "quote a text that begins with *"),
];

/// An error of the reader of YAML, for people.
pub(super) fn in_words(error: &Error) -> String {
    let text = match error {
        Error::Eof { .. } => EMPTY,
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("`{key}` stands twice in one section: keep one");
        }
        Error::Unexpected { expected: "string scalar", .. } => {
            "a text is expected here: quote one that begins with { or ["
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            "a section of keys with values is expected here"
        }
        Error::Unexpected { expected: "sequence start", .. } => "a list is expected here: write it in [ ]",
        Error::NullIntoString { .. } => "a text is expected here, not nothing: quote one that begins with #",
        Error::InvalidScalar { ty: "boolean", .. } => "true or false is expected here",
        Error::InvalidScalar { .. } => "a whole number is expected here, neither negative nor very large",
        Error::MultipleDocuments { .. } => "another document begins here: a provider has a file of its own",
        error => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            return match ADVICE.iter().find(|(words, _)| text.contains(words)) {
                Some((_, advice)) => format!("{text}: {advice}"),
                None => text.to_owned(),
            };
        }
    };
    text.to_owned()
}

/// What is said of a file that holds nothing.
pub(super) const EMPTY: &str = "the file is empty: begin with `slug: `, and the file's name behind it";
