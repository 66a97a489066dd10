//! What can be seen without asking anybody: client, settings, scopes, the public URL.

use std::net::IpAddr;

use panora_outbound::{AddressPolicy, Verdict};
use url::Host;

use super::finding::{
    CLIENT_MISSING, OFFLINE_SCOPE_LEFT_OUT, PROVIDER_DISABLED, PUBLIC_URL_LOCAL, PUBLIC_URL_UNREACHABLE,
    SETTINGS_MISSING,
};
use super::{CheckName, ConnectError, Patient, Report};
use crate::config::client_variable;
use crate::model::AppSource;

/// Names that are only known within a local network, or kept for examples (RFC 2606, 6762, 8375, 9476).
const LOCAL_ENDINGS: [&str; 9] =
    [".local", ".internal", ".lan", ".home", ".home.arpa", ".localdomain", ".test", ".invalid", ".example"];

pub async fn look(patient: &Patient<'_>, report: &mut Report) -> Result<(), ConnectError> {
    let (app, provider, slug) = (patient.app, patient.provider, patient.provider.slug());
    let before = report.findings.len();
    if patient.is_oauth() && patient.chosen.client.is_none() {
        let seen = format!(
            "Neither this project nor the configuration ({}) has an OAuth client for {}.",
            client_variable(slug, "ID"),
            provider.name()
        );
        let at = provider.setup().map(|url| format!(" at {url}")).unwrap_or_default();
        let mend = format!(
            "Register an app{at} with the redirect URI {}, then PUT its id and secret to /providers/{slug}/app.",
            patient.redirect_uri
        );
        let body = r#"{"client_id": "...", "client_secret": "..."}"#;
        report.find(CLIENT_MISSING.found(seen).mend(mend).value(body));
    }
    let missing = patient.chosen.missing_settings(provider);
    if !missing.is_empty() {
        let seen = format!("Not set: {}.", missing.join(", "));
        let mend = match patient.chosen.source {
            AppSource::Configuration => format!(
                "Set {}, or give the project an app of its own.",
                missing
                    .iter()
                    .map(|name| client_variable(slug, &format!("SETTING_{}", name.to_uppercase())))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            _ => format!("PUT it to /providers/{slug}/app, together with the client."),
        };
        let fields: Vec<_> = missing.iter().map(|name| format!("\"{name}\": \"...\"")).collect();
        let value = format!("\"settings\": {{{}}}", fields.join(", "));
        report.find(SETTINGS_MISSING.found(seen).mend(mend).value(value));
    }
    look_at_scopes(patient, report);
    let settings = app.store.list_provider_settings(patient.project).await?;
    if settings.get(slug) == Some(&false) {
        let mend = format!("PATCH /providers/{slug} with this, if it shall be offered.");
        let seen = "It is switched off for this project.";
        report.find(PROVIDER_DISABLED.found(seen).mend(mend).value(r#"{"enabled": true}"#));
    }
    let source = match patient.chosen.source {
        AppSource::Project => "The project's own OAuth app.",
        AppSource::Configuration => "The installation's OAuth app.",
        AppSource::BuiltIn => "The provider's public client, which needs no registration.",
        AppSource::None if patient.is_oauth() => "No OAuth app.",
        AppSource::None => "Nothing needs to be set up.",
    };
    report.judge(CheckName::SetUp, before, source);
    if patient.is_oauth() {
        look_at_public_url(patient, report);
    }
    Ok(())
}

fn look_at_scopes(patient: &Patient<'_>, report: &mut Report) {
    let Some(own) = &patient.chosen.scopes else { return };
    let left_out: Vec<String> = offline_scopes(patient).into_iter().filter(|it| !own.contains(it)).collect();
    if left_out.is_empty() {
        return;
    }
    let seen =
        format!("The app's own scopes do not have {}, which the file asks for.", left_out.join(" and "));
    let all: Vec<String> = own.iter().chain(&left_out).cloned().collect();
    report.find(OFFLINE_SCOPE_LEFT_OUT.found(seen).value(scopes_value(&all)));
}

/// Scopes of the file that, by their name, bring refresh tokens.
pub fn offline_scopes(patient: &Patient<'_>) -> Vec<String> {
    let mut scopes = patient.provider.default_scopes();
    scopes.retain(|scope| {
        let name = scope.to_ascii_lowercase();
        name.contains("offline") || name.contains("refresh")
    });
    scopes
}

/// As a body of `PUT /providers/{slug}/app` holds them.
pub fn scopes_value(scopes: &[String]) -> String {
    format!("\"scopes\": {}", serde_json::json!(scopes))
}

fn look_at_public_url(patient: &Patient<'_>, report: &mut Report) {
    let (before, url) = (report.findings.len(), &patient.app.public_url);
    let example = "PANORA_PUBLIC_URL=https://panora.example.com";
    if url.is_local() {
        // The pretend provider is on this machine too.
        if patient.chosen.source != AppSource::BuiltIn {
            let seen = format!("The public URL is {}.", url.as_str());
            report.find(PUBLIC_URL_LOCAL.found(seen).value(example));
        }
    } else if let Some(why) = url.url().host().and_then(|host| unreachable(&host)) {
        let seen = format!("The public URL is {}: {why}.", url.as_str());
        report.find(PUBLIC_URL_UNREACHABLE.found(seen).value(example));
    }
    report.judge(CheckName::PublicUrl, before, format!("People come back to {}.", url.as_str()));
}

/// Why nobody outside can open it, as far as its looks tell.
fn unreachable(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let local = !name.contains('.') || LOCAL_ENDINGS.iter().any(|ending| name.ends_with(ending));
            local.then_some("a name that only a local network knows")
        }
        Host::Ipv4(ip) => unreachable_address((*ip).into()),
        Host::Ipv6(ip) => unreachable_address((*ip).into()),
    }
}

/// The default policy is the public internet and nothing else.
fn unreachable_address(ip: IpAddr) -> Option<&'static str> {
    (AddressPolicy::default().check(ip, "") == Verdict::Forbidden).then_some("a private address")
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn a_host_that_only_a_local_network_knows_is_told_from_a_public_one() {
        for (url, public) in [
            ("https://panora.acme.com", true),
            ("https://8.8.8.8", true),
            ("https://[2606:4700::1111]", true),
            ("https://panora", false),
            ("https://panora.corp.internal", false),
            ("https://nas.home.arpa", false),
            ("https://10.1.2.3", false),
            ("https://100.64.0.1", false),
            ("https://[fd00::1]", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(unreachable(&url.host().unwrap()).is_none(), public, "{url}");
        }
    }
}
