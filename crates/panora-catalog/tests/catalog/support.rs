//! Catalogs and requests for tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::{fs, str};

use panora_catalog::{
    Access, AuthorizeInput, Call, CallError, Catalog, CatalogError, Client, Credential, ExchangeInput,
    HttpRequest, Provider, Variables,
};
use secrecy::SecretString;
use url::Url;

pub fn public_url() -> Url {
    Url::parse("http://127.0.0.1:3000/").expect("a URL")
}

/// A provider of the built-in files.
pub fn built_in(slug: &str) -> Arc<Provider> {
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| Catalog::load(None, &public_url()).expect("built-in files are sound"));
    CATALOG.get("", slug).expect("it is built in")
}

/// A folder of provider files, one for each test.
pub fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }
    dir
}

/// The provider `acme` of a test's own file.
pub fn acme(test: &str, text: &str) -> Arc<Provider> {
    let dir = folder(test, &[("acme.yaml", text)]);
    Catalog::load(Some(&dir), &public_url()).expect("the file is sound").get("", "acme").expect("it is there")
}

/// A sound OAuth file but for the sections, which the test gives.
pub fn oauth_file(sections: &str) -> String {
    format!(
        r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
{sections}
api: {{base_url: https://api.acme.example.com}}
"##
    )
}

/// The mistakes of a test's own file, one a line, without the folder's name.
pub fn problem(test: &str, text: &str) -> String {
    let dir = folder(test, &[("acme.yaml", text)]);
    match Catalog::load(Some(&dir), &public_url()) {
        Err(error @ CatalogError::File(_)) => {
            let place = format!("{}:", dir.join("acme.yaml").display());
            error.to_string().replace(&place, "")
        }
        other => panic!("it should be refused: {:?}", other.map(|_| "it was taken")),
    }
}

/// The mistakes of a sound file in which one thing is replaced, for each of these.
pub fn problems(test: &str, sound: &str, replaced: &[(&str, &str)]) -> Vec<String> {
    let problems = replaced.iter().enumerate().map(|(number, (from, to))| {
        assert!(sound.contains(from), "{from}");
        problem(&format!("{test}{number}"), &sound.replacen(from, to, 1))
    });
    problems.collect()
}

pub fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub fn client() -> Client {
    Client { id: "client-id".to_owned(), secret: Some(secret("client secret")) }
}

pub fn oauth() -> Credential {
    Credential::OAuth { access_token: secret("ACCESS") }
}

/// A request as text, with everything that is secret in it.
pub fn show(request: &HttpRequest) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        writeln!(text, "{name}: {value}").expect("a String takes all");
    }
    if let Some(body) = &request.body {
        writeln!(text, "{}", str::from_utf8(body).expect("bodies are UTF-8")).expect("a String takes all");
    }
    text
}

/// Every request that is made in the life of a connection of this provider.
pub fn life(provider: &Provider, variables: &Variables) -> String {
    let client = provider.built_in_client().unwrap_or_else(client);
    let scopes = provider.default_scopes();
    let redirect_uri = "http://127.0.0.1:3000/connections/oauth/callback";
    let authorize = AuthorizeInput {
        client_id: &client.id,
        redirect_uri,
        state: "STATE",
        code_challenge: Some("CHALLENGE"),
        scopes: &scopes,
        variables,
    };
    let mut text = format!("GET {}\n\n", provider.authorization_url(&authorize).expect("it renders"));
    let (code, verifier, access, refresh) =
        (secret("CODE"), secret("VERIFIER"), secret("ACCESS"), secret("REFRESH"));
    let exchange = ExchangeInput {
        client: &client,
        code: &code,
        code_verifier: Some(&verifier),
        redirect_uri,
        scopes: &scopes,
        variables,
    };
    let mut requests = vec![provider.code_exchange(&exchange).expect("it renders")];
    requests.extend(provider.identity_request(&oauth(), variables).expect("it renders"));
    requests.push(provider.refresh_request(&client, &refresh, variables).expect("it renders"));
    requests.extend(
        provider.revocation_requests(&client, &access, Some(&refresh), variables).expect("it renders"),
    );
    for request in &requests {
        text.push_str(&show(request));
        text.push('\n');
    }
    let call = carried_call(provider, &oauth(), variables, "/things?limit=2", None).expect("it renders");
    writeln!(text, "ANY {}", call.url).expect("a String takes all");
    for (name, value) in call.fixed_headers.iter().chain(&call.default_headers) {
        writeln!(text, "{name}: {value}").expect("a String takes all");
    }
    text
}

/// A call with what it carries.
#[derive(Debug)]
pub struct Carried {
    pub url: Url,
    pub shown_url: Url,
    pub fixed_headers: Vec<(String, String)>,
    pub default_headers: Vec<(String, String)>,
}

/// The one call of an access.
pub fn carried_call(
    provider: &Provider,
    credential: &Credential,
    variables: &Variables,
    path_and_query: &str,
    override_base_url: Option<&str>,
) -> Result<Carried, CallError> {
    let access = provider.access(credential, variables)?;
    let Call { url, shown_url } = provider.call(&access, path_and_query, override_base_url)?;
    let Access { fixed_headers, default_headers, .. } = access;
    Ok(Carried { url, shown_url, fixed_headers, default_headers })
}
