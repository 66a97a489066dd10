//! Opening a magic link: its token is swapped for a cookie and leaves the address bar.

use axum::extract::{Path, State};
use axum::http::Method;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use panora_pages::{Failure, flow_path};

use super::cookies::{FlowCookies, set_cookie};
use super::failed::Refused;
use super::{Elsewhere, done_path};
use crate::app::App;
use crate::connect::{FlowHere, LinkOpening, find_flow, open_link};
use crate::model::{LinkRefusal, LinkToken};

pub async fn open(
    State(app): State<App>,
    Path(token): Path<String>,
    method: Method,
    cookies: FlowCookies,
) -> Result<Response, Elsewhere> {
    // Whoever only asks for the headers does not begin anything.
    if method == Method::HEAD {
        return Ok(().into_response());
    }
    match open_link(&app, &LinkToken::from_text(token), &cookies.0).await? {
        LinkOpening::New(id, cookie) => {
            let to = Redirect::to(&flow_path(&id.to_string()));
            Ok(([(SET_COOKIE, set_cookie(&app, id, &cookie))], to).into_response())
        }
        LinkOpening::Known(id) => {
            let finished = matches!(find_flow(&app, id, &cookies.0).await?, FlowHere::Finished(_));
            let path = if finished { done_path(id) } else { flow_path(&id.to_string()) };
            Ok(Redirect::to(&path).into_response())
        }
        LinkOpening::Refused(refusal, link) => {
            let failure = match refusal {
                LinkRefusal::Used => Failure::LinkUsed,
                LinkRefusal::Expired => Failure::LinkExpired,
                LinkRefusal::Revoked => Failure::LinkRevoked,
            };
            Err(Refused::of_link(&app, &link, failure).await?.into())
        }
        LinkOpening::Unknown => Err(Refused::nowhere(Failure::LinkNotFound).into()),
    }
}
