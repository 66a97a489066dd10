//! A grant that covers several sites or companies, until the person has chosen one: parked as a job, due in half an hour,
//! which then promises that it is given back. Choosing takes the job away; whatever else happens, it is done.

use std::sync::Arc;
use std::time::Duration;

use panora_catalog::{Provider, Reach, Tenant, Variables};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Failure;
use super::credentials::Credentials;
use super::error::ConnectError;
use super::failed::tell_failure;
use super::finish::{Departure, Unfinished, finish};
use super::flow::OpenFlow;
use super::grant::Grant;
use super::revoke::{Revocation, promise_revocation};
use crate::app::App;
use crate::model::{Account, FlowId, Id, JobId, LinkedUserId, ProjectId, Time};
use crate::store::{Job, JobStage, NewJob, Tx};
use crate::vault::{Sealed, Slot};

pub const PARKED: &str = "parked_grant";
/// How long a person may take to choose.
const LIFE: Duration = Duration::from_mins(30);

/// A grant, and what it may be for.
#[derive(Serialize, Deserialize)]
pub struct Parked {
    /// Which of the grants that this flow has parked one after another.
    #[serde(default)]
    pub mark: Uuid,
    pub provider_slug: String,
    client_id: Option<String>,
    credentials: Credentials,
    expires_at: Option<i64>,
    scopes: Vec<String>,
    missing_scopes: Vec<String>,
    id_linked_user: LinkedUserId,
    left_at: i64,
    as_new: bool,
    choices: Vec<Choice>,
}

#[derive(Serialize, Deserialize)]
struct Choice {
    name: String,
    kept: Variables,
}

/// A grant, and the sites or companies that it covers.
type Choosable<'a> = (&'a Grant, Vec<Tenant>);

/// What was found of a parked grant that was to be taken away.
pub enum Taken {
    It(Box<Parked>),
    /// It is being given back, or is connected.
    Gone,
    /// Another one stands in its place: the transaction must not be committed.
    Another,
}

/// A flow has one parked grant at most, whose job has the flow's own id.
fn job_of(flow: FlowId) -> JobId {
    JobId::from_uuid(flow.uuid())
}

impl Parked {
    fn new(app: &App, open: &OpenFlow, departure: Departure, (grant, tenants): Choosable<'_>) -> Self {
        let choices = tenants.into_iter().map(|tenant| Choice { name: tenant.name, kept: tenant.kept });
        Self {
            mark: app.random.uuid(app.clock.now()),
            provider_slug: grant.provider.slug().to_owned(),
            client_id: grant.client_id.clone(),
            credentials: grant.credentials.clone(),
            expires_at: grant.expires_at.map(Time::millis),
            scopes: grant.scopes.clone(),
            missing_scopes: grant.missing_scopes.clone(),
            id_linked_user: open.link.id_linked_user,
            left_at: departure.at.millis(),
            as_new: departure.as_new,
            choices: choices.collect(),
        }
    }

    /// What the person chooses among.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().map(|choice| choice.name.as_str())
    }

    /// How the grant is given back.
    pub fn revocation(self) -> Revocation {
        Revocation {
            provider_slug: self.provider_slug,
            client_id: self.client_id,
            account_id: None,
            account_email: None,
            id_linked_user: self.id_linked_user,
            credentials: self.credentials,
        }
    }

    /// The grant of the choice of that number.
    fn grant(self, provider: &Arc<Provider>, number: usize) -> Option<Grant> {
        let mut credentials = self.credentials;
        credentials.variables.extend(self.choices.into_iter().nth(number)?.kept);
        Some(Grant {
            provider: provider.clone(),
            client_id: self.client_id,
            credentials,
            expires_at: self.expires_at.map(Time::from_millis),
            scopes: self.scopes,
            missing_scopes: self.missing_scopes,
            account: Account::default(),
            account_url: String::new(),
        })
    }
}

/// Parks a grant in the place of one that this flow may have parked before, which is given back.
pub async fn park(
    app: &App,
    open: &OpenFlow,
    departure: Departure,
    (grant, tenants): Choosable<'_>,
) -> Result<(), ConnectError> {
    let (project, id) = (open.link.id_project, job_of(open.flow.id));
    let parked = Parked::new(app, open, departure, (grant, tenants));
    let payload = app.vault.seal_json(Slot::JobPayload, id, &parked);
    let mut tx = app.store.begin().await?;
    if let Some(before) = app.store.take_job(&mut tx, project, (id, JobStage::Any)).await? {
        let before = read(app, id, &before)?;
        if !would_end(app, project, &before, grant) {
            promise_revocation(app, &mut tx, project, &before.revocation()).await?;
        }
    }
    let job = NewJob { id, id_project: project, kind: PARKED, payload: &payload, due_in: LIFE };
    app.store.add_job(&mut tx, &job).await?;
    tx.commit().await?;
    app.wake.jobs.notify_one();
    Ok(())
}

/// Whether giving one grant back may end another one of the same person. Whose login a parked grant is nobody knows, so
/// one of another login is left to end by itself.
fn would_end(app: &App, project: ProjectId, one: &Parked, other: &Grant) -> bool {
    let provider = app.provider(project, &one.provider_slug);
    let reaches = provider.is_some_and(|provider| provider.revocation_reach() == Reach::Person);
    reaches && one.client_id == other.client_id
}

/// What this flow has parked, for this provider.
pub async fn parked_of(app: &App, open: &OpenFlow, slug: &str) -> Result<Option<Parked>, ConnectError> {
    let (project, id) = (open.link.id_project, job_of(open.flow.id));
    let sealed = app.store.lookup_waiting_job(project, (id, PARKED)).await?;
    let parked = sealed.map(|sealed| read(app, id, &sealed)).transpose()?;
    Ok(parked.filter(|parked| parked.provider_slug == slug))
}

fn read(app: &App, id: JobId, sealed: &Sealed) -> Result<Parked, ConnectError> {
    Ok(app.vault.open_json(Slot::JobPayload, id, sealed)?)
}

/// Takes the parked grant with that mark away inside a transaction.
pub async fn take(app: &App, tx: &mut Tx, open: &OpenFlow, mark: Uuid) -> Result<Taken, ConnectError> {
    let id = job_of(open.flow.id);
    let sealed = app.store.take_job(tx, open.link.id_project, (id, JobStage::Waiting)).await?;
    let Some(sealed) = sealed else { return Ok(Taken::Gone) };
    let parked = read(app, id, &sealed)?;
    Ok(if parked.mark == mark { Taken::It(Box::new(parked)) } else { Taken::Another })
}

/// What nobody has chosen of in time is promised to be given back, by a job of its own: the flow can park another grant,
/// however long that takes.
pub async fn expire(app: &App, job: &Job) -> Result<(), ConnectError> {
    let mut tx = app.store.begin().await?;
    // One that was parked meanwhile in its place has not begun.
    let sealed = app.store.take_job(&mut tx, job.id_project, (job.id, JobStage::Begun)).await?;
    if let Some(sealed) = sealed {
        let revocation = read(app, job.id, &sealed)?.revocation();
        promise_revocation(app, &mut tx, job.id_project, &revocation).await?;
    }
    Ok(tx.commit().await?)
}

/// The same at once, where the choice has failed.
async fn give_back(app: &App, open: &OpenFlow, mark: Uuid) -> Result<(), ConnectError> {
    let mut tx = app.store.begin().await?;
    let Taken::It(parked) = take(app, &mut tx, open, mark).await? else { return Ok(()) };
    promise_revocation(app, &mut tx, open.link.id_project, &parked.revocation()).await?;
    tx.commit().await?;
    app.wake.jobs.notify_one();
    Ok(())
}

/// Connects what the person has chosen of the grant that still waits. Whatever goes wrong is told to the customer, and the grant is given back.
pub async fn choose(
    app: &App,
    open: &OpenFlow,
    (provider, parked): (&Arc<Provider>, Parked),
    number: usize,
) -> Result<(), Unfinished> {
    let mark = parked.mark;
    let departure =
        Departure { at: Time::from_millis(parked.left_at), as_new: parked.as_new, parked: Some(mark) };
    let grant = parked.grant(provider, number);
    let mut grant = grant.ok_or(Unfinished::Failed(Failure::Unexpected))?;
    let result = match grant.identify(app, open.link.id_project).await {
        Ok(()) => finish(app, open, departure, &grant).await.map(|_| ()),
        Err(why) => Err(Unfinished::Failed(why.into())),
    };
    if let Err(Unfinished::Failed(failure)) = result {
        // It may have failed because the grant was given back when another one took its place.
        let now = parked_of(app, open, provider.slug()).await;
        if now.is_ok_and(|now| now.is_some_and(|now| now.mark != mark)) {
            return Err(Unfinished::Replaced);
        }
        tell_failure(app, open, provider.slug(), failure, None).await;
        if let Err(error) = give_back(app, open, mark).await {
            tracing::warn!(%error, "a parked grant is given back when its time is over");
        }
    }
    result
}
