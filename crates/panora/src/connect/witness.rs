//! For whoever tries a provider's file: sees where a person is sent, and each request of ours to the provider with what
//! came back, secrets included. A server that serves has none.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use panora_catalog::{HttpRequest, RevocationOutcome};
use panora_outbound::{Answer, Failure as Unanswered, OutboundError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use url::Url;

/// Sightings that may wait to be looked at; more are not kept.
const MOST: usize = 256;

/// What was seen. It has no Debug: everything in it may be secret.
pub enum Sighting {
    /// The person's browser is sent there.
    Departure(Url),
    Exchange(Box<Exchange>),
    /// A grant was given back, or could not be; its requests were seen before.
    GivenBack(RevocationOutcome),
}

/// A request, and its answer or why there is none.
pub struct Exchange {
    pub request: HttpRequest,
    pub answer: Result<SeenAnswer, OutboundError>,
}

pub struct SeenAnswer {
    pub status: u16,
    /// Empty where the answer names none.
    pub content_type: String,
    pub body: Bytes,
}

/// Watches once [`Witness::watch`] was called.
#[derive(Default)]
pub struct Witness(OnceLock<Sender<Sighting>>);

impl Witness {
    /// All that is seen from now on; none if somebody watches already.
    pub fn watch(&self) -> Option<Receiver<Sighting>> {
        let (sender, sightings) = channel(MOST);
        self.0.set(sender).ok().map(|()| sightings)
    }

    pub fn saw_departure(&self, url: &Url) {
        self.tell(|| Sighting::Departure(url.clone()));
    }

    pub(super) fn saw_giving_back(&self, outcome: RevocationOutcome) {
        self.tell(|| Sighting::GivenBack(outcome));
    }

    /// The request as it is before it is sent, where somebody watches.
    pub(super) fn look_at(&self, request: &HttpRequest) -> Option<Box<HttpRequest>> {
        self.0.get().map(|_| Box::new(request.clone()))
    }

    pub(super) fn saw(&self, request: HttpRequest, answer: &Result<Answer, Unanswered>) {
        let answer = match answer {
            Ok(answer) => Ok(SeenAnswer {
                status: answer.status.as_u16(),
                content_type: content_type(answer),
                body: answer.body.clone(),
            }),
            Err(unanswered) => Err(unanswered.error),
        };
        self.tell(|| Sighting::Exchange(Box::new(Exchange { request, answer })));
    }

    fn tell(&self, sighting: impl FnOnce() -> Sighting) {
        if let Some(watcher) = self.0.get() {
            // Whoever does not look in time misses it; nothing waits for a watcher.
            let _ = watcher.try_send(sighting());
        }
    }
}

fn content_type(answer: &Answer) -> String {
    let value = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
