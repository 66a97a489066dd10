//! What every page of a flow shows: who asks, and for whom.

use std::sync::Arc;

use panora_pages::{Customer, Frame, Language};

use crate::app::App;
use crate::model::MagicLink;
use crate::store::StoreError;

/// The frame of a link's pages.
pub async fn frame(app: &App, link: &MagicLink) -> Result<Frame, StoreError> {
    let project = app.store.lookup_project(link.id_project).await?;
    let user = app.store.lookup_linked_user(link.id_project, link.id_linked_user).await?;
    let customer = project.map(|it| Customer {
        name: it.name,
        logo_url: it.logo_url,
        color: it.color,
        support_email: it.support_email,
        privacy_url: it.privacy_url,
    });
    let for_whom = user.map(|user| user.alias).filter(|alias| !alias.is_empty());
    Ok(Frame { language: Language::default(), customer, for_whom })
}

/// A provider as the pages show it.
pub fn shown(provider: &Arc<panora_catalog::Provider>) -> panora_pages::Provider {
    panora_pages::Provider {
        slug: provider.slug().to_owned(),
        name: provider.name().to_owned(),
        vertical: provider.vertical().to_owned(),
        color: Some(provider.colour().to_owned()),
        logo_url: None,
    }
}
