//! What a file must hold to beyond its grammar. Every rule answers with the line and what to do; none changes
//! the file, and each is looked at whatever the others found.

use super::check_api::check_api;
use super::check_auth::{CLIENT, check_auth, login_templates};
use super::check_authorization::check_authorization;
use super::check_urls::{check_all, check_url};
use super::check_variables::check_variables;
use super::error::{Mistake, told};
use super::nearest::did_you_mean;
use super::oauth::{ClientAuth, Encoding, GrantRequest, ScopesInToken};
use super::provider::{AuthKind, ProviderFile};
use super::template::is_name;
use super::variable::Source;

/// Nothing, or what is wrong and where.
pub type Check = Result<(), Mistake>;

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

/// What is wrong with a file, by line.
pub fn check(file: &ProviderFile, stem: &str) -> Vec<Mistake> {
    let checks = [
        check_about(file, stem),
        check_variables(file),
        check_auth(file),
        check_authorization(file),
        check_oauth_urls(file),
        vec![check_scopes(file)],
        check_api(file),
    ];
    let mut mistakes: Vec<_> = checks.into_iter().flatten().filter_map(Result::err).collect();
    mistakes.sort();
    told(mistakes)
}

pub(super) fn wrong<T>(line: u64, problem: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake::new(line, problem))
}

fn check_about(file: &ProviderFile, stem: &str) -> Vec<Check> {
    let links = std::iter::once(&file.docs).chain(&file.setup).map(|link| {
        if link.value.starts_with("https://") {
            return Ok(());
        }
        wrong(link.referenced.line(), "a link must begin with https://")
    });
    [check_slug(file, stem), check_verticals(file), check_colour(file)].into_iter().chain(links).collect()
}

fn check_slug(file: &ProviderFile, stem: &str) -> Check {
    let slug = &file.slug;
    if is_name(&slug.value) && slug.value == stem {
        return Ok(());
    }
    let problem =
        format!("slug `{}` must be the file's name, of lower-case letters, digits and _", slug.value);
    wrong(slug.referenced.line(), problem)
}

fn check_verticals(file: &ProviderFile) -> Check {
    let line = file.verticals.referenced.line();
    let known = VERTICALS.join(", ");
    if file.verticals.value.is_empty() {
        return wrong(line, format!("name at least one vertical of: {known}"));
    }
    match file.verticals.value.iter().find(|vertical| !VERTICALS.contains(&vertical.as_str())) {
        Some(unknown) => {
            let meant = did_you_mean(unknown, VERTICALS.iter().copied());
            wrong(line, format!("unknown vertical `{unknown}`; known are {known}{meant}"))
        }
        None => Ok(()),
    }
}

fn check_colour(file: &ProviderFile) -> Check {
    let colour = &file.colour.value;
    let hex = colour.strip_prefix('#').unwrap_or_default();
    if hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    wrong(file.colour.referenced.line(), format!("colour `{colour}` must be like \"#ff7a59\", quoted"))
}

fn check_oauth_urls(file: &ProviderFile) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(authorization) = &file.authorization {
        checks.push(check_url(file, &authorization.url, &[]));
        checks.extend(check_all(file, authorization.parameters.values().flatten(), &["client_id"]));
    }
    if let Some(oauth1) = &file.oauth1 {
        checks.push(check_url(file, &oauth1.request_token_url, &[]));
        checks.push(check_url(file, &oauth1.access_token_url, &[]));
        checks.extend(check_all(file, oauth1.realm.iter(), &[]));
    }
    checks.extend(check_token(file));
    checks.extend(file.refresh.url.iter().map(|url| check_url(file, url, &[])));
    let names = &["client_id", "client_secret", "refresh_token"];
    checks.extend(check_all(file, file.refresh.parameters.values().flatten(), names));
    let revocations = file.revocation.iter().flat_map(|revocation| &revocation.requests);
    checks.extend(revocations.flat_map(|it| check_grant_request(file, it)));
    checks
}

fn check_token(file: &ProviderFile) -> Vec<Check> {
    let Some(token) = &file.token else { return Vec::new() };
    let mut checks = vec![check_url(file, &token.url, &[])];
    let fields = file.credentials.iter().map(|field| field.value.name.as_str());
    let names: Vec<&str> = CLIENT.iter().copied().chain(fields).collect();
    checks.extend(check_all(file, login_templates(file), &names));
    checks.extend(token.then.iter().flat_map(|then| check_grant_request(file, then)));
    if let Some(introspection) = &token.introspection {
        if file.auth == AuthKind::Oauth2Code {
            checks.extend(check_grant_request(file, &introspection.request));
        } else {
            checks.push(wrong(introspection.request.url.line(), "only oauth2_code has `introspection`"));
        }
    }
    checks
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

fn check_grant_request(file: &ProviderFile, request: &GrantRequest) -> Vec<Check> {
    let tokens = &["access_token", "refresh_token", "token", "client_id", "client_secret"];
    // A token in a URL ends in somebody's access log.
    let mut checks = vec![check_url(file, &request.url, &["client_id"])];
    checks.extend(check_all(file, request.headers.values().chain(request.parameters.values()), tokens));
    checks.push(check_body(request));
    checks.push(check_names_grant(file, request));
    checks
}

fn check_body(request: &GrantRequest) -> Check {
    let Some(body) = &request.body else { return Ok(()) };
    let line = body.referenced.line();
    if serde_json::from_str::<serde_json::Value>(&body.value).is_err() {
        return wrong(line, "the body of this request is no JSON");
    }
    if !request.parameters.is_empty() || request.client_auth == ClientAuth::Body {
        return wrong(line, "a request has a `body` or parameters, not both");
    }
    Ok(())
}

fn check_names_grant(file: &ProviderFile, request: &GrantRequest) -> Check {
    let names_token = request.headers.values().chain(request.parameters.values()).any(|template| {
        // A variable kept from the token answer names the grant as well as the token itself does.
        let kept = |name| {
            file.variable(name).is_some_and(|it| matches!(it.from, Source::Token(_) | Source::Claim(_)))
        };
        template
            .variables()
            .any(|name| matches!(name, "access_token" | "refresh_token" | "token") || kept(name))
    });
    // A signature names the token.
    if names_token || file.auth == AuthKind::Oauth1 {
        return Ok(());
    }
    wrong(
        request.url.line(),
        "a request about a grant must name it: {token}, {access_token}, {refresh_token} or a variable from `token`",
    )
}
