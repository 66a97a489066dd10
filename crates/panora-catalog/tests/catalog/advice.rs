//! What is said of a file beyond what is wrong: what to quote, what was meant, and which line to mend.

use crate::mistypings::KEYED;
use crate::support::problems;

/// What is wrong with the YAML itself: a text that ends too early, a key at another depth than its neighbours.
const TORN: &[(&str, &str)] = &[
    ("label: Key}\n", "label: Key}\nconnect_help: Note: it stands there\n"),
    ("name: Acme\n", " name: Acme\n"),
    ("  headers:", "   headers:"),
    ("  headers:", " headers:"),
    ("api_key\n", "api_key: it is\n"),
    ("label: Key}", "label: Key"),
    ("docs: https", "docs: \"https"),
    ("name: Acme\n", "name Acme\n"),
    ("name: Acme\n", "name: @Acme\n"),
    ("name: Acme\n", "name: *Acme\n"),
];

#[test]
fn torn_yaml_is_told_what_to_quote_or_where_to_look_at_the_indent() {
    let problems = problems("torn", KEYED, TORN);
    insta::assert_snapshot!(problems.join("\n--\n"), @"
    9: mapping values are not allowed in this context: quote a text that holds `: `, or look at the indent
    --
    2: mapping values are not allowed in this context: quote a text that holds `: `, or look at the indent
    --
    11: mapping values are not allowed in this context: quote a text that holds `: `, or look at the indent
    --
    11: while parsing a block mapping, did not find expected key: quote a text that holds `: `, or look at the indent
    --
    6: mapping values are not allowed in this context: quote a text that holds `: `, or look at the indent
    --
    8: unclosed bracket '{': close it, or quote a text that begins with it
    --
    11: invalid trailing content after double-quoted scalar: look for a quote that is missing here or above
    --
    2: simple key expected ':': write `key: value`, or look at the indent
    --
    2: unexpected character: `@': quote a text that begins with it
    --
    2: alias references unknown anchor: quote a text that begins with *
    ");
}
