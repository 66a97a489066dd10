//! Who listens to a project's events, as this node knows it: read again only when something was changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::recipient::Recipient;
use super::work::Work;
use crate::app::App;
use crate::model::{AttemptKind, EndpointId, EventType, ProjectId, Time};
use crate::store::{ChangedEndpoint, StoreError, TakenPositions, Tx};

/// A project's endpoints at one version.
#[derive(Clone, Default)]
pub struct Listeners {
    version: i64,
    endpoints: BTreeMap<EndpointId, Arc<Recipient>>,
}

impl Listeners {
    pub fn get(&self, id: EndpointId) -> Option<&Arc<Recipient>> {
        self.endpoints.get(&id)
    }

    /// Whom an event is for; an event about an endpoint does not go to that endpoint.
    pub fn of(&self, kind: EventType, about: Option<EndpointId>) -> impl Iterator<Item = &Arc<Recipient>> {
        self.endpoints
            .values()
            .filter(move |it| it.endpoint.scope.takes(kind) && about != Some(it.endpoint.id))
    }
}

/// The listeners of the projects that were busy last.
pub struct KnownListeners {
    known: moka::sync::Cache<ProjectId, Arc<Listeners>>,
    /// Endpoints of which this node has learnt something new: what it has in hand for them may be void.
    changed: Mutex<BTreeSet<EndpointId>>,
}

impl KnownListeners {
    /// Bounded by the number of endpoints in all.
    pub fn new() -> Self {
        let weigh = |_: &ProjectId, it: &Arc<Listeners>| {
            u32::try_from(it.endpoints.len()).unwrap_or(u32::MAX).saturating_add(1)
        };
        let known = moka::sync::Cache::builder().weigher(weigh).max_capacity(200_000).build();
        Self { known, changed: Mutex::default() }
    }

    /// The recipient as this node knows it now.
    pub fn newest(&self, work: &Work) -> Option<Arc<Recipient>> {
        self.known.get(&work.id_project)?.get(work.endpoint_id()).cloned()
    }

    /// Whether an attempt may still be made, as far as this node knows: none at an endpoint that was deleted, none that
    /// was leased before deliveries were withdrawn there. A try that is paced goes to an endpoint that this node has to
    /// itself; any other only to one that all may send to.
    pub fn may_send(&self, work: &Work, now: Time) -> bool {
        let Some(known) = self.known.get(&work.id_project) else { return true };
        known.get(work.endpoint_id()).is_some_and(|it| {
            if work.resend.is_some() {
                return true;
            }
            let state = &it.endpoint.state;
            let paced = work.not_before.is_some() && state.takes() && state.not_before <= now;
            it.endpoint.withdrawals == work.recipient.endpoint.withdrawals
                && (work.kind == AttemptKind::Probe && it.endpoint.is_active() || paced || it.is_free(now))
        })
    }

    /// How many endpoints a project has, as far as this node knows.
    pub fn count(&self, project: ProjectId) -> usize {
        self.known.get(&project).map_or(0, |known| known.endpoints.len())
    }

    /// The version at which this node knows a project's endpoints.
    pub fn version(&self, project: ProjectId) -> Option<i64> {
        self.known.get(&project).map(|known| known.version)
    }

    /// The endpoints of which something new was learnt since this was asked last.
    pub fn take_changed(&self) -> BTreeSet<EndpointId> {
        std::mem::take(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_changed(&self, app: &App, ids: impl Iterator<Item = EndpointId>) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        app.wake.changes.notify_one();
    }

    /// Reads again what was changed in these projects: after a commit, which no failure here undoes. What cannot be
    /// read now is read with the project's next event.
    pub async fn refresh_if_possible(&self, app: &App, projects: impl IntoIterator<Item = ProjectId>) {
        if let Err(error) = self.refresh(app, projects).await {
            tracing::warn!(code = error.code(), "endpoints that were changed could not be read again");
        }
    }

    async fn refresh(
        &self,
        app: &App,
        projects: impl IntoIterator<Item = ProjectId>,
    ) -> Result<(), StoreError> {
        for project in projects {
            let mut tx = app.store.begin().await?;
            let taken = app.store.lock_project(&mut tx, project).await?;
            self.at(app, &mut tx, project, taken).await?;
        }
        Ok(())
    }

    /// The project's listeners at the version that `taken` names. The caller holds the project's lock and has
    /// changed none of its endpoints yet: what is remembered must be what others see.
    pub async fn at(
        &self,
        app: &App,
        tx: &mut Tx,
        project: ProjectId,
        taken: TakenPositions,
    ) -> Result<Arc<Listeners>, StoreError> {
        let known = self.known.get(&project);
        if let Some(known) = known.as_ref().filter(|known| known.version == taken.endpoints_version) {
            return Ok(known.clone());
        }
        // A version beyond the present one is of another history, such as a backup that was brought back. After an old
        // one endpoints may have been deleted of which nothing is left to read.
        let of_use = taken.endpoints_forgotten..taken.endpoints_version;
        let before = known.clone().unwrap_or_default();
        let known = known.filter(|known| of_use.contains(&known.version));
        let mut listeners =
            known.map_or_else(|| Listeners { version: -1, ..Listeners::default() }, |it| (*it).clone());
        for changed in app.store.list_changed_endpoints(tx, project, listeners.version).await? {
            match changed {
                ChangedEndpoint::Deleted(id) => drop(listeners.endpoints.remove(&id)),
                ChangedEndpoint::Stands(stored) => {
                    let recipient = Recipient::new(app, *stored);
                    listeners.endpoints.insert(recipient.endpoint.id, recipient);
                }
            }
        }
        listeners.version = taken.endpoints_version;
        let listeners = Arc::new(listeners);
        self.known.insert(project, listeners.clone());
        let news = |(id, it): &(&EndpointId, &Arc<Recipient>)| {
            listeners.get(**id).is_none_or(|newest| !Arc::ptr_eq(newest, it))
        };
        self.note_changed(app, before.endpoints.iter().filter(news).map(|(id, _)| *id));
        Ok(listeners)
    }
}

impl Default for KnownListeners {
    fn default() -> Self {
        Self::new()
    }
}
