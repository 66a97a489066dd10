//! What an authorization request may say of itself. All providers send the browser back to one address, so that what ties
//! an answer to its request is the server's to say: a file that said it could pass another provider's code off as its own.

use super::check::{Check, wrong};
use super::oauth::Authorization;
use super::provider::ProviderFile;
use super::template::{Part, Template};
use super::variable::Source;

/// Filled in by the server.
const OURS: &[&str] = &[
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "oauth_token",
    "redirect_uri",
    "response_type",
    "state",
];
/// Those that a file may leave out, where the provider calls them otherwise or does not want them.
const OPTIONAL: &[&str] = &["client_id", "redirect_uri", "response_type"];

pub(super) fn check_authorization(file: &ProviderFile) -> Vec<Check> {
    let Some(authorization) = &file.authorization else { return Vec::new() };
    let parameters = authorization.parameters.iter();
    let parameters =
        parameters.map(|(name, template)| check_parameter(file, authorization, (name, template.as_ref())));
    parameters.chain([check_names_ours(file, authorization)]).collect()
}

fn check_names_ours(file: &ProviderFile, authorization: &Authorization) -> Check {
    let line = authorization.url.line();
    if let Some(name) = authorization.names.values().find(|name| OURS.contains(&name.as_str())) {
        return wrong(line, format!("`names` calls no other parameter `{name}`, which the server fills in"));
    }
    let scopes = file.scopes.iter().flat_map(|scopes| scopes.parameter.iter().chain(scopes.more.keys()));
    if let Some(name) = scopes.into_iter().find(|name| is_ours(authorization, name)) {
        return wrong(line, format!("no scopes stand in `{name}`, which the server fills in"));
    }
    if let Some(name) = names_in_query(&authorization.url).find(|name| is_ours(authorization, name)) {
        return wrong(line, format!("the URL's own query holds no `{name}`, which the server fills in"));
    }
    if authorization.sends_issuer && authorization.issuer.is_none() {
        return wrong(line, "`sends_issuer` needs `issuer`");
    }
    Ok(())
}

fn is_ours(authorization: &Authorization, name: &str) -> bool {
    OURS.contains(&name) || authorization.names.values().any(|other| other == name)
}

fn check_parameter(
    file: &ProviderFile,
    authorization: &Authorization,
    (name, template): (&str, Option<&Template>),
) -> Check {
    let sound = match template {
        _ if !is_ours(authorization, name) => true,
        None => OPTIONAL.contains(&name),
        Some(template) => name == "redirect_uri" && is_of_app(file, template),
    };
    if sound {
        return Ok(());
    }
    let problem = format!(
        "`{name}` is filled in by the server: `names` renames it, `null` leaves out {OPTIONAL:?}, `pkce` turns PKCE off, \
         and only a variable `from: app` may stand for redirect_uri"
    );
    wrong(template.map_or(authorization.url.line(), Template::line), problem)
}

/// A redirect URI under a name that the provider gave the integrator.
fn is_of_app(file: &ProviderFile, template: &Template) -> bool {
    match template.parts() {
        [Part::Variable(name)] => file.variable(name).is_some_and(|it| it.from == Source::App),
        _ => false,
    }
}

/// A name that is not plain counts as one of ours, whatever it would become.
fn names_in_query(url: &Template) -> impl Iterator<Item = String> {
    let text = url.to_string();
    let query = text.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let names =
        query.split(['&', '?', '#']).map(|pair| pair.split('=').next().unwrap_or_default().to_owned());
    let plain = |name: String| if name.contains(['%', '{', '+']) { "state".to_owned() } else { name };
    names.map(plain).collect::<Vec<_>>().into_iter()
}
