//! What is wrong between a project and a provider, and how it is mended: from what is set, from what the provider says
//! when asked without a person, and from what was recorded. Never holds a secret, never changes anything.

mod finding;
mod heard;
mod probe;
mod records;
mod set_up;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use panora_catalog::{AuthKind, Provider, Variables};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::connect::{ConnectError, OAuthApp, app_for, redirect_uri};
use crate::model::{AppSource, ProjectId, Time, text_enum};
use probe::{Asked, Probe};
use records::Records;

pub use finding::{Finding, KINDS, Kind, Severity};

/// What doctor has found out about one provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Diagnosis {
    #[schema(example = "hubspot")]
    pub provider_slug: String,
    #[schema(example = "HubSpot")]
    pub provider_name: String,
    /// Whether nothing was found that asks for mending.
    pub healthy: bool,
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Time,
    /// Where the OAuth app in force comes from.
    pub source: AppSource,
    #[schema(required)]
    pub client_id: Option<String>,
    /// Register exactly this at the provider; null where none is needed.
    #[schema(required, format = "uri", example = "https://panora.example.com/connections/oauth/callback")]
    pub redirect_uri: Option<String>,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DoctorCheck)]
pub struct Check {
    pub name: CheckName,
    pub outcome: CheckOutcome,
    /// What was seen.
    pub seen: String,
}

text_enum! {
    /// Client and settings; the public URL; the provider's authorization endpoint, token endpoint or API, asked without a
    /// person; the provider's clock beside ours; the newest connections; flows that ended lately.
    CheckName {
        SetUp = "set_up", PublicUrl = "public_url", AuthorizationEndpoint = "authorization_endpoint",
        TokenEndpoint = "token_endpoint", Api = "api", Clock = "clock", Connections = "connections", Flows = "flows",
    }
}

text_enum! {
    /// Whether it was found to be right, wrong, or could not be looked at.
    CheckOutcome { Passed = "passed", Failed = "failed", Skipped = "skipped" }
}

/// What the provider was asked.
#[derive(Clone, Debug)]
struct Probes {
    authorization: Option<Probe>,
    token: Option<Probe>,
    api: Option<Probe>,
}

/// By project, provider, and what the app was when it was asked.
type ProbeKey = (ProjectId, String, String);

/// What providers said a moment ago: however often doctor is asked, they are not.
pub struct Diagnoses(moka::future::Cache<ProbeKey, Arc<Probes>>);

impl Default for Diagnoses {
    fn default() -> Self {
        let lives = Duration::from_secs(10);
        Self(moka::future::Cache::builder().max_capacity(1000).time_to_live(lives).build())
    }
}

/// One provider as a project uses it, with all that is known beforehand.
struct Patient<'a> {
    app: &'a App,
    project: ProjectId,
    provider: &'a Provider,
    chosen: OAuthApp,
    /// Since when the app is as it is: what happened before says nothing of it.
    since: Time,
    records: Records,
    redirect_uri: String,
}

/// Looks at everything.
pub async fn diagnose(app: &App, project: ProjectId, provider: &Provider) -> Result<Diagnosis, ConnectError> {
    let chosen = app_for(app, project, provider).await?;
    let own = app.store.lookup_app((project, provider.slug())).await?;
    let since = own.map_or(Time::from_millis(0), |own| own.updated_at);
    let records = Records::read(app, project, provider, since).await?;
    let patient = Patient { app, project, provider, chosen, since, records, redirect_uri: redirect_uri(app) };
    let probes = patient.probes().await;
    let mut report = Report::default();
    set_up::look(&patient, &mut report).await?;
    heard::look(&patient, &probes, &mut report);
    records::look(&patient, &probes, &mut report);
    Ok(report.into_diagnosis(&patient))
}

impl Patient<'_> {
    fn is_oauth(&self) -> bool {
        self.provider.takes_client()
    }

    /// Settings of the integrator over what the newest connection knows of its account.
    fn variables(&self) -> Variables {
        let mut variables = self.records.variables.clone();
        variables.extend(self.chosen.settings.clone());
        variables
    }

    async fn probes(&self) -> Arc<Probes> {
        let client = self.chosen.client.as_ref().map(|client| client.id.as_str()).unwrap_or_default();
        let app = format!("{client} {} {:?}", self.since.millis(), self.variables());
        let key = (self.project, self.provider.slug().to_owned(), app);
        self.app.diagnoses.0.get_with(key, Box::pin(async { Arc::new(self.ask().await) })).await
    }

    async fn ask(&self) -> Probes {
        let (variables, nothing) = (self.variables(), Probes { authorization: None, token: None, api: None });
        if !self.is_oauth() {
            let url = self.provider.api_base_url(&variables);
            return Probes { api: Some(probe::api(self.app, self.project, url).await), ..nothing };
        }
        let Some(client) = &self.chosen.client else { return nothing };
        let asked = Asked {
            project: self.project,
            provider: self.provider,
            client,
            scopes: &self.chosen.scopes_of(self.provider),
            variables: &variables,
            redirect_uri: &self.redirect_uri,
        };
        if self.provider.auth_kind() == AuthKind::Oauth1 {
            return Probes { token: Some(probe::request_token(self.app, asked).await), ..nothing };
        }
        let authorization = probe::authorization_endpoint(self.app, asked);
        let token = probe::token_endpoint(self.app, asked);
        let (authorization, token) = tokio::join!(authorization, token);
        Probes { authorization: Some(authorization), token: Some(token), api: None }
    }
}

/// Gathers what is found.
#[derive(Default)]
struct Report {
    checks: Vec<Check>,
    findings: Vec<Finding>,
}

impl Report {
    fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn has(&self, code: &str) -> bool {
        self.findings.iter().any(|known| known.code == code)
    }

    fn check(&mut self, name: CheckName, outcome: CheckOutcome, seen: impl Into<String>) {
        self.checks.push(Check { name, outcome, seen: seen.into() });
    }

    /// A check that failed if anything was found since there were so many findings.
    fn judge(&mut self, name: CheckName, before: usize, seen: impl Into<String>) {
        let failed = self.findings[before..].iter().any(Finding::asks_for_mending);
        let outcome = if failed { CheckOutcome::Failed } else { CheckOutcome::Passed };
        self.check(name, outcome, seen);
    }

    fn into_diagnosis(mut self, patient: &Patient<'_>) -> Diagnosis {
        let rank = |severity| Severity::ALL.iter().position(|known| *known == severity);
        // Each kind once: what was seen first counts. Each check has told its own.
        let mut told = HashSet::new();
        self.findings.retain(|finding| told.insert(finding.code));
        self.findings.sort_by_key(|finding| rank(finding.severity));
        Diagnosis {
            provider_slug: patient.provider.slug().to_owned(),
            provider_name: patient.provider.name().to_owned(),
            healthy: !self.findings.iter().any(Finding::asks_for_mending),
            checked_at: patient.app.clock.now(),
            source: patient.chosen.source,
            client_id: patient.chosen.client.as_ref().map(|client| client.id.clone()),
            redirect_uri: patient.is_oauth().then(|| patient.redirect_uri.clone()),
            checks: self.checks,
            findings: self.findings,
        }
    }
}
