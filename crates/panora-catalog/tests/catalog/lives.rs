//! Every request that every file of `catalog/` makes in the life of a connection, one snapshot a provider: read it
//! beside the provider's documentation. Only the files say what is rendered here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use http::Method;
use panora_catalog::{
    Account, AuthKind, AuthorizeInput, Credential, ExchangeInput, HttpRequest, Provider, Renewal,
    RequestToken, Stamp,
};
use secrecy::SecretString;

use crate::support::{built_in, client, secret, show};
use crate::values::{before_tenant, fields, known_variables};

const REDIRECT_URI: &str = "https://panora.example/connections/oauth/callback";

fn stamp() -> Stamp {
    Stamp { nonce: "NONCE".to_owned(), unix_seconds: 1_767_225_600 }
}

struct Life<'a> {
    provider: &'a Provider,
    text: String,
}

/// The names of a folder's files with this ending, without it.
fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it is readable").path());
    let of_kind = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    of_kind.map(|path| path.file_stem().expect("a file has a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn every_request_of_every_provider_goes_out_as_its_snapshot_shows() {
    for slug in &stems("../../catalog", "yaml") {
        let shown = life(&built_in(slug));
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(slug.as_str(), shown);
        });
    }
}

#[test]
fn no_snapshot_is_left_of_a_provider_that_is_gone() {
    let (shown, files) = (stems("tests/catalog/snapshots", "snap"), stems("../../catalog", "yaml"));
    assert_eq!(shown.difference(&files).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The values that the file itself gives as examples stand for what people would give.
fn life(provider: &Provider) -> String {
    let mut life = Life { provider, text: String::new() };
    let credential = match provider.auth_kind() {
        AuthKind::Oauth1 => life.signed_grant(),
        AuthKind::Oauth2Code => life.grant(),
        _ => life.form(),
    };
    life.calls(&credential);
    life.text.trim_end().to_owned()
}

impl Life<'_> {
    fn add(&mut self, what: &str, request: Option<HttpRequest>) {
        let Some(request) = request else { return };
        writeln!(self.text, "# {what}\n{}", show(&request.signed(&stamp()))).expect("a String takes all");
    }

    fn grant(&mut self) -> Credential {
        let provider = self.provider;
        let client = provider.built_in_client().unwrap_or_else(client);
        let mut variables = known_variables(provider);
        variables.extend(provider.kept_from_client(&client));
        let authorize = AuthorizeInput {
            client_id: &client.id,
            redirect_uri: REDIRECT_URI,
            state: "STATE",
            code_challenge: Some("CHALLENGE"),
            scopes: &provider.default_scopes(),
            variables: &variables,
        };
        let url = provider.authorization_url(&authorize).expect("the authorization renders");
        writeln!(self.text, "# authorization\nGET {url}\n").expect("a String takes all");
        let (code, verifier, access, refresh) =
            (secret("CODE"), secret("VERIFIER"), secret("ACCESS"), secret("REFRESH"));
        let exchange = ExchangeInput {
            client: &client,
            code: &code,
            code_verifier: Some(&verifier),
            redirect_uri: REDIRECT_URI,
            scopes: &provider.default_scopes(),
            variables: &variables,
        };
        self.add("exchange", Some(provider.code_exchange(&exchange).expect("the exchange renders")));
        let then = provider.then_exchange(&client, &access, &variables);
        self.add("then", then.expect("the second exchange renders"));
        let introspection = provider.introspection_request(&client, &access, &variables);
        self.add("introspection", introspection.expect("the introspection renders"));
        if provider.offers_refresh() {
            let renewal = Renewal::RefreshToken { client: &client, refresh_token: &refresh };
            let request = provider.renewal_request(renewal, &variables);
            self.add("refresh", Some(request.expect("the refresh renders")));
        }
        let requests = provider.revocation_requests(&client, &access, Some(&refresh), &variables);
        for request in requests.expect("the revocation renders") {
            self.add("revocation", Some(request));
        }
        if provider.calls_take_client() {
            return Credential::OAuthClient { client, access_token: access, token_secret: None };
        }
        Credential::OAuth { access_token: access }
    }

    fn signed_grant(&mut self) -> Credential {
        let (provider, client, variables) = (self.provider, client(), known_variables(self.provider));
        let callback = format!("{REDIRECT_URI}?state=STATE");
        let request = provider.request_token_request(&client, &callback, &variables);
        self.add("request token", Some(request.expect("it renders")));
        let temporary = RequestToken { token: "TEMPORARY".to_owned(), secret: secret("TEMPORARY SECRET") };
        let url = provider.oauth1_authorization_url(&temporary, &provider.default_scopes(), &variables);
        writeln!(self.text, "# authorization\nGET {}\n", url.expect("it renders"))
            .expect("a String takes all");
        let request = provider.access_token_request(&client, &temporary, &secret("VERIFIER"), &variables);
        self.add("access token", Some(request.expect("it renders")));
        let access = secret("ACCESS");
        let credential = Credential::OAuthClient {
            client: client.clone(),
            access_token: access.clone(),
            token_secret: Some(secret("ACCESS SECRET")),
        };
        let requests = provider.revocation_requests(&client, &access, None, &variables);
        for mut request in requests.expect("the revocation renders") {
            request.signing = provider.signing(&credential, &variables).expect("it renders");
            self.add("revocation", Some(request));
        }
        credential
    }

    fn form(&mut self) -> Credential {
        let (provider, fields) = (self.provider, fields(self.provider));
        if !provider.auth_kind().logs_in() {
            return Credential::Fields(fields);
        }
        let login = provider.renewal_request(Renewal::Login(&fields), &known_variables(provider));
        self.add("login", Some(login.expect("the login renders")));
        Credential::Session { access_token: SecretString::from("ACCESS"), fields }
    }

    fn calls(&mut self, credential: &Credential) {
        let provider = self.provider;
        let mut variables = known_variables(provider);
        variables.extend(provider.kept_from_client(&client()));
        let tenants =
            provider.tenants_request(credential, &before_tenant(provider)).expect("the tenants render");
        self.add("tenants", tenants);
        let identity = provider.identity_request(credential, &variables).expect("the identity renders");
        self.add("identity", identity.clone());
        let verify = provider.verify_request(credential, &variables).expect("the verification renders");
        self.add("verify", verify.filter(|request| identity.as_ref() != Some(request)));
        let access = provider.access(credential, &variables).expect("the access renders");
        let call = provider.call(&access, "/things?limit=2", None).expect("a call renders");
        let signed = access.signing.as_ref().map(|it| it.header(&Method::GET, &call.url, None, &stamp()));
        writeln!(self.text, "# call\nANY {}", call.url).expect("a String takes all");
        for (name, value) in access.fixed_headers.iter().chain(&signed).chain(&access.default_headers) {
            writeln!(self.text, "{name}: {value}").expect("a String takes all");
        }
        if identity.is_none() && provider.names_accounts() {
            let account: Account = provider.read_identity(&serde_json::Value::Null, &variables);
            writeln!(self.text, "\n# account\n{account:?}").expect("a String takes all");
        }
    }
}
