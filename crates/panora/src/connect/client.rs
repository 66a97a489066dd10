//! Which OAuth client speaks to a provider for a project.

use panora_catalog::{Client, Provider, ProviderOrigin};

use crate::app::App;

/// The installation's client, else the provider's own public one. A project's own provider file never gets the
/// installation's secret: its URLs are the project's to choose.
pub fn client_for(app: &App, provider: &Provider) -> Option<Client> {
    let installations = app.clients.get(provider.slug()).filter(|_| !is_projects_own(provider));
    installations
        .map(|client| Client { id: client.id.clone(), secret: client.secret.clone() })
        .or_else(|| provider.built_in_client())
}

/// The client that made a connection; none when the configuration no longer knows it.
pub fn client_of(app: &App, provider: &Provider, client_id: Option<&str>) -> Option<Client> {
    client_for(app, provider).filter(|client| Some(client.id.as_str()) == client_id)
}

/// Whether somebody could connect it now: OAuth needs a client.
pub fn is_set_up(app: &App, provider: &Provider) -> bool {
    !provider.takes_client() || client_for(app, provider).is_some()
}

fn is_projects_own(provider: &Provider) -> bool {
    matches!(provider.origin(), ProviderOrigin::Project(_))
}
