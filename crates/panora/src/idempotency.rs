//! Requests that may come again: recognised by MACs of their key and body, answered with what was answered first. Never
//! keeps a request.

use std::time::Duration;

use crate::app::App;
use crate::model::ProjectId;
use crate::store::IdempotencyRecord;
use crate::vault::Slot;

/// How long an answer is kept.
pub const LIFE: Duration = Duration::from_hours(24);

/// A request's `Idempotency-Key` and body, as MACs.
#[derive(Clone, Copy)]
pub struct Repeatable {
    pub project: ProjectId,
    /// Of method, path and key.
    pub key_mac: [u8; 32],
    pub request_mac: [u8; 32],
}

impl Repeatable {
    /// What is kept of the answer, which is JSON: it is sealed.
    pub fn record(&self, app: &App, status: u16, answer: &[u8]) -> IdempotencyRecord {
        IdempotencyRecord {
            id_project: self.project,
            key_mac: self.key_mac,
            request_mac: self.request_mac,
            status,
            answer: app.vault.seal(Slot::IdempotentAnswer, hex::encode(self.key_mac), answer),
            created_at: app.clock.now(),
        }
    }
}
