//! What the provider's answers mean.

use panora_catalog::{AuthKind, ClientAuth};
use panora_outbound::{OutboundError, Stage};

use super::finding::{
    CLIENT_REFUSED, CLOCK_SKEW, PROBE_IMPOSSIBLE, PROBE_INCONCLUSIVE, PROVIDER_TROUBLE, PROVIDER_UNREACHABLE,
    RATE_LIMITED, REDIRECT_URI_REFUSED, SCOPE_REFUSED, SERVER_SILENT, WRONG_CLIENT_AUTH,
};
use super::probe::{Probe, Said};
use super::set_up::scopes_value;
use super::{CheckName, CheckOutcome, Finding, Patient, Probes, Report};

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
    let who = called(name);
    let Some(finding) = heard_of(patient, name, probe) else {
        return report.check(name, CheckOutcome::Passed, fine(who, &probe.said));
    };
    let (before, seen) = (report.findings.len(), finding.seen.clone());
    report.find(finding);
    match probe.said {
        Said::NotAsked(_) => report.check(name, CheckOutcome::Skipped, seen),
        _ => report.judge(name, before, seen),
    }
}

/// What an answer means, if it is worth telling.
fn heard_of(patient: &Patient<'_>, name: CheckName, probe: &Probe) -> Option<Finding> {
    let who = called(name);
    Some(match &probe.said {
        Said::NotAsked(why) => PROBE_IMPOSSIBLE.found(format!("{who} was not asked: {why}.")),
        Said::ClientRefused(error) => client_refused(patient, who, error),
        Said::ClientAuth(auth) => wrong_client_auth(patient, who, *auth),
        Said::RedirectUriRefused(how) => {
            redirect_uri_refused(patient, format!("{who} refuses the redirect URI ({how})."))
        }
        Said::ScopeRefused(how) => scope_refused(patient, format!("{who} refuses a scope ({how}).")),
        Said::RateLimited(wait) => {
            let wait = wait.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default();
            RATE_LIMITED.found(format!("{who} answered 429{wait}."))
        }
        Said::Trouble(status) => PROVIDER_TROUBLE.found(format!("{who} answered {status}.")),
        Said::Unreachable(error) => {
            PROVIDER_UNREACHABLE.found(unreachable(who, probe.host.as_deref(), *error))
        }
        Said::ServerSilent(error) => {
            let (url, cause) = (patient.app.public_url.as_str(), error.likely_cause());
            SERVER_SILENT.found(format!("No server answers at {url} from here: {}. {cause}", error.code()))
        }
        Said::Nothing(what) if name == CheckName::TokenEndpoint => {
            let sent = match patient.provider.auth_kind() {
                AuthKind::Oauth1 => "a request for temporary credentials",
                _ => "a code that cannot be good",
            };
            PROBE_INCONCLUSIVE.found(format!("{who} answered {sent} with `{what}`."))
        }
        Said::ClientKnown | Said::Nothing(_) => return None,
    })
}

fn client_refused(patient: &Patient<'_>, who: &str, error: &str) -> Finding {
    let client = patient.chosen.client.as_ref();
    let id = client.map(|client| client.id.as_str()).unwrap_or_default();
    let secret = client.is_some_and(|client| client.secret.is_some());
    let without = if secret { "" } else { ", for which no secret is stored" };
    CLIENT_REFUSED.found(format!("{who} refused the client `{id}`{without} ({error})."))
}

fn wrong_client_auth(patient: &Patient<'_>, who: &str, taken: ClientAuth) -> Finding {
    let declared = patient.provider.client_auth().map_or("none", |auth| auth.as_str());
    let (slug, taken) = (patient.provider.slug(), format!("client_auth: {}", taken.as_str()));
    let seen =
        format!("{who} refuses the client with `client_auth: {declared}` and takes it with `{taken}`.");
    let mend = format!("In the file {slug}.yaml write this below `token:`.");
    WRONG_CLIENT_AUTH.found(seen).mend(mend).value(taken)
}

fn fine(who: &str, said: &Said) -> String {
    match said {
        Said::ClientKnown => format!("{who} knows the client."),
        _ => format!("{who} answers."),
    }
}

pub fn redirect_uri_refused(patient: &Patient<'_>, seen: String) -> Finding {
    let at = patient.provider.setup().map(|url| format!(" ({url})")).unwrap_or_default();
    let mend = format!(
        "Open the app at {}{at} and register exactly this redirect URI: scheme, host, port and path, no slash behind it.",
        patient.provider.name()
    );
    REDIRECT_URI_REFUSED.found(seen).mend(mend).value(&patient.redirect_uri)
}

pub fn scope_refused(patient: &Patient<'_>, seen: String) -> Finding {
    SCOPE_REFUSED.found(seen).value(scopes_value(&patient.chosen.scopes_of(patient.provider)))
}

fn unreachable(who: &str, host: Option<&str>, error: OutboundError) -> String {
    let host = host.map(|host| format!(" (host {host})")).unwrap_or_default();
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
