//! Hosts that nothing bounds: of a shop on a server of its own, named by the person who brings its key.

use panora_catalog::{AnswerError, RenderError};

use crate::support::{acme, built_in, carried_call, oauth_file, problem, secret, variables};

#[test]
fn a_shop_is_named_by_its_host_or_by_any_address_of_it() {
    let provider = built_in("woocommerce");
    let questions = provider.questions();
    let store = questions.iter().find(|question| question.name() == "store").expect("it is asked");
    for pasted in ["shop.example.com", " HTTPS://Shop.Example.com:443/wp-admin/?a=b#c", "shop.example.com/"] {
        assert_eq!(store.normalize(pasted).as_deref(), Ok("shop.example.com"), "{pasted}");
    }
    assert_eq!(store.normalize("xn--mller-kva.example").as_deref(), Ok("xn--mller-kva.example"));
    for wrong in
        ["shop", "user@shop.example.com", "shop..example.com", "[::1]", "-a.example.com", "a b.example.com"]
    {
        assert_eq!(store.normalize(wrong), Err(AnswerError::WrongShape), "{wrong}");
    }
    let long = format!("{}.example.com", ["a"; 130].join("."));
    assert_eq!(store.normalize(&long), Err(AnswerError::WrongShape));
}

#[test]
fn the_key_goes_to_that_host_and_a_kept_value_that_is_none_goes_nowhere() {
    let provider = built_in("woocommerce");
    let credential = panora_catalog::Credential::Fields(
        [("consumer_key", "ck_1"), ("consumer_secret", "cs_1")]
            .map(|(name, value)| (name.to_owned(), secret(value)))
            .into(),
    );
    let url = |store: &str| {
        let call =
            carried_call(&provider, &credential, &variables(&[("store", store)]), "/wc/v3/orders", None);
        call.map(|call| call.url.to_string())
    };
    assert_eq!(url("shop.example.com").as_deref(), Ok("https://shop.example.com/wp-json/wc/v3/orders"));
    for wrong in ["shop.example.com/evil", "a@b.example.com", "shop.example.com:8080"] {
        let refused = RenderError::HostNotAllowed("store".to_owned());
        assert_eq!(url(wrong), Err(refused.into()), "{wrong}");
    }
}

#[test]
fn an_integrator_may_name_a_host_for_everybody() {
    let file = oauth_file(
        r"
variables: [{name: host, from: app, label: Host of your server, any_host: true}]
authorization: {url: 'https://{host}/authorize'}
token: {url: 'https://{host}/token'}
scopes: {default: []}
",
    );
    let provider = acme("any_host_of_app", &file);
    let host = |host: &str| provider.authorization_host(&variables(&[("host", host)]));
    assert_eq!(host("git.example.org").as_deref(), Some("git.example.org"));
    assert_eq!(host("git.example.org/x"), None);
}

#[test]
fn no_secret_of_the_integrator_goes_to_a_host_that_a_person_names() {
    let file = |secret: &str| {
        format!(
            r##"slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
variables:
  - {{name: host, label: Host, any_host: true}}
  - {{name: partner, from: app, label: Partner token{secret}}}
credentials: [{{name: key, label: Key}}]
api: {{base_url: "https://{{host}}", headers: {{X-Key: "{{key}}", X-Partner: "{{partner}}"}}}}
"##
        )
    };
    insta::assert_snapshot!(problem("any_host_secret", &file(", secret: true")), @"8: variable `host`: whoever names any host would be sent `partner`, a secret of the integrator's");
    acme("any_host_no_secret", &file(""));
}
