//! A host learnt at run time must be one that the file allows before anything goes there.

use std::collections::BTreeMap;

use panora_catalog::{AnswerError, RefusalKind, RenderError};
use serde_json::json;

use crate::support::{acme, built_in, carried_call, oauth, variables};

const LEARNT: &str = r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
variables:
  - {name: instance, from: {token: /instance_url}, hosts: ["*.my.acme.example.com", api.acme.example.com]}
  - {name: company, from: {callback: companyId}, pattern: "[0-9]+"}
  - {name: cell, from: {identity: /cell}, one_of: [us1, eu1], default: us1}
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
api: {base_url: "https://{instance}/v1/company/{company}"}
"##;

#[test]
fn a_host_of_the_token_answer_is_kept_where_the_file_allows_it() {
    let provider = acme("learnt", LEARNT);
    let body = json!({"access_token": "A", "instance_url": "https://eu7.my.acme.example.com/"});
    let grant = provider.read_token_answer(200, &body, 0).expect("it is a grant");
    assert_eq!(grant.kept, variables(&[("instance", "eu7.my.acme.example.com")]));
    let all = variables(&[("instance", "eu7.my.acme.example.com"), ("company", "7")]);
    let url = provider.api_base_url(&all).expect("it renders");
    assert_eq!(url.as_str(), "https://eu7.my.acme.example.com/v1/company/7");
}

#[test]
fn a_foreign_host_of_the_token_answer_ends_the_flow() {
    let provider = acme("learnt_foreign", LEARNT);
    for host in [
        "https://evil.example/",
        "https://evil.example#.my.acme.example.com",
        "my.acme.example.com",
        "https://x@api.acme.example.com",
    ] {
        let body = json!({"access_token": "A", "instance_url": host});
        let refusal = provider.read_token_answer(200, &body, 0).expect_err("it is foreign");
        assert_eq!(
            (refusal.error.as_str(), refusal.kind),
            ("value_not_allowed", RefusalKind::Unusable),
            "{host}"
        );
    }
}

#[test]
fn a_stored_host_is_checked_again_before_a_credential_goes_there() {
    let provider = acme("learnt_again", LEARNT);
    let foreign = variables(&[("instance", "evil.example"), ("company", "7")]);
    assert_eq!(provider.api_base_url(&foreign), Err(RenderError::HostNotAllowed("instance".to_owned())));
    assert!(carried_call(&provider, &oauth(), &foreign, "/x", None).is_err());
    let crooked = variables(&[("instance", "api.acme.example.com"), ("company", "7/../../admin")]);
    assert_eq!(provider.api_base_url(&crooked), Err(RenderError::ValueNotAllowed("company".to_owned())));
    assert_eq!(
        built_in("zendesk").api_base_url(&variables(&[("subdomain", "evil.example/")])),
        Err(RenderError::ValueNotAllowed("subdomain".to_owned()))
    );
}

#[test]
fn a_callbacks_parameters_are_checked_before_the_exchange() {
    let provider = acme("callback", LEARNT);
    let read =
        |value: &str| provider.read_callback(&BTreeMap::from([("companyId".to_owned(), value.to_owned())]));
    assert_eq!(read("42"), Ok(variables(&[("company", "42")])));
    assert_eq!(read("42/../x"), Err(AnswerError::WrongShape));
    assert_eq!(provider.read_callback(&BTreeMap::new()), Err(AnswerError::Missing));
}

#[test]
fn variables_of_the_identity_answer_are_checked_too() {
    let provider = acme("identity", LEARNT);
    assert_eq!(provider.kept_from_identity(&json!({"cell": "eu1"})), Ok(variables(&[("cell", "eu1")])));
    assert!(provider.kept_from_identity(&json!({"cell": "evil"})).is_err());
}

#[test]
fn a_host_follows_from_the_one_that_the_callback_has_told() {
    let provider = built_in("zoho_desk");
    let told = |server: &str| {
        let callback = BTreeMap::from([("accounts-server".to_owned(), server.to_owned())]);
        let kept = provider.read_callback(&callback)?;
        Ok(provider.api_base_url(&kept).expect("it is known").to_string())
    };
    assert_eq!(told("https://accounts.zoho.eu").as_deref(), Ok("https://desk.zoho.eu/api"));
    assert_eq!(told("https://accounts.zohocloud.ca").as_deref(), Ok("https://desk.zohocloud.ca/api"));
    assert_eq!(told("https://accounts.zoho.evil.example"), Err(AnswerError::WrongShape));
    let amazon = |address: &str| {
        let seller = variables(&[("seller_central", address), ("region", "evil")]);
        provider_url(&built_in("amazon"), &seller)
    };
    assert_eq!(amazon("sellercentral.amazon.de"), "https://sellingpartnerapi-eu.amazon.com/");
    assert_eq!(amazon("sellercentral.amazon.co.jp"), "https://sellingpartnerapi-fe.amazon.com/");
}

fn provider_url(provider: &panora_catalog::Provider, known: &panora_catalog::Variables) -> String {
    provider.api_base_url(known).expect("it is known").to_string()
}

/// Values may be listed for one host each: not for all those under a domain.
#[test]
fn what_follows_from_a_host_is_said_for_each() {
    let file = LEARNT.replace(
        "  - {name: cell,",
        "  - {name: cloud, from: {choice: instance}, values: {api.acme.example.com: a}}\n  - {name: cell,",
    );
    insta::assert_snapshot!(crate::support::problem("choice_of_hosts", &file), @r"
    11: variable `cloud` needs one of `values` for each `one_of`, or each host, of a variable `instance`
    ");
}
