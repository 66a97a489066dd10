//! The API, one file a resource. Handlers parse, call and render; no SQL, no rules.

mod connections;
mod deliveries;
mod health;
mod linked_users;
mod magic_links;
mod passthrough;
mod person;
mod projects;
mod providers;
mod verify_event;
mod webhooks;

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Panora",
        description = "Your users connect their accounts; your backend gets a signed webhook with a connection \
                       token, and calls the provider with it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Security),
    components(schemas(super::problem::ProblemDocument, super::problem::FieldError)),
    tags(
        (name = "health", description = "Whether the server is up."),
        (name = "projects", description = "A project is a tenant: everything else belongs to exactly one."),
        (name = "linked users", description = "Your end users inside Panora."),
        (name = "magic links", description = "A URL you send to an end user; opens the connect page."),
        (name = "providers", description = "What end users can connect."),
        (name = "connections", description = "One linked user's authorised account at one provider."),
        (name = "webhooks", description = "URLs subscribed to event types, and what was delivered there."),
        (name = "passthrough", description = "Call a provider with a connection token."),
    )
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let header = ApiKey::Header(ApiKeyValue::new("x-api-key"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
        let either = ["bearer", "api_key"];
        document.security = Some(
            either.map(|name| utoipa::openapi::SecurityRequirement::new(name, [] as [&str; 0])).to_vec(),
        );
    }
}

/// Routes that need an API key, those that do not, and the document that describes them all.
pub fn routes(app: &App) -> (Router<App>, Router<App>, utoipa::openapi::OpenApi) {
    let (open, open_document) = health::routes().split_for_parts();
    let (keyed, mut document) = keyed().split_for_parts();
    document.merge(open_document);
    // The same resource by its other name; the document names it once.
    let (alias, _) = webhooks::routes().merge(verify_event::routes()).split_for_parts();
    let alias = alias.merge(deliveries::alias());
    let keyed = keyed
        .nest("/webhook", alias)
        .layer(axum::middleware::from_fn_with_state(app.clone(), super::auth::layer));
    (keyed, open, document)
}

/// The document alone.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = keyed().split_for_parts().1;
    document.merge(health::routes().split_for_parts().1);
    document
}

fn keyed() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(projects::routes())
        .merge(linked_users::routes())
        .merge(magic_links::routes())
        .merge(providers::routes())
        .merge(connections::routes())
        .merge(deliveries::routes())
        .merge(passthrough::routes())
        .nest("/webhooks", webhooks::routes().merge(verify_event::routes()))
}
