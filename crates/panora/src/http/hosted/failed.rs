//! The page that says what went wrong and what to do.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use panora_pages::{Failure, FailurePage, Frame, provider_path};

use super::frame::frame;
use super::provider::AS_NEW;
use super::{Elsewhere, FlowCookies, return_url};
use crate::app::App;
use crate::connect::{FlowHere, OpenFlow, find_flow};
use crate::http::problem::Problem;
use crate::model::{FlowId, MagicLink};
use crate::store::StoreError;

/// A refusal, as a page.
pub struct Refused {
    failure: Failure,
    frame: Frame,
    provider_name: Option<String>,
    action_url: Option<String>,
    return_url: Option<String>,
    reference: String,
}

impl Refused {
    /// Where no link is known.
    pub fn nowhere(failure: Failure) -> Self {
        Self {
            failure,
            frame: Frame::default(),
            provider_name: None,
            action_url: None,
            return_url: None,
            reference: failure.code().to_owned(),
        }
    }

    pub async fn of_link(app: &App, link: &MagicLink, failure: Failure) -> Result<Self, StoreError> {
        Ok(Self {
            frame: frame(app, link).await?,
            return_url: return_url::of_failure(link, failure.code()),
            reference: link.id.to_string(),
            ..Self::nowhere(failure)
        })
    }

    pub async fn of_flow(app: &App, open: &OpenFlow, failure: Failure) -> Result<Self, StoreError> {
        let refused = Self::of_link(app, &open.link, failure).await?;
        Ok(Self { reference: open.flow.id.to_string(), ..refused })
    }

    /// At one provider, with the way to try again where that can help.
    pub async fn at_provider(
        app: &App,
        open: &OpenFlow,
        slug: &str,
        failure: Failure,
    ) -> Result<Self, StoreError> {
        let mut refused = Self::of_flow(app, open, failure).await?;
        let provider = app.provider(open.link.id_project, slug);
        refused.provider_name = provider.map(|provider| provider.name().to_owned());
        let hopeless = matches!(
            failure,
            Failure::LinkExpired
                | Failure::LinkUsed
                | Failure::LinkRevoked
                | Failure::SetUpWrongly
                | Failure::TooManyTries
        );
        let path = provider_path(&open.flow.id.to_string(), slug);
        if failure == Failure::OtherAccount {
            refused.action_url = Some(format!("{path}/authorize?{AS_NEW}"));
        } else if !hopeless {
            refused.action_url = Some(path);
        }
        Ok(refused)
    }
}

impl From<Refused> for Elsewhere {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.failure.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let page = FailurePage {
            frame: self.frame,
            failure: self.failure,
            provider_name: self.provider_name,
            details: Vec::new(),
            action_url: self.action_url,
            return_url: self.return_url,
            reference: self.reference,
        };
        (status, Html(page.render())).into_response()
    }
}

/// Where a failure of a flow is shown, so that a reload shows it again.
pub fn path(id: FlowId, slug: &str, failure: Failure) -> String {
    format!("{}/failed/{}", provider_path(&id.to_string(), slug), failure.code())
}

pub async fn show(
    State(app): State<App>,
    Path((id, slug, code)): Path<(String, String, String)>,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    let id: FlowId = id.parse().map_err(|_| Problem::not_found())?;
    let failure =
        Failure::ALL.iter().find(|failure| failure.code() == code).ok_or_else(Problem::not_found)?;
    let open = match find_flow(&app, id, &cookies.0).await? {
        FlowHere::Live(open) | FlowHere::Finished(open) | FlowHere::Ended(_, open) => open,
        FlowHere::None => return Err(Refused::nowhere(Failure::FlowNotFound).into()),
    };
    Ok(Refused::at_provider(&app, &open, &slug, *failure).await?.into_response())
}
