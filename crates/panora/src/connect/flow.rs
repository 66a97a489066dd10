//! Flows: a link swapped for a cookie, and what that cookie lets its browser do.

use std::collections::BTreeMap;
use std::time::Duration;

use panora_catalog::Variables;

use super::Failure;
use super::error::ConnectError;
use crate::app::App;
use crate::model::{FlowCookie, FlowId, Id, LinkRefusal, LinkStep, LinkToken, MagicLink};
use crate::store::{Flow, StoreError, TimelineStep, Tx};
use crate::vault::Slot;

/// How long the browser that finished may look at its success page.
const DONE_LIFE: Duration = Duration::from_mins(30);
/// Cookies that are looked at.
const MOST_COOKIES: usize = 8;

/// The cookies of a request, by name.
pub type Cookies = BTreeMap<String, String>;

/// A flow in its own browser.
pub struct OpenFlow {
    pub flow: Flow,
    pub link: MagicLink,
    /// What proves this browser, for the tokens of its forms.
    pub cookie: FlowCookie,
}

/// What opening a link came to.
pub enum LinkOpening {
    /// A new flow, whose cookie the browser must get.
    New(FlowId, FlowCookie),
    /// This browser has a flow of this link.
    Known(FlowId),
    Refused(LinkRefusal, Box<MagicLink>),
    Unknown,
}

/// What a flow is, to the browser that asks.
pub enum FlowHere {
    Live(OpenFlow),
    Finished(OpenFlow),
    Ended(Failure, OpenFlow),
    /// Another browser's, or nobody's.
    None,
}

/// The cookie of a flow: one each, so that two open links do not disturb each other.
pub fn cookie_name(id: FlowId) -> String {
    format!("panora_flow_{}", id.uuid().simple())
}

/// Swaps a link's token for a flow. Spends nothing: mail scanners open links.
pub async fn open_link(app: &App, token: &LinkToken, cookies: &Cookies) -> Result<LinkOpening, ConnectError> {
    let Some(link) = app.store.lookup_magic_link_by_token(token.hash()).await? else {
        return Ok(LinkOpening::Unknown);
    };
    if let Some(known) = known_flow(app, &link, cookies).await? {
        return Ok(LinkOpening::Known(known));
    }
    let now = app.clock.now();
    if let Some(refusal) = link.refusal(now) {
        return Ok(LinkOpening::Refused(refusal, Box::new(link)));
    }
    let cookie = FlowCookie::generate(&app.random);
    let flow = Flow {
        id: FlowId::new(&app.clock, &app.random),
        id_project: link.id_project,
        id_magic_link: link.id,
        answers: None,
        tries: 0,
        id_connection: None,
        renewed: false,
        finished_at: None,
        ended_at: None,
        created_at: now,
    };
    let mut tx = app.store.begin().await?;
    app.store.add_flow(&mut tx, &flow, cookie.hash()).await?;
    step(app, &mut tx, &link, LinkStep::Opened, None).await?;
    tx.commit().await?;
    Ok(LinkOpening::New(flow.id, cookie))
}

/// The flows that a browser has begun last, whoever's they are, the newest first: ids begin with their time.
pub fn newest_flows(cookies: &Cookies) -> impl Iterator<Item = FlowId> {
    let ids = cookies.keys().rev().filter_map(|name| name.strip_prefix("panora_flow_")?.parse().ok());
    ids.take(MOST_COOKIES)
}

/// A flow of this link that this browser can go on with, or whose end it may still see.
async fn known_flow(app: &App, link: &MagicLink, cookies: &Cookies) -> Result<Option<FlowId>, ConnectError> {
    for id in newest_flows(cookies) {
        match find_flow(app, id, cookies).await? {
            FlowHere::Live(open) if open.link.id == link.id => return Ok(Some(id)),
            // A link of many uses begins anew.
            FlowHere::Finished(open) if open.link.id == link.id && link.single_use => return Ok(Some(id)),
            _ => {}
        }
    }
    Ok(None)
}

/// The flow, if this browser holds its cookie.
pub async fn find_flow(app: &App, id: FlowId, cookies: &Cookies) -> Result<FlowHere, ConnectError> {
    let Some(cookie) = cookies.get(&cookie_name(id)) else { return Ok(FlowHere::None) };
    let cookie = FlowCookie::from_text(cookie.clone());
    let Some(flow) = app.store.lookup_flow(id, cookie.hash()).await? else { return Ok(FlowHere::None) };
    let Some(link) = app.store.lookup_magic_link(flow.id_project, flow.id_magic_link).await? else {
        return Ok(FlowHere::None);
    };
    let now = app.clock.now();
    let open = OpenFlow { flow, link, cookie };
    if let Some(finished) = open.flow.finished_at {
        return Ok(if now <= finished.plus(DONE_LIFE) { FlowHere::Finished(open) } else { FlowHere::None });
    }
    if open.flow.ended_at.is_some() {
        return Ok(FlowHere::Ended(Failure::LinkRevoked, open));
    }
    Ok(match open.link.refusal(now) {
        Some(refusal) => FlowHere::Ended(failure_of(refusal), open),
        None => FlowHere::Live(open),
    })
}

pub fn failure_of(refusal: LinkRefusal) -> Failure {
    match refusal {
        LinkRefusal::Used => Failure::LinkUsed,
        LinkRefusal::Expired => Failure::LinkExpired,
        LinkRefusal::Revoked => Failure::LinkRevoked,
    }
}

/// Adds a step to the link's timeline.
pub async fn step(
    app: &App,
    tx: &mut Tx,
    link: &MagicLink,
    step: LinkStep,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    let id = app.random.uuid(app.clock.now());
    let step = TimelineStep { id, project: link.id_project, link: link.id, step, detail };
    app.store.add_link_step(tx, &step).await
}

/// Adds steps to the link's timeline, in a transaction of their own.
pub async fn note(app: &App, link: &MagicLink, steps: &[LinkStep], detail: &str) -> Result<(), ConnectError> {
    let mut tx = app.store.begin().await?;
    for one in steps {
        step(app, &mut tx, link, *one, Some(detail)).await?;
    }
    Ok(tx.commit().await?)
}

type Answers = BTreeMap<String, Variables>;

fn all_answers(app: &App, flow: &Flow) -> Result<Answers, ConnectError> {
    let open = |sealed| app.vault.open_json(Slot::FlowAnswers, flow.id, sealed);
    Ok(flow.answers.as_ref().map(open).transpose()?.unwrap_or_default())
}

/// What the person has answered to a provider's questions in this flow.
pub fn answers_of(app: &App, flow: &Flow, slug: &str) -> Result<Variables, ConnectError> {
    Ok(all_answers(app, flow)?.remove(slug).unwrap_or_default())
}

/// Keeps the answers to a provider's questions until the flow ends.
pub async fn save_answers(app: &App, flow: &Flow, slug: &str, given: Variables) -> Result<(), ConnectError> {
    let mut answers = all_answers(app, flow)?;
    answers.insert(slug.to_owned(), given);
    let sealed = app.vault.seal_json(Slot::FlowAnswers, flow.id, &answers);
    Ok(app.store.save_flow_answers(flow, &sealed).await?)
}
