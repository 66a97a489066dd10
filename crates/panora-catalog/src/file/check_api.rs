//! Rules for the calls that are made with a connection.

use super::api::Request;
use super::check::{Check, wrong};
use super::check_auth::carriers;
use super::check_urls::{check_all, check_names, check_url, no_base64, no_pointers};
use super::provider::{AuthKind, ProviderFile};
use super::template::{Part, Template};

pub(super) fn check_api(file: &ProviderFile) -> Vec<Check> {
    let mut checks = vec![check_url(file, &file.api.base_url, &[]), check_base(&file.api.base_url)];
    let mut secrets: Vec<&str> = file.credentials.iter().map(|field| field.value.name.as_str()).collect();
    if file.auth.has_access_token() {
        secrets.extend(["access_token", "client_id"]);
    }
    let (headers, others) = carriers(file);
    checks.extend(check_all(file, others, &secrets));
    // A URL ends in somebody's access log.
    if file.auth == AuthKind::Oauth2Code {
        secrets.push("client_secret");
    }
    checks.extend(check_all(file, headers, &secrets));
    let verify = file.verify.iter().map(|verify| &verify.request);
    let tenants = file.tenants.iter().map(|tenants| &tenants.request);
    let identity = file.identity.iter().flat_map(|identity| &identity.request);
    checks.extend(verify.chain(tenants).chain(identity).map(|request| check_request(file, request)));
    let identity = file.identity.iter().flat_map(|it| it.id.iter().chain(&it.name).chain(&it.email));
    let tenants = file.tenants.iter().flat_map(|tenants| &tenants.name);
    checks.extend(identity.chain(tenants).map(|template| {
        no_base64(template)?;
        check_names(file, template, &[])
    }));
    checks
}

fn check_base(url: &Template) -> Check {
    if url.parts().iter().any(|part| matches!(part, Part::Text(text) if text.contains(['?', '#']))) {
        return wrong(url.line(), "base_url may hold no `?` and no `#`: paths are appended to it");
    }
    Ok(())
}

fn check_request(file: &ProviderFile, request: &Request) -> Check {
    if let Some(body) = &request.body
        && serde_json::from_str::<serde_json::Value>(body).is_err()
    {
        return wrong(request.url.line(), "the body of this request is no JSON");
    }
    let url = &request.url;
    let (text, is_path) = (url.to_string(), url.starts_with("/"));
    if !is_path && (text.contains("://") || url.starts_with_variable("public_url")) {
        return check_url(file, url, &[]);
    }
    no_pointers(url)?;
    no_base64(url)?;
    check_names(file, url, &[])?;
    if is_path {
        return Ok(());
    }
    wrong(
        url.line(),
        format!("`{text}`: a path under base_url begins with a slash, `/{text}`, and a URL with https://"),
    )
}
