//! The API, one file a resource. Handlers parse, call and render; no SQL, no rules.

mod connections;
mod deliveries;
mod doctor;
mod document;
mod event_types;
mod events;
mod health;
mod linked_users;
mod magic_links;
mod passthrough;
mod person;
mod projects;
mod providers;
mod recoveries;
mod requests;
mod verify_event;
mod webhooks;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use self::document::{Document, complete};
pub use self::passthrough::{is_streamed, stream};
use crate::app::App;

/// Routes that need an API key, those that do not, and the document that describes them all.
pub fn routes(app: &App) -> (Router<App>, Router<App>, utoipa::openapi::OpenApi) {
    let open = health::routes().split_for_parts().0;
    let keyed = keyed().split_for_parts().0;
    // The same resource by its other name; the document names it once.
    let (alias, _) = webhooks::routes().merge(verify_event::routes()).split_for_parts();
    let alias = alias.merge(deliveries::alias());
    let keyed = keyed
        .nest("/webhook", alias)
        .layer(axum::middleware::from_fn_with_state(app.clone(), super::auth::layer));
    (keyed, open, document())
}

/// The document alone.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = keyed().split_for_parts().1;
    document.merge(health::routes().split_for_parts().1);
    passthrough::describe(&mut document);
    complete(document)
}

fn keyed() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(projects::routes())
        .merge(linked_users::routes())
        .merge(magic_links::routes())
        .merge(providers::routes())
        .merge(doctor::routes())
        .merge(connections::routes())
        .merge(deliveries::routes())
        .merge(recoveries::routes())
        .merge(events::routes())
        .merge(event_types::routes())
        .merge(passthrough::routes())
        .merge(requests::routes())
        .nest("/webhooks", webhooks::routes().merge(verify_event::routes()))
}
