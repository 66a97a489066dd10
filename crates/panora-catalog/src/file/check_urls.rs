//! Which holes a template may have, and which hosts a URL may reach. No credential may ever go to a host that a
//! file does not bound.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::check::{Check, wrong};
use super::error::MOST;
use super::host::is_label;
use super::nearest::nearest;
use super::provider::ProviderFile;
use super::template::{Part, Template};
use super::variable::Variable;

/// What is wrong with some of the templates; no more are looked at than is told.
pub(super) fn check_all<'a>(
    file: &ProviderFile,
    templates: impl Iterator<Item = &'a Template>,
    also: &[&str],
) -> Vec<Check> {
    let checks =
        templates.map(|template| no_pointers(template).and_then(|()| check_names(file, template, also)));
    checks.filter(Result::is_err).take(MOST + 1).collect()
}

pub(super) fn no_pointers(template: &Template) -> Check {
    if template.parts().iter().any(|part| matches!(part, Part::Pointer(_))) {
        return wrong(
            template.line(),
            format!("`{template}`: only `identity` and `tenants` may read an answer's {{/pointer}}"),
        );
    }
    Ok(())
}

pub(super) fn no_base64(template: &Template) -> Check {
    if template.parts().contains(&Part::Base64Begin) {
        return wrong(template.line(), "`base64(...)` may stand in headers and parameters only");
    }
    Ok(())
}

pub(super) fn check_names(file: &ProviderFile, template: &Template, also: &[&str]) -> Check {
    let is_known =
        |name: &&str| *name == "public_url" || also.contains(name) || file.variable(name).is_some();
    let Some(name) = template.variables().find(|name| !is_known(name)) else { return Ok(()) };
    let declared = file.variables.iter().map(|variable| variable.value.name.as_str());
    let known: BTreeSet<&str> = also.iter().copied().chain(declared).chain(["public_url"]).collect();
    let advice = match nearest(name, known.iter().copied()) {
        Some(meant) => format!(". Did you mean `{{{meant}}}`?"),
        None => format!("; known are {}: declare others under `variables`", some_of(&known)),
    };
    wrong(template.line(), format!("`{{{name}}}` is not known here{advice}"))
}

/// The first of the names, and how many more there are.
fn some_of(names: &BTreeSet<&str>) -> String {
    const FEW: usize = 12;
    let listed = names.iter().take(FEW).map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(FEW) {
        None | Some(0) => listed,
        Some(more) => format!("{listed} and {more} more"),
    }
}

/// A URL that a credential may go to: https, and its host known but for variables whose values are bounded.
pub(super) fn check_url(file: &ProviderFile, url: &Template, also: &[&str]) -> Check {
    no_pointers(url)?;
    no_base64(url)?;
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
        Part::Variable(name) => match file.variables.iter().find(|it| it.value.name == *name) {
            Some(variable) => check_host_variable(line, variable, next, parts),
            None => wrong(line, format!("`{{{name}}}` cannot stand in a host")),
        },
        Part::Pointer(_) | Part::Base64Begin | Part::Base64End => {
            wrong(line, "a host is made of text and variables only")
        }
    }
}

/// What its URL lacks is told at `line`, and what the variable itself lacks at its own, once for all URLs.
fn check_host_variable(line: u64, spanned: &Spanned<Variable>, next: Option<&Part>, parts: usize) -> Check {
    let (own_line, variable) = (spanned.referenced.line(), &spanned.value);
    let name = &variable.name;
    if variable.is_host() {
        return match parts {
            1 => Ok(()),
            _ => wrong(line, format!("`{name}` is a whole host, so nothing may stand beside it")),
        };
    }
    let listed = || variable.one_of.iter().chain(variable.values.values());
    if let Some(value) = listed().find(|value| !value.split('.').all(is_label)) {
        return wrong(own_line, format!("`{name}` stands in a host, which `{value}` cannot be a part of"));
    }
    if listed().next().is_some() {
        return Ok(());
    }
    // Someone who chooses the last labels of a host chooses whose host it is.
    let bounded = matches!(next, Some(Part::Text(text)) if text.starts_with('.') && text[1..].contains('.'));
    match &variable.pattern {
        None => {
            wrong(own_line, format!("`{name}` stands in a host, so it needs `pattern`, `one_of` or `hosts`"))
        }
        Some(_) if !bounded => {
            wrong(line, format!("`{{{name}}}` must be followed by the provider's domain, like .acme.com"))
        }
        Some(pattern)
            if ["a.b", "a/b", "a@b", "a:1", "a#b", "a?b"].iter().any(|text| pattern.matches(text)) =>
        {
            wrong(
                own_line,
                format!("`{name}` stands in a host: its pattern may match no `.`, `/`, `@`, `:`, `?` or `#`"),
            )
        }
        Some(_) => Ok(()),
    }
}
