//! What is said of a file beyond what is wrong: what to quote, what was meant, and which line to mend.

use crate::mistypings::KEYED;
use crate::support::{problem, problems};

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

/// A file that asks for what is told, and where.
const ASKING: &str = r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
authorization: {url: "https://acme.example.com/authorize"}
token: {url: "https://acme.example.com/token"}
scopes: {default: []}
api: {base_url: "https://acme.example.com", headers: {X-Token: "{access_token}"}}
identity: {request: {url: /me}, id: ["{/id}"]}
"##;

#[test]
fn a_path_without_its_slash_is_told_to_have_one() {
    let paths =
        ["me", "users/me?full=1", "{access-token}", "http://acme.example.com/me", "acme.example.com/me"];
    let replaced: Vec<_> = paths.iter().map(|path| format!("url: \"{path}\"")).collect();
    let replaced: Vec<_> = replaced.iter().map(|to| ("url: /me", to.as_str())).collect();
    insta::assert_snapshot!(problems("slashless", ASKING, &replaced).join("\n"), @"
    11: `me`: a path under base_url begins with a slash, `/me`, and a URL with https://
    11: `users/me?full=1`: a path under base_url begins with a slash, `/users/me?full=1`, and a URL with https://
    11: `{access-token}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer. Did you mean `{access_token}`?
    11: `http://acme.example.com/me` must begin with https:// or {public_url}/
    11: `acme.example.com/me`: a path under base_url begins with a slash, `/acme.example.com/me`, and a URL with https://
    ");
}

#[test]
fn a_hole_that_can_be_no_name_is_asked_about() {
    let holes = ["access-token", "Access_Token", "access token", "{access_token", "user/id", "", "é"];
    let replaced: Vec<_> = holes.iter().map(|hole| format!("{{{hole}}}")).collect();
    let replaced: Vec<_> = replaced.iter().map(|to| ("{access_token}", to.as_str())).collect();
    insta::assert_snapshot!(problems("holes", ASKING, &replaced).join("\n"), @"
    10: `{access-token}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer. Did you mean `{access_token}`?
    10: `{Access_Token}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer. Did you mean `{access_token}`?
    10: `{access token}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer. Did you mean `{access_token}`?
    10: `{{access_token}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer
    10: `{user/id}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer. Did you mean `{/user/id}`?
    10: `{}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer
    10: `{é}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer
    ");
}

#[test]
fn a_variable_that_bounds_no_host_is_told_once_at_its_own_line() {
    let asking = ASKING.replace("https://acme.", "https://{site}.acme.");
    let ways = ["", ", pattern: \".+\"", ", one_of: [a, b/c]"];
    let problems = ways.iter().enumerate().map(|(number, way)| {
        let text = format!("{asking}variables:\n  - {{name: site, label: Site{way}}}\n");
        problem(&format!("unbounded{number}"), &text)
    });
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    13: `site` stands in a host, so it needs `pattern`, `one_of` or `hosts`
    --
    13: `site` stands in a host: its pattern may match no `.`, `/`, `@`, `:`, `?` or `#`
    --
    13: `site` stands in a host, which `b/c` cannot be a part of
    ");
}
