//! What a file must hold to beyond its grammar. Every rule answers with the line and what to do; none changes
//! the file.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::api::Request;
use super::check_auth::{CLIENT, carriers, check_auth, login_templates};
use super::check_authorization::check_authorization;
use super::check_urls::{check_all, check_names, check_url, no_base64, no_pointers};
use super::host::HostPattern;
use super::oauth::{ClientAuth, Encoding, GrantRequest, ScopesInToken};
use super::provider::{AuthKind, ProviderFile};
use super::template::{Part, is_name};
use super::variable::{Source, Variable};

/// Nothing, or the line and what is wrong there.
pub type Check = Result<(), (u64, String)>;

/// The words that connections may carry as their vertical.
const VERTICALS: &[&str] = &[
    "accounting",
    "analytics",
    "ats",
    "calendar",
    "communication",
    "crm",
    "developer",
    "ecommerce",
    "erp",
    "esignature",
    "filestorage",
    "hris",
    "knowledge",
    "marketingautomation",
    "payment",
    "productivity",
    "social",
    "ticketing",
];

/// Names that the server fills in, so that no file may declare them.
const RESERVED: &[&str] =
    &["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"];

pub fn check(file: &ProviderFile, stem: &str) -> Check {
    check_about(file, stem)?;
    check_variables(file)?;
    check_auth(file)?;
    check_authorization(file)?;
    check_oauth_urls(file)?;
    check_scopes(file)?;
    check_api(file)
}

pub(super) fn wrong<T>(line: u64, problem: impl Into<String>) -> Result<T, (u64, String)> {
    Err((line, problem.into()))
}

fn check_about(file: &ProviderFile, stem: &str) -> Check {
    let slug = &file.slug;
    if !is_name(&slug.value) || slug.value != stem {
        let problem =
            format!("slug `{}` must be the file's name, of lower-case letters, digits and _", slug.value);
        return wrong(slug.referenced.line(), problem);
    }
    let line = file.verticals.referenced.line();
    if file.verticals.value.is_empty() {
        return wrong(line, format!("name at least one vertical of: {}", VERTICALS.join(", ")));
    }
    if let Some(unknown) =
        file.verticals.value.iter().find(|vertical| !VERTICALS.contains(&vertical.as_str()))
    {
        return wrong(line, format!("unknown vertical `{unknown}`; known are {}", VERTICALS.join(", ")));
    }
    let colour = &file.colour.value;
    let hex = colour.strip_prefix('#').unwrap_or_default();
    if hex.len() != 6 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return wrong(
            file.colour.referenced.line(),
            format!("colour `{colour}` must be like \"#ff7a59\", quoted"),
        );
    }
    for link in std::iter::once(&file.docs).chain(&file.setup) {
        if !link.value.starts_with("https://") {
            return wrong(link.referenced.line(), "a link must begin with https://");
        }
    }
    Ok(())
}

fn check_variables(file: &ProviderFile) -> Check {
    let mut names = BTreeSet::new();
    for variable in file.variables.iter().chain(&file.credentials) {
        let (line, variable) = (variable.referenced.line(), &variable.value);
        let name = &variable.name;
        let pasted_client = file.auth == AuthKind::Oauth2ClientCredentials && CLIENT.contains(&name.as_str());
        if !is_name(name) || (RESERVED.contains(&name.as_str()) && !pasted_client) {
            return wrong(
                line,
                format!("variable `{name}`: take a name of a-z, 0-9, _ that is none of {RESERVED:?}"),
            );
        }
        if !names.insert(name) {
            return wrong(line, format!("variable `{name}` is declared twice"));
        }
        if matches!(variable.from, Source::Person | Source::App) && variable.label.is_empty() {
            return wrong(line, format!("variable `{name}` is asked for, so it needs a label"));
        }
        if variable.any_host {
            check_any_host(file, variable).map_err(|problem| (line, problem))?;
        }
        let known = variable.default.iter().chain(&variable.example).all(|value| variable.accepts(value));
        if !known {
            return wrong(
                line,
                format!("variable `{name}`: its default or example is a value that it refuses"),
            );
        }
    }
    for variable in &file.variables {
        check_choice(file, &variable.value).map_err(|problem| (variable.referenced.line(), problem))?;
    }
    let asks_in_secret =
        |it: &&Spanned<Variable>| it.value.secret == Some(true) && it.value.from != Source::App;
    if let Some(variable) = file.variables.iter().find(asks_in_secret) {
        return wrong(
            variable.referenced.line(),
            "only variables from `app` and credentials can be `secret`",
        );
    }
    let of_tenants = |variable: &&Spanned<Variable>| matches!(variable.value.from, Source::Tenant(_));
    if let (None, Some(variable)) = (&file.tenants, file.variables.iter().find(of_tenants)) {
        return wrong(variable.referenced.line(), "a variable from `tenant` needs the section `tenants`");
    }
    match file.credentials.iter().find(|field| field.value.from != Source::Person) {
        Some(field) => {
            wrong(field.referenced.line(), format!("credential `{}` cannot have `from`", field.value.name))
        }
        None => Ok(()),
    }
}

/// A host that nothing bounds gets nobody's credential but that of the person who names it, or of the integrator's.
fn check_any_host(file: &ProviderFile, variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    let typed = matches!(file.auth, AuthKind::ApiKey | AuthKind::Basic | AuthKind::TwoStep);
    match variable.from {
        Source::App => {}
        Source::Person if typed => {
            if let Some(secret) = file.variables.iter().find(|it| it.value.is_secret_of_app()) {
                return Err(format!(
                    "variable `{name}`: whoever names any host would be sent `{}`, a secret of the integrator's",
                    secret.value.name
                ));
            }
        }
        _ => {
            return Err(format!(
                "variable `{name}`: `any_host` is for api_key, basic and two_step, or `from: app`: nobody else may say where a credential goes"
            ));
        }
    }
    if variable.hosts.is_empty() && variable.one_of.is_empty() && variable.suffix.is_none() {
        return Ok(());
    }
    Err(format!("variable `{name}`: `any_host` says all; leave `hosts`, `one_of` and `suffix` out"))
}

/// A value for each choice, and no other.
fn check_choice(file: &ProviderFile, variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    let Source::Choice(of) = &variable.from else {
        let problem = format!("variable `{name}`: only `from: {{choice: name}}` has `values`");
        return if variable.values.is_empty() { Ok(()) } else { Err(problem) };
    };
    let other = file.variable(of);
    let hosts = other.into_iter().flat_map(|it| it.hosts.iter().map(HostPattern::single));
    let listed = other.into_iter().flat_map(|it| it.one_of.iter().map(|choice| Some(choice.as_str())));
    let choices: Option<BTreeSet<&str>> = listed.chain(hosts).collect();
    let values: BTreeSet<&str> = variable.values.keys().map(String::as_str).collect();
    if choices.is_some_and(|choices| !choices.is_empty() && choices == values) {
        return Ok(());
    }
    Err(format!(
        "variable `{name}` needs one of `values` for each `one_of`, or each host, of a variable `{of}`"
    ))
}

fn check_oauth_urls(file: &ProviderFile) -> Check {
    if let Some(authorization) = &file.authorization {
        check_url(file, &authorization.url, &[])?;
        check_all(file, authorization.parameters.values().flatten(), &["client_id"])?;
    }
    if let Some(oauth1) = &file.oauth1 {
        check_url(file, &oauth1.request_token_url, &[])?;
        check_url(file, &oauth1.access_token_url, &[])?;
        check_all(file, oauth1.realm.iter(), &[])?;
    }
    if let Some(token) = &file.token {
        check_url(file, &token.url, &[])?;
        let fields = file.credentials.iter().map(|field| field.value.name.as_str());
        let names: Vec<&str> = CLIENT.iter().copied().chain(fields).collect();
        check_all(file, login_templates(file), &names)?;
    }
    if let Some(then) = file.token.as_ref().and_then(|token| token.then.as_ref()) {
        check_grant_request(file, then)?;
    }
    if let Some(introspection) = file.token.as_ref().and_then(|token| token.introspection.as_ref()) {
        if file.auth != AuthKind::Oauth2Code {
            return wrong(introspection.request.url.line(), "only oauth2_code has `introspection`");
        }
        check_grant_request(file, &introspection.request)?;
    }
    if let Some(url) = &file.refresh.url {
        check_url(file, url, &[])?;
    }
    let names = &["client_id", "client_secret", "refresh_token"];
    check_all(file, file.refresh.parameters.values().flatten(), names)?;
    file.revocation
        .iter()
        .flat_map(|revocation| &revocation.requests)
        .try_for_each(|it| check_grant_request(file, it))
}

/// Only JSON has lists.
fn check_scopes(file: &ProviderFile) -> Check {
    let (Some(scopes), Some(token)) = (&file.scopes, &file.token) else { return Ok(()) };
    let sound = match scopes.in_token {
        None => return Ok(()),
        Some(ScopesInToken::List) => token.encoding == Encoding::Json && scopes.parameter.is_some(),
        Some(ScopesInToken::Text) => scopes.parameter.is_some(),
    };
    if sound {
        Ok(())
    } else {
        wrong(token.url.line(), "`scopes.in_token` needs a parameter, and a list JSON")
    }
}

fn check_grant_request(file: &ProviderFile, request: &GrantRequest) -> Check {
    let tokens = &["access_token", "refresh_token", "token", "client_id", "client_secret"];
    // A token in a URL ends in somebody's access log.
    check_url(file, &request.url, &["client_id"])?;
    check_all(file, request.headers.values(), tokens)?;
    check_all(file, request.parameters.values(), tokens)?;
    let names_token = request.headers.values().chain(request.parameters.values()).any(|template| {
        // A variable kept from the token answer names the grant as well as the token itself does.
        let kept = |name| {
            file.variable(name).is_some_and(|it| matches!(it.from, Source::Token(_) | Source::Claim(_)))
        };
        template
            .variables()
            .any(|name| matches!(name, "access_token" | "refresh_token" | "token") || kept(name))
    });
    if let Some(body) = &request.body {
        let line = body.referenced.line();
        if serde_json::from_str::<serde_json::Value>(&body.value).is_err() {
            return wrong(line, "the body of this request is no JSON");
        }
        if !request.parameters.is_empty() || request.client_auth == ClientAuth::Body {
            return wrong(line, "a request has a `body` or parameters, not both");
        }
    }
    // A signature names the token.
    if names_token || file.auth == AuthKind::Oauth1 {
        return Ok(());
    }
    wrong(
        request.url.line(),
        "a request about a grant must name it: {token}, {access_token}, {refresh_token} or a variable from `token`",
    )
}

fn check_api(file: &ProviderFile) -> Check {
    check_url(file, &file.api.base_url, &[])?;
    if file
        .api
        .base_url
        .parts()
        .iter()
        .any(|part| matches!(part, Part::Text(text) if text.contains(['?', '#'])))
    {
        return wrong(
            file.api.base_url.line(),
            "base_url may hold no `?` and no `#`: paths are appended to it",
        );
    }
    let mut secrets: Vec<&str> = file.credentials.iter().map(|field| field.value.name.as_str()).collect();
    if file.auth.has_access_token() {
        secrets.extend(["access_token", "client_id"]);
    }
    let (headers, others) = carriers(file);
    check_all(file, others, &secrets)?;
    // A URL ends in somebody's access log.
    if file.auth == AuthKind::Oauth2Code {
        secrets.push("client_secret");
    }
    check_all(file, headers, &secrets)?;
    let verify = file.verify.iter().map(|verify| &verify.request);
    let tenants = file.tenants.iter().map(|tenants| &tenants.request);
    let identity = file.identity.iter().flat_map(|identity| &identity.request);
    verify.chain(tenants).chain(identity).try_for_each(|request| check_request(file, request))?;
    let identity = file.identity.iter().flat_map(|it| it.id.iter().chain(&it.name).chain(&it.email));
    let tenants = file.tenants.iter().flat_map(|tenants| &tenants.name);
    identity.chain(tenants).try_for_each(|template| {
        no_base64(template)?;
        check_names(file, template, &[])
    })
}

fn check_request(file: &ProviderFile, request: &Request) -> Check {
    if let Some(body) = &request.body
        && serde_json::from_str::<serde_json::Value>(body).is_err()
    {
        return wrong(request.url.line(), "the body of this request is no JSON");
    }
    if request.url.starts_with("/") {
        no_pointers(&request.url)?;
        no_base64(&request.url)?;
        return check_names(file, &request.url, &[]);
    }
    check_url(file, &request.url, &[])
}
