//! Rules for what a file asks for or learns: its variables, and the fields of its form.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::check::{Check, wrong};
use super::check_auth::CLIENT;
use super::error::Mistake;
use super::host::HostPattern;
use super::provider::{AuthKind, ProviderFile};
use super::template::is_name;
use super::variable::{Source, Variable};

/// Names that the server fills in, so that no file may declare them.
const RESERVED: &[&str] =
    &["public_url", "access_token", "refresh_token", "token", "client_id", "client_secret"];

pub(super) fn check_variables(file: &ProviderFile) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut names = BTreeSet::new();
    for spanned in file.variables.iter().chain(&file.credentials) {
        let (line, variable) = (spanned.referenced.line(), &spanned.value);
        let at_line = |problem| Mistake::new(line, problem);
        checks.push(check_name(file, variable).map_err(at_line));
        if !names.insert(&variable.name) {
            checks.push(wrong(line, format!("variable `{}` is declared twice", variable.name)));
        }
        checks.push(check_question(variable).map_err(at_line));
        checks.push(check_any_host(file, variable).map_err(at_line));
    }
    for spanned in &file.variables {
        checks.push(
            check_choice(file, &spanned.value).map_err(|it| Mistake::new(spanned.referenced.line(), it)),
        );
        checks.push(check_source(file, spanned));
    }
    let sourced = file.credentials.iter().filter(|field| field.value.from != Source::Person);
    checks.extend(sourced.map(|field| {
        wrong(field.referenced.line(), format!("credential `{}` cannot have `from`", field.value.name))
    }));
    checks
}

fn check_name(file: &ProviderFile, variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    let pasted_client = file.auth == AuthKind::Oauth2ClientCredentials && CLIENT.contains(&name.as_str());
    if is_name(name) && (pasted_client || !RESERVED.contains(&name.as_str())) {
        return Ok(());
    }
    Err(format!("variable `{name}`: take a name of a-z, 0-9, _ that is none of {RESERVED:?}"))
}

fn check_question(variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    if matches!(variable.from, Source::Person | Source::App) && variable.label.is_empty() {
        return Err(format!("variable `{name}` is asked for, so it needs a label"));
    }
    if variable.default.iter().chain(&variable.example).all(|value| variable.accepts(value)) {
        return Ok(());
    }
    Err(format!("variable `{name}`: its default or example is a value that it refuses"))
}

fn check_source(file: &ProviderFile, variable: &Spanned<Variable>) -> Check {
    let line = variable.referenced.line();
    if variable.value.secret == Some(true) && variable.value.from != Source::App {
        return wrong(line, "only variables from `app` and credentials can be `secret`");
    }
    if matches!(variable.value.from, Source::Tenant(_)) && file.tenants.is_none() {
        return wrong(line, "a variable from `tenant` needs the section `tenants`");
    }
    Ok(())
}

/// A host that nothing bounds gets nobody's credential but that of the person who names it, or of the integrator's.
fn check_any_host(file: &ProviderFile, variable: &Variable) -> Result<(), String> {
    if !variable.any_host {
        return Ok(());
    }
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
