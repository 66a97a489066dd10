//! What each kind of authorisation must have, and may not have.

use super::check::{Check, wrong};
use super::oauth::{ClientAuth, Pkce};
use super::provider::{AuthKind, ProviderFile};
use super::template::Template;

/// What stands for the client where it may be named.
pub(super) const CLIENT: &[&str] = &["client_id", "client_secret"];

pub(super) fn check_auth(file: &ProviderFile) -> Check {
    let line = file.slug.referenced.line();
    let kind = file.auth.as_str();
    if file.oauth1.is_some() && file.auth != AuthKind::Oauth1 {
        return wrong(line, "only the kind oauth1 has a section `oauth1`");
    }
    match file.auth {
        AuthKind::Oauth1 => return check_oauth1(file),
        AuthKind::Oauth2Code => {
            let whole = file.authorization.is_some() && file.token.is_some() && file.scopes.is_some();
            if !whole {
                let problem =
                    "oauth2_code needs `authorization`, `token` and `scopes` (`default: []` for none)";
                return wrong(line, problem);
            }
            if !file.credentials.is_empty() {
                return wrong(line, "oauth2_code has no `credentials`: what it asks for are `variables`");
            }
            return Ok(());
        }
        AuthKind::Oauth2ClientCredentials => {
            if file.token.is_none() || file.scopes.is_none() {
                return wrong(line, format!("{kind} needs `token` and `scopes` (`default: []` for none)"));
            }
            let asks_for = |name: &&&str| file.credentials.iter().any(|it| it.value.name == **name);
            if CLIENT.iter().filter(asks_for).count() < CLIENT.len() {
                return wrong(line, format!("{kind} needs the `credentials` client_id and client_secret"));
            }
        }
        AuthKind::TwoStep => {
            if file.token.is_none() || file.scopes.is_some() {
                return wrong(line, "two_step needs `token`, the login request, and has no `scopes`");
            }
        }
        AuthKind::ApiKey | AuthKind::Basic => {
            if file.token.is_some() || file.scopes.is_some() {
                return wrong(line, format!("{kind} has no `token` and no `scopes`"));
            }
        }
    }
    if file.authorization.is_some() || file.revocation.is_some() {
        return wrong(line, "only oauth2_code and oauth1 have `authorization` and `revocation`");
    }
    check_credentials(file)
}

/// Its requests are signed, so what proves a client otherwise has no place.
fn check_oauth1(file: &ProviderFile) -> Check {
    let line = file.slug.referenced.line();
    let (Some(authorization), Some(_), Some(_)) = (&file.authorization, &file.oauth1, &file.scopes) else {
        return wrong(line, "oauth1 needs `oauth1`, `authorization` and `scopes` (`default: []` for none)");
    };
    if file.token.is_some() || !file.credentials.is_empty() {
        return wrong(
            line,
            "oauth1 has no `token` and no `credentials`: its URLs are in the section `oauth1`",
        );
    }
    let plain = authorization.issuer.is_none()
        && !authorization.sends_issuer
        && authorization.signature.is_none()
        && authorization.pkce == Pkce::S256
        && authorization.code_parameter == "code";
    if !plain {
        return wrong(
            authorization.url.line(),
            "the authorization of oauth1 has `url`, `parameters` and `names` only",
        );
    }
    let mut revocations = file.revocation.iter().flat_map(|revocation| &revocation.requests);
    match revocations.find(|request| request.client_auth != ClientAuth::None) {
        Some(request) => wrong(request.url.line(), "requests of oauth1 are signed: no `client_auth`"),
        None => Ok(()),
    }
}

/// Each field of the form must have a use.
fn check_credentials(file: &ProviderFile) -> Check {
    if file.credentials.is_empty() {
        let problem = format!("{} needs `credentials`: the fields of its form", file.auth.as_str());
        return wrong(file.slug.referenced.line(), problem);
    }
    let proves_client = file.auth == AuthKind::Oauth2ClientCredentials;
    let used = |name: &str| {
        let (headers, others) = carriers(file);
        let mut templates = headers.chain(others).chain(login_templates(file));
        proves_client && CLIENT.contains(&name)
            || templates.any(|template| template.variables().any(|variable| variable == name))
    };
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

/// What the token request holds besides the standard parameters.
pub(super) fn login_templates(file: &ProviderFile) -> impl Iterator<Item = &Template> {
    file.token.iter().flat_map(|token| {
        let basic = token.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
        token.headers.values().chain(token.parameters.values().flatten()).chain(basic)
    })
}

/// Where a call carries its credential: in headers, and elsewhere.
pub(super) fn carriers(
    file: &ProviderFile,
) -> (impl Iterator<Item = &Template>, impl Iterator<Item = &Template>) {
    let basic = file.api.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
    (file.api.headers.values(), file.api.query.values().chain(basic))
}
