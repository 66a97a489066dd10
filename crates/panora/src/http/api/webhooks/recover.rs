//! Sending again what an endpoint has missed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{check_rate, scope_problem};
use crate::app::App;
use crate::http::api::document::{IdParam, IdempotencyKey};
use crate::http::api::recoveries::Answer;
use crate::http::extract::{BodyRules, Create, IdPath, parse_time};
use crate::http::problem::Problem;
use crate::model::{
    Endpoint, EndpointId, EventPosition, EventScope, ProjectId, Recoverable, Recovery, RecoveryId,
    RecoveryStatus, Time,
};
use crate::webhooks::estimate;

/// Recoveries of one endpoint that may run at once.
const MOST_RUNNING: u32 = 10;

/// What to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// Events told at that time or later.
    #[schema(format = DateTime, example = "2026-01-31T09:30:00.000Z")]
    since: String,
    /// Events told before that time; up to now unless given.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Event types, with trailing wildcards; all unless given.
    #[schema(example = json!(["connection.*"]), min_items = 1)]
    types: Option<Vec<String>>,
    /// Deliveries in these states, and with `missing` events in the endpoint's scope that have no delivery there;
    /// `failed` unless given.
    #[schema(example = json!(["failed", "missing"]), min_items = 1)]
    statuses: Option<Vec<Recoverable>>,
    /// Deliveries a second, 1 to 10,000; 100 unless given, or the endpoint's limit where that is lower.
    #[schema(minimum = 1, maximum = 10_000)]
    rate: Option<i64>,
    /// Only says how many deliveries it would be, and how long it would take.
    dry_run: Option<bool>,
}

impl BodyRules for NewRecovery {}

/// What a recovery would come to.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryEstimate)]
pub struct Estimate {
    #[schema(example = 1200)]
    deliveries: u64,
    /// How long they would take, unless the endpoint takes them more slowly.
    #[schema(example = 12)]
    seconds: u64,
}

/// A body whose every field holds.
struct Checked {
    since: Time,
    until: Option<Time>,
    types: EventScope,
    statuses: Vec<Recoverable>,
    rate: Option<u32>,
    dry_run: bool,
}

impl Checked {
    fn of(body: NewRecovery) -> Result<Self, Problem> {
        let since = parse_time("/since", &body.since)?;
        let until = body.until.as_deref().map(|text| parse_time("/until", text)).transpose()?;
        if until.is_some_and(|until| until <= since) {
            return Err(Problem::field("/until", "Must be later than `since`."));
        }
        let types = body.types.unwrap_or_else(|| vec!["*".to_owned()]);
        let mut statuses = body.statuses.unwrap_or_else(|| vec![Recoverable::Failed]);
        statuses.sort_unstable();
        statuses.dedup();
        if statuses.is_empty() {
            return Err(Problem::field("/statuses", "Name at least one."));
        }
        Ok(Self {
            since,
            until,
            types: EventScope::parse(&types).map_err(|error| scope_problem("/types", &error))?,
            statuses,
            rate: body.rate.map(|rate| check_rate("/rate", rate)).transpose()?,
            dry_run: body.dry_run.unwrap_or(false),
        })
    }

    /// The recovery of what lies from one position on, before another and up to the last.
    fn recovery(
        self,
        app: &App,
        endpoint: &Endpoint,
        (from, before): (Option<EventPosition>, Option<EventPosition>),
        last: i64,
    ) -> Recovery {
        let usual = endpoint.rate_limit.map_or(Recovery::DEFAULT_RATE, |it| it.min(Recovery::DEFAULT_RATE));
        Recovery {
            id: RecoveryId::new(&app.clock, &app.random),
            id_project: endpoint.id_project,
            id_endpoint: endpoint.id,
            since: self.since,
            until: self.until,
            types: self.types,
            statuses: self.statuses,
            rate: self.rate.unwrap_or(usual),
            status: RecoveryStatus::Running,
            position: from.map_or(0, |it| it.number() - 1),
            last_position: before.map_or(last, |it| last.min(it.number() - 1)),
            recovered: 0,
            created_at: app.clock.now(),
            ended_at: None,
        }
    }
}

/// Sends again what an endpoint has missed.
///
/// Failed and cancelled deliveries, and missing ones, get a full schedule; `delivered` ones are sent once more, and only
/// when they are named. Open ones are left alone, erased ones skipped. An endpoint that is held or inactive lets them
/// wait. With `dry_run` nothing is sent: the answer, 200, says how many deliveries it would be.
#[utoipa::path(post, operation_id = "recoverWebhook", path = "/{id}/recover", tag = "webhooks",
    params(IdParam, IdempotencyKey), request_body = NewRecovery,
    responses((status = 200, body = Estimate, description = "What it would come to: with `dry_run`."),
        (status = 201, body = Answer, description = "The recovery, which has begun."),
        (status = 409, description = "`too_many_recoveries`: ten of this endpoint run already; or the \
            `Idempotency-Key` came with another body.")))]
pub async fn recover(
    State(app): State<App>,
    IdPath(id): IdPath<EndpointId>,
    create: Create<NewRecovery>,
) -> Result<Response, Problem> {
    let project = create.caller.project;
    let checked = Checked::of(create.body)?;
    let known = app.store.lookup_endpoint(project, id).await?.ok_or_else(Problem::not_found)?;
    let range = app.store.position_range(project, Some(checked.since), checked.until).await?;
    if checked.dry_run {
        return dry_run(&app, project, checked, &known.endpoint, range).await;
    }
    let mut tx = app.store.begin().await?;
    let last = app.store.lock_project(&mut tx, project).await?.last;
    let known = app.store.read_endpoint(&mut tx, project, id).await?.ok_or_else(Problem::not_found)?;
    if app.store.count_running_recoveries(&mut tx, project, id).await? >= MOST_RUNNING {
        let detail = "Ten recoveries of this endpoint run already.";
        return Err(Problem::conflict("too_many_recoveries", detail));
    }
    let recovery = checked.recovery(&app, &known.endpoint, range, last);
    app.store.add_recovery(&mut tx, &recovery).await?;
    let answer = Answer::from(recovery);
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    tx.commit().await?;
    app.wake.recoveries.notify_one();
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn dry_run(
    app: &App,
    project: ProjectId,
    checked: Checked,
    endpoint: &Endpoint,
    range: (Option<EventPosition>, Option<EventPosition>),
) -> Result<Response, Problem> {
    let last = app.store.list_last_positions(&[project]).await?;
    let last = last.first().map_or(0, |(_, position)| position.number());
    let recovery = checked.recovery(app, endpoint, range, last);
    let deliveries = estimate(app, &recovery, &endpoint.scope).await?;
    let seconds = deliveries.div_ceil(u64::from(recovery.pace(endpoint.rate_limit)));
    Ok(Json(Estimate { deliveries, seconds }).into_response())
}
