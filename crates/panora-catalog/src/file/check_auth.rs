//! What each kind of authorisation must have, and may not have.

use super::check::{Check, wrong};
use super::oauth::{ClientAuth, Pkce};
use super::provider::{AuthKind, ProviderFile};
use super::template::Template;

/// What stands for the client where it may be named.
pub(super) const CLIENT: &[&str] = &["client_id", "client_secret"];

/// The sections that are there for some kinds only, and whether a file has them.
type Section = (&'static str, fn(&ProviderFile) -> bool);
const SECTIONS: &[Section] = &[
    ("authorization", |file| file.authorization.is_some()),
    ("token", |file| file.token.is_some()),
    ("oauth1", |file| file.oauth1.is_some()),
    ("scopes", |file| file.scopes.is_some()),
    ("credentials", |file| !file.credentials.is_empty()),
    ("revocation", |file| file.revocation.is_some()),
];

pub(super) fn check_auth(file: &ProviderFile) -> Vec<Check> {
    let line = file.slug.referenced.line();
    let lacking = lacking(file.auth, |section| has(file, section)).map(|problem| wrong(line, problem));
    let unwanted = unwanted(file).map(|problem| wrong(line, problem));
    lacking
        .into_iter()
        .chain(unwanted)
        .chain([check_oauth1(file), check_client(file), check_credentials(file)])
        .collect()
}

fn has(file: &ProviderFile, section: &str) -> bool {
    SECTIONS.iter().any(|(name, is_there)| *name == section && is_there(file))
}

fn needed(kind: AuthKind) -> &'static [&'static str] {
    match kind {
        AuthKind::Oauth2Code => &["authorization", "token", "scopes"],
        AuthKind::Oauth1 => &["authorization", "oauth1", "scopes"],
        AuthKind::Oauth2ClientCredentials => &["credentials", "token", "scopes"],
        AuthKind::TwoStep => &["credentials", "token"],
        AuthKind::ApiKey | AuthKind::Basic => &["credentials"],
    }
}

/// The sections that a file of this kind needs and has not.
pub(super) fn lacking(kind: AuthKind, has: impl Fn(&str) -> bool) -> Option<String> {
    let lacking: Vec<_> =
        needed(kind).iter().filter(|section| !has(section)).map(|it| explained(it)).collect();
    (!lacking.is_empty()).then(|| format!("{} needs {}", kind.as_str(), listed(&lacking, " and ")))
}

fn explained(section: &str) -> String {
    match section {
        "scopes" => "`scopes` (`default: []` for none)".to_owned(),
        "credentials" => "`credentials` (the fields of its form)".to_owned(),
        section => format!("`{section}`"),
    }
}

fn unwanted(file: &ProviderFile) -> Option<String> {
    let kind = file.auth;
    let optional = |section: &str| section == "revocation" && kind.redirects();
    let unwanted: Vec<_> = SECTIONS
        .iter()
        .filter(|(section, is_there)| is_there(file) && !needed(kind).contains(section) && !optional(section))
        .map(|(section, _)| format!("no `{section}`"))
        .collect();
    let instead = match kind {
        AuthKind::Oauth2Code if has(file, "credentials") => ": what it asks for are `variables`",
        AuthKind::Oauth1 => ": its URLs are in the section `oauth1`",
        _ => "",
    };
    let listed = listed(&unwanted, " and ");
    (!unwanted.is_empty()).then(|| format!("{} takes {listed}{instead}", kind.as_str()))
}

/// `a, b and c`
pub(super) fn listed(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [first @ .., end] => format!("{}{last}{end}", first.join(", ")),
    }
}

/// Its requests are signed, so what proves a client otherwise has no place.
fn check_oauth1(file: &ProviderFile) -> Check {
    let (AuthKind::Oauth1, Some(authorization)) = (file.auth, &file.authorization) else { return Ok(()) };
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

/// The client is pasted with the rest.
fn check_client(file: &ProviderFile) -> Check {
    let asks_for = |name: &str| file.credentials.iter().any(|it| it.value.name == name);
    let lacking: Vec<_> =
        CLIENT.iter().filter(|name| !asks_for(name)).map(|name| format!("`{name}`")).collect();
    match file.credentials.first() {
        Some(first) if file.auth == AuthKind::Oauth2ClientCredentials && !lacking.is_empty() => {
            let lacking = listed(&lacking, " and ");
            wrong(
                first.referenced.line(),
                format!("the credentials of {} need {lacking}", file.auth.as_str()),
            )
        }
        _ => Ok(()),
    }
}

/// Each field of the form must have a use.
fn check_credentials(file: &ProviderFile) -> Check {
    let proves_client = file.auth == AuthKind::Oauth2ClientCredentials;
    let (headers, others) = carriers(file);
    let templates: Vec<_> = headers.chain(others).chain(login_templates(file)).collect();
    let used = |name: &str| {
        proves_client && CLIENT.contains(&name)
            || templates.iter().any(|template| template.variables().any(|variable| variable == name))
    };
    // A name that is not known is probably this one, mistyped: its own line says so.
    let mistyped =
        templates.iter().flat_map(|template| template.variables()).any(|name| !is_known(file, name));
    if mistyped || file.auth.redirects() {
        return Ok(());
    }
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

fn is_known(file: &ProviderFile, name: &str) -> bool {
    let declared = file.variables.iter().chain(&file.credentials).any(|it| it.value.name == name);
    declared || matches!(name, "public_url" | "access_token") || CLIENT.contains(&name)
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
