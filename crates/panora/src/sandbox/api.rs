//! The pretend CRM's API. Its token is the only thing that says whose contacts are meant.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::accounts::Account;
use super::caller::{Caller, Holder};
use super::contact::{self, Changes, Contact};
use super::fields::Fields;
use super::refusal::Refusal;
use super::{PROFILE, READ, WRITE};
use crate::app::App;
use crate::store::{ContactRow, StoreError};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;

/// The companies that the token's grant covers.
pub async fn companies(holder: Holder) -> Json<Value> {
    let shown = |account: &Account| json!({"id": account.id, "name": account.name});
    Json(json!({"data": holder.companies().map(shown).collect::<Vec<_>>()}))
}

/// Whose account it is; name and address only for who may see the profile.
pub async fn me(caller: Caller) -> Json<Value> {
    let profile = caller.has(PROFILE).then_some(caller.account);
    let (name, email) = (profile.map(|it| it.name), profile.map(|it| it.email));
    Json(json!({"id": caller.account.id, "name": name, "email": email}))
}

/// A page of contacts, by number.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    caller.needs(READ)?;
    let account = caller.account;
    let (limit, after) = page_asked(account, &Fields::parse(query.unwrap_or_default().as_bytes()))?;
    let mut page = contacts_after(&app, account, after, limit + 1).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|(number, _)| contact::id(account, *number));
    let data: Vec<Value> = page.iter().map(|(number, contact)| contact.shown(account, *number)).collect();
    Ok(Json(json!({"data": data, "next_cursor": next})))
}

/// `limit` and the number that `cursor` names.
fn page_asked(account: &Account, query: &Fields) -> Result<(usize, i64), Refusal> {
    let limit = query.one("limit").map_or(Ok(DEFAULT_LIMIT), str::parse);
    let limit = limit.ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = limit.ok_or(Refusal::invalid_request("`limit` is a whole number from 1 to 100."))?;
    let after = query.one("cursor").map_or(Some(0), |cursor| contact::number(account, cursor));
    Ok((limit, after.ok_or(Refusal::invalid_request("`cursor` is not one of this list."))?))
}

/// The originals, with what was changed or added laid over them.
async fn contacts_after(
    app: &App,
    account: &Account,
    after: i64,
    most: usize,
) -> Result<Vec<(i64, Contact)>, Refusal> {
    let rows =
        app.store.list_sandbox_contacts(account.id, after, u32::try_from(most).unwrap_or(u32::MAX)).await?;
    let mut rows = rows.iter().peekable();
    let mut originals = (after + 1..=account.contacts).peekable();
    let mut page = Vec::with_capacity(most);
    while page.len() < most {
        let (stored, original) = (rows.peek().map(|row| row.number), originals.peek().copied());
        let Some(number) = stored.into_iter().chain(original).min() else { break };
        let original = originals.next_if_eq(&number).and_then(|number| account.original(number));
        let contact = match rows.next_if(|row| row.number == number) {
            Some(row) => Some(read(row)?),
            None => original,
        };
        page.extend(contact.map(|contact| (number, contact)));
    }
    Ok(page)
}

fn read(row: &ContactRow) -> Result<Contact, Refusal> {
    serde_json::from_str(&row.body).map_err(|_| StoreError::Corrupt("sandbox contact").into())
}

fn written(contact: &Contact) -> String {
    serde_json::to_string(contact).expect("a contact serializes")
}

async fn find(app: &App, account: &Account, id: &str) -> Result<(i64, Contact), Refusal> {
    let number = contact::number(account, id).ok_or_else(Refusal::not_found)?;
    let contact = match app.store.lookup_sandbox_contact(account.id, number).await? {
        Some(row) => read(&row)?,
        None => account.original(number).ok_or_else(Refusal::not_found)?,
    };
    Ok((number, contact))
}

pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    caller.needs(READ)?;
    let (number, contact) = find(&app, caller.account, &id).await?;
    Ok(Json(contact.shown(caller.account, number)))
}

pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    caller.needs(WRITE)?;
    let (number, contact) = find(&app, caller.account, &id).await?;
    let contact = contact.changed(changes(&body)?, app.clock.now());
    app.store
        .save_sandbox_contact(caller.account.id, &ContactRow { number, body: written(&contact) })
        .await?;
    Ok(Json(contact.shown(caller.account, number)))
}

pub async fn add(
    State(app): State<App>,
    caller: Caller,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    caller.needs(WRITE)?;
    let changes = changes(&body)?;
    if changes.email.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::invalid_request("A contact needs an `email`."));
    }
    let (account, contact) = (caller.account, Contact::new(changes, app.clock.now()));
    let number = app.store.add_sandbox_contact(account.id, account.contacts, &written(&contact)).await?;
    Ok((StatusCode::CREATED, Json(contact.shown(account, number))))
}

fn changes(body: &[u8]) -> Result<Changes, Refusal> {
    let words =
        "A JSON object of first_name, last_name, email, phone, title, company and city, each a string.";
    serde_json::from_slice(body).map_err(|_| Refusal::invalid_request(words))
}
