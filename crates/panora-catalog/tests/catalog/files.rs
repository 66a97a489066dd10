//! Files that are refused, with the line and what to do.

use crate::support::{problem, problems};

/// A sound file of which each test breaks one thing.
const SOUND: &str = r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
variables:
  - {name: sub, label: Address, pattern: "[a-z]+"}
authorization:
  url: https://{sub}.acme.example.com/authorize
token:
  url: https://acme.example.com/token
scopes: {default: []}
api:
  base_url: https://acme.example.com
"##;

/// What is broken: a text of the sound file, and what takes its place.
const BROKEN: &[(&str, &str)] = &[
    ("name: Acme\n", "name: Acme\nnick: A\n"),
    ("name: Acme\n", ""),
    ("name: Acme\n", "name: Acme\nname: Twice\n"),
    ("slug: acme", "slug: acme2"),
    ("[crm]", "[crm, toys]"),
    ("[crm]", "[]"),
    ("\"#000000\"", "black"),
    ("docs: https", "docs: http"),
    ("oauth2_code", "magic"),
    ("oauth2_code", "api_key"),
    ("scopes: {default: []}", ""),
    ("label: Address, ", ""),
    ("{name: sub,", "{name: client_id,"),
    ("{name: sub,", "{name: Sub,"),
    ("[a-z]+", "[a-z"),
    ("\"[a-z]+\"", "\"[a-z]+\", example: A"),
    ("url: https://acme.example.com/token", "url: http://acme.example.com/token"),
    ("url: https://acme.example.com/token", "url: https://{host}.acme.example.com/token"),
    ("url: https://acme.example.com/token", "url: https://{sub/token"),
    ("url: https://acme.example.com/token", "url: https://acme.example.com}/token"),
    ("url: https://acme.example.com/token", "url: https://ACME.example.com/token"),
    ("url: https://acme.example.com/token", "url: https://user@acme.example.com/token"),
    ("url: https://acme.example.com/token", "url: \"{public_url}.evil.example/token\""),
    ("url: https://acme.example.com/token", "url: https://acme.{sub}/token"),
    ("url: https://acme.example.com/token", "url: https://{sub}.com/token"),
    ("url: https://acme.example.com/token", "url: https://acme.example.com{/evil}/token"),
    (", pattern: \"[a-z]+\"", ""),
    ("[a-z]+", ".+"),
    ("pattern: \"[a-z]+\"", "one_of: [a, \"b/c\"]"),
    ("pattern: \"[a-z]+\"", "hosts: [\"*.com\"]"),
    ("pattern: \"[a-z]+\"", "hosts: [acme.example.com]"),
    ("base_url: https://acme.example.com", "base_url: https://acme.example.com/?a=b"),
    (
        "base_url: https://acme.example.com",
        "base_url: https://acme.example.com\n  headers: {X: \"{refresh_token}\"}",
    ),
    (
        "scopes: {default: []}",
        "scopes: {default: []}\nrevocation: {requests: [{url: https://acme.example.com/r}]}",
    ),
    ("pattern: \"[a-z]+\"", "any_host: true"),
    ("label: Address, pattern: \"[a-z]+\"", "from: {token: /host}, any_host: true"),
    ("label: Address, pattern: \"[a-z]+\"", "from: app, label: A, any_host: true, hosts: [a.example.com]"),
    ("label: Address, pattern: \"[a-z]+\"", "from: app, label: A, any_host: true"),
    ("scopes: {default: []}", "scopes: {default: [], in_token: list}"),
    ("scopes: {default: []}", "scopes: {default: [], parameter: null, in_token: text}"),
    (
        "base_url: https://acme.example.com",
        "base_url: https://acme.example.com\n  query: {secret: \"{client_secret}\"}",
    ),
    ("/authorize\n", "/authorize\n  parameters: {state: mine}\n"),
    ("/authorize\n", "/authorize\n  parameters: {state: null}\n"),
    ("/authorize\n", "/authorize\n  parameters: {client_id: theirs}\n"),
    ("/authorize\n", "/authorize\n  parameters: {response_type: token}\n"),
    ("/authorize\n", "/authorize\n  parameters: {code_challenge: mine}\n"),
    ("/authorize\n", "/authorize\n  parameters: {code_challenge_method: null}\n"),
    ("/authorize\n", "/authorize\n  parameters: {redirect_uri: \"https://evil.example\"}\n"),
    ("/authorize\n", "/authorize\n  parameters: {redirect_uri: \"{sub}\"}\n"),
    ("/authorize\n", "/authorize\n  names: {client_id: app}\n  parameters: {app: theirs}\n"),
    ("/authorize\n", "/authorize\n  names: {response_type: client_id}\n"),
    ("/authorize\n", "/authorize?a=b&client_id=theirs\n"),
    ("/authorize\n", "/authorize?client%5Fid=theirs\n"),
    ("/authorize\n", "/authorize\n  sends_issuer: true\n"),
    ("scopes: {default: []}", "scopes: {default: [], parameter: state}"),
    ("scopes: {default: []}", "scopes: {default: [], more: {client_id: [theirs]}}"),
    ("  base_url", "  pagination: {cursor: {parameter: a, next: b, limit: c}}\n  base_url"),
];

#[test]
fn a_file_that_breaks_a_rule_is_refused_with_its_line_and_what_to_do() {
    let problems = problems("file", SOUND, BROKEN);
    let text = problems.join("\n");
    insta::assert_snapshot!(text, @r##"
    3: unknown key `nick` in the file; known are aliases, api, auth, authorization, client, colour, connect_help, credentials, docs, identity, name, notes, oauth1, offline, refresh, revocation, scopes, setup, sharing, slug, tenants, testing, token, unverified, variables, verify, verticals
    1: the file needs `name`
    3: `name` stands twice in one section: keep one
    1: slug `acme2` must be the file's name, of lower-case letters, digits and _
    3: unknown vertical `toys`; known are accounting, analytics, ats, calendar, communication, crm, developer, ecommerce, erp, esignature, filestorage, hris, knowledge, marketingautomation, payment, productivity, social, ticketing
    3: name at least one vertical of: accounting, analytics, ats, calendar, communication, crm, developer, ecommerce, erp, esignature, filestorage, hris, knowledge, marketingautomation, payment, productivity, social, ticketing
    4: colour `black` must be like "#ff7a59", quoted
    5: a link must begin with https://
    6: `auth` must be oauth2_code, oauth1, oauth2_client_credentials, api_key, basic or two_step, not `magic`
    1: api_key needs `credentials` (the fields of its form)
    1: api_key takes no `authorization`, no `token` and no `scopes`
    1: oauth2_code needs `scopes` (`default: []` for none)
    8: variable `sub` is asked for, so it needs a label
    8: variable `client_id`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    10: `{sub}` is not known here; known are {client_id}, {public_url}: declare others under `variables`
    8: variable `Sub`: take a name of a-z, 0-9, _ that is none of ["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"]
    10: `{sub}` is not known here. Did you mean `{Sub}`?
    8: bad pattern: unclosed character class
    8: variable `sub`: its default or example is a value that it refuses
    12: `http://acme.example.com/token` must begin with https:// or {public_url}/
    12: `{host}` is not known here; known are {public_url}, {sub}: declare others under `variables`
    12: a `{` is never closed
    12: a `}` has no `{` before it
    12: `ACME.example.com` in a host: lower-case letters, digits, `-` and `.` only
    12: `user@acme.example.com` in a host: lower-case letters, digits, `-` and `.` only
    12: `{public_url}` is followed by a path, which begins with `/`
    12: `{sub}` must be followed by the provider's domain, like .acme.com
    12: `{sub}` must be followed by the provider's domain, like .acme.com
    12: `https://acme.example.com{/evil}/token`: only `identity` and `tenants` may read an answer's {/pointer}
    8: `sub` stands in a host, so it needs `pattern`, `one_of` or `hosts`
    8: `sub` stands in a host: its pattern may match no `.`, `/`, `@`, `:`, `?` or `#`
    8: `sub` stands in a host, which `b/c` cannot be a part of
    8: `*.com` is no host: write api.acme.com, or *.acme.com for every host under it
    10: `sub` is a whole host, so nothing may stand beside it
    15: base_url may hold no `?` and no `#`: paths are appended to it
    16: `{refresh_token}` is not known here; known are {access_token}, {client_id}, {client_secret}, {public_url}, {sub}: declare others under `variables`
    14: a request about a grant must name it: {token}, {access_token}, {refresh_token} or a variable from `token`
    8: variable `sub`: `any_host` is for api_key, basic and two_step, or `from: app`: nobody else may say where a credential goes
    10: `sub` is a whole host, so nothing may stand beside it
    8: variable `sub`: `any_host` is for api_key, basic and two_step, or `from: app`: nobody else may say where a credential goes
    10: `sub` is a whole host, so nothing may stand beside it
    8: variable `sub`: `any_host` says all; leave `hosts`, `one_of` and `suffix` out
    10: `sub` is a whole host, so nothing may stand beside it
    10: `sub` is a whole host, so nothing may stand beside it
    12: `scopes.in_token` needs a parameter, and a list JSON
    12: `scopes.in_token` needs a parameter, and a list JSON
    16: `{client_secret}` is not known here; known are {access_token}, {client_id}, {public_url}, {sub}: declare others under `variables`
    11: `state` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    10: `state` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    11: `client_id` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    11: `response_type` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    11: `code_challenge` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    10: `code_challenge_method` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    11: `redirect_uri` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    11: `redirect_uri` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    12: `app` is filled in by the server: `names` renames it, `null` leaves out ["client_id", "redirect_uri", "response_type"], `pkce` turns PKCE off, and only a variable `from: app` may stand for redirect_uri
    10: `names` calls no other parameter `client_id`, which the server fills in
    10: the URL's own query holds no `client_id`, which the server fills in
    10: the URL's own query holds no `state`, which the server fills in
    10: `sends_issuer` needs `issuer`
    10: no scopes stand in `state`, which the server fills in
    10: no scopes stand in `client_id`, which the server fills in
    15: `b` is no JSON pointer: write it with a leading slash, like /access_token
    "##);
}

#[test]
fn a_credential_that_is_sent_nowhere_is_refused() {
    let text = SOUND
        .replace("oauth2_code", "api_key\ncredentials:\n  - {name: api_key, label: Key}")
        .lines()
        .filter(|line| {
            !line.starts_with("authorization") && !line.starts_with("token") && !line.starts_with("scopes")
        })
        .filter(|line| !line.starts_with("  url"))
        .fold(String::new(), |text, line| text + line + "\n");
    insta::assert_snapshot!(problem("sent_nowhere", &text), @r#"
    8: credential `api_key` is sent nowhere: name it in api.headers, api.query or api.basic
    "#);
}

#[test]
fn all_keys_that_a_file_lacks_are_told_at_once_with_their_places() {
    let text = "slug: acme\nauth: oauth2_code\nauthorization: {}\ntoken:\n  client_auth: body\n\
                variables:\n  - {name: a, label: A}\n  - label: B\napi:\n  headers: {}\n";
    insta::assert_snapshot!(problem("lacking", text), @"
    1: the file needs `name`, `verticals`, `colour` and `docs`
    1: oauth2_code needs `scopes` (`default: []` for none)
    3: `authorization` needs `url`
    4: `token` needs `url`
    8: an entry of `variables` needs `name`
    9: `api` needs `base_url`
    ");
}

#[test]
fn a_kind_of_authorisation_asks_only_for_what_the_file_lacks() {
    let parts = [
        ("scopes: {default: []}\n", ""),
        ("authorization", "# authorization"),
        ("  url: https://{sub}", "  # "),
    ];
    let text = parts.iter().fold(SOUND.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    insta::assert_snapshot!(problem("lacking_sections", &text), @"1: oauth2_code needs `authorization` and `scopes` (`default: []` for none)");
}

#[test]
fn all_rules_that_a_file_breaks_are_told_at_once_by_line() {
    let parts = [
        ("[crm]", "[crm, toys]"),
        ("\"#000000\"", "black"),
        ("label: Address, ", ""),
        ("https://acme.example.com/token", "http://acme.example.com/{nobody}"),
        (
            "base_url: https://acme.example.com",
            "base_url: https://ACME.example.com\n  headers: {X: \"{host}\"}",
        ),
    ];
    let text = parts.iter().fold(SOUND.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    insta::assert_snapshot!(problem("many", &text), @r##"
    3: unknown vertical `toys`; known are accounting, analytics, ats, calendar, communication, crm, developer, ecommerce, erp, esignature, filestorage, hris, knowledge, marketingautomation, payment, productivity, social, ticketing
    4: colour `black` must be like "#ff7a59", quoted
    8: variable `sub` is asked for, so it needs a label
    12: `{nobody}` is not known here; known are {public_url}, {sub}: declare others under `variables`
    15: `ACME.example.com` in a host: lower-case letters, digits, `-` and `.` only
    16: `{host}` is not known here; known are {access_token}, {client_id}, {client_secret}, {public_url}, {sub}: declare others under `variables`
    "##);
}
