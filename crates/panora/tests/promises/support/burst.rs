//! Callers that import without a pause while something goes wrong, and what they were told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;

use super::api::Api;
use super::given::{an_import, text};
use super::server::TestServer;
use super::wait::within;

/// Imports, each for another person.
#[derive(Default)]
pub struct Burst {
    accepted: watch::Sender<BTreeSet<String>>,
    refused: AtomicUsize,
}

impl Burst {
    /// One import; the status of its answer, none where none came.
    pub async fn import(&self, server: &Api, person: &str) -> Option<u16> {
        let import = an_import(person, json!({}));
        let (status, answer) = server.ask(Method::POST, "/connections", Some(&import)).await?;
        if status == 201 {
            let id = text(&answer["id_connection"]);
            self.accepted.send_modify(|accepted| accepted.extend([id]));
        } else {
            assert!(status >= 500, "{status} {answer}");
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        Some(status)
    }

    /// One import after another, until the server is gone.
    pub async fn of(&self, server: &Api, name: &str) {
        for number in 0.. {
            if self.import(server, &format!("{name}-{number}")).await.is_none() {
                return;
            }
        }
    }

    /// Those that were answered with a 201.
    pub fn accepted(&self) -> BTreeSet<String> {
        self.accepted.borrow().clone()
    }

    /// How many were answered with an error.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub async fn accepted_at_least(&self, count: usize) {
        let mut accepted = self.accepted.subscribe();
        let enough = accepted.wait_for(|accepted| accepted.len() >= count);
        drop(within(&format!("{count} imports"), enough).await);
    }

    /// Whatever was answered is stored, nothing is stored twice, and each connection has its one event.
    pub async fn check(&self, server: &TestServer) {
        let connections = server.all("/connections?limit=200").await;
        let stored: Vec<_> = connections.iter().rev().map(|it| text(&it["id_connection"])).collect();
        let stored: BTreeSet<_> = stored.into_iter().collect();
        let people: BTreeSet<_> = connections.iter().map(|it| text(&it["id_linked_user"])).collect();
        assert!(self.accepted().is_subset(&stored), "answered and not stored");
        assert_eq!(people.len(), connections.len(), "an import that was stored twice");
        let events = server.all("/events?limit=200").await;
        let created = events.iter().filter(|event| event["type"] == "connection.created");
        let told: Vec<_> = created.map(|event| text(&event["data"]["id_connection"])).collect();
        assert_eq!(told.len(), stored.len(), "one event for each connection");
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), stored);
    }
}
