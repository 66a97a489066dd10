//! What was recorded: flows that failed, people who did not come back, grants that died, what connections were given.

use std::collections::BTreeMap;
use std::time::Duration;

use panora_catalog::{Provider, Variables};

use super::finding::{
    CLIENT_REFUSED, FLOWS_FAIL, NO_REFRESH_TOKEN, NOBODY_COMES_BACK, RATE_LIMITED, SCOPES_NOT_GRANTED,
    TEST_MODE_SUSPECTED,
};
use super::heard::{redirect_uri_refused, scope_refused};
use super::probe::Said;
use super::set_up::{offline_scopes, scopes_value};
use super::{CheckName, CheckOutcome, Finding, Patient, Probes, Report};
use crate::app::App;
use crate::connect::{ConnectError, Credentials, NO_REFRESH_TOKEN as WITHOUT_REFRESH};
use crate::model::{PageQuery, ProjectId, Time, TroublePlace};
use crate::store::{ConnectionFilter, Departures, Loss, Trouble};
use crate::vault::Slot;

const DAY: Duration = Duration::from_hours(24);
/// Failures of longer ago say little of today.
const RECENT: Duration = Duration::from_hours(24 * 7);
const LOSSES: Duration = Duration::from_hours(24 * 60);
/// How long a person may take at a provider.
const AWAY: Duration = Duration::from_mins(10);
/// Connections that are looked at, the newest.
const NEWEST: u32 = 50;
/// So many must have left before it means anything that none came back.
const FEW: u32 = 3;
/// Days after which providers end what unpublished apps were granted, where the file does not say.
const A_WEEK: u32 = 7;
const DAY_MS: i64 = 86_400_000;

/// What the database knows.
#[derive(Default)]
pub struct Records {
    troubles: Vec<Trouble>,
    departures: Departures,
    losses: Vec<Loss>,
    /// Standing connections of the newest.
    standing: u32,
    /// Of them, those whose token expires and cannot be refreshed.
    without_refresh: u32,
    /// Scopes asked for and not granted, with how many connections lack each.
    missing_scopes: BTreeMap<String, u32>,
    /// What the newest connection knows of its account.
    pub variables: Variables,
}

impl Records {
    pub async fn read(
        app: &App,
        project: ProjectId,
        provider: &Provider,
        since: Time,
    ) -> Result<Self, ConnectError> {
        let (now, key) = (app.clock.now(), (project, provider.slug()));
        let mut records = Self {
            troubles: app.store.list_troubles(key, now.minus(RECENT).max(since)).await?,
            departures: app.store.count_departures(key, (now.minus(DAY).max(since), now.minus(AWAY))).await?,
            losses: app.store.list_losses(key, now.minus(LOSSES)).await?,
            ..Self::default()
        };
        records.read_connections(app, project, provider).await?;
        Ok(records)
    }

    async fn read_connections(
        &mut self,
        app: &App,
        project: ProjectId,
        provider: &Provider,
    ) -> Result<(), ConnectError> {
        let slug = Some(provider.slug().to_owned());
        let filter = ConnectionFilter { provider_slug: slug, ..ConnectionFilter::default() };
        let page = PageQuery { limit: NEWEST, after: None };
        let newest = app.store.list_connections(project, &filter, &page).await?;
        for stored in newest.items.iter().filter(|it| it.connection.status.stands()) {
            let Some(sealed) = &stored.credentials else { continue };
            let credentials: Credentials =
                app.vault.open_json(Slot::ConnectionCredentials, stored.connection.id, sealed)?;
            self.standing += 1;
            let without = matches!(credentials.tokens(), Some((_, None)));
            self.without_refresh += u32::from(without && stored.connection.expires_at.is_some());
            for scope in &stored.connection.missing_scopes {
                *self.missing_scopes.entry(scope.clone()).or_default() += 1;
            }
            if self.standing == 1 {
                self.variables = credentials.variables;
            }
        }
        Ok(())
    }
}

pub fn look(patient: &Patient<'_>, probes: &Probes, report: &mut Report) {
    let before = report.findings.len();
    look_at_refresh_tokens(patient, report);
    look_at_scopes(patient, report);
    look_at_ages(patient, report);
    let records = &patient.records;
    let seen = format!(
        "Standing among the newest {NEWEST} connections: {}. Grants lost in 60 days: {}.",
        records.standing,
        records.losses.len()
    );
    if records.standing == 0 && records.losses.is_empty() {
        report.check(CheckName::Connections, CheckOutcome::Skipped, "There is no connection to look at.");
    } else {
        report.judge(CheckName::Connections, before, seen);
    }
    look_at_flows(patient, probes, report);
}

fn look_at_refresh_tokens(patient: &Patient<'_>, report: &mut Report) {
    let records = &patient.records;
    let lost = records.losses.iter().filter(|loss| loss.error == WITHOUT_REFRESH).count();
    if !patient.provider.offers_refresh() || records.without_refresh == 0 && lost == 0 {
        return;
    }
    let seen = format!(
        "{} of the {} newest standing connections expire and have no refresh token; {lost} ended for that in 60 days.",
        records.without_refresh, records.standing
    );
    let finding = NO_REFRESH_TOKEN.found(seen);
    let offline = offline_scopes(patient);
    let asked = patient.chosen.scopes_of(patient.provider);
    let more: Vec<String> = offline.into_iter().filter(|scope| !asked.contains(scope)).collect();
    if more.is_empty() {
        let mend = patient.provider.offline().map(|how| {
            format!("For a refresh token {how}; see whether the provider's file does. Then let people connect again.")
        });
        return report.find(mend.map_or(finding.clone(), |mend| finding.mend(mend)));
    }
    let all: Vec<String> = asked.into_iter().chain(more).collect();
    let mend = "Ask for the scope that brings refresh tokens (PUT the app with these), then let people connect again.";
    report.find(finding.mend(mend).value(scopes_value(&all)));
}

fn look_at_scopes(patient: &Patient<'_>, report: &mut Report) {
    let records = &patient.records;
    if records.missing_scopes.is_empty() {
        return;
    }
    let counted = records.missing_scopes.iter().map(|(scope, times)| format!("{scope} ({times})"));
    let seen = format!(
        "Of {} standing connections so many lack: {}.",
        records.standing,
        counted.take(20).collect::<Vec<_>>().join(", ")
    );
    let mut granted = patient.chosen.scopes_of(patient.provider);
    granted.retain(|scope| !records.missing_scopes.contains_key(scope));
    let mend = "Enable these scopes for the app at the provider; or ask for those alone that are granted, by PUT of the app.";
    report.find(SCOPES_NOT_GRANTED.found(seen).mend(mend).value(scopes_value(&granted)));
}

fn look_at_ages(patient: &Patient<'_>, report: &mut Report) {
    let refused: Vec<&Loss> =
        patient.records.losses.iter().filter(|loss| loss.error != WITHOUT_REFRESH).collect();
    let testing = patient.provider.testing();
    let days = testing.map_or(A_WEEK, |testing| testing.dies_after_days);
    // A loss is found out within a day, and half a day of slack is for clocks.
    let about = i64::from(days) * DAY_MS - DAY_MS / 2..=i64::from(days) * DAY_MS + DAY_MS;
    let young =
        refused.iter().filter(|it| about.contains(&it.lost_at.millis_since(it.authorized_at))).count();
    // One person may have taken the app away by chance; most of them at the same age did not. Where the provider is known
    // for it, one is enough.
    let enough = if testing.is_some() { 1 } else { 2 };
    if young < enough || young * 2 < refused.len() {
        return;
    }
    let seen = format!(
        "{young} of {} grants lost in 60 days died about {days} days after they were given.",
        refused.len()
    );
    let finding = TEST_MODE_SUSPECTED.found(seen);
    report.find(match testing {
        Some(testing) => finding.mend(format!("{} Then let people connect again.", testing.says)),
        None => finding,
    });
}

fn look_at_flows(patient: &Patient<'_>, probes: &Probes, report: &mut Report) {
    let (before, records) = (report.findings.len(), &patient.records);
    for trouble in records.troubles.iter().filter(|it| it.place != TroublePlace::Flow) {
        if let Some(finding) = of_trouble(patient, probes, trouble) {
            report.find(finding);
        }
    }
    let Departures { left, came_back } = records.departures;
    if left >= FEW && came_back == 0 && !report.has("redirect_uri_refused") {
        let seen = format!(
            "{left} people were sent to {} within a day, and none came back.",
            patient.provider.name()
        );
        report.find(NOBODY_COMES_BACK.found(seen).value(&patient.redirect_uri));
    }
    // A person who says no is no trouble.
    let failed = |it: &&Trouble| {
        let of_person =
            ["denied", "link_used", "link_expired", "link_revoked", "too_many_tries", "other_account"];
        it.place == TroublePlace::Flow && !of_person.contains(&it.code.as_str())
    };
    let failed: Vec<_> = records.troubles.iter().filter(failed).collect();
    let explained = report.findings.iter().any(|it| it.severity == super::Severity::Error);
    if let (Some(last), false) = (failed.first(), explained) {
        let counted: Vec<_> = failed.iter().map(|it| format!("{} ({})", it.code, it.times)).collect();
        let seen = format!("Flows ended so: {}; the last {}.", counted.join(", "), last.last_at);
        report.find(FLOWS_FAIL.found(seen));
    }
    let seen = if left == 0 && records.troubles.is_empty() {
        return report.check(CheckName::Flows, CheckOutcome::Skipped, "Nobody has tried to connect lately.");
    } else {
        format!(
            "Left for the provider within a day: {left}; came back: {came_back}. Kinds of trouble in a week: {}.",
            records.troubles.len()
        )
    };
    report.judge(CheckName::Flows, before, seen);
}

/// What the provider said to people, where asking it again now does not show the contrary.
fn of_trouble(patient: &Patient<'_>, probes: &Probes, it: &Trouble) -> Option<Finding> {
    let times = if it.times == 1 { "Once".to_owned() } else { format!("{} times", it.times) };
    let seen = format!("{times} in a flow, last {}: the provider said `{}`.", it.last_at, it.code);
    let known =
        matches!(probes.token.as_ref().map(|it| &it.said), Some(Said::ClientKnown | Said::ClientAuth(_)));
    let code = it.code.to_ascii_lowercase();
    if code.contains("redirect") {
        Some(redirect_uri_refused(patient, seen))
    } else if code == "invalid_scope" {
        Some(scope_refused(patient, seen))
    } else if matches!(code.as_str(), "invalid_client" | "unauthorized_client") && !known {
        Some(CLIENT_REFUSED.found(seen))
    } else if code == "http_429" {
        Some(RATE_LIMITED.found(seen))
    } else {
        None
    }
}
