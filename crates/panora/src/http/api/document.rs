//! What the published document says of every operation, so that handlers tell only what is their own.

use axum::http::StatusCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{IntoParams, Modify};

use crate::http::problem::{FieldError, ProblemDocument};
use crate::model::EventType;

/// What receivers must know to verify a delivery without a library.
const WEBHOOKS: &str = "\
URLs subscribed to event types, and what was delivered there. `/webhook` and `/webhooks` are the same.

Each delivery is signed twice by HMAC-SHA256. The key is the decoded base64 after `whsec_` of the endpoint's secret:

- `Panora-Signature: t=<unix seconds>,v1=<hex>` signs `<t>.<body>`.
- `webhook-signature: v1,<base64>` signs `<webhook-id>.<webhook-timestamp>.<body>`, as Standard Webhooks does. \
`webhook-id` is the event's `id_event`.

While a rotation's grace lasts there are two `v1`. Any may fit; ignore other versions, compare in constant time, and \
refuse a time more than 300 seconds before or after yours. The body is canonical JSON (RFC 8785), so a parsed body, \
written so again, verifies as well. Any 2xx within 15 seconds means delivered. The same event may come more than once, \
and order is not promised.";

/// What the reference begins with.
const INTRODUCTION: &str = "\
Your users connect their accounts; your backend gets a signed webhook with a connection token, and calls the provider with it.

Lists come in pages, but for providers and event types, which come whole: `?limit=` says how many, `?cursor=` which. The \
older ones (projects, linked users, connections, webhooks, events) are arrays, as clients of old read them, and the header `Link` leads to the next page; the others are \
objects with `data` and `next_cursor`.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Panora",
        description = INTRODUCTION,
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Shared),
    // What only parameters and refusals refer to.
    components(schemas(ProblemDocument, FieldError, EventType)),
    tags(
        (name = "health", description = "Whether the server is up."),
        (name = "projects", description = "A project is a tenant: everything else belongs to exactly one."),
        (name = "linked users", description = "Your end users inside Panora."),
        (name = "magic links", description = "A URL you send to an end user; opens the connect page."),
        (name = "providers", description = "What end users can connect."),
        (name = "connections", description = "One linked user's authorised account at one provider."),
        (name = "webhooks", description = WEBHOOKS),
        (name = "events", description = "What was told: to read again, or to follow as it happens."),
        (name = "passthrough", description = "Call a provider with a connection token."),
    )
)]
pub struct Document;

/// The id of what the path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a parameter")]
pub struct IdParam {
    /// The id of what is meant.
    #[param(format = "uuid")]
    id: String,
}

/// The header of requests that create.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a parameter")]
pub struct IdempotencyKey {
    /// The same key and body gives the same answer for 24 hours; another body is refused. 1 to 255 characters.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, max_length = 255)]
    key: Option<String>,
}

/// Refusals that come before a handler, by status: name and meaning.
const REFUSALS: [(StatusCode, &str, &str); 6] = [
    (
        StatusCode::BAD_REQUEST,
        "Invalid",
        "A field or parameter is unknown, missing or malformed; `errors` names it.",
    ),
    (StatusCode::UNAUTHORIZED, "Unauthorized", "No API key was sent, or none that is known and live."),
    (StatusCode::NOT_FOUND, "NotFound", "There is nothing here, or it is not this project's."),
    (
        StatusCode::CONFLICT,
        "Conflict",
        "This `Idempotency-Key` came with another body, or its first request has not ended yet.",
    ),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The request exceeds 1 MiB."),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "TooMany",
        "This key asks too often; `Retry-After` says how long to wait.",
    ),
];

/// Security schemes and shared refusals: what operations refer to.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let header = ApiKey::Header(ApiKeyValue::new("x-api-key"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
        for (status, name, meaning) in REFUSALS {
            components.responses.insert(name.to_owned(), refusal(status, meaning).into());
        }
        let either = ["bearer", "api_key"];
        document.security = Some(either.map(|name| SecurityRequirement::new(name, [] as [&str; 0])).to_vec());
    }
}

/// Gives each operation the refusals that all of its kind have, and each refusal its body.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            for status in shared_refusals(path, operation) {
                let known = REFUSALS.iter().find(|(known, ..)| *known == status);
                let (_, name, _) = known.expect("each is in the table");
                let shared = RefOr::Ref(Ref::from_response_name(*name));
                operation.responses.responses.entry(status.as_str().to_owned()).or_insert(shared);
            }
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && !status.starts_with('2')
                {
                    *response = ResponseBuilder::from(std::mem::take(response))
                        .content("application/problem+json", problem())
                        .build();
                }
            }
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Which statuses the layers and extractors in front of a handler may answer with.
fn shared_refusals(path: &str, operation: &Operation) -> Vec<StatusCode> {
    // Only what is open to everybody says anything of its own about security.
    if operation.security.is_some() {
        return Vec::new();
    }
    let mut statuses = vec![StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    if path.contains('{') {
        statuses.push(StatusCode::NOT_FOUND);
    }
    let repeatable = operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    if repeatable {
        statuses.push(StatusCode::CONFLICT);
    }
    if operation.request_body.is_some() {
        statuses.push(StatusCode::PAYLOAD_TOO_LARGE);
    }
    statuses
}

fn refusal(status: StatusCode, meaning: &str) -> Response {
    let response = ResponseBuilder::new().description(meaning).content("application/problem+json", problem());
    if status != StatusCode::TOO_MANY_REQUESTS {
        return response.build();
    }
    let seconds = ObjectBuilder::new().schema_type(Type::Integer);
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds."));
    response.header("Retry-After", header.build()).build()
}

fn problem() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()
}
