//! Where a file may name the OAuth client, and what else its requests may hold.

use insta::assert_snapshot;
use panora_catalog::Provider;

use crate::support::{acme, carried_call, client, oauth, oauth_file, secret, show, variables};

fn revocations(provider: &Provider, pairs: &[(&str, &str)]) -> String {
    let requests = provider.revocation_requests(&client(), &secret("ACCESS"), None, &variables(pairs));
    requests.expect("they render").iter().map(show).collect()
}

#[test]
fn a_revocation_proves_the_client_in_the_providers_own_way() {
    let file = oauth_file(
        r#"
variables:
  - {name: account, from: {token: /account}}
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
revocation:
  requests:
    - url: https://acme.example.com/named
      client_auth: body
      encoding: json
      names: {client_id: clientId, client_secret: clientSecret}
      parameters: {accessToken: "{access_token}"}
    - url: https://acme.example.com/by_secret
      headers: {Authorization: "Client {client_secret}"}
      parameters: {client_id: "{client_id}", account: "{account}"}
    - url: https://acme.example.com/graphql
      headers: {Authorization: "Bearer {access_token}"}
      body: '{"query": "mutation { disconnect { done } }"}'
"#,
    );
    let provider = acme("revoked_in_its_own_way", &file);
    assert_snapshot!(revocations(&provider, &[("account", "a1")]), @r#"
    POST https://acme.example.com/named
    Accept: application/json
    Content-Type: application/json
    {"accessToken":"ACCESS","clientId":"client-id","clientSecret":"client secret"}
    POST https://acme.example.com/by_secret
    Authorization: Client client secret
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded
    account=a1&client_id=client-id
    POST https://acme.example.com/graphql
    Authorization: Bearer ACCESS
    Accept: application/json
    Content-Type: application/json
    {"query": "mutation { disconnect { done } }"}
    "#);
}

#[test]
fn a_call_may_name_the_client_that_the_connection_was_made_with() {
    let file = oauth_file(
        r"
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
",
    );
    let file =
        file.replace("api.acme.example.com}", "api.acme.example.com, headers: {X-Client: \"{client_id}\"}}");
    let provider = acme("named_client", &file);
    let kept = provider.kept_from_client(&client());
    let call = carried_call(&provider, &oauth(), &kept, "/", None).expect("it renders");
    assert_eq!(call.fixed_headers[1], ("X-Client".to_owned(), "client-id".to_owned()));
}

#[test]
fn a_header_may_be_base64_of_several_values() {
    let file = oauth_file(
        r"
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
",
    );
    let header = r#"api.acme.example.com, headers: {Authorization: "Key base64(me:{access_token})!"}}"#;
    let provider = acme("base64", &file.replace("api.acme.example.com}", header));
    let call = carried_call(&provider, &oauth(), &variables(&[]), "/", None).expect("it renders");
    assert_eq!(call.fixed_headers[0].1, "Key bWU6QUNDRVNT!");
}

#[test]
fn what_names_the_tenant_is_left_out_while_the_tenants_are_listed() {
    let file = oauth_file(
        r"
variables:
  - {name: site, from: {tenant: /id}}
authorization: {url: https://acme.example.com/authorize}
token: {url: https://acme.example.com/token}
scopes: {default: []}
tenants: {request: {url: /sites}, name: ['{/name}']}
",
    );
    let more = r#"api.acme.example.com, headers: {X-Site: "{site}"}, query: {site: "{site}"}}"#;
    let provider = acme("before_tenant", &file.replace("api.acme.example.com}", more));
    let request =
        provider.tenants_request(&oauth(), &variables(&[])).expect("it renders").expect("there is one");
    assert_snapshot!(show(&request), @r#"
    GET https://api.acme.example.com/sites
    Authorization: Bearer ACCESS
    Accept: application/json
    "#);
    let call =
        carried_call(&provider, &oauth(), &variables(&[("site", "s1")]), "/", None).expect("it renders");
    assert_eq!(call.url.query(), Some("site=s1"));
    assert_eq!(call.fixed_headers[0].1, "Bearer ACCESS", "a query without the token carries no credential");
    assert!(
        carried_call(&provider, &oauth(), &variables(&[]), "/", None).is_err(),
        "a call needs the tenant"
    );
}
