//! `POST /connections/batch`: many imports at once, an outcome each.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::ConnectionDocument;
use super::import::{NewConnection, prepared};
use crate::app::App;
use crate::connect::import_batch::{For, Imported, ReadyImport, store_batch};
use crate::http::api::document::IdempotencyKey;
use crate::http::extract::{BodyRules, Create, parse_id, read_json};
use crate::http::problem::{FieldError, Problem};
use crate::model::{LinkedUserId, ProjectId};
use crate::store::Tx;
use crate::webhooks::Publication;

const MOST: usize = 500;
/// Credentials that are tried at the same time, and for how long in all.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_mins(1);

/// Imports, each as `POST /connections` takes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnections {
    /// From 1 to 500.
    #[schema(value_type = Vec<NewConnection>, min_items = 1, max_items = 500)]
    connections: Vec<Value>,
}

impl BodyRules for NewConnections {
    // Each import has its own bounds, and breaks them for itself alone.
    const OWN_BOUNDS: &'static [&'static str] = &["connections"];
}

/// What became of the imports, in their order.
#[derive(Serialize, ToSchema)]
pub struct BatchAnswer {
    data: Vec<BatchOutcome>,
}

/// What became of one import: a connection or an error.
#[derive(Serialize, ToSchema)]
pub struct BatchOutcome {
    /// As `POST /connections` would have answered: 201 made, 200 renewed, else an error.
    #[schema(example = 201)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ConnectionDocument>)]
    connection: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<BatchError>,
}

/// Why one import was not stored.
#[derive(Serialize, ToSchema)]
pub struct BatchError {
    /// As of a problem.
    #[schema(example = "unknown_provider")]
    code: String,
    detail: String,
    /// Pointers into that import.
    errors: Vec<FieldError>,
}

/// Imports many connections.
///
/// Each has its own outcome, in the order of the request; what is good is stored in one transaction. Credentials to be
/// verified are tried a few at a time, for a minute in all: those whose turn does not come are not stored, with
/// `provider_down`.
#[utoipa::path(post, operation_id = "createConnections", path = "/connections/batch", tag = "connections",
    params(IdempotencyKey), request_body = NewConnections,
    responses((status = 201, body = BatchAnswer, description = "An outcome for each.")))]
pub async fn create(State(app): State<App>, create: Create<NewConnections>) -> Result<Response, Problem> {
    let project = create.caller.project;
    let given = create.body.connections;
    if !(1..=MOST).contains(&given.len()) {
        return Err(Problem::field("/connections", "From 1 to 500 of them."));
    }
    let until = Instant::now() + PATIENCE;
    let reading = given.into_iter().map(|import| read(&app, project, import, until));
    let read: Vec<Result<ReadyImport, Problem>> = stream::iter(reading).buffered(AT_ONCE).collect().await;

    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(&app, &mut tx, project, 0).await?;
    let read = known_people(&app, &mut tx, project, read).await?;
    let (mut ready, mut places) = (Vec::new(), Vec::with_capacity(read.len()));
    for import in read {
        places.push(import.map(|import| ready.push(import)));
    }
    let stored = store_batch(&app, &mut tx, &mut publication, project, &ready).await?;
    let mut stored = stored.into_iter();
    let outcome = |place: Result<(), Problem>| match place {
        Ok(()) => stored.next().map_or_else(|| Err(Problem::internal()), |it| it.map_err(Problem::from)),
        Err(problem) => Err(problem),
    };
    let answer = BatchAnswer { data: places.into_iter().map(outcome).map(BatchOutcome::of).collect() };
    create.idempotency.keep(&app, &mut tx, StatusCode::CREATED, &answer).await?;
    publication.commit(&app, tx).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Reads an import, and tries its credentials if that is wanted and there is time.
async fn read(app: &App, project: ProjectId, import: Value, until: Instant) -> Result<ReadyImport, Problem> {
    let bytes = serde_json::to_vec(&import).map_err(|_| Problem::internal())?;
    let import: NewConnection = read_json(&bytes)?;
    import.person().check()?;
    let person = match (&import.id_linked_user, &import.linked_user_origin_id) {
        (Some(id), _) => For::Known(parse_id::<LinkedUserId>("/id_linked_user", id)?),
        (None, origin_id) => For::Origin(origin_id.clone().unwrap_or_default(), import.alias.clone()),
    };
    let late = |_| {
        let detail = "There was no time left to ask the provider whether these credentials are good.";
        Problem::impossible("provider_down", "/credentials", detail)
    };
    let (metadata, grant) =
        tokio::time::timeout_at(until, prepared(app, project, import)).await.map_err(late)??;
    Ok(ReadyImport { person, metadata, grant })
}

/// Checks that those who are named by our ids are this project's.
async fn known_people(
    app: &App,
    tx: &mut Tx,
    project: ProjectId,
    imports: Vec<Result<ReadyImport, Problem>>,
) -> Result<Vec<Result<ReadyImport, Problem>>, Problem> {
    let mut checked = Vec::with_capacity(imports.len());
    for import in imports {
        checked.push(match import {
            Ok(ReadyImport { person: For::Known(id), .. })
                if app.store.read_linked_user(tx, project, id).await?.is_none() =>
            {
                Err(Problem::unknown_id("/id_linked_user"))
            }
            import => import,
        });
    }
    Ok(checked)
}

impl BatchOutcome {
    fn of(outcome: Result<Imported, Problem>) -> Self {
        match outcome {
            Ok(Imported { object, renewed }) => {
                let status = if renewed { StatusCode::OK } else { StatusCode::CREATED };
                Self { status: status.as_u16(), connection: Some(object), error: None }
            }
            Err(Problem { status, code, detail, errors, .. }) => {
                let error = BatchError { code: code.to_owned(), detail, errors };
                Self { status: status.as_u16(), connection: None, error: Some(error) }
            }
        }
    }
}
