//! Listing connections, with filters. The Python library reads an array whose items have redacted tokens.

use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::Response;
use serde_json::Value;

use super::ListedConnection;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{PageParams, page_answer};
use crate::http::problem::Problem;
use crate::model::{ConnectionStatus, LinkedUserId, Paged, ProjectId};
use crate::store::ConnectionFilter;

/// Lists connections, newest first.
#[utoipa::path(get, operation_id = "listConnections", path = "/connections", tag = "connections",
    params(PageParams,
        ("provider_slug" = Option<String>, Query, description = "Of this provider only."),
        ("vertical" = Option<String>, Query, description = "Of this vertical only."),
        ("id_linked_user" = Option<String>, Query, description = "Of this person only, by our id."),
        ("linked_user_origin_id" = Option<String>, Query, description = "Of this person only, by your id."),
        ("status" = Option<ConnectionStatus>, Query, description = "In this state only."),
        ("metadata.{key}" = Option<String>, Query, description = "A top-level string of `metadata`.")),
    responses((status = 200, body = [ListedConnection], description = "A page of connections.",
        headers(("Link" = String, description = "`rel=\"next\"`: the next page, where there is one.")))))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&query.unwrap_or_default())?;
    let page = wanted.page.query()?;
    let mut filter = wanted.filter;
    if let Some(origin_id) = wanted.origin_id {
        match user_of(&app, caller.project, &origin_id, filter.id_linked_user).await? {
            Some(id) => filter.id_linked_user = Some(id),
            None => return Ok(page_answer(&uri, Paged { items: Vec::<Value>::new(), next: None }, |it| it)),
        }
    }
    let found = app.store.list_connections(caller.project, &filter, &page).await?;
    let items: Result<Vec<Value>, Problem> = found
        .items
        .iter()
        .map(|it| {
            let mut object = super::object(&app, it)?;
            object["access_token"] = "[redacted]".into();
            object["refresh_token"] = "[redacted]".into();
            Ok(object)
        })
        .collect();
    Ok(page_answer(&uri, Paged { items: items?, next: found.next }, |it| it))
}

/// The linked user of that origin id; none where it is not the one named besides.
async fn user_of(
    app: &App,
    project: ProjectId,
    origin_id: &str,
    named: Option<LinkedUserId>,
) -> Result<Option<LinkedUserId>, Problem> {
    let user = app.store.lookup_linked_user_by_origin(project, origin_id).await?;
    Ok(user.map(|user| user.id).filter(|id| named.is_none_or(|named| named == *id)))
}

#[derive(Default)]
struct Wanted {
    page: PageParams,
    filter: ConnectionFilter,
    origin_id: Option<String>,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            wanted.set(&name, value.into_owned())?;
        }
        Ok(wanted)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let pointer = format!("?{name}");
        let malformed = |words: &str| Problem::field(pointer.clone(), words);
        match name {
            "limit" => self.page.limit = Some(value),
            "cursor" => self.page.cursor = Some(value),
            "provider_slug" => self.filter.provider_slug = Some(value),
            "vertical" => self.filter.vertical = Some(value),
            "linked_user_origin_id" => self.origin_id = Some(value),
            "id_linked_user" => {
                self.filter.id_linked_user =
                    Some(value.parse().map_err(|_| malformed("Not an id: ids are UUIDs."))?);
            }
            "status" => {
                let words = "`valid`, `needs_reauth` or `revoked`.";
                self.filter.status = Some(value.parse().map_err(|()| malformed(words))?);
            }
            _ => match name.strip_prefix("metadata.") {
                Some(key) if !key.is_empty() && self.filter.metadata.len() < 10 => {
                    self.filter.metadata.push((key.to_owned(), value));
                }
                _ => return Err(malformed("There is no such parameter.")),
            },
        }
        Ok(())
    }
}
