//! What is said of a file that was mistyped: a word near a known one, a value of another shape, an unknown name.

use crate::support::problem;

/// A file for a pasted key.
const KEYED: &str = r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: https://acme.example.com
  headers: {X-Key: "{api_key}"}
"##;

/// What is mistyped, and what takes its place.
const MISTYPED: &[(&str, &str)] = &[
    ("colour:", "color:"),
    ("api_key\n", "apikey\n"),
    ("auth: api_key", "auth: oauth2"),
    ("[crm]", "[cmr]"),
    ("label: Key", "lable: Key"),
    ("headers:", "Header:"),
    ("base_url:", "url:"),
];

#[test]
fn a_word_near_a_known_one_is_asked_about() {
    let problems = MISTYPED.iter().enumerate().map(|(number, (from, to))| {
        assert!(KEYED.contains(from), "{from}");
        problem(&format!("mistyped{number}"), &KEYED.replacen(from, to, 1))
    });
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    4: unknown key `color` in the file. Did you mean `colour`?
    --
    6: `auth` must be oauth2_code, oauth1, oauth2_client_credentials, api_key, basic or two_step, not `apikey`. Did you mean `api_key`?
    --
    6: `auth` must be oauth2_code, oauth1, oauth2_client_credentials, api_key, basic or two_step, not `oauth2`. Did you mean `oauth2_code`?
    --
    3: unknown vertical `cmr`; known are accounting, analytics, ats, calendar, communication, crm, developer, ecommerce, erp, esignature, filestorage, hris, knowledge, marketingautomation, payment, productivity, social, ticketing. Did you mean `crm`?
    --
    8: unknown key `lable` in an entry of `credentials`. Did you mean `label`?
    --
    11: unknown key `Header` in `api`. Did you mean `headers`?
    --
    9: `api` needs `base_url`
    10: unknown key `url` in `api`; known are base_url, basic, headers, hosts, pagination, query, rate_limit
    ");
}

/// What has another shape than it should.
const MISSHAPEN: &[(&str, &str)] = &[
    ("name: Acme", "name: [Acme]"),
    ("name: Acme", "name:"),
    ("colour: \"#000000\"", "colour: #000000"),
    ("[crm]", "crm"),
    ("{name: api_key, label: Key}", "api_key"),
    ("{name: api_key, label: Key}", "{name: api_key, label: Key, from: {tokens: /a}}"),
    ("{name: api_key, label: Key}", "{name: api_key, label: Key, secret: perhaps}"),
    ("\"{api_key}\"", "{api_key}"),
    ("base_url: https://acme.example.com", "base_url: {public_url}/sandbox/api"),
    ("headers: {X-Key: \"{api_key}\"}", "headers: \"{api_key}\""),
    (
        "api:\n",
        "token: {url: https://acme.example.com, parameters: {a: {api_key}, b: 7, c: null}, method: FETCH}\napi:\n",
    ),
    ("docs: https", "name: Twice\ndocs: https"),
    ("slug: acme\n", "slug: acme\n\tname: Acme\n"),
];

#[test]
fn a_value_of_another_shape_is_told_which_one_it_should_have() {
    let problems = MISSHAPEN.iter().enumerate().map(|(number, (from, to))| {
        assert!(KEYED.contains(from), "{from}");
        problem(&format!("misshapen{number}"), &KEYED.replacen(from, to, 1))
    });
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    2: `name` must be a text, not a list
    --
    2: `name` must be a text, not nothing: quote one that begins with #
    --
    4: `colour` must be a text, not nothing: quote one that begins with #
    --
    3: `verticals` must be a list, not a text: write it in [ ]
    --
    8: an entry of `credentials` must be a section of keys with values, not a text
    --
    8: `credentials.from` must be person, app, {token: ...}, {claim: ...}, {choice: ...}, {callback: ...}, {tenant: ...} or {identity: ...}
    --
    8: `credentials.secret` must be true or false, not a text
    --
    11: `api.headers.X-Key` must be a text, not keys with values: quote one that begins with {
    --
    10: a text is expected here: quote one that begins with { or [
    --
    11: `api.headers` must be a section of keys with values, not a text
    --
    9: `token.parameters.a` must be a text or null: quote one that begins with {
    9: `token.method` must be GET, POST, PUT, PATCH or DELETE, not `FETCH`
    --
    5: `name` stands twice in one section: keep one
    --
    1: while scanning a plain scalar, found a tab: indent with spaces
    ");
}

#[test]
fn a_file_that_is_no_list_of_keys_is_told_so() {
    let problems = ["", "# nothing yet\n", "- slug: acme\n", "acme\n"].iter().enumerate();
    let problems = problems.map(|(number, text)| problem(&format!("no_keys{number}"), text));
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    1: the file is empty: begin with `slug: `, and the file's name behind it
    --
    1: the file is empty: begin with `slug: `, and the file's name behind it
    --
    1: a provider file holds keys with values: `slug: acme`, `name: Acme` and so on
    --
    1: a provider file holds keys with values: `slug: acme`, `name: Acme` and so on
    ");
}

#[test]
fn an_unknown_name_is_the_mistake_of_the_line_that_holds_it() {
    insta::assert_snapshot!(problem("header", &KEYED.replace("{api_key}", "{apikey}")), @"11: `{apikey}` is not known here; known are {api_key}, {public_url}. Did you mean `{api_key}`?");
}
