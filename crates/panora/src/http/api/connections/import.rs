//! `POST /connections`: credentials that you already have become a connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use panora_catalog::{AuthKind, Provider, Verification};
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::ConnectionDocument;
use crate::app::App;
use crate::connect::Grant;
use crate::connect::import::{ImportError, NewCredentials, prepare, store};
use crate::connect::import_group::{Import, import_in_group};
use crate::http::api::document::IdempotencyKey;
use crate::http::api::person::Person;
use crate::http::extract::{BodyRules, Create, Idempotency, metadata};
use crate::http::problem::{JsonAnswer, Problem};
use crate::model::{ProjectId, Time};
use crate::webhooks::Publication;

/// The most bytes of one credential.
const LONGEST: usize = 16 * 1024;

/// Credentials that you already have. Name the person by `id_linked_user` or by `linked_user_origin_id`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"linked_user_origin_id": "user-42", "provider_slug": "hubspot",
    "credentials": {"access_token": "EXAMPLE", "refresh_token": "EXAMPLE", "expires_in": 1800}}))]
pub struct NewConnection {
    /// This or `linked_user_origin_id`.
    #[schema(format = "uuid")]
    pub(super) id_linked_user: Option<String>,
    /// Your own id of the person; an unknown one makes the linked user.
    pub(super) linked_user_origin_id: Option<String>,
    /// What the connect page calls the person; replaces the stored one.
    pub(super) alias: Option<String>,
    provider_slug: String,
    /// `{access_token, refresh_token?, expires_in? | expires_at?, scope?}` for OAuth, `{access_token, token_secret,
    /// scope?}` for OAuth 1.0a, the provider's own fields otherwise, plus its variables such as a subdomain, also those
    /// that a flow would learn from the provider.
    credentials: Map<String, Value>,
    /// Copied to the connection. At most 16 KiB.
    metadata: Option<Map<String, Value>>,
    /// Whether to try the credentials at the provider first; false unless given.
    verify: Option<bool>,
}

impl BodyRules for NewConnection {
    const OWN_BOUNDS: &'static [&'static str] = &["credentials", "metadata"];
}

/// Imports a connection.
///
/// The same account of the same linked user again renews the connection: 200, same id, same token.
#[utoipa::path(post, operation_id = "createConnection", path = "/connections", tag = "connections",
    params(IdempotencyKey), request_body = NewConnection,
    responses((status = 201, body = ConnectionDocument, description = "The connection that was made."),
        (status = 200, body = ConnectionDocument, description = "The connection that was renewed."),
        (status = 422, description = "No such id or provider, or the provider does not take the credentials.")))]
pub async fn create(State(app): State<App>, create: Create<NewConnection>) -> Result<Response, Problem> {
    let (project, mut body) = (create.caller.project, create.body);
    let (id_linked_user, origin_id, alias) =
        (body.id_linked_user.take(), body.linked_user_origin_id.take(), body.alias.take());
    let person = Person {
        id_linked_user: id_linked_user.as_deref(),
        linked_user_origin_id: origin_id.as_deref(),
        alias: alias.as_deref(),
    };
    person.check()?;
    // Boxed, like all that few imports need: a future is moved whole through every layer around it.
    let (metadata, grant) = Box::pin(prepared(&app, project, body)).await?;

    let mut import = Import {
        project,
        origin_id: person.linked_user_origin_id.unwrap_or_default().to_owned(),
        alias: person.alias.map(ToOwned::to_owned),
        metadata,
        grant,
        key: create.idempotency.key(),
    };
    // One that can only make a new connection, of a person named by the caller's own id, is stored with others.
    if person.linked_user_origin_id.is_some() && import.grant.account.id.is_none() {
        import = match import_in_group(&app, import).await? {
            Ok(body) => return Ok(JsonAnswer { status: StatusCode::CREATED, body }.into_response()),
            Err(import) => *import,
        };
    }
    Box::pin(alone(&app, &create.idempotency, &person, &import)).await
}

impl NewConnection {
    pub(super) fn person(&self) -> Person<'_> {
        Person {
            id_linked_user: self.id_linked_user.as_deref(),
            linked_user_origin_id: self.linked_user_origin_id.as_deref(),
            alias: self.alias.as_deref(),
        }
    }
}

/// The metadata and the grant of an import, tried at the provider if that is wanted.
pub(super) async fn prepared(
    app: &App,
    project: ProjectId,
    body: NewConnection,
) -> Result<(Map<String, Value>, Grant), Problem> {
    let metadata = metadata(body.metadata)?;
    let provider = app.provider(project, &body.provider_slug).ok_or_else(|| {
        let detail = app.no_such_provider(project, &body.provider_slug);
        Problem::impossible("unknown_provider", "/provider_slug", detail)
    })?;
    let credentials = read_credentials(app, &provider, body.credentials)?;
    let grant = prepare(app, project, &provider, credentials, body.verify.unwrap_or(false)).await?;
    Ok((metadata, grant))
}

/// Stores an import in a transaction of its own.
async fn alone(
    app: &App,
    idempotency: &Idempotency,
    person: &Person<'_>,
    Import { project, metadata, grant, .. }: &Import,
) -> Result<Response, Problem> {
    let project = *project;
    let mut tx = app.store.begin().await?;
    let mut publication = Publication::open(app, &mut tx, project, 1).await?;
    let user = person.resolve(app, &mut tx, project).await?;
    let made = store(app, &mut tx, &mut publication, (project, user.id), metadata, grant).await?;
    let status = if made.renewed { StatusCode::OK } else { StatusCode::CREATED };
    idempotency.keep(app, &mut tx, status, &made.object).await?;
    publication.commit(app, tx).await?;
    Ok((status, Json(made.object)).into_response())
}

fn read_credentials(
    app: &App,
    provider: &Arc<Provider>,
    given: Map<String, Value>,
) -> Result<NewCredentials, Problem> {
    let (mut texts, expires_in) = read_fields(provider, given)?;
    if !provider.auth_kind().redirects() {
        return Ok(NewCredentials::Fields(texts));
    }
    let mut take = |name: &str| texts.remove(name).filter(|text| !text.is_empty());
    let access =
        take("access_token").ok_or_else(|| Problem::field("/credentials/access_token", "Missing."))?;
    let token_secret = take("token_secret");
    if token_secret.is_none() && provider.auth_kind() == AuthKind::Oauth1 {
        return Err(Problem::field("/credentials/token_secret", "Missing."));
    }
    let (refresh, expires_at, scope) = (take("refresh_token"), take("expires_at"), take("scope"));
    let words =
        |text: String| text.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
    Ok(NewCredentials::Tokens {
        access,
        refresh,
        token_secret,
        expires_at: expiry(app, expires_at, expires_in)?,
        scopes: scope.map(words),
        variables: texts,
    })
}

/// The texts among the credentials, and `expires_in`, each of which the provider must know.
fn read_fields(
    provider: &Provider,
    given: Map<String, Value>,
) -> Result<(BTreeMap<String, String>, Option<Number>), Problem> {
    let (kind, oauth) = (provider.auth_kind(), provider.auth_kind().redirects());
    let mut questions = provider.questions();
    questions.extend(provider.learnt());
    let (mut texts, mut expires_in) = (BTreeMap::new(), None);
    for (name, value) in given {
        let pointer = format!("/credentials/{}", name.replace('~', "~0").replace('/', "~1"));
        let token = match name.as_str() {
            "access_token" | "scope" => true,
            "refresh_token" | "expires_at" => kind == AuthKind::Oauth2Code,
            "token_secret" => kind == AuthKind::Oauth1,
            _ => false,
        };
        let known = (oauth && token) || questions.iter().any(|question| question.name() == name);
        match value {
            Value::Null => {}
            Value::Number(seconds) if kind == AuthKind::Oauth2Code && name == "expires_in" => {
                expires_in = Some(seconds);
            }
            Value::String(text) if name == "access_token" && !is_sendable(&text) => {
                return Err(Problem::field(pointer, "Has a character that no HTTP header can carry."));
            }
            Value::String(text) if known && text.len() <= LONGEST => drop(texts.insert(name, text)),
            Value::String(_) if known => {
                return Err(Problem::field(pointer, "A credential may hold 16 KiB."));
            }
            _ if known => return Err(Problem::field(pointer, "Must be text.")),
            _ if kind == AuthKind::Oauth2Code && name == "expires_in" => {
                return Err(Problem::field(pointer, "Seconds, as a number."));
            }
            _ => return Err(Problem::field(pointer, "This provider has no such credential.")),
        }
    }
    Ok((texts, expires_in))
}

/// Whether a header can carry it: visible ASCII.
fn is_sendable(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn expiry(app: &App, at: Option<String>, seconds: Option<Number>) -> Result<Option<Time>, Problem> {
    match (at, seconds) {
        (Some(_), Some(_)) => {
            Err(Problem::field("/credentials/expires_at", "Give `expires_in` or `expires_at`, not both."))
        }
        (Some(text), None) => {
            let words = "Not an RFC 3339 time such as 2026-01-31T09:30:00.000Z.";
            text.parse().map(Some).map_err(|_| Problem::field("/credentials/expires_at", words))
        }
        (None, Some(seconds)) => {
            let fits = seconds.as_u64().filter(|seconds| *seconds <= 10 * 366 * 86_400);
            let seconds = fits.ok_or_else(|| {
                Problem::field("/credentials/expires_in", "Whole seconds, at most ten years.")
            })?;
            Ok(Some(app.clock.now().plus(Duration::from_secs(seconds))))
        }
        (None, None) => Ok(None),
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Connect(error) => error.into(),
            ImportError::Fields(wrong) => wrong.into_iter().fold(
                Self::new(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "The credentials are not complete or not well-formed.",
                ),
                |problem, (name, error)| problem.at(format!("/credentials/{name}"), error.to_string()),
            ),
            ImportError::Refused(refused) => {
                let (code, detail) = match refused {
                    Verification::WrongKey => {
                        ("wrong_credentials", "The provider does not know these credentials.")
                    }
                    Verification::MissingPermission => (
                        "missing_permission",
                        "The provider knows these credentials, but they may not do what is needed.",
                    ),
                    Verification::WrongTenant => ("wrong_tenant", "The provider has no such account."),
                    _ => (
                        "provider_down",
                        "The provider did not answer the question whether these credentials are good.",
                    ),
                };
                Self::impossible(code, "/credentials", detail)
            }
            ImportError::Failed(failure) => {
                let detail = "The provider could not be asked, or named a host that its file does not allow.";
                Self::impossible(failure.code(), "/credentials", detail)
            }
        }
    }
}
