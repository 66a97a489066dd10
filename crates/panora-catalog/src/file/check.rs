//! What a file must hold to beyond its grammar. Every rule answers with the line and what to do; none changes
//! the file.

use std::collections::BTreeSet;

use super::api::Request;
use super::oauth::RevocationRequest;
use super::provider::{AuthKind, ProviderFile};
use super::template::{Part, Template, is_name};
use super::variable::{Source, Variable};

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
const RESERVED: &[&str] = &["public_url", "access_token", "refresh_token", "token", "client_id"];

pub fn check(file: &ProviderFile, stem: &str) -> Check {
    check_about(file, stem)?;
    check_variables(file)?;
    check_auth(file)?;
    check_oauth_urls(file)?;
    check_api(file)
}

fn wrong<T>(line: u64, problem: impl Into<String>) -> Result<T, (u64, String)> {
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
        if !is_name(name) || RESERVED.contains(&name.as_str()) {
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
        let known = variable.default.iter().chain(&variable.example).all(|value| variable.accepts(value));
        if !known {
            return wrong(
                line,
                format!("variable `{name}`: its default or example is a value that it refuses"),
            );
        }
    }
    match file.credentials.iter().find(|field| field.value.from != Source::Person) {
        Some(field) => {
            wrong(field.referenced.line(), format!("credential `{}` cannot have `from`", field.value.name))
        }
        None => Ok(()),
    }
}

fn check_auth(file: &ProviderFile) -> Check {
    let line = file.slug.referenced.line();
    if file.auth == AuthKind::Oauth2Code {
        let whole = file.authorization.is_some() && file.token.is_some() && file.scopes.is_some();
        if !whole {
            return wrong(
                line,
                "oauth2_code needs `authorization`, `token` and `scopes` (`default: []` for none)",
            );
        }
        if !file.credentials.is_empty() {
            return wrong(line, "oauth2_code has no `credentials`: what it asks for are `variables`");
        }
        return Ok(());
    }
    let oauth = file.authorization.is_some() || file.token.is_some() || file.scopes.is_some();
    if oauth || file.revocation.is_some() {
        return wrong(line, "only oauth2_code has `authorization`, `token`, `scopes` and `revocation`");
    }
    if file.credentials.is_empty() {
        return wrong(line, "api_key and basic need `credentials`: the fields of their form");
    }
    let used =
        |name: &str| carriers(file).any(|template| template.variables().any(|variable| variable == name));
    match file.credentials.iter().find(|field| !used(&field.value.name)) {
        Some(field) => wrong(
            field.referenced.line(),
            format!(
                "credential `{}` is sent nowhere: name it in api.headers, api.query or api.basic",
                field.value.name
            ),
        ),
        None => Ok(()),
    }
}

/// Where a call carries its credential.
fn carriers(file: &ProviderFile) -> impl Iterator<Item = &Template> {
    let basic = file.api.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
    file.api.headers.values().chain(file.api.query.values()).chain(basic)
}

fn check_oauth_urls(file: &ProviderFile) -> Check {
    if let Some(authorization) = &file.authorization {
        check_url(file, &authorization.url, &[])?;
        check_all(file, authorization.parameters.values().flatten(), &["client_id"])?;
    }
    if let Some(token) = &file.token {
        check_url(file, &token.url, &[])?;
        check_all(file, token.headers.values(), &[])?;
        check_all(file, token.parameters.values().flatten(), &["client_id"])?;
    }
    if let Some(url) = &file.refresh.url {
        check_url(file, url, &[])?;
    }
    check_all(file, file.refresh.parameters.values().flatten(), &["client_id", "refresh_token"])?;
    file.revocation
        .iter()
        .flat_map(|revocation| &revocation.requests)
        .try_for_each(|it| check_revocation(file, it))
}

fn check_revocation(file: &ProviderFile, request: &RevocationRequest) -> Check {
    let tokens = &["access_token", "refresh_token", "token", "client_id"];
    // A token in a URL ends in somebody's access log.
    check_url(file, &request.url, &["client_id"])?;
    check_all(file, request.headers.values(), tokens)?;
    check_all(file, request.parameters.values(), tokens)?;
    let names_token = request.headers.values().chain(request.parameters.values()).any(|template| {
        template.variables().any(|name| matches!(name, "access_token" | "refresh_token" | "token"))
    });
    if names_token {
        return Ok(());
    }
    wrong(request.url.line(), "a revocation must name the token: {token}, {access_token} or {refresh_token}")
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
    if file.auth == AuthKind::Oauth2Code {
        secrets.push("access_token");
    }
    check_all(file, carriers(file), &secrets)?;
    let verify = file.verify.iter().map(|verify| &verify.request);
    let identity = file.identity.iter().flat_map(|identity| &identity.request);
    verify.chain(identity).try_for_each(|request| check_request(file, request))?;
    file.identity
        .iter()
        .flat_map(|identity| identity.id.iter().chain(&identity.name).chain(&identity.email))
        .try_for_each(|template| check_names(file, template, &[]))
}

fn check_request(file: &ProviderFile, request: &Request) -> Check {
    if let Some(body) = &request.body
        && serde_json::from_str::<serde_json::Value>(body).is_err()
    {
        return wrong(request.url.line(), "the body of this request is no JSON");
    }
    if request.url.starts_with("/") {
        no_pointers(&request.url)?;
        return check_names(file, &request.url, &[]);
    }
    check_url(file, &request.url, &[])
}

fn check_all<'a>(file: &ProviderFile, templates: impl Iterator<Item = &'a Template>, also: &[&str]) -> Check {
    for template in templates {
        no_pointers(template)?;
        check_names(file, template, also)?;
    }
    Ok(())
}

fn no_pointers(template: &Template) -> Check {
    if template.parts().iter().any(|part| matches!(part, Part::Pointer(_))) {
        return wrong(
            template.line(),
            format!("`{template}`: only `identity` may read an answer's {{/pointer}}"),
        );
    }
    Ok(())
}

fn check_names(file: &ProviderFile, template: &Template, also: &[&str]) -> Check {
    let known = |name: &str| name == "public_url" || also.contains(&name) || file.variable(name).is_some();
    match template.variables().find(|name| !known(name)) {
        Some(name) => {
            wrong(template.line(), format!("`{{{name}}}` is not known here: declare it under `variables`"))
        }
        None => Ok(()),
    }
}

/// A URL that a credential may go to: https, and its host known but for variables whose values are bounded.
fn check_url(file: &ProviderFile, url: &Template, also: &[&str]) -> Check {
    no_pointers(url)?;
    check_names(file, url, also)?;
    if url.starts_with_variable("public_url") {
        return match url.parts().get(1) {
            None => Ok(()),
            Some(Part::Text(text)) if text.starts_with('/') => Ok(()),
            Some(_) => wrong(url.line(), "`{public_url}` is followed by a path, which begins with `/`"),
        };
    }
    if !url.starts_with("https://") {
        return wrong(url.line(), format!("`{url}` must begin with https:// or {{public_url}}/"));
    }
    let host = host_parts(url);
    for (place, part) in host.iter().enumerate() {
        check_host_part(file, url.line(), part, host.get(place + 1), host.len())?;
    }
    Ok(())
}

/// The pieces of a template's host, its scheme cut off.
fn host_parts(url: &Template) -> Vec<Part> {
    let mut host = Vec::new();
    for (place, part) in url.parts().iter().enumerate() {
        let Part::Text(text) = part else {
            host.push(part.clone());
            continue;
        };
        let text = if place == 0 { text.trim_start_matches("https://") } else { text };
        let end = text.find(['/', '?', '#']);
        let inside = &text[..end.unwrap_or(text.len())];
        if !inside.is_empty() {
            host.push(Part::Text(inside.to_owned()));
        }
        if end.is_some() {
            break;
        }
    }
    host
}

fn check_host_part(file: &ProviderFile, line: u64, part: &Part, next: Option<&Part>, parts: usize) -> Check {
    match part {
        Part::Text(text) => {
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
            if text.bytes().all(plain) {
                return Ok(());
            }
            wrong(line, format!("`{text}` in a host: lower-case letters, digits, `-` and `.` only"))
        }
        Part::Variable(name) => match file.variable(name) {
            Some(variable) => check_host_variable(line, variable, next, parts),
            None => wrong(line, format!("`{{{name}}}` cannot stand in a host")),
        },
        Part::Pointer(_) => wrong(line, "a host cannot come from a pointer"),
    }
}

fn check_host_variable(line: u64, variable: &Variable, next: Option<&Part>, parts: usize) -> Check {
    let name = &variable.name;
    if !variable.hosts.is_empty() {
        return match parts {
            1 => Ok(()),
            _ => wrong(
                line,
                format!("`{name}` is a whole host (it has `hosts`), so nothing may stand beside it"),
            ),
        };
    }
    if !variable.one_of.is_empty() {
        return Ok(());
    }
    // Someone who chooses the last labels of a host chooses whose host it is.
    let bounded = matches!(next, Some(Part::Text(text)) if text.starts_with('.') && text[1..].contains('.'));
    match &variable.pattern {
        None => wrong(line, format!("`{name}` stands in a host, so it needs `pattern`, `one_of` or `hosts`")),
        Some(_) if !bounded => {
            wrong(line, format!("`{{{name}}}` must be followed by the provider's domain, like .acme.com"))
        }
        Some(pattern)
            if ["a.b", "a/b", "a@b", "a:1", "a#b", "a?b"].iter().any(|text| pattern.matches(text)) =>
        {
            wrong(
                line,
                format!("`{name}` stands in a host: its pattern may match no `.`, `/`, `@`, `:`, `?` or `#`"),
            )
        }
        Some(_) => Ok(()),
    }
}
