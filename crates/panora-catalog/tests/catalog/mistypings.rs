//! What is said of a file that was mistyped: a word near a known one, a value of another shape, an unknown name.

use crate::support::{problem, problems};

/// A file for a pasted key.
pub const KEYED: &str = r##"slug: acme
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
    let problems = problems("mistyped", KEYED, MISTYPED);
    insta::assert_snapshot!(problems.join("\n--\n"), @"
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
    let problems = problems("misshapen", KEYED, MISSHAPEN);
    insta::assert_snapshot!(problems.join("\n--\n"), @"
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
    insta::assert_snapshot!(problem("header", &KEYED.replace("{api_key}", "{apikey}")), @"11: `{apikey}` is not known here. Did you mean `{api_key}`?");
}

#[test]
fn of_many_known_names_a_few_are_told() {
    let variables =
        (0..40).map(|number| format!("  - {{name: var_{number}, label: A}}\n")).collect::<Vec<_>>().concat();
    let text = KEYED.replace("{api_key}", "{zqzqzq}{api_key}");
    let text = text.replace("credentials:", &format!("variables:\n{variables}credentials:"));
    insta::assert_snapshot!(problem("many_names", &text), @"52: `{zqzqzq}` is not known here; known are {api_key}, {public_url}, {var_0}, {var_1}, {var_10}, {var_11}, {var_12}, {var_13}, {var_14}, {var_15}, {var_16}, {var_17} and 30 more: declare others under `variables`");
}

#[test]
fn of_very_many_mistakes_the_first_fifty_are_told() {
    let headers =
        (0..200).map(|number| format!("    X-{number}: \"{{zqzqzq}}\"\n")).collect::<Vec<_>>().concat();
    let keys = (0..200).map(|number| format!("zqzqzq{number}: 1\n")).collect::<Vec<_>>().concat();
    let keyed =
        KEYED.replace("  headers: {X-Key: \"{api_key}\"}\n", "  headers:\n    X-Key: \"{api_key}\"\n");
    for (test, text) in
        [("many_rules", format!("{keyed}{headers}")), ("many_shapes", format!("{KEYED}{keys}"))]
    {
        let told = problem(test, &text);
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines.len(), 51, "{told}");
        assert!(lines[0].contains("zqzqzq") && lines[50].ends_with(": and more: mend these first"), "{told}");
    }
}

#[test]
fn what_is_wrong_many_times_in_a_line_is_told_once() {
    let text = KEYED.replace("[crm]", &format!("[{}]", ["[]"; 60].join(", ")));
    insta::assert_snapshot!(problem("same", &text), @"3: an entry of `verticals` must be accounting, analytics, ats, calendar, communication, crm, developer, ecommerce, erp, esignature, filestorage, hris, knowledge, marketingautomation, payment, productivity, social or ticketing, not a list");
}

#[test]
fn a_mistake_is_told_whatever_stands_beside_it() {
    let testing = "testing: {dies_after_days: -1, says: x}\n";
    let beside = ["connect_help: ~\n", "nick: 1\n", "name: [Acme]\n", "notes: ~\n", "verticals: ~\n"];
    let problems = beside.iter().enumerate().map(|(number, beside)| {
        let key = beside.split(':').next().expect("a key");
        let rest = KEYED
            .lines()
            .filter(|line| !line.starts_with(key))
            .map(|line| format!("{line}\n"))
            .collect::<Vec<_>>()
            .concat();
        problem(&format!("beside{number}"), &format!("{beside}{rest}{testing}"))
    });
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    13: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    --
    1: unknown key `nick` in the file; known are aliases, api, auth, authorization, client, colour, connect_help, credentials, docs, identity, name, notes, oauth1, offline, refresh, revocation, scopes, setup, sharing, slug, tenants, testing, token, unverified, variables, verify, verticals
    13: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    --
    1: `name` must be a text, not a list
    12: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    --
    1: a list is expected here: write it in [ ]
    13: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    --
    1: `verticals` must be a list, not nothing
    12: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    ");
}

#[test]
fn nothing_is_a_mistake_only_where_the_format_takes_none() {
    let problems =
        ["connect_help: ~\nnick: 1\n", "notes: ~\n", "refresh: {rotates: ~}\nnick: 1\n"].iter().enumerate();
    let problems =
        problems.map(|(number, end)| problem(&format!("nothing{number}"), &format!("{KEYED}{end}")));
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    13: unknown key `nick` in the file; known are aliases, api, auth, authorization, client, colour, connect_help, credentials, docs, identity, name, notes, oauth1, offline, refresh, revocation, scopes, setup, sharing, slug, tenants, testing, token, unverified, variables, verify, verticals
    --
    12: a list is expected here: write it in [ ]
    --
    12: true or false is expected here
    13: unknown key `nick` in the file; known are aliases, api, auth, authorization, client, colour, connect_help, credentials, docs, identity, name, notes, oauth1, offline, refresh, revocation, scopes, setup, sharing, slug, tenants, testing, token, unverified, variables, verify, verticals
    ");
}

#[test]
fn what_the_reader_stumbles_over_is_told_in_plain_words() {
    let ends = [
        "verify: {request: {url: /me}, wrong_key: [70000]}\n",
        "testing: {dies_after_days: -1, says: x}\n",
        "testing: {dies_after_days: 99999999999999999999999, says: x}\n",
        "---\nslug: other\n",
        "authorization: {pkce: {of: x}}\n",
        "tenants: {request: {url: /a, methd: GET}, name: []}\n",
        "token: {answers: [{expires: {lifetime: soon}}]}\n",
    ];
    let problems = ends.iter().enumerate();
    let problems =
        problems.map(|(number, end)| problem(&format!("reader{number}"), &format!("{KEYED}{end}")));
    insta::assert_snapshot!(problems.collect::<Vec<_>>().join("\n--\n"), @"
    12: an entry of `verify.wrong_key` must be a whole number from 0 to 65535, not 70000
    --
    12: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not -1
    --
    12: `testing.dies_after_days` must be a whole number from 0 to 4294967295, not a text
    --
    13: another document begins here: a provider has a file of its own
    --
    12: `authorization.pkce` must be s256 or {off: ...}
    12: `authorization` needs `url`
    --
    12: unknown key `methd` in `tenants.request`. Did you mean `method`?
    --
    12: `token.answers.expires.lifetime` must be a whole number from 0 to 4294967295, not a text
    12: an entry of `token.answers` needs `access_token`
    12: `token` needs `url`
    ");
}

#[test]
fn what_a_file_says_commands_no_terminal_and_makes_no_line() {
    let text = format!("{KEYED}\"\\e]0;x\\a\\e[2Jother.yaml: good\\nmore\": 1\n");
    insta::assert_snapshot!(problem("commands", &text), @r#"12: unknown key `\u{1b}]0;x\u{7}\u{1b}[2Jother.yaml: good\nmore` in the file; known are aliases, api, auth, authorization, client, colour, connect_help, credentials, docs, identity, name, notes, oauth1, offline, refresh, revocation, scopes, setup, sharing, slug, tenants, testing, token, unverified, variables, verify, verticals"#);
}

#[test]
fn what_a_file_says_at_length_is_told_without_its_middle() {
    let told = problem("length", &format!("{KEYED}{}: 1\n", "k".repeat(900)));
    assert!(told.starts_with("12: unknown key `kkk") && told.ends_with(", verify, verticals"), "{told}");
    assert_eq!(told.chars().count(), "12: ".len() + 601, "{told}");
}
