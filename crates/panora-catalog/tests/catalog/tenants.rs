//! One grant, several sites: the person chooses.

use panora_catalog::Tenant;
use serde_json::{Value, json};

use crate::support::{acme, oauth, show, variables};

const SITES: &str = r##"
slug: acme
name: Acme
verticals: [ticketing]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
variables:
  - {name: site, from: {tenant: /id}, pattern: "[a-z0-9-]+"}
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
api: {base_url: "https://api.acme.example.com/ex/{site}"}
tenants:
  request: {url: https://api.acme.example.com/sites}
  list: /sites
  name: ["{/name}", "{/url}"]
"##;

fn tenant(name: &str, site: &str) -> Tenant {
    Tenant { name: name.to_owned(), kept: variables(&[("site", site)]) }
}

#[test]
fn the_sites_of_a_grant_are_asked_for_with_its_token() {
    let request = acme("sites", SITES).tenants_request(&oauth(), &variables(&[])).expect("it renders");
    insta::assert_snapshot!(show(&request.expect("the file has one")), @r#"
    GET https://api.acme.example.com/sites
    Authorization: Bearer ACCESS
    Accept: application/json
    "#);
}

#[test]
fn each_site_is_offered_by_name_and_a_crooked_one_is_not() {
    let body = json!({"sites": [
        {"id": "s1", "name": "One"},
        {"id": "s2", "url": "https://two.example"},
        {"id": "../s3", "name": "Three"},
        {"name": "no id"},
        {"id": "s5"},
        7,
    ]});
    let tenants = acme("offered", SITES).read_tenants(&body, &variables(&[]));
    assert_eq!(tenants, [tenant("One", "s1"), tenant("https://two.example", "s2")]);
}

#[test]
fn one_object_is_a_list_of_one_and_anything_else_of_none() {
    let provider = acme("one_site", SITES);
    let read = |body: &Value| provider.read_tenants(body, &variables(&[]));
    assert_eq!(read(&json!({"sites": {"id": "s1", "name": "One"}})), [tenant("One", "s1")]);
    assert!(read(&json!({"sites": "many"})).is_empty() && read(&Value::Null).is_empty());
}
