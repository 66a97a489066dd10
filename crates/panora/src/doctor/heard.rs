//! What the provider's answers mean.

use panora_catalog::AuthKind;
use panora_outbound::{OutboundError, Stage};

use super::finding::{
    CLIENT_REFUSED, CLOCK_SKEW, PROBE_IMPOSSIBLE, PROBE_INCONCLUSIVE, PROVIDER_TROUBLE, PROVIDER_UNREACHABLE,
    RATE_LIMITED, REDIRECT_URI_REFUSED, SCOPE_REFUSED, WRONG_CLIENT_AUTH,
};
use super::probe::{Probe, Said};
use super::set_up::scopes_value;
use super::{CheckName, CheckOutcome, Patient, Probes, Report};

/// A clock that differs by less is as good as right.
const SKEW_MS: i64 = 30_000;

pub fn look(patient: &Patient<'_>, probes: &Probes, report: &mut Report) {
    let asked = [
        (CheckName::AuthorizationEndpoint, &probes.authorization),
        (CheckName::TokenEndpoint, &probes.token),
        (CheckName::Api, &probes.api),
    ];
    for (name, probe) in asked {
        if let Some(probe) = probe {
            look_at(patient, name, probe, report);
        }
    }
    let clocks = asked.iter().filter_map(|(_, probe)| probe.as_ref()?.skew_ms);
    look_at_clock(patient, clocks.min_by_key(|skew| skew.abs()), report);
}

/// How doctor calls what was asked.
const fn called(name: CheckName) -> &'static str {
    match name {
        CheckName::AuthorizationEndpoint => "The authorization endpoint",
        CheckName::TokenEndpoint => "The token endpoint",
        _ => "The API",
    }
}

fn look_at(patient: &Patient<'_>, name: CheckName, probe: &Probe, report: &mut Report) {
    let (who, slug, before) = (called(name), patient.provider.slug(), report.findings.len());
    match &probe.said {
        Said::NotAsked(why) => {
            let seen = format!("{who} was not asked: {why}.");
            report.find(PROBE_IMPOSSIBLE.found(&seen));
            return report.check(name, CheckOutcome::Skipped, seen);
        }
        Said::ClientRefused(error) => {
            let id = patient.chosen.client.as_ref().map(|client| client.id.as_str()).unwrap_or_default();
            let secret = patient.chosen.client.as_ref().is_some_and(|client| client.secret.is_some());
            let without = if secret { "" } else { ", for which no secret is stored" };
            let seen = format!("{who} refused the client `{id}`{without} ({error}).");
            report.find(CLIENT_REFUSED.found(seen));
        }
        Said::ClientAuth(auth) => {
            let declared = patient.provider.client_auth().map_or("none", |auth| auth.as_str());
            let seen = format!(
                "{who} refuses the client with `client_auth: {declared}` and takes it with `client_auth: {}`.",
                auth.as_str()
            );
            let mend = format!("In the file {slug}.yaml write this below `token:`.");
            report.find(
                WRONG_CLIENT_AUTH.found(seen).mend(mend).value(format!("client_auth: {}", auth.as_str())),
            );
        }
        Said::RedirectUriRefused(how) => {
            let seen = format!("{who} refuses the redirect URI ({how}).");
            report.find(redirect_uri_refused(patient, seen));
        }
        Said::ScopeRefused(how) => {
            report.find(scope_refused(patient, format!("{who} refuses a scope ({how}).")));
        }
        Said::RateLimited(wait) => {
            let wait = wait.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default();
            report.find(RATE_LIMITED.found(format!("{who} answered 429{wait}.")));
        }
        Said::Trouble(status) => report.find(PROVIDER_TROUBLE.found(format!("{who} answered {status}."))),
        Said::Unreachable(error) => {
            report.find(PROVIDER_UNREACHABLE.found(unreachable(patient, who, *error)));
        }
        Said::Nothing(what) if name == CheckName::TokenEndpoint => {
            let sent = match patient.provider.auth_kind() {
                AuthKind::Oauth1 => "a request for temporary credentials",
                _ => "a code that cannot be good",
            };
            let seen = format!("{who} answered {sent} with `{what}`.");
            report.find(PROBE_INCONCLUSIVE.found(seen));
        }
        Said::ClientKnown | Said::Nothing(_) => {}
    }
    let seen = report.findings.get(before).map_or_else(|| fine(who, &probe.said), |it| it.seen.clone());
    report.judge(name, before, seen);
}

fn fine(who: &str, said: &Said) -> String {
    match said {
        Said::ClientKnown => format!("{who} knows the client."),
        _ => format!("{who} answers."),
    }
}

pub fn redirect_uri_refused(patient: &Patient<'_>, seen: String) -> super::Finding {
    let at = patient.provider.setup().map(|url| format!(" ({url})")).unwrap_or_default();
    let mend = format!(
        "Open the app at {}{at} and register exactly this redirect URI: scheme, host, port and path, no slash behind it.",
        patient.provider.name()
    );
    REDIRECT_URI_REFUSED.found(seen).mend(mend).value(&patient.redirect_uri)
}

pub fn scope_refused(patient: &Patient<'_>, seen: String) -> super::Finding {
    SCOPE_REFUSED.found(seen).value(scopes_value(&patient.chosen.scopes_of(patient.provider)))
}

fn unreachable(patient: &Patient<'_>, who: &str, error: OutboundError) -> String {
    let variables = patient.variables();
    let host = patient.provider.token_url(&variables).or_else(|_| patient.provider.api_base_url(&variables));
    let host =
        host.ok().and_then(|url| url.host_str().map(|host| format!(" (host {host})"))).unwrap_or_default();
    let cause = match error {
        OutboundError::TimedOut(Stage::Answer) => "The provider accepted the request and did not answer.",
        error => error.likely_cause(),
    };
    format!("{who}{host} gave no answer: {}. {cause}", error.code())
}

fn look_at_clock(patient: &Patient<'_>, skew_ms: Option<i64>, report: &mut Report) {
    let Some(skew) = skew_ms else { return };
    let before = report.findings.len();
    let seconds = (skew / 1000).abs();
    let how = if skew > 0 { "ahead of" } else { "behind" };
    let seen = format!("The clock of {} is {seconds} s {how} this machine's.", patient.provider.name());
    if skew.abs() >= SKEW_MS {
        report.find(CLOCK_SKEW.found(&seen).value("timedatectl set-ntp true"));
        return report.judge(CheckName::Clock, before, seen);
    }
    report.check(CheckName::Clock, CheckOutcome::Passed, "The provider's clock and ours agree.");
}
